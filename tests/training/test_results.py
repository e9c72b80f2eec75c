"""What a real training leaves behind: listed, served, chatted with (streamed), merged, reported. One training for all tests."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.errors import Conflict
from core.inference.types import Target
from core.managed.types import Service
from core.processes import tree
from core.settings import AuthSettings, Settings, TrainingSettings, load_settings
from core.training.types import Run, RunRequest, RunState
from tui import reports

pytestmark = [pytest.mark.training, pytest.mark.asyncio(loop_scope="module")]
PASSWORD = "correct horse 7 battery"
STEPS, SAVED = 6, 3


@dataclass(frozen=True)
class Trained:
    services: Services
    ann: Principal
    run: Run

    async def final(self) -> Target:
        return (await self.services.inference.targets(self.ann, run_id=self.run.id))[0]


def settings_for(folder: Path, environment: Path, models: Path) -> Settings:
    training = TrainingSettings(environment=environment, model_folders=(models,))
    return replace(load_settings(folder / "data", {}), auth=AuthSettings(bcrypt_cost=4), training=training)


def samples(folder: Path) -> Path:
    path = folder / "say.json"
    path.write_text(json.dumps([{"instruction": f"Say {n}", "input": "", "output": f"{n} is said"} for n in range(20)]))
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trained(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trained]:
    folder = tmp_path_factory.mktemp("results")
    os.environ["HF_HUB_OFFLINE"] = "1"
    services = await build_services(settings_for(folder, training_env, tiny_model.parent))
    try:
        ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
        dataset = await services.datasets.add(ann, str(samples(folder)), "say")
        await (await services.datasets.check(ann, dataset.id)).wait()
        options = f"model_name_or_path: {tiny_model}\nstage: sft\nfinetuning_type: lora\ntemplate: qwen\nmax_steps: {STEPS}\n"
        options += f"save_steps: {SAVED}\nlogging_steps: 1\nper_device_train_batch_size: 2\ncutoff_len: 64\n"
        request = RunRequest(name="say it", yaml_text=options, dataset_ids=(dataset.id,), gpus=0)
        run = await services.runs.start(ann, request)
        async with asyncio.timeout(300):
            run = await services.runs.settled(ann, run.id)
        assert run.state is RunState.COMPLETED, (run.failure, run.log and run.log.read_text()[-3000:])
        yield Trained(services, ann, run)
    finally:
        await services.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(trained: Trained) -> AsyncIterator[Service]:
    """The final adapter, served by LLaMA-Factory's own server."""
    target = await trained.final()
    service = await trained.services.inference.serve(trained.ann, target.id)
    service = await trained.services.inference.ready(trained.ann, service.id, within_s=240)
    assert service.state == "ready", (service.failure, service.log.read_text()[-3000:])
    yield service
    folder = service.folder
    await trained.services.inference.stop(trained.ann, service.id)
    assert tree(folder) == (), "a stopped server leaves no process"


async def test_what_it_left_is_listed(trained: Trained, tiny_model: Path) -> None:
    final, *checkpoints = await trained.services.inference.targets(trained.ann, run_id=trained.run.id)
    assert (final.kind, final.name, final.base, final.template) == ("adapter", "say it", str(tiny_model), "qwen")
    assert [each.step for each in checkpoints] == [STEPS, SAVED]
    assert all(each.complete and each.size_bytes > 0 and each.metrics["loss"] > 0 for each in (final, *checkpoints))
    base = await trained.services.inference.base_of(trained.ann, final.id)
    assert base is not None
    assert (base.facts.architecture, base.facts.precision) == ("Qwen2ForCausalLM", "F32")
    assert base.facts.parameters and base.facts.parameters < 200_000


async def test_it_answers_streamed_as_a_configuration(trained: Trained, served: Service) -> None:
    services, ann = trained.services, trained.ann
    configuration = await services.configurations.get(ann, served.configuration_id)
    assert (configuration.enabled, configuration.endpoint) == (True, f"http://127.0.0.1:{served.port}/v1")
    assert configuration.has_key
    sent = await services.chat.send(ann, None, "Say 3", configuration_id=configuration.id)
    pieces: list[str] = []
    message = None
    async for update in services.chat.watch(ann, sent.answer_id):
        pieces.append(update.text)
        message = update.message or message
    assert message is not None
    assert message.error is None, message
    assert message.content
    assert message.ttft_ms is not None and message.total_ms is not None and message.ttft_ms < message.total_ms


async def test_it_is_served_once_and_for_its_owner_only(trained: Trained, served: Service) -> None:
    services, ann = trained.services, trained.ann
    target = await trained.final()
    assert target.service is not None and target.service.id == served.id
    assert (await services.inference.serve(ann, target.id)).id == served.id
    assert b"mt-" not in b"".join(path.read_bytes() for path in served.folder.iterdir() if path.is_file()), "its key is nowhere on the disk"
    with pytest.raises(Conflict):
        await services.inference.merge(ann, (await services.inference.base_of(ann, target.id)).id)  # type: ignore[union-attr]


async def test_a_served_owner_reaches_it_and_nobody_else(trained: Trained, served: Service) -> None:
    """Whoever comes over SSH may not reach loopback, but for the model servers that they started themselves."""
    services = trained.services
    remote = replace(trained.ann, served=True)
    policy = await services.providers.policy(remote)
    assert f"http://127.0.0.1:{served.port}/v1" in policy.local_endpoints
    result = await services.configurations.test(remote, served.configuration_id)
    assert result.ok, result.error
    await services.accounts.add_user(trained.ann, "bob@example.org", "bob", PASSWORD)
    bob = (await services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal
    assert not (await services.providers.policy(replace(bob, served=True))).local_endpoints


async def test_merging_is_a_run_whose_model_is_listed(trained: Trained, tiny_model: Path) -> None:
    services, ann = trained.services, trained.ann
    run = await services.inference.merge(ann, (await trained.final()).id)
    assert run.kind == "export"
    async with asyncio.timeout(240):
        run = await services.runs.settled(ann, run.id)
    assert run.state is RunState.COMPLETED, (run.failure, run.log and run.log.read_text()[-3000:])
    (merged,) = await services.inference.targets(ann, run_id=run.id)
    assert (merged.kind, merged.base) == ("merged", "")
    base = await services.inference.target(ann, str(tiny_model))
    assert merged.facts.parameters == base.facts.parameters
    freed = await services.inference.delete(ann, merged.id)
    assert freed > 100_000
    assert not merged.folder.exists()


async def test_its_report(trained: Trained) -> None:
    services, ann, run = trained.services, trained.ann, trained.run
    page = (await reports.report(services, ann, run.id, "html")).decode()
    assert page.count("<svg") >= 3
    assert "learning_rate" in page or "template" in page
    assert not re.search(r"(?:src|href)\s*=|<script|https?://(?!www\.w3\.org/2000/svg)", page), "it needs nothing else"
    table = (await reports.report(services, ann, run.id, "csv")).decode().splitlines()
    assert table[0].startswith("step,loss")
    assert [int(line.split(",")[0]) for line in table[1:]] == list(range(1, STEPS + 1))
    whole = json.loads(await reports.report(services, ann, run.id, "json"))
    assert [step for step, _value in whole["metrics"]["loss"]] == list(range(1, STEPS + 1))
    assert whole["best"]["loss"]["value"] == min(value for _step, value in whole["metrics"]["loss"])
    assert b"# say it" in await reports.report(services, ann, run.id, "md")
    assert (await reports.report(services, ann, run.id, "pdf")).startswith(b"%PDF-")


async def test_base_and_tuned_answer_side_by_side_and_stopping_disables_the_configuration(trained: Trained, served: Service) -> None:
    services, ann = trained.services, trained.ann
    target = await services.inference.base_of(ann, (await trained.final()).id)
    assert target is not None
    base = await services.inference.serve(ann, target.id)
    base = await services.inference.ready(ann, base.id, within_s=240)
    assert base.state == "ready", base.log.read_text()[-3000:]
    assert base.port != served.port

    async def answer(configuration_id: str) -> str:
        sent = await services.chat.send(ann, None, "Say 3", configuration_id=configuration_id)
        async for update in services.chat.watch(ann, sent.answer_id):
            if update.message is not None:
                assert update.message.error is None, update.message
                return update.message.content
        raise AssertionError("no answer")

    assert all(await asyncio.gather(answer(base.configuration_id), answer(served.configuration_id)))
    assert (await services.inference.stop(ann, base.id)).state == "stopped"
    assert tree(base.folder) == ()
    assert not (await services.configurations.get(ann, base.configuration_id)).enabled
    with pytest.raises(Conflict):
        await services.configurations.resolve(ann, base.configuration_id)
    assert (await services.configurations.get(ann, served.configuration_id)).enabled, "the other one is served on"
