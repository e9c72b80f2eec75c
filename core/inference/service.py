"""Local models: what lies on this machine, serving it, merging adapters. Served models become model configurations of their owner."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.inference.backends import PACKAGES, infer_options, is_adapter, known_backends, spec
from core.inference.configuring import MODEL_KINDS
from core.inference.scanning import model_id, scan
from core.inference.targets import of_folders, of_run, with_bases
from core.inference.types import BackendInfo, MergeOptions, ServeOptions, Target
from core.managed.service import ManagedServices
from core.managed.types import Service, ServiceRequest
from core.persistence import Store
from core.sanitise import one_line
from core.settings import Settings
from core.training.confinement import held
from core.training.environment_types import EnvironmentState
from core.training.gpus import Gpu
from core.training.planning_resolve import unrestricted
from core.training.slots import offer
from core.training.types import Run, RunPage, RunRequest
from core.training.uses import refuse_used

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

NOTE_LIMIT: Final = 2_000
#: Runs whose results are looked at: beyond that, `run_id` names one.
MOST_RUNS: Final = 500
MODELS_FOLDER: Final = "models"


class Runs(Protocol):
    """What this needs of services.runs."""

    async def start(self, principal: Principal, request: RunRequest) -> Run: ...
    async def runs(self, principal: Principal, *, limit: int = 50) -> RunPage: ...
    async def run(self, principal: Principal, run_id: str) -> Run: ...


class Environment(Protocol):
    """What this needs of services.environment."""

    async def current(self) -> EnvironmentState: ...


class Inference:
    """`services.inference`. `read_gpus` blocks for some milliseconds."""

    def __init__(
        self,
        store: Store,
        managed: ManagedServices,
        *,
        settings: Settings,
        clock: Clock,
        ids: Identifiers,
        runs: Runs,
        environment: Environment,
        read_gpus: Callable[[], tuple[Gpu, ...]],
    ) -> None:
        self._store = store
        self._managed = managed
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._runs = runs
        self._environment = environment
        self._read_gpus = read_gpus

    # Looking ---------------------------------------------------------------------------------------------------------

    async def targets(self, principal: Principal, *, run_id: str | None = None, query: str = "") -> tuple[Target, ...]:
        """Models of the model folders, and what the principal's own runs brought; of one run with `run_id` (raises NotFound)."""
        owner = principal.require_user("model.list")
        if run_id is not None:
            runs: tuple[Run, ...] = (await self._runs.run(principal, run_id),)
            found = await asyncio.to_thread(lambda: [each for run in runs for each in of_run(run)])
        else:
            runs = (await self._runs.runs(principal, limit=MOST_RUNS)).items
            own = await asyncio.to_thread(lambda: [each for run in runs for each in of_run(run)])
            folders = (self._settings.data_dir / MODELS_FOLDER, *self._settings.training.model_folders)
            shared = await asyncio.to_thread(lambda: of_folders(scan(folders)))
            found = await asyncio.to_thread(lambda: with_bases([*own, *shared], runs))
        notes, services = await self._store.read(lambda uow: (uow.services.notes(owner), uow.services.all(owner, kinds=MODEL_KINDS)))
        running = {each.subject.get("target_id"): each for each in await self.services(principal, active=True)} if services else {}
        words = query.casefold().split()
        return tuple(
            replace(each, note=notes.get(each.id, ""), service=running.get(each.id)) for each in found if _matches(each, notes, words)
        )

    async def target(self, principal: Principal, reference: str) -> Target:
        """By id, path, name, or "RUN", "RUN@STEP". Raises NotFound(kind="local_model")."""
        found = await self.targets(principal)
        matches: tuple[Callable[[Target], bool], ...] = (
            lambda each: each.id == reference,
            lambda each: each.path == reference,
            lambda each: each.name == reference,
            lambda each: each.run_id == reference and each.kind != "checkpoint",
            lambda each: len(reference) >= 6 and each.id.startswith(reference),
        )
        for match in matches:
            if hits := [each for each in found if match(each)]:
                return hits[0]
        raise NotFound(kind="local_model", reference=reference)

    async def base_of(self, principal: Principal, target_id: str) -> Target | None:
        """The model that an adapter or checkpoint was made of; None for what has none."""
        target = await self.target(principal, target_id)
        if not target.base:
            return None
        wanted = model_id(target.base)
        return next((each for each in await self.targets(principal) if each.id == wanted), None)

    async def backends(self, principal: Principal) -> tuple[BackendInfo, ...]:
        """The ways to serve, with what the training environment has."""
        principal.require_user("model.list")
        return known_backends(await self._environment.current())

    # Serving ---------------------------------------------------------------------------------------------------------

    async def serve(self, principal: Principal, target_id: str, options: ServeOptions | None = None) -> Service:
        """Start a server for it, or give back the one that runs already. Its model configuration is there once it is ready.

        Raises NotFound, Conflict(what="checkpoint_incomplete" | "backend_missing" | "adapter_not_served" | "services_limit" |
        "gpus_busy"), EnvironmentProblem.
        """
        wanted = options or ServeOptions()
        target = await self.target(principal, target_id)
        if target.service is not None:
            return target.service
        await self._must_be_servable(principal, target, wanted)
        environment = await self._environment.current()
        gpus = await self._gpus(wanted)
        name = _served_name(target)
        made = spec(
            wanted.backend,
            target,
            environment,
            model_name=name,
            template=wanted.template or target.template,
            gpus=gpus,
            inherited=dict(os.environ),
        )
        if not unrestricted(principal):
            made = replace(made, argv=held(made.argv, self._settings, ("{folder}", environment.folder, *_places(target)), "{folder}/tmp"))
        subject: dict[str, Any] = {"target_id": target.id, "path": target.path, "base": target.base, "kind": target.kind, "model": name}
        subject |= {"run_id": target.run_id, "step": target.step, "name": target.name}
        key = "mt-" + self._ids.token(24)
        request = ServiceRequest(wanted.backend, target.name, made, subject, port=wanted.port, key=key, gpus=gpus)
        return await self._managed.start(principal, request)

    async def _must_be_servable(self, principal: Principal, target: Target, wanted: ServeOptions) -> None:
        if not target.complete:
            raise Conflict(what="checkpoint_incomplete", model=target.name)
        if wanted.port and not 1024 <= wanted.port <= 65535:
            raise InvalidInput("port", "out_of_range", minimum=1024, maximum=65535)
        backend = next(each for each in known_backends(await self._environment.current()) if each.name == wanted.backend)
        if not backend.available:
            raise Conflict(what="backend_missing", backend=wanted.backend, package=PACKAGES[wanted.backend])
        if wanted.backend == "sglang" and is_adapter(target):
            raise Conflict(what="adapter_not_served", backend=wanted.backend, model=target.name)
        active = await self.services(principal, active=True)
        if len(active) >= self._settings.training.runs_a_user:
            raise Conflict(what="services_limit", limit=self._settings.training.runs_a_user)

    async def _gpus(self, wanted: ServeOptions) -> tuple[str, ...]:
        """The GPUs to serve on: named ones, else the first free one, else none (the CPU) where this machine has none."""
        if wanted.cpu:
            return ()
        there = await asyncio.to_thread(self._read_gpus)
        if not there:
            return ()
        held = await self._store.read(lambda uow: uow.slots.all())
        if wanted.gpus:
            known = {gpu.uuid for gpu in there}
            if missing := [uuid for uuid in wanted.gpus if uuid not in known]:
                raise InvalidInput("gpus", "unknown", value=", ".join(missing))
            return wanted.gpus
        free = offer(there, held).free
        if not free:
            raise Conflict(what="gpus_busy", gpus="")
        return (free[0].uuid,)

    async def ready(self, principal: Principal, service_id: str, *, within_s: float = 900.0) -> Service:
        """Wait until it answers (or failed, or the time is over): then its `configuration_id` can be chatted with."""
        return await self._managed.wait(principal, service_id, within_s=within_s)

    async def services(self, principal: Principal, *, active: bool = False) -> tuple[Service, ...]:
        """The principal's model servers, the newest first."""
        return await self._managed.services(principal, MODEL_KINDS, active=active)

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """End a model server with every process of its; its configuration is disabled. Raises NotFound(kind="service")."""
        service = await self._managed.service(principal, service_id)
        if service.kind not in MODEL_KINDS:
            raise NotFound(kind="service", reference=service_id)
        return await self._managed.stop(principal, service_id)

    # Merging, notes, deleting ----------------------------------------------------------------------------------------

    async def merge(self, principal: Principal, target_id: str, options: MergeOptions | None = None) -> Run:
        """Queue a run of the kind "export" that melts an adapter or checkpoint into its base.

        Raises NotFound, Conflict(what="checkpoint_incomplete" | "nothing_to_merge"), InvalidInput("name" | "shard_gb").
        """
        wanted = options or MergeOptions()
        target = await self.target(principal, target_id)
        if not is_adapter(target):
            raise Conflict(what="nothing_to_merge", model=target.name)
        if not target.complete:
            raise Conflict(what="checkpoint_incomplete", model=target.name)
        if not 1 <= wanted.shard_gb <= 100:
            raise InvalidInput("shard_gb", "out_of_range", minimum=1, maximum=100)
        export = infer_options(target, target.template)
        export |= {"export_size": wanted.shard_gb, "export_device": wanted.device, "export_legacy_format": False}
        name = wanted.name.strip() or f"{target.name} merged"
        request = RunRequest(name=name, kind="export", gpus=0 if wanted.device == "cpu" else 1, extra={"options": export})
        return await self._runs.start(principal, request)

    async def set_note(self, principal: Principal, target_id: str, note: str) -> Target:
        """What the principal wants to remember about it; others do not see it. Raises NotFound, InvalidInput("note", "too_long")."""
        owner = principal.require_user("model.note")
        if len(note) > NOTE_LIMIT:
            raise InvalidInput("note", "too_long", limit=NOTE_LIMIT)
        target = await self.target(principal, target_id)
        note_id, now = self._ids.new(), self._clock.now_ms()

        def work(uow: UnitOfWork) -> None:
            uow.services.set_note(owner, target.id, note.strip(), id=note_id, moment=now)

        await self._store.write(work)
        return replace(target, note=note.strip())

    async def delete(self, principal: Principal, target_id: str) -> int:
        """Delete a checkpoint or merged model of an own run from the disk; bytes that became free.

        Raises NotFound, Forbidden (a base model, a final adapter), Conflict(what="model_served" | "run_active" | "run_used").
        """
        target = await self.target(principal, target_id)
        if not target.run_id or target.kind not in ("checkpoint", "merged"):
            raise Forbidden(action="model.delete")
        run = await self._runs.run(principal, target.run_id)
        if run.state.is_active:
            raise Conflict(what="run_active", run=run.name)
        if target.service is not None:
            raise Conflict(what="model_served", model=target.name)
        output = run.output_dir
        if output is None or not target.folder.is_relative_to(output):
            raise NotFound(kind="local_model", reference=target_id)

        def work(uow: UnitOfWork) -> None:
            if (row := uow.runs.get(principal.user_id, run.id)) is not None:
                refuse_used(uow, row, within=target.folder)

        await self._store.read(work)
        await asyncio.to_thread(shutil.rmtree, target.folder)
        return target.size_bytes


def _places(target: Target) -> tuple[str, ...]:
    return tuple(path for path in (target.path, target.base) if path.startswith("/"))


def _matches(target: Target, notes: Mapping[str, str], words: list[str]) -> bool:
    parts = (target.name, target.path, target.base, target.run_name, target.facts.architecture, notes.get(target.id, ""))
    text = " ".join(parts).casefold()
    return all(word in text for word in words)


def _served_name(target: Target) -> str:
    """What a client asks it by: letters, digits and a few signs, so that it survives URLs, headers and shells."""
    return re.sub(r"[^\w.@-]+", "-", one_line(target.name, 60), flags=re.ASCII).strip("-") or "model"


__all__: list[Any] = ["Inference"]
