"""Wiring: services are built on a fresh folder, closed without a trace, and start cheaply. The supervisor outlives who started it."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import operator
from core.bootstrap import build_services, prepare
from core.errors import DatabaseUnreachable, EnvironmentProblem
from core.settings import Settings
from core.supervisor import Supervisor, happens


async def test_a_fresh_folder_is_made_ready_and_answers(settings: Settings) -> None:
    services = await build_services(settings)
    try:
        await services.accounts.add_user(operator("test"), "ann@example.org", "ann", "correct horse 7 battery")
        ann = await services.accounts.principal_for(operator("test"), "ann@example.org")
        await services.configurations.ensure_starter(ann)
        sent = await services.chat.send(ann, None, "hello")
        async for update in services.chat.watch(ann, sent.answer_id):
            seen = update
        assert seen.message is not None
        assert seen.message.state == "complete"
    finally:
        await services.close()
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700
    again = await build_services(settings)
    assert len((await again.chat.open(ann, sent.conversation_id)).messages) == 2
    await again.close()


async def test_closing_leaves_no_thread_and_no_task(settings: Settings) -> None:
    before = set(threading.enumerate())
    services = await build_services(settings)
    await services.simulator.ensure()
    await services.close()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert set(threading.enumerate()) <= before
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_preparing_can_be_done_again(settings: Settings) -> None:
    prepare(settings)
    prepare(settings)
    assert (settings.data_dir / "modeltrain.db").stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_built_is_an_error_of_core_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(EnvironmentProblem):
        await build_services(replace(settings, data_dir=blocked / "data", database_url=f"sqlite:///{blocked}/data/x.db"))
    with pytest.raises(DatabaseUnreachable):
        await build_services(replace(settings, database_url="postgresql://127.0.0.1:9/none"))
    await asyncio.get_running_loop().shutdown_default_executor()
    assert set(threading.enumerate()) <= before


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, core.bootstrap; print(sorted({'httpx', 'textual', 'sqlmodel', 'sqlalchemy', 'bcrypt', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    heavy = {"httpx", "textual", "bcrypt", "psutil"}
    assert not heavy & set(done.stdout.strip("[]\n").replace("'", "").split(", ")), done.stdout


# The supervisor ---------------------------------------------------------------------------------------------------------

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="clean")


async def test_tasks_start_in_a_clean_context() -> None:
    supervisor, seen = Supervisor(), []

    async def look() -> None:
        seen.append(VARIABLE.get())

    VARIABLE.set("of the screen")
    await supervisor.start(look, "look")
    assert seen == ["clean"]
    assert supervisor.running == ()


async def test_a_task_goes_on_when_its_starter_has_gone() -> None:
    supervisor, go, done = Supervisor(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    async def screen() -> None:
        supervisor.start(work, "work")
        await asyncio.Event().wait()

    screen_task = asyncio.create_task(screen())
    await asyncio.sleep(0)
    screen_task.cancel()
    await asyncio.wait({screen_task})
    assert supervisor.running == ("work",)
    go.set()
    async with asyncio.timeout(60):
        await done.wait()
    await supervisor.close()


async def test_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()

    async def fail() -> None:
        raise ZeroDivisionError("a fault of ours")

    task = supervisor.start(fail, "failing")
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert "failing" in caplog.text
    assert "a fault of ours" in caplog.text


async def test_closing_lets_tasks_save_and_insists_with_those_that_do_not_end(caplog: pytest.LogCaptureFixture) -> None:
    supervisor, saved = Supervisor(), []

    async def saves() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            saved.append("saved")

    async def stubborn() -> None:
        for _time in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    supervisor.start(saves, "saves")
    task = supervisor.start(stubborn, "stubborn")
    await asyncio.sleep(0)
    await supervisor.close(timeout=0.1)
    assert saved == ["saved"]
    assert task.done()
    with pytest.raises(RuntimeError):
        supervisor.start(saves, "late")
    assert caplog.text == ""


async def test_waiting_for_an_event_has_an_end_and_loses_no_cancellation() -> None:
    event = asyncio.Event()
    assert not await happens(event, within_s=0.01)
    assert not await happens(event, within_s=0)
    waiting = asyncio.create_task(happens(event, within_s=60))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()  # in the same turn: asyncio.wait_for would return as if nothing had been cancelled
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await happens(event, within_s=60)
