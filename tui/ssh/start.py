"""Starting the server: everything is looked at, made and imported before anybody is let in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from core.errors import EnvironmentProblem
from core.settings import Settings
from tui.ssh import surroundings
from tui.ssh.preload import preload

if TYPE_CHECKING:
    from tui.ssh.systemd import Notifier

log = logging.getLogger(__name__)
T = TypeVar("T")
LOOPBACK = "127.0.0.1"
#: Open files: each connection takes one, and its channels, answers and transfers some more.
_FILES_A_CONNECTION, _FILES_ELSE = 8, 1024


@dataclass(frozen=True, slots=True)
class Announcement:
    """What people need to know of a server that is ready.

    `administered`: whether there is an administrator. `registration`: whether anybody who reaches the port may make an account.
    """

    host: str
    port: int
    health_port: int | None
    fingerprint: str
    host_key: str
    host_key_path: str
    host_key_made: bool
    workers: int
    administered: bool
    registration: bool


def serve(settings: Settings, announce: Callable[[Announcement], None]) -> int:
    """Serve until stopped; the exit status. Raises core's errors for what stands in the way of starting.

    The process must have no threads and no event loop. Its environment is changed.
    """
    from tui.ssh.systemd import Notifier

    notifier = Notifier(os.environ)
    surroundings.scrub()
    from tui.ssh.listening import PortLock, listen

    limits = settings.serve
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(each) for each in _listen(settings)]
        health = [stack.enter_context(each) for each in listen(LOOPBACK, limits.health_port)] if limits.health_port is not None else []
        prepared = in_child(partial(_prepare, settings))
        lock = PortLock(settings.data_dir, limits.port)
        lock.take()
        stack.callback(lock.let_go)
        return _run(settings, listeners, health, prepared, notifier, announce)


def _listen(settings: Settings) -> list[socket.socket]:
    from tui.ssh.listening import PortLock, listen

    try:
        return listen(settings.serve.host, settings.serve.port)
    except EnvironmentProblem as problem:
        if problem.fields["what"] == "port_taken" and settings.data_dir.is_dir():
            lock = PortLock(settings.data_dir, settings.serve.port)
            lock.take()  # raises what says more, if it is a server of ours
            lock.let_go()
        raise


def _run(
    settings: Settings,
    listeners: list[socket.socket],
    health: list[socket.socket],
    prepared: tuple[bool, bool],
    notifier: Notifier,
    announce: Callable[[Announcement], None],
) -> int:
    from tui import lean
    from tui.ssh import host_key, journal, memory
    from tui.ssh.front_desk import FrontDesk
    from tui.ssh.spawner import Limits, start_spawner

    limits = settings.serve
    key = host_key.load_or_make(settings.data_dir)
    files = surroundings.raise_limit_of_files(limits.connections * _FILES_A_CONNECTION + _FILES_ELSE)
    log_file = journal.Journal(settings.data_dir, echo=journal.standard_error())
    journal.use(log_file, limits.log_level)
    preload(settings)
    from tui.ssh import worker_process

    lean.apply(several=True)
    workers = limits.workers or len(os.sched_getaffinity(0))
    memory.settle()  # what is there now is shared by all workers
    spawner = start_spawner(settings, Limits(at_once=limits.commands_at_once, a_user=limits.commands_a_user))
    told = Announcement(
        limits.host,
        listeners[0].getsockname()[1],
        health[0].getsockname()[1] if health else None,
        key.fingerprint,
        key.public,
        str(key.path),
        key.made,
        workers,
        *prepared,
    )
    desk = FrontDesk(
        settings,
        listeners,
        health_listeners=health,
        work=lambda number, line: worker_process.run(number, line, settings, key, spawner),
        workers=workers,
        journal=log_file,
        spawner=spawner,
        notifier=notifier,
        announce=lambda: announce(told),
    )
    log.info(
        "starting with %d workers on %s, port %d, host key %s, up to %d open files", workers, limits.host, told.port, key.fingerprint, files
    )
    try:
        return desk.run()
    finally:
        log_file.let_go()


def _prepare(settings: Settings) -> tuple[bool, bool]:
    """Make the installation ready; whether it has an administrator, and whether the registration is open."""
    from core.bootstrap import build_services

    async def prepare() -> tuple[bool, bool]:
        services = await build_services(settings)
        try:
            return not await services.accounts.needs_first_admin(), await services.accounts.registration_open()
        finally:
            await services.close()

    return asyncio.run(prepare())


def in_child(work: Callable[[], T]) -> T:
    """The result of `work()`, done in a process of its own: no thread and no connection of it stays in this one. Raises what it raises."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        status = 1
        try:
            try:
                outcome: tuple[bool, object] = (True, work())
            except Exception as error:
                outcome = (False, error)
            with os.fdopen(writer, "wb") as to_parent:
                to_parent.write(pickle.dumps(outcome))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as from_child:
        data = from_child.read()
    os.waitpid(pid, 0)
    if not data:
        raise RuntimeError("the installation could not be looked at")
    good, found = pickle.loads(data)  # noqa: S301 - of our own child
    if good:
        result: T = found
        return result
    raise found
