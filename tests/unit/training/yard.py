"""Runs with everything real but the trainer: database, shim, processes; and GPUs as a test wants them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.auth.principal import Principal, Role
from core.clock import Clock, Identifiers
from core.events import EventBus
from core.persistence import Store
from core.processes import look, stop, tree
from core.settings import Settings
from core.supervisor import Supervisor
from core.training.environment_types import EnvironmentState
from core.training.gpus import Gpu
from core.training.planning import Place, Plan, ResolvedRun
from core.training.runs import Runs
from core.training.scheduler import Scheduler
from core.training.scheduler_start import Workshop, turn_command
from core.training.types import Run, RunRequest, RunState
from storage.unit_of_work import Storage

TRAINER = Path(__file__).with_name("fake_trainer.py")
LIMIT_S = 60.0


class Gpus:
    """GPUs as a test says."""

    problem = ""

    def __init__(self, count: int = 0) -> None:
        self.found = tuple(Gpu(f"GPU-{index}", index, "Test", 80 << 30, 1 << 30) for index in range(count))

    def read(self) -> tuple[Gpu, ...]:
        return self.found


class FakeTraining:
    """Options come as JSON in the place of YAML; the plan starts the fake trainer."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    async def resolve(self, principal: Principal, request: RunRequest) -> ResolvedRun:
        return ResolvedRun(kind=request.kind, options=json.loads(request.yaml_text or "{}"), stage="sft", method="lora", model="tiny")

    async def resolve_changes(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any]) -> ResolvedRun:
        return replace(run, options={**run.options, **changes})

    async def environment(self) -> EnvironmentState:
        return EnvironmentState(Path("/nowhere"), "ready", Path(sys.executable))

    async def plan(self, run: ResolvedRun, place: Place) -> Plan:
        self.places.append(place)
        output = place.output_folder
        options = {**run.options, "output_dir": str(output)}
        environment = {"PATH": os.environ["PATH"], "CUDA_VISIBLE_DEVICES": ",".join(place.gpu_uuids)}
        argv: tuple[str, ...] = (sys.executable, "-S", str(TRAINER), "train", "run.yaml")
        if program := run.options.get("program"):
            argv = (program,)
        return Plan({"run.yaml": json.dumps(options)}, argv, environment, run.options.get("max_steps"), output)


@dataclass
class Yard:
    """One process with services, as far as runs are concerned. `crash`: as if it was killed."""

    storage: Storage
    settings: Settings
    gpus: Gpus
    training: FakeTraining
    runs: Runs
    supervisor: Supervisor
    events: EventBus
    ann: Principal
    bob: Principal
    others: list[Yard] = field(default_factory=list)

    async def start(self, who: Principal | None = None, *, gpus: int = 0, **options: Any) -> Run:
        wanted = {name: options.pop(name) for name in ("priority", "gpu_uuids", "processes", "name") if name in options}
        text = json.dumps({"max_steps": 3} | options)
        return await self.runs.start(who or self.ann, RunRequest(yaml_text=text, gpus=gpus, **wanted))

    async def turn(self) -> None:
        await self.runs.scheduler.turn()

    async def see(self, run: Run, who: Principal | None = None) -> Run:
        return await self.runs.run(who or self.ann, run.id)

    async def until(self, run: Run, wanted: Callable[[Run], bool] | RunState, who: Principal | None = None) -> Run:
        """Take turns until the run is as wanted."""
        is_it: Callable[[Run], bool] = (lambda found: found.state is wanted) if isinstance(wanted, RunState) else wanted
        async with asyncio.timeout(LIMIT_S):
            while True:
                await self.turn()
                found = await self.see(run, who)
                if is_it(found):
                    return found
                assert not (found.state.is_over and isinstance(wanted, RunState)), found
                await asyncio.sleep(0.02)

    def folder(self, run: Run, attempt: int = 1) -> Path:
        return self.settings.data_dir / "runs" / run.id / str(attempt)


def principal(user_id: str, role: Role = Role.USER) -> Principal:
    return Principal(user_id, user_id, f"{user_id}@example.org", role)


def make_yard(storage: Storage, settings: Settings, gpus: Gpus | None = None, *, lease_s: float = 30.0, alone: bool = False) -> Yard:
    """`alone`: the last process of each run looks after the queue, as in the application."""
    clock, events, supervisor, training = Clock(), EventBus(), Supervisor(), FakeTraining()
    ids = Identifiers(clock)
    scheduler = Scheduler(
        Store(storage),
        settings,
        clock=clock,
        ids=ids,
        events=events,
        supervisor=supervisor,
        gpus=gpus or Gpus(),
        workshop=Workshop(training.environment, training.plan, turn_command(settings) if alone else None),
        grace_s=0.5,
        lease_s=lease_s,
    )
    runs = Runs(scheduler, training, settings=settings, clock=clock, ids=ids)  # type: ignore[arg-type]
    return Yard(storage, settings, scheduler.gpus, training, runs, supervisor, events, principal("ann"), principal("bob"))  # type: ignore[arg-type]


def add_people(storage: Storage) -> None:
    def work(uow: Any) -> None:
        for name in ("ann", "bob"):
            uow.users.add(
                id=name,
                email=f"{name}@example.org",
                nickname=name,
                nickname_key=name,
                password_hash="x",
                role="user",
                created_at=1,
                updated_at=1,
            )

    storage.write_now(work)


@asynccontextmanager
async def open_yard(storage: Storage, settings: Settings, *, gpus: int = 0, lease_s: float = 30.0) -> AsyncIterator[Yard]:
    """A yard with ann and bob; at the end nothing of its runs is left."""
    add_people(storage)
    yard = make_yard(storage, settings, Gpus(gpus), lease_s=lease_s)
    try:
        yield yard
    finally:
        for each in (yard, *yard.others):
            await each.supervisor.close()
        await sweep(settings.data_dir)


async def sweep(data_dir: Path) -> None:
    for folder in sorted((data_dir / "runs").glob("*/*")):
        if folder.is_dir() and (look(folder).kind == "running" or tree(folder)):
            await stop(folder, grace_s=0)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def add_configuration(storage: Storage, owner_id: str, name: str, **draft: Any) -> str:
    """A training configuration as it stands in the database."""
    configuration_id = f"{owner_id}-{name}".replace(" ", "-")

    def work(uow: Any) -> None:
        moments = {"created_at": 1, "updated_at": 1}
        uow.training_configurations.add(id=configuration_id, owner_id=owner_id, name=name, note="", shared=False, version=1, **moments)
        known = {"id": configuration_id, "configuration_id": configuration_id, "version": 1, "draft": json.dumps(draft), "created_at": 1}
        uow.training_configurations.add_version(**known, created_by=owner_id)

    storage.write_now(work)
    return configuration_id


def add_service(storage: Storage, owner_id: str, name: str, *, state: str = "ready", gpus: tuple[str, ...] = (), **subject: Any) -> str:
    """A model server as it stands in the database, with the GPUs that it holds; nothing is started."""
    service_id = name.ljust(32, "0")

    def work(uow: Any) -> None:
        values = {"name": name, "kind": "api", "state": state, "spec": "{}", "subject": json.dumps(subject), "gpus": json.dumps(gpus)}
        uow.services.add(
            id=service_id, owner_id=owner_id, folder="/nowhere", failure="", watched_until=0, not_before=0, created_at=1, **values
        )
        assert not gpus or uow.slots.hold(service_id, gpus, moment=1)

    storage.write_now(work)
    return service_id
