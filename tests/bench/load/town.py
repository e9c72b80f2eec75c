"""A server for benchmarks with as many accounts as wanted: each has a key to sign in with and a model to ask."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncssh
import psutil

from core.auth.principal import Origin, operator
from core.bootstrap import build_services
from core.models.types import ConfigurationDraft
from core.settings import Settings, load_settings
from tests.bench.bench_chat import start_simulator
from tests.shell import COMMAND, PASSWORD, clean_environment

READY_S = 60.0


@dataclass(frozen=True)
class Person:
    """Signs in as `nickname` with the private key in `key_file`."""

    nickname: str
    key_file: str


@dataclass
class Town:
    """`base_url`: where the simulator answers in OpenAI's format. `server` and `log`: the running `modeltrain serve`."""

    folder: Path
    base_url: str
    people: list[Person] = field(default_factory=list)
    server: psutil.Process | None = None
    port: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def settings(self) -> Settings:
        settings = load_settings(self.data, {})
        return replace(settings, auth=replace(settings.auth, bcrypt_cost=4))

    async def populate(self, count: int, model: str) -> None:
        """`count` accounts, each with a public key and a default configuration that asks `model` of the simulator."""
        services = await build_services(self.settings())
        try:
            admin = operator("bench")
            await services.accounts.add_user(admin, "root@example.org", "root", PASSWORD, admin=True)
            root = await services.accounts.principal_for(admin, "root@example.org")
            await services.providers.allow(root, "127.0.0.1")
            for number in range(count):
                await self._settle(services, f"p{number:04d}", model)
        finally:
            await services.close()

    async def _settle(self, services: object, nickname: str, model: str) -> None:
        from core.bootstrap import Services

        assert isinstance(services, Services)
        email = f"{nickname}@example.org"
        await services.accounts.add_user(operator("bench"), email, nickname, PASSWORD)
        who = (await services.accounts.sign_in(email, PASSWORD, origin=Origin("local"))).principal
        key = asyncssh.generate_private_key("ssh-ed25519")
        file = self.folder / f"{nickname}.key"
        key.write_private_key(str(file))
        await services.accounts.add_ssh_key(who, key.export_public_key().decode(), "bench")
        await services.configurations.ensure_starter(who)
        draft = ConfigurationDraft(name="bench", provider_id="openai-compatible", endpoint=self.base_url, model=model)
        made = await services.configurations.create(who, draft)
        await services.configurations.set_default(who, made.id)
        await services.accounts.sign_out(who)
        self.people.append(Person(nickname, str(file)))

    # What it costs

    def processes(self) -> list[psutil.Process]:
        """The server's processes: the front desk first."""
        assert self.server is not None
        return [self.server, *self.server.children(recursive=True)]

    def memory_mb(self) -> float:
        """Proportional set size of all processes of the server, in MB (10^6 bytes)."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total / 1e6

    def each_mb(self) -> list[float]:
        """The same of each process."""
        return [process.memory_full_info().pss / 1e6 for process in self.processes()]

    def cpu_s(self) -> float:
        """User and system seconds used by all living processes of the server."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(each.user + each.system for each in times)

    def open_files(self) -> int:
        return sum(process.num_fds() for process in self.processes())


@contextlib.contextmanager
def town(count: int, model: str, *arguments: str) -> Iterator[Town]:
    """A populated server that runs until the end of the block; `arguments` go to `modeltrain serve`."""
    import asyncio

    simulator, urls = start_simulator()
    try:
        with tempfile.TemporaryDirectory(prefix="modeltrain-bench-") as folder:
            place = Town(Path(folder), urls["openai"])
            asyncio.run(place.populate(count, model))
            with _serving(place, arguments):
                yield place
    finally:
        simulator.terminate()
        simulator.wait(10)
        assert simulator.stdout is not None
        simulator.stdout.close()


@contextlib.contextmanager
def _serving(place: Town, arguments: Sequence[str]) -> Iterator[None]:
    limits = {"MODELTRAIN_CONNECTIONS_AN_ADDRESS": "2000", "MODELTRAIN_CONNECTIONS": "2000"}
    command = [str(COMMAND), "--data", str(place.data), "serve", "--port", "0", *arguments]
    with (place.folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=clean_environment() | limits)
    assert process.stdout is not None
    try:
        place.server, place.port = psutil.Process(process.pid), _announced_port(process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        process.stdout.close()


def _announced_port(process: subprocess.Popen[bytes]) -> int:
    """The port in what the server says at its start."""
    assert process.stdout is not None
    said, end = "", time.monotonic() + READY_S
    while time.monotonic() < end:
        if select.select([process.stdout], [], [], 0.2)[0]:
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            said += data.decode(errors="replace")
            if found := re.search(r"(?:127\.0\.0\.1:|-p )(\d{2,5})", said):
                return int(found[1])
    raise RuntimeError(f"the server did not start:\n{said}")
