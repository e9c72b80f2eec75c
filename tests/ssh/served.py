"""A served installation for tests: a worker in a thread of this process, or `modeltrain serve` as a process; and clients for both.

The clients are asyncssh's, OpenSSH's command line and a terminal whose screen is pyte's. They know the host key and read no settings of
whoever runs the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import psutil
import pytest

from core.auth.principal import Origin, operator
from core.bootstrap import build_services
from core.clock import Clock
from core.settings import Settings
from tests.shell import COMMAND, PASSWORD, clean_environment
from tests.terminal import Terminal
from tui import lean
from tui.ssh import host_key
from tui.ssh.reception import Reception
from tui.ssh.spawner import Limits, SpawnerLink, start_spawner
from tui.ssh.worker import Worker, WorkerContext, build_context

#: Seconds that anything may take on a busy machine.
LIMIT_S = 60.0
#: The accounts that are there: the first is an administrator.
PEOPLE = ("ann", "bob")
T = TypeVar("T")


def need(*programs: str) -> None:
    """Skip the test where a client is not installed; fail it where all of them have to be (in .ci/run)."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("MODELTRAIN_REQUIRE_SERVERS") == "1":
        pytest.fail(f"not installed: {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


async def settle(settings: Settings) -> None:
    """Make the installation with its people; all have PASSWORD."""
    services = await build_services(settings)
    try:
        await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin("local"))
        for name in PEOPLE[1:]:
            await services.accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)
            # Their password is their own, not one to be changed at the first sign-in.
    finally:
        await services.close()


@dataclass
class Door:
    """Where a server is reached, and clients for it. `folder`: for the files of the clients."""

    port: int
    public_key: str
    folder: Path
    host: str = "127.0.0.1"

    @property
    def known_hosts(self) -> Path:
        path = self.folder / "known_hosts"
        if not path.exists():
            path.write_text(f"[{self.host}]:{self.port} {self.public_key}\n")
        return path

    async def connect(self, name: str = "ann", password: str | None = PASSWORD, **options: Any) -> asyncssh.SSHClientConnection:
        """A connection of asyncssh's client that is signed in; use it as a context manager."""
        ours: dict[str, Any] = {
            "known_hosts": str(self.known_hosts), "config": None, "agent_path": None, "client_keys": None, "connect_timeout": LIMIT_S,
        }  # fmt: skip
        return await asyncssh.connect(self.host, self.port, username=name, password=password, **(ours | options))

    # OpenSSH

    def options(self, *, key: Path | None = None, more: Mapping[str, str] | None = None) -> list[str]:
        """Options for ssh, scp and sftp (which call the port -P): nothing of this machine's settings, no questions but the password's."""
        need("ssh", "scp", "sftp")
        if key is not None:
            ways = {"IdentityFile": str(key), "PreferredAuthentications": "publickey", "BatchMode": "yes"}
        else:
            ways = {"PreferredAuthentications": "password", "PubkeyAuthentication": "no", "NumberOfPasswordPrompts": "1"}
        named = {
            "UserKnownHostsFile": str(self.known_hosts), "GlobalKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes", "IdentityAgent": "none", "Port": str(self.port), **ways, **(more or {}),
        }  # fmt: skip
        return ["-F", "/dev/null", *(part for name, value in named.items() for part in ("-o", f"{name}={value}"))]

    def environment(self, password: str = PASSWORD) -> dict[str, str]:
        """For a client of OpenSSH that is to give this password when it is asked for one."""
        script = self.folder / "askpass"
        if not script.exists():
            script.write_text('#!/bin/sh\nprintf "%s\\n" "$MODELTRAIN_TEST_PASSWORD"\n')
            script.chmod(0o700)
        asking = {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0", "MODELTRAIN_TEST_PASSWORD": password}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **asking}

    def ssh(
        self,
        *command: str,
        name: str = "ann",
        password: str = PASSWORD,
        key: Path | None = None,
        stdin: bytes = b"",
        before: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> subprocess.CompletedProcess[bytes]:
        """`ssh host COMMAND` without a terminal, to its end. `before`: further options."""
        line = ["ssh", *self.options(key=key, more=more), *before, f"{name}@{self.host}", *command]
        return subprocess.run(line, input=stdin, capture_output=True, env=self.environment(password), timeout=limit_s, check=False)

    def terminal(
        self,
        name: str = "ann",
        *,
        password: str = PASSWORD,
        key: Path | None = None,
        width: int = 120,
        height: int = 40,
        before: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Terminal:
        """`ssh host` in a terminal; use it as a context manager."""
        line = ["ssh", *self.options(key=key, more=more), *before, f"{name}@{self.host}"]
        return Terminal(line, width=width, height=height, environment=self.environment(password) | dict(environment or {}))

    def raw(self, *, source: str = "127.0.0.1") -> socket.socket:
        """A connection that says nothing of itself, from another loopback address if wanted."""
        return socket.create_connection((self.host, self.port), timeout=LIMIT_S, source_address=(source, 0))


@dataclass
class CountingDesk:
    """The desk of a worker without a front desk: counts as that does, and remembers."""

    reception: Reception
    changed: threading.Condition = field(default_factory=threading.Condition)

    def signed_in(self, number: int) -> None:
        with self.changed:
            self.reception.signed_in(number)
            self.changed.notify_all()

    def closed(self, number: int) -> None:
        with self.changed:
            self.reception.closed(number)
            self.changed.notify_all()


@dataclass
class Served(Door):
    """A worker in a thread. `context` and what hangs on it belong to the worker's loop: look at them through `call`."""

    worker: Worker = field(kw_only=True)
    desk: CountingDesk = field(kw_only=True)
    loop: asyncio.AbstractEventLoop = field(kw_only=True)
    settings: Settings = field(kw_only=True)

    @property
    def context(self) -> WorkerContext:
        return self.worker.context

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], limit_s: float = LIMIT_S) -> T:
        """The result of `work()` in the worker's loop."""
        return asyncio.run_coroutine_threadsafe(work(), self.loop).result(limit_s)

    def until(self, true: Callable[[Reception], bool], limit_s: float = LIMIT_S) -> None:
        """Wait until the desk's counts are as wanted."""
        with self.desk.changed:
            assert self.desk.changed.wait_for(lambda: true(self.desk.reception), limit_s), "the counts never became as wanted"


@contextlib.contextmanager
def serving_here(settings: Settings, folder: Path, *, commands: bool = False, clock: Clock | None = None) -> Iterator[Served]:
    """Serve the installation of `settings` from a thread. `commands`: with a spawner, so that commands run."""
    lean.apply(several=True)
    key = host_key.load_or_make(settings.data_dir)
    spawner = start_spawner(settings) if commands else SpawnerLink(settings, Limits())
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    started: list[Served | BaseException] = []
    ready, leaving = threading.Event(), asyncio.Event()

    async def serve() -> None:
        desk = CountingDesk(Reception(settings.serve))
        worker = Worker(await build_context(settings, desk, spawner, clock=clock), key.key)
        loop = asyncio.get_running_loop()
        port = listener.getsockname()[1]
        started.append(Served(port, key.public, folder, worker=worker, desk=desk, loop=loop, settings=settings))
        ready.set()
        accepting = loop.create_task(_accept(listener, worker, desk))
        await leaving.wait()
        accepting.cancel()
        await worker.drain(grace_s=1.0)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            started.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="served")
    thread.start()
    try:
        assert ready.wait(LIMIT_S)
        served = started[0]
        if isinstance(served, BaseException):
            raise served
        yield served
    finally:
        if started and isinstance(started[0], Served):
            started[0].loop.call_soon_threadsafe(leaving.set)
        thread.join(LIMIT_S)
        listener.close()
        spawner.stop()
        spawner.close()
    assert not thread.is_alive(), "the worker did not end"
    if isinstance(started[-1], BaseException):
        raise started[-1]


async def _accept(listener: socket.socket, worker: Worker, desk: CountingDesk) -> None:
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    while True:
        accepted, peer = await loop.sock_accept(listener)
        with desk.changed:
            number = desk.reception.let_in(peer[0], 0)
        worker.take(accepted, number)


@dataclass
class ServeProcess(Door):
    """`modeltrain serve` as people start it. `announced`: what it printed when it was ready."""

    process: subprocess.Popen[str] = field(kw_only=True)
    announced: dict[str, Any] = field(kw_only=True)
    data: Path = field(kw_only=True)

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes, by age."""
        pids = set(self.health()["worker_pids"]) if self.announced.get("health_port") else set()
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if not pids or child.pid in pids]

    def health(self) -> dict[str, Any]:
        """What GET /healthz says."""
        import urllib.error
        import urllib.request

        url = f"http://127.0.0.1:{self.announced['health_port']}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
                return {"status": answer.status, **json.loads(answer.read())}
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.loads(error.read())}

    def log(self) -> str:
        """The log so far."""
        return (self.data / "modeltrain.log").read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


@contextlib.contextmanager
def serve_process(
    data: Path, folder: Path, *options: str, environment: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[ServeProcess]:
    """Run `modeltrain serve` on `data`, with its health on a free port; it and all its children are gone afterwards."""
    line = [str(COMMAND), "--data", str(data), "--json", "serve", "--port", str(port), "--health-port", "0", *options]
    errors = folder / "serve.err"
    with errors.open("w") as standard_error:
        process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=standard_error, text=True, env=clean_environment() | dict(environment or {})
        )
    assert process.stdout is not None
    family: list[psutil.Process] = []
    try:
        first = process.stdout.readline()
        assert first, errors.read_text()
        announced = json.loads(first)
        family = psutil.Process(process.pid).children(recursive=True)
        yield ServeProcess(
            announced["port"], announced["host_key"], folder, process=process, announced=announced, data=data,
        )  # fmt: skip
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
        if process.poll() is None:
            process.kill()
            process.wait(10)
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.stdout.close()
