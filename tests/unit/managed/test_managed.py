"""A managed service starts, is watched, comes back, and ends whole."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.errors import Conflict, NotFound
from core.managed.types import Service
from core.processes import look, tree
from core.settings import Settings
from tests.unit.managed.conftest import PASSWORD, request


async def started(services: Services, ann: Principal, *words: str, **more: object) -> Service:
    service = await services.managed.start(ann, request(*words, **more))  # type: ignore[arg-type]
    return await services.managed.wait(ann, service.id, within_s=60)


async def until(services: Services, ann: Principal, service_id: str, *states: str) -> Service:
    async with asyncio.timeout(60):
        while (found := await services.managed.service(ann, service_id)).state not in states:
            await services.managed.look_after()
            await asyncio.sleep(0.1)
    return found


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_it_is_ready_once_it_answers_and_leaves_nothing(services: Services, ann: Principal) -> None:
    service = await started(services, ann, "family")
    assert (service.state, service.host, service.subject) == ("ready", "127.0.0.1", {"what": "a test"})
    assert service.url == f"http://127.0.0.1:{service.port}"
    processes = tree(service.folder)
    assert len(processes) >= 3, "the shim, the server and its child"
    stopped = await services.managed.stop(ann, service.id)
    assert stopped.state == "stopped"
    assert tree(service.folder) == ()
    assert (await services.managed.stop(ann, service.id)).state == "stopped", "once more is no error"
    await services.managed.remove(ann, service.id)
    assert not service.folder.exists()


async def test_its_key_stands_only_where_its_owner_reads(services: Services, ann: Principal, settings: Settings) -> None:
    service = await started(services, ann)
    about = service.folder / "about.txt"
    assert about.read_text() == f"127.0.0.1 {service.port} sesame {{other}}"
    assert stat.S_IMODE(about.stat().st_mode) == 0o600
    assert stat.S_IMODE(service.folder.stat().st_mode) == 0o700
    for process in tree(service.folder):
        assert b"sesame" not in arguments_of(process.pid)
    for path in service.folder.iterdir():
        assert path == about or b"sesame" not in path.read_bytes(), path
    database = settings.database_file
    assert database is not None
    assert b"sesame" not in database.read_bytes()
    await services.managed.stop(ann, service.id)


async def test_a_port_that_it_tells_is_believed(services: Services, ann: Principal) -> None:
    service = await started(services, ann, "elsewhere", port_pattern=r"http://127\.0\.0\.1:(\d+)")
    assert service.state == "ready"
    told = service.log.read_text()
    assert f":{service.port}\n" in told
    await services.managed.stop(ann, service.id)


async def test_what_dies_is_started_again_on_its_port(services: Services, ann: Principal) -> None:
    service = await started(services, ann)
    child = look(service.folder).child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    again = await until(services, ann, service.id, "starting")
    assert again.restarts == 1
    assert again.folder != service.folder
    ready = await until(services, ann, service.id, "ready")
    assert ready.port == service.port
    assert ready.failure is None
    await services.managed.stop(ann, service.id)


async def test_what_cannot_start_is_given_up_and_explained(services: Services, ann: Principal) -> None:
    service = await started(services, ann, "broken")
    assert service.state == "failed"
    assert service.failure is not None
    assert service.failure.rule == "environment_broken"
    assert "llamafactory" in service.failure.proof[0].text
    assert service.restarts == 0, "what would fail the same again is not tried again"


async def test_what_never_answers_is_ended(services: Services, ann: Principal) -> None:
    service = await started(services, ann, "silent", ready_within_s=1.0)
    assert service.state == "failed"
    assert service.failure is not None
    assert service.failure.rule == "service_not_ready"
    assert tree(service.folder) == ()


async def test_it_outlives_the_program_and_is_found_again(services: Services, ann: Principal, settings: Settings) -> None:
    service = await services.managed.start(ann, request())
    await services.close()
    other = await build_services(settings)
    try:
        signed_in = (await other.accounts.sign_in("ann@example.org", PASSWORD, origin=Origin())).principal
        ready = await other.managed.wait(signed_in, service.id, within_s=60)
        assert (ready.state, ready.port) == ("ready", service.port)
        await other.managed.stop(signed_in, service.id)
        assert tree(service.folder) == ()
    finally:
        await other.close()


async def test_two_processes_never_start_it_twice(services: Services, ann: Principal, settings: Settings) -> None:
    service = await started(services, ann)
    other = await build_services(settings)
    try:
        child = look(service.folder).child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)

        async def look_after() -> None:
            await asyncio.gather(services.managed.look_after(), other.managed.look_after())

        async with asyncio.timeout(60):
            while (found := await services.managed.service(ann, service.id)).state != "ready" or not found.restarts:
                await look_after()
                await asyncio.sleep(0.05)
        assert found.restarts == 1
        folders = sorted(path.name for path in service.folder.parent.iterdir())
        assert folders == ["1", "2"]
    finally:
        await other.close()
    await services.managed.stop(ann, service.id)


async def test_stopping_wins_over_starting_again(services: Services, ann: Principal) -> None:
    service = await started(services, ann)
    child = look(service.folder).child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.gather(services.managed.stop(ann, service.id), services.managed.look_after())
    assert (await services.managed.service(ann, service.id)).state == "stopped"
    await services.managed.look_after()
    assert (await services.managed.service(ann, service.id)).state == "stopped"


async def test_it_can_be_restarted_and_an_active_one_is_kept(services: Services, ann: Principal) -> None:
    service = await started(services, ann)
    with pytest.raises(Conflict) as refused:
        await services.managed.remove(ann, service.id)
    assert refused.value.fields["what"] == "service_active"
    again = await services.managed.restart(ann, service.id)
    again = await services.managed.wait(ann, service.id, within_s=60)
    assert (again.state, again.port, again.folder.name) == ("ready", service.port, "2")
    assert await services.managed.services(ann, ["swanlab"], active=True) == (again,)
    assert await services.managed.services(ann, ["api"]) == ()
    await services.managed.stop(ann, service.id)


async def test_a_gpu_is_held_while_it_runs(services: Services, ann: Principal) -> None:
    wanted = replace(request(), gpus=("GPU-1",))
    service = await services.managed.start(ann, wanted)
    with pytest.raises(Conflict) as refused:
        await services.managed.start(ann, wanted)
    assert refused.value.fields["what"] == "gpus_busy"
    await services.managed.stop(ann, service.id)
    assert await services.store.read(lambda uow: uow.slots.all()) == {}


async def test_nobody_else_reaches_it(services: Services, ann: Principal) -> None:
    await services.accounts.add_user(ann, "bob@example.org", "bob", PASSWORD)
    bob = (await services.accounts.sign_in("bob@example.org", PASSWORD, origin=Origin())).principal
    service = await started(services, ann)
    for call in (services.managed.service, services.managed.stop, services.managed.restart, services.managed.remove):
        with pytest.raises(NotFound):
            await call(bob, service.id)
    assert await services.managed.services(bob) == ()
    await services.managed.stop(ann, service.id)
