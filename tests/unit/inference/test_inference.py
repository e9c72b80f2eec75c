"""Local models: found, described, served for their owner alone, chatted with, merged, noted, deleted."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from core.auth.principal import Origin, Principal, Role
from core.bootstrap import Services, build_services
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.inference.backends import spec
from core.inference.scanning import facts, header, scan
from core.inference.service import Inference
from core.inference.types import MergeOptions, ServeOptions, Target
from core.processes import look, tree
from core.settings import Settings, TrainingSettings
from core.training.gpus import Gpu
from core.training.types import RunState
from tests.unit.inference.house import FewRuns, SmallEnvironment, make_run, write_model, write_output
from tests.unit.processes.test_confine import needs_landlock

PASSWORD = "correct horse 7 battery"
RUN = "a" * 32


@dataclass
class House:
    services: Services
    inference: Inference
    runs: FewRuns
    environment: SmallEnvironment
    ann: Principal
    base: Path
    output: Path
    gpus: list[Gpu]

    async def named(self, name: str) -> Target:
        return await self.inference.target(self.ann, name)


@pytest_asyncio.fixture
async def house(settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    base = write_model(tmp_path / "models" / "tiny")
    output = write_output(tmp_path / "runs" / "output", str(base), incomplete=6)
    services = await build_services(replace(settings, training=TrainingSettings(model_folders=(tmp_path / "models",), runs_a_user=2)))
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
    options = {"model_name_or_path": str(base), "template": "qwen"}
    runs = FewRuns({RUN: make_run(RUN, output, owner_id=ann.user_id, options=options)})
    environment = SmallEnvironment(tmp_path / "env").make()
    gpus: list[Gpu] = []
    inference = Inference(
        services.store,
        services.managed,
        settings=services.settings,
        clock=services.clock,
        ids=services.ids,
        runs=runs,
        environment=environment,
        read_gpus=lambda: tuple(gpus),
    )
    try:
        yield House(services, inference, runs, environment, ann, base, output, gpus)
    finally:
        for service in await inference.services(ann, active=True):
            await inference.stop(ann, service.id)
        await services.close()


async def test_what_runs_brought_and_what_lies_in_folders(house: House) -> None:
    found = {each.name: each for each in await house.inference.targets(house.ann)}
    assert set(found) == {"say it", "say it@6", "say it@3", "tiny"}
    assert [found[name].kind for name in ("say it", "say it@3", "tiny")] == ["adapter", "checkpoint", "base"]
    assert (found["say it@3"].metrics["loss"], found["say it"].metrics["loss"]) == (pytest.approx(2 / 3), pytest.approx(2 / 6))
    assert not found["say it@6"].complete
    assert found["tiny"].facts == facts(house.base)
    assert (found["tiny"].facts.architecture, found["tiny"].facts.parameters, found["tiny"].facts.precision) == (
        "TinyForCausalLM",
        32,
        "BF16",
    )
    assert {each.template for each in found.values()} == {"qwen"}
    assert [each.name for each in await house.inference.targets(house.ann, query="SAY @3")] == ["say it@3"]
    assert await house.inference.base_of(house.ann, found["say it@3"].id) == found["tiny"]


async def test_a_base_that_is_gone_or_at_the_hub_is_still_named(house: House, tmp_path: Path) -> None:
    for number, base in enumerate((str(tmp_path / "gone"), "org/name")):
        options = {"model_name_or_path": base}
        run_id = str(number) * 32
        house.runs.known[run_id] = make_run(run_id, tmp_path / "none", owner_id=house.ann.user_id, options=options)
    found = {each.path: each for each in await house.inference.targets(house.ann)}
    assert not found[str(tmp_path / "gone")].complete
    assert found["org/name"].complete


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"\x10\0\0\0\0\0\0\0not json at all..", b"\x02\0\0\0\0\0\0\0[]"])
def test_broken_weights_say_nothing_and_break_nothing(tmp_path: Path, data: bytes) -> None:
    model = write_model(tmp_path / "m")
    (model / "model.safetensors").write_bytes(data)
    assert header(model / "model.safetensors") == {}
    assert facts(model).parameters is None
    assert [each.name for each in scan([tmp_path])] == ["m"]


def test_folders_are_read_without_circles_or_waiting(tmp_path: Path) -> None:
    write_model(tmp_path / "org" / "name")
    (tmp_path / "org" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "org" / "config.json.pipe")
    odd = write_model(tmp_path / "odd")
    (odd / "config.json").unlink()
    os.mkfifo(odd / "config.json")
    assert sorted(each.name for each in scan([tmp_path, tmp_path / "missing"])) == ["name", "odd"]


async def test_serving_makes_a_configuration_that_answers(house: House) -> None:
    target = await house.named("say it")
    service = await house.inference.serve(house.ann, target.id)
    service = await house.inference.ready(house.ann, service.id, within_s=60)
    assert service.state == "ready", service.log.read_text()
    asked = yaml.safe_load((service.folder / "infer.yaml").read_text())
    assert asked["model_name_or_path"] == str(house.base)
    assert asked["adapter_name_or_path"] == str(house.output)
    assert asked["template"] == "qwen"
    configuration = await house.services.configurations.get(house.ann, service.configuration_id)
    assert (configuration.name, configuration.model, configuration.enabled) == ("say it", "say-it", True)
    sent = await house.services.chat.send(house.ann, None, "Who are you?", configuration_id=configuration.id)
    *_rest, last = [update async for update in house.services.chat.watch(house.ann, sent.answer_id)]
    assert last.message is not None and last.message.content == "I am say-it"
    assert (await house.named("say it")).service == await house.services.managed.service(house.ann, service.id)


async def test_stopping_disables_it_and_the_next_time_it_is_the_same_configuration(house: House) -> None:
    target = await house.named("say it")
    first = await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    await house.inference.stop(house.ann, first.id)
    assert tree(first.folder) == ()
    stopped = await house.services.configurations.get(house.ann, first.configuration_id)
    assert not stopped.enabled
    second = await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    assert second.configuration_id == first.configuration_id
    again = await house.services.configurations.get(house.ann, second.configuration_id)
    assert again.enabled
    assert again.endpoint == f"http://127.0.0.1:{second.port}/v1"


async def test_what_a_person_changed_in_its_configuration_stays(house: House) -> None:
    target = await house.named("say it")
    first = await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    made = await house.services.configurations.get(house.ann, first.configuration_id)
    await house.services.configurations.update(house.ann, made.id, replace(made.draft(), name="my own", system_prompt="Be short."))
    await house.inference.stop(house.ann, first.id)
    await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    kept = await house.services.configurations.get(house.ann, made.id)
    assert (kept.name, kept.system_prompt, kept.enabled, kept.has_key) == ("my own", "Be short.", True, True)


async def test_what_does_not_start_is_explained(house: House) -> None:
    target = await house.named("say it")
    service = await house.inference.serve(house.ann, target.id, ServeOptions(template="NEVER"))
    service = await house.inference.ready(house.ann, service.id, within_s=60)
    assert service.state == "failed"
    assert service.failure is not None
    assert (service.failure.rule, service.failure.fields["template"]) == ("unknown_template", "NEVER")
    assert not service.configuration_id


async def test_only_its_owner_reaches_a_served_model_over_ssh(house: House) -> None:
    target = await house.named("say it")
    service = await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    remote = replace(house.ann, served=True)
    assert (await house.services.configurations.test(remote, service.configuration_id)).ok
    await house.services.accounts.add_user(house.ann, "bob@example.org", "bob", PASSWORD)
    bob = replace((await house.services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal, served=True)
    endpoint = f"http://127.0.0.1:{service.port}/v1"
    from core.models.types import ConfigurationDraft

    theirs = ConfigurationDraft(name="x", provider_id="openai-compatible", endpoint=endpoint, model="say-it", key="guess")
    refused = await house.services.configurations.test(bob, theirs)
    assert refused.error is not None and refused.error.code == "address_not_allowed"
    near = ConfigurationDraft(name="x", provider_id="openai-compatible", endpoint="http://127.0.0.1:9/v1", model="m", key="guess")
    assert (await house.services.configurations.test(remote, near)).error.code == "address_not_allowed"  # type: ignore[union-attr]
    await house.inference.stop(house.ann, service.id)
    assert not (await house.services.providers.policy(remote)).local_endpoints
    for call in (house.inference.stop,):
        with pytest.raises(NotFound):
            await call(bob, service.id)
    with pytest.raises(NotFound):
        await house.inference.serve(bob, target.id)


@needs_landlock
async def test_a_model_served_for_a_served_person_cannot_read_what_is_the_servers(house: House) -> None:
    served = replace(house.ann, served=True, role=Role.USER)
    for person, held in ((served, True), (house.ann, False)):
        service = await house.inference.serve(person, (await house.named("tiny")).id)
        service = await house.inference.ready(person, service.id, within_s=60)
        assert service.state == "ready", service.log.read_text()
        job = look(service.folder)
        assert job.child is not None
        status = await asyncio.to_thread(Path(f"/proc/{job.child.pid}/status").read_text)
        # Only a confined program has given up for good to get more rights.
        assert ("NoNewPrivs:\t1" in status) == held
        await house.inference.stop(person, service.id)


async def test_gpus_are_given_out_one_by_one(house: House) -> None:
    house.gpus += [Gpu("GPU-0", 0, "a", 1, 0), Gpu("GPU-1", 1, "b", 1, 0)]
    first = await house.inference.serve(house.ann, (await house.named("say it")).id)
    second = await house.inference.serve(house.ann, (await house.named("tiny")).id, ServeOptions(gpus=("GPU-1",)))
    assert (first.gpus, second.gpus) == (("GPU-0",), ("GPU-1",))
    await house.inference.stop(house.ann, first.id)
    with pytest.raises(Conflict):
        await house.inference.serve(house.ann, (await house.named("say it")).id, ServeOptions(gpus=("GPU-1",)))
    with pytest.raises(InvalidInput):
        await house.inference.serve(house.ann, (await house.named("say it")).id, ServeOptions(gpus=("GPU-9",)))
    on_cpu = await house.inference.serve(house.ann, (await house.named("say it")).id, ServeOptions(cpu=True))
    assert on_cpu.gpus == ()


async def test_what_cannot_be_served_is_refused(house: House) -> None:
    for name, options, what in (
        ("say it@6", ServeOptions(), "checkpoint_incomplete"),
        ("say it", ServeOptions(backend="vllm"), "backend_missing"),
    ):
        with pytest.raises(Conflict) as refused:
            await house.inference.serve(house.ann, (await house.named(name)).id, options)
        assert refused.value.fields["what"] == what
    house.environment.versions = {"llamafactory": "0.9.5", "sglang": "0.5"}
    with pytest.raises(Conflict) as refused:
        await house.inference.serve(house.ann, (await house.named("say it")).id, ServeOptions(backend="sglang"))
    assert refused.value.fields["what"] == "adapter_not_served"
    for name in ("say it", "say it@3"):
        await house.inference.serve(house.ann, (await house.named(name)).id)
    with pytest.raises(Conflict) as refused:
        await house.inference.serve(house.ann, (await house.named("tiny")).id)
    assert refused.value.fields["what"] == "services_limit"


async def test_no_key_is_in_the_arguments_of_any_backend(house: House) -> None:
    target, environment = await house.named("tiny"), await house.environment.current()
    for backend in ("api", "vllm", "sglang"):
        made = spec(backend, target, environment, model_name="m", template="qwen", gpus=("GPU-7",), inherited={"SECRET": "x"})
        assert not any("{key}" in each for each in made.argv)
        assert any("{key}" in each for each in made.environment.values())
        assert "SECRET" not in made.environment, "nothing of this program's own is passed on"
        assert made.environment["CUDA_VISIBLE_DEVICES"] == "GPU-7"
        said = (*made.argv, *made.environment.values())
        assert "{host}" in said and "{port}" in said


async def test_vllm_gets_the_rank_that_the_adapter_needs(house: House) -> None:
    write_model(house.output, adapter_of=str(house.base), rank=24)
    made = spec("vllm", await house.named("say it"), await house.environment.current(), model_name="m", template="", gpus=(), inherited={})
    assert made.argv[made.argv.index("--max-lora-rank") + 1] == "32"


async def test_a_merge_is_asked_of_the_queue(house: House) -> None:
    run = await house.inference.merge(house.ann, (await house.named("say it@3")).id, MergeOptions(name="whole"))
    (asked,) = house.runs.asked
    assert (run.kind, asked.kind, asked.name, asked.gpus) == ("export", "export", "whole", 0)
    options = asked.extra["options"]
    assert options["adapter_name_or_path"] == str(house.output / "checkpoint-3")
    assert (options["model_name_or_path"], options["template"], options["export_device"]) == (str(house.base), "qwen", "cpu")
    with pytest.raises(Conflict):
        await house.inference.merge(house.ann, (await house.named("tiny")).id)
    with pytest.raises(Conflict):
        await house.inference.merge(house.ann, (await house.named("say it@6")).id)


async def test_notes_are_ones_own(house: House) -> None:
    target = await house.named("tiny")
    await house.inference.set_note(house.ann, target.id, " quick but plain ")
    assert (await house.named("tiny")).note == "quick but plain"
    assert [each.name for each in await house.inference.targets(house.ann, query="plain")] == ["tiny"]
    await house.services.accounts.add_user(house.ann, "bob@example.org", "bob", PASSWORD)
    bob = (await house.services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal
    assert [(each.name, each.note) for each in await house.inference.targets(bob)] == [("tiny", "")]
    await house.inference.set_note(house.ann, target.id, "")
    assert (await house.named("tiny")).note == ""
    with pytest.raises(InvalidInput):
        await house.inference.set_note(house.ann, target.id, "x" * 3000)


async def test_deleting_a_checkpoint_and_nothing_else(house: House) -> None:
    target = await house.named("say it@3")
    freed = await house.inference.delete(house.ann, target.id)
    assert freed == target.size_bytes > 0
    assert not target.folder.exists()
    assert house.output.exists()
    for name in ("say it", "tiny"):
        with pytest.raises(Forbidden):
            await house.inference.delete(house.ann, (await house.named(name)).id)
    run = house.runs.known[RUN]
    house.runs.known[RUN] = replace(run, state=RunState.RUNNING)
    with pytest.raises(Conflict):
        await house.inference.delete(house.ann, (await house.named("say it@6")).id)


async def test_a_checkpoint_that_another_run_goes_on_from_stays(house: House) -> None:
    run_id, waiting = "b" * 32, "c" * 32
    output = write_output(house.output.parent / run_id / "1" / "output", str(house.base), steps=(3, 30))
    house.runs.known[run_id] = make_run(run_id, output, owner_id=house.ann.user_id, name="parent")
    resolved = {"options": {"adapter_name_or_path": str(output / "checkpoint-30")}}

    def work(uow: Any) -> None:
        common = {"owner_id": house.ann.user_id, "kind": "train", "created_at": 1, "queued_at": 1}
        uow.runs.add(id=run_id, name="parent", state="completed", **common)
        uow.runs.add(id=waiting, name="next", state="pending", resolved=json.dumps(resolved), **common)

    await house.services.store.write(work)
    used = await house.named("parent@30")
    with pytest.raises(Conflict) as refused:
        await house.inference.delete(house.ann, used.id)
    assert refused.value.fields["what"] == "run_used" and used.folder.exists()
    assert await house.inference.delete(house.ann, (await house.named("parent@3")).id) > 0
    await house.services.store.write(lambda uow: uow.runs.change(waiting, state="cancelled"))
    assert await house.inference.delete(house.ann, used.id) > 0


async def test_a_model_server_that_dies_is_back_with_its_configuration(house: House) -> None:
    import signal

    from core.processes import look

    target = await house.named("say it")
    service = await house.inference.ready(house.ann, (await house.inference.serve(house.ann, target.id)).id, within_s=60)
    child = look(service.folder).child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while not (found := await house.services.managed.service(house.ann, service.id)).restarts or found.state != "ready":
            await house.services.managed.look_after()
            await asyncio.sleep(0.1)
    assert found.port == service.port
    assert (await house.services.configurations.test(house.ann, found.configuration_id)).ok
