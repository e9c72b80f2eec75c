"""What is checked before a start, all at once, each with what to do about it; and what fits into the memory at hand."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from core.auth.principal import Principal
from core.errors import ModeltrainError, NotFound
from core.settings import Settings
from core.training.configurations_checks import check_draft
from core.training.configurations_options import changed, draft_options
from core.training.configurations_types import Method, Recommendation, Stage, TrainingDraft
from core.training.course import course_of
from core.training.environment import TrainingEnvironment
from core.training.environment_types import Catalogue, EnvironmentState
from core.training.memory import estimate
from core.training.planning import CHECKPOINTS_KEPT, Place, ResolvedRun, train_options, yaml_text
from core.training.planning_resolve import Asked, Resolver, unrestricted
from core.training.preflight_data import course_checks, dataset_checks
from core.training.preflight_machine import (
    Machine,
    choose,
    disk_checks,
    disk_needed,
    environment_checks,
    gpu_checks,
    memory_checks,
    package_checks,
    path_checks,
    port_checks,
    swanlab_checks,
)
from core.training.preflight_model import ModelFound, fitting_templates, look_at_model, template_checks
from core.training.preflight_types import Check, Course, MemoryEstimate, Preflight, Remedy

if TYPE_CHECKING:
    from core.datasets.service import Datasets
    from core.training.gpus import Gpu
    from core.training.types import RunRequest

#: What is tried, the best result first: (method, changes beside it).
_TRIED: Final[tuple[tuple[Method, dict[str, Any]], ...]] = (
    ("full", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}),
    ("lora", {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}),
    ("lora", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}),
    ("lora", {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8}),
    ("lora", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}),
    ("qlora", {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}),
    ("qlora", {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8}),
    ("qlora", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}),
    ("qlora", {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16, "cutoff_len": 1024}),
)
#: Of the memory, what a recommendation leaves free.
_ROOM: Final = 0.1


class Preflighter:
    """`gpus()` gives those of this machine, and blocks shortly."""

    def __init__(
        self,
        settings: Settings,
        environment: TrainingEnvironment,
        datasets: Datasets,
        resolver: Resolver,
        gpus: Callable[[], tuple[Gpu, ...]],
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._datasets = datasets
        self._resolver = resolver
        self._gpus = gpus

    async def run(self, principal: Principal, request: RunRequest, asked: Asked, catalogue: Catalogue) -> Preflight:
        """Everything that can be said about a start. Raises nothing but what the database raises."""
        draft, state = asked.draft, await self._environment.current()
        machine = await asyncio.to_thread(self._machine, request)
        found = await self._model(principal, draft)
        checks = environment_checks(state)
        checks += self._option_checks(principal, draft, asked, catalogue)
        checks += await asyncio.to_thread(swanlab_checks, draft)
        checks += [*found.checks, *template_checks(draft, found, catalogue)]
        checks += await self._data(principal, asked)
        resolved, refusal = await self._resolved(principal, asked, catalogue, machine)
        if refusal is not None and not any(check.level == "fail" for check in checks):
            checks.append(refusal)
        options = dict(resolved.options) if resolved is not None else _options(draft)
        workers = max(machine.asked, request.processes, 1)
        course = course_of(options, resolved.rows if resolved is not None else (), workers)
        checks += course_checks(course, draft)
        memory, more = memory_checks(machine, found.shape, options, draft.deepspeed)
        checks += [*gpu_checks(machine, options, draft.deepspeed), *more, *package_checks(state, options, draft.deepspeed)]
        checks += path_checks(state, machine, request.processes, draft.deepspeed)
        checks += port_checks(machine, request.processes, draft.deepspeed)
        return self._result(request, checks, course, memory, found, options, machine, resolved, state)

    def _result(
        self,
        request: RunRequest,
        checks: list[Check],
        course: Course,
        memory: MemoryEstimate | None,
        found: ModelFound,
        options: dict[str, Any],
        machine: Machine,
        resolved: ResolvedRun | None,
        state: EnvironmentState,
    ) -> Preflight:
        kept = int(options.get("save_total_limit") or CHECKPOINTS_KEPT)
        needed = disk_needed(found.shape, options, course, kept)
        checks += disk_checks(needed, machine.disk_free, self._settings.training.disk_reserve_bytes, kept)
        return Preflight(
            checks=tuple(checks),
            course=course,
            memory=memory,
            disk_needed=needed,
            disk_free=machine.disk_free,
            yaml=self._yaml(request, resolved, state, machine) if resolved is not None else yaml_text(options),
        )

    # Parts ---------------------------------------------------------------------------------------------------------

    def _option_checks(self, principal: Principal, draft: TrainingDraft, asked: Asked, catalogue: Catalogue) -> list[Check]:
        named = replace(draft, name=draft.name or "run")
        # Model and template have checks of their own, which know more.
        said = {"model_missing", "template_missing", "template_unknown"}
        remarks = [each for each in check_draft(named, catalogue, unrestricted=unrestricted(principal)) if each.rule not in said]
        remarks += [each for each in asked.remarks if each.level != "note" and each.rule not in said]
        levels = {"error": "fail", "warning": "warn", "note": "ok"}
        found = []
        for remark in dict.fromkeys((each.level, each.rule, each.key) for each in remarks):
            fields = next(dict(each.fields) for each in remarks if (each.level, each.rule, each.key) == remark)
            level, rule, key = remark
            go = Remedy("change_configuration", fields={"key": key}, go="configuration")
            found.append(Check("options", rule, levels[level], {"key": key, **fields}, (go,) if level == "error" else ()))  # type: ignore[arg-type]
        return found or [Check("options", "options_fine", "ok")]

    async def _model(self, principal: Principal, draft: TrainingDraft) -> ModelFound:
        reach = await self._resolver.reach(principal, (draft.model_name_or_path,))
        code = "trust_remote_code" in draft.extra and unrestricted(principal)
        return await asyncio.to_thread(look_at_model, draft.model_name_or_path, reach, os.environ, custom_code=code)

    async def _data(self, principal: Principal, asked: Asked) -> list[Check]:
        if not asked.dataset_ids and asked.before is None:
            return [Check("data", "no_dataset", "fail", {}, (Remedy("choose_dataset", go="datasets"),))]
        checks: list[Check] = []
        for dataset_id in dict.fromkeys((*asked.dataset_ids, *asked.draft.eval_dataset_ids)):
            try:
                dataset = await self._datasets.dataset(principal, dataset_id)
            except NotFound:
                checks.append(Check("data", "dataset_removed", "fail", {}, (Remedy("choose_dataset", go="datasets"),)))
                continue
            checks += dataset_checks(dataset, asked.draft)
        return checks

    async def _resolved(
        self, principal: Principal, asked: Asked, catalogue: Catalogue, machine: Machine
    ) -> tuple[ResolvedRun | None, Check | None]:
        try:
            if asked.before is not None:
                return await self._resolver.changed(principal, *asked.before, catalogue), None
            return await self._resolver.resolved(principal, asked, catalogue, gpus=machine.asked), None
        except ModeltrainError as error:
            fields = {"key": error.fields.get("field", ""), **{key: value for key, value in error.fields.items() if key != "field"}}
            rule = str(error.fields.get("rule") or error.fields.get("what") or error.code)
            topic = "rights" if rule in ("path_not_allowed", "denied") else "data" if error.fields.get("what") else "options"
            return None, Check(topic, rule, "fail", fields)

    def _machine(self, request: RunRequest) -> Machine:
        import psutil

        gpus = self._gpus()
        asked = len(request.gpu_uuids) or request.gpus
        if not gpus and not request.gpu_uuids:
            asked = 0  # the scheduler gives such a run the CPU
        wanted, unknown = choose(gpus, asked, request.gpu_uuids)
        memory = psutil.virtual_memory()
        return Machine(gpus, wanted, asked, unknown, memory.available, memory.total, self._disk_free())

    def _disk_free(self) -> int | None:
        runs = self._settings.data_dir / "runs"
        folder = runs if runs.exists() else self._settings.data_dir
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return None

    def _yaml(self, request: RunRequest, resolved: ResolvedRun, state: EnvironmentState, machine: Machine) -> str:
        place = Place(
            folder=self._settings.data_dir / "runs" / "RUN" / "1",
            run_id="RUN",
            run_name=request.name or "RUN",
            environment=state,
            gpu_uuids=tuple(gpu.uuid for gpu in machine.wanted) or ("GPU",) * machine.asked,
            processes=request.processes,
            swanlab_folder=self._settings.data_dir / "swanlab" / "OWNER",
        )
        return yaml_text(train_options(resolved, place))

    # Advice --------------------------------------------------------------------------------------------------------

    async def templates_for(self, principal: Principal, model: str) -> tuple[str, ...]:
        found = await self._model(principal, TrainingDraft(model_name_or_path=model))
        return fitting_templates(found, await self._environment.catalogue(principal))

    async def recommend(self, principal: Principal, model: str, memory: int | None, stage: Stage) -> tuple[Recommendation, ...]:
        """The best that fits of each method, the best first; where nothing fits, what needs least."""
        found = await self._model(principal, TrainingDraft(model_name_or_path=model))
        if memory is None:
            gpus = await asyncio.to_thread(self._gpus)
            memory = min((gpu.memory_total for gpu in gpus), default=0)
        if found.shape is None or not memory:
            return ()
        tried = []
        for method, changes in _TRIED:
            draft = changed(TrainingDraft(model_name_or_path=model, method=method, stage=stage), changes)
            total = estimate(found.shape, draft_options(draft) | {"bf16": True}).total
            tried.append(Recommendation(method, changes, total, memory, total <= memory * (1 - _ROOM)))
        fitting = [each for each in tried if each.fits]
        best = {each.method: each for each in reversed(fitting)}
        return tuple(each for each in fitting if best[each.method] is each) or (min(tried, key=lambda each: each.total),)


def _options(draft: TrainingDraft) -> dict[str, Any]:
    """The options as far as they can be made."""
    try:
        return draft_options(draft)
    except ModeltrainError:
        return draft_options(replace(draft, extra=""))
