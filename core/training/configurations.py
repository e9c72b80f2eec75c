"""Training configurations, and what is known about them before a start. Everybody has their own, and reads those that are shared."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import EnvironmentProblem, InvalidInput, NotFound
from core.persistence import Store
from core.settings import Settings
from core.training import configurations_store as kept
from core.training.configurations_checks import check_draft, first_error
from core.training.configurations_fields import fields_for
from core.training.configurations_options import differences, draft_options, imported
from core.training.configurations_types import (
    Difference,
    FieldSpec,
    Imported,
    Method,
    Preset,
    Recommendation,
    Remark,
    Stage,
    TrainingConfiguration,
    TrainingDraft,
    TrainingVersion,
)
from core.training.confinement import held
from core.training.environment import TrainingEnvironment
from core.training.options import PATHS
from core.training.options_paths import still_themselves
from core.training.planning import Place, Plan, ResolvedRun, plan, yaml_text
from core.training.planning_resolve import Resolver, unrestricted
from core.training.preflight import Preflighter
from core.training.preflight_types import Preflight
from core.training.template_view import TemplateViews
from core.training.template_view_types import SeenSamples

if TYPE_CHECKING:
    from core.datasets.service import Datasets
    from core.training.environment_types import Catalogue
    from core.training.gpus import GpuReader
    from core.training.types import RunRequest
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")


class Training:
    """`services.training`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        clock: Clock,
        ids: Identifiers,
        environment: TrainingEnvironment,
        datasets: Datasets,
        gpus: GpuReader,
    ) -> None:
        self._store = store
        self._settings = settings
        self._environment = environment
        self._editor = kept.Editor(clock, ids)
        self._resolver = Resolver(settings, store, datasets, gpus.read)
        self._preflighter = Preflighter(settings, environment, datasets, self._resolver, gpus.read)
        self._views = TemplateViews(environment, datasets, self._resolver)

    # Looking -------------------------------------------------------------------------------------------------------

    async def list(self, principal: Principal, *, query: str = "", shared: bool = True) -> tuple[TrainingConfiguration, ...]:
        """One's own and (`shared`) those that others share, with every word of `query` in name, model or note; own ones first, by name."""
        reader = principal.require_user("training.list")
        return await self._store.read(lambda uow: kept.arranged(uow.training_configurations.readable(reader, shared=shared), reader, query))

    async def get(self, principal: Principal, configuration_id: str) -> TrainingConfiguration:
        """Raises NotFound(kind="training_configuration") for unknown ids and other people's that are not shared."""
        reader = principal.require_user("training.list")
        return await self._store.read(lambda uow: kept.view(kept.get(uow, reader, configuration_id), reader))

    async def by_name(self, principal: Principal, name: str) -> TrainingConfiguration:
        """The one of that name or, failing that, of that id: what a person types in the shell."""
        reader = principal.require_user("training.list")

        def work(uow: UnitOfWork) -> TrainingConfiguration:
            return kept.view(uow.training_configurations.by_name(reader, name) or kept.get(uow, reader, name), reader)

        return await self._store.read(work)

    async def versions(self, principal: Principal, configuration_id: str) -> tuple[TrainingVersion, ...]:
        """Every state that it was in, the newest (in force) first."""
        reader = principal.require_user("training.list")
        return await self._store.read(lambda uow: kept.versions(uow, reader, configuration_id))

    @staticmethod
    def differences(before: TrainingDraft, after: TrainingDraft) -> tuple[Difference, ...]:
        """The fields that two drafts differ in, in the order of the form; `extra` key by key ("extra.max_steps")."""
        return differences(before, after)

    # Changing ------------------------------------------------------------------------------------------------------

    async def save(
        self, principal: Principal, draft: TrainingDraft, configuration_id: str | None = None, *, expected_version: int | None = None
    ) -> TrainingConfiguration:
        """Save a new one, or an edit (a new version unless nothing but name and note changed).

        Raises InvalidInput (the first error of check_draft), NotFound, Conflict(what="training_configuration").
        """
        if (error := first_error(await self.check_draft(principal, draft))) is not None:
            raise error

        def work(uow: UnitOfWork, owner: str) -> TrainingConfiguration:
            if configuration_id is None:
                return self._editor.create(uow, owner, draft)
            return self._editor.update(uow, owner, configuration_id, draft, expected_version)

        return await self._write(principal, work)

    async def copy(self, principal: Principal, configuration_id: str) -> TrainingConfiguration:
        """The same under the next free name ("Fast 2"); also of one that somebody shares."""

        def work(uow: UnitOfWork, owner: str) -> TrainingConfiguration:
            draft = kept.view(kept.get(uow, owner, configuration_id), owner).draft
            name = kept.free_name(draft.name, uow.training_configurations.names(owner))
            return self._editor.create(uow, owner, replace(draft, name=name))

        return await self._write(principal, work)

    async def roll_back(self, principal: Principal, configuration_id: str, version: int) -> TrainingConfiguration:
        """Save what it was as a new version. Raises NotFound."""

        def work(uow: UnitOfWork, owner: str) -> TrainingConfiguration:
            kept.get_own(uow, owner, configuration_id)
            draft, _ = kept.version_draft(uow, owner, configuration_id, version)
            return self._editor.update(uow, owner, configuration_id, draft, None)

        return await self._write(principal, work)

    async def share(self, principal: Principal, configuration_id: str, shared: bool) -> TrainingConfiguration:
        """Let everybody read and copy it, or nobody."""
        return await self._write(principal, lambda uow, owner: self._editor.share(uow, owner, configuration_id, shared))

    async def delete(self, principal: Principal, configuration_ids: Iterable[str]) -> int:
        """Delete all of them or, if one is unknown (NotFound), none; how many. Runs keep what they were made of."""
        wanted = tuple(configuration_ids)
        return await self._write(principal, lambda uow, owner: self._editor.delete(uow, owner, wanted))

    # Drafts --------------------------------------------------------------------------------------------------------

    async def fields(self, principal: Principal, *, method: Method, stage: Stage) -> tuple[FieldSpec, ...]:
        """The fields that mean something for method and stage, in order, with help, choices and ranges of the installed version."""
        return fields_for(method, stage, await self._environment.catalogue(principal))

    async def check_draft(self, principal: Principal, draft: TrainingDraft) -> tuple[Remark, ...]:
        """What is wrong with it, field by field (Remark.key): for forms, at each key. Nothing outside of it is looked at."""
        catalogue = await self._environment.catalogue(principal)
        return check_draft(draft, catalogue, unrestricted=unrestricted(principal))

    @staticmethod
    def presets(method: Method | None = None, stage: Stage | None = None) -> tuple[Preset, ...]:
        """Starting points, of one method or stage if given."""
        from core.training.presets import presets

        return tuple(each for each in presets() if method in (None, each.method) and stage in (None, each.stage))

    async def to_yaml(self, principal: Principal, draft: TrainingDraft) -> str:
        """The options of a draft as LLaMA-Factory reads them (without what the start adds: folders, data).

        Raises InvalidInput("extra", ...) where its YAML cannot be read.
        """
        del principal
        return yaml_text(draft_options(draft))

    async def from_yaml(self, principal: Principal, text: str) -> Imported:
        """A draft made of somebody's own file. Raises InvalidInput("yaml", not_yaml | too_large | too_deep | not_a_mapping | ...)."""
        free = unrestricted(principal)
        found = await asyncio.to_thread(imported, text, await self._environment.catalogue(principal), unrestricted=free)
        if any(remark.rule == "unsure_key" for remark in found.remarks):
            # Worth waiting for: a key that does not exist ends the run after half a minute.
            catalogue = await self._environment.whole_catalogue(principal)
            found = await asyncio.to_thread(imported, text, catalogue, unrestricted=free)
        return found

    async def recommend(self, principal: Principal, model: str, memory: int | None, *, stage: Stage = "sft") -> tuple[Recommendation, ...]:
        """What fits a model into `memory` bytes of each GPU (None: of the smallest one here), the best first; () where nothing is known.

        Raises InvalidInput("model_name_or_path", ...) for a model that may not be used.
        """
        return await self._preflighter.recommend(principal, model, memory, stage)

    async def templates_for(self, principal: Principal, model: str) -> tuple[str, ...]:
        """The templates that fit a model (a folder or a hub name), the best first; () where none is known."""
        return await self._preflighter.templates_for(principal, model)

    async def template_view(
        self,
        principal: Principal,
        dataset_id: str,
        *,
        model: str,
        template: str,
        cutoff: int = 2048,
        count: int = 20,
        options: Mapping[str, Any] | None = None,
    ) -> SeenSamples:
        """What the model sees of `count` samples, with LLaMA-Factory's own template and masks (some 10 s; then kept).

        `options`: train_on_prompt, mask_history, enable_thinking. Raises NotFound(kind="dataset"), InvalidInput("model_name_or_path",
        ...), EnvironmentProblem("training_environment_missing" | "training_helper_failed" (rule template_unknown, no_tokenizer, ...)).
        """
        wanted = dict(options or {})
        return await self._views.view(principal, dataset_id, model=model, template=template, cutoff=cutoff, count=count, options=wanted)

    # Starting ------------------------------------------------------------------------------------------------------

    async def preflight(self, principal: Principal, request: RunRequest) -> Preflight:
        """All checks of a start, with remedies. Raises only NotFound, InvalidInput("yaml"), Forbidden."""
        catalogue = await self._environment.catalogue(principal)
        asked = await self._resolver.asked(principal, request, catalogue)
        return await self._preflighter.run(principal, request, asked, catalogue)

    async def preflight_again(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any], request: RunRequest) -> Preflight:
        """All checks of another attempt of a run; `request` says on how many GPUs. Raises InvalidInput for changes that cannot be."""
        await self.resolve_changes(principal, run, changes)
        catalogue = await self._environment.catalogue(principal)
        asked = await self._resolver.asked_again(principal, run, changes)
        return await self._preflighter.run(principal, request, asked, catalogue)

    async def resolve(self, principal: Principal, request: RunRequest) -> ResolvedRun:
        """What the run will be made of, as it is now: stored with the run. Raises InvalidInput (a denied option, a path that is not
        allowed, a value out of range, a stage that cannot run), NotFound (configuration, dataset), Forbidden."""
        principal.require_user("run.start")
        return await self._surely(principal, lambda catalogue: self._resolver.resolve(principal, request, catalogue))

    async def resolve_changes(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any]) -> ResolvedRun:
        """A resolved run with other values (fields of TrainingDraft or options), for a retry. Raises as `resolve`."""
        principal.require_user("run.start")
        return await self._surely(principal, lambda catalogue: self._resolver.changed(principal, run, changes, catalogue))

    async def _surely(self, principal: Principal, resolve: Callable[[Catalogue], Awaitable[ResolvedRun]]) -> ResolvedRun:
        """Resolved with what is known at once. All options are read first (some 20 s) only where one is unknown so far, or wrong."""
        known = await self._environment.known_catalogue(principal)
        if not known.complete:
            with contextlib.suppress(InvalidInput):
                run = await resolve(known)
                if run.options.keys() <= known.options.keys() | PATHS.keys():
                    return run
        return await resolve(await self._environment.whole_catalogue(principal))

    async def plan(self, run: ResolvedRun, place: Place) -> Plan:
        """core/training/planning.py `plan`, after a last look that the allowed paths are still what they were, and the environment ready.

        For the scheduler: no principal. Raises InvalidInput("path", changed_since), EnvironmentProblem.
        """
        if not place.environment.ready:
            kind = "missing" if place.environment.state == "missing" else "broken"
            raise EnvironmentProblem(what=f"training_environment_{kind}", path=str(place.environment.folder))
        if (moved := await asyncio.to_thread(still_themselves, run.paths)) is not None:
            raise InvalidInput("path", "changed_since", value=moved)
        made = plan(run, place)
        if not run.confined:
            return made
        if place.swanlab_folder is not None:  # only what is there can be opened for a confined program
            await asyncio.to_thread(place.swanlab_folder.mkdir, 0o700, parents=True, exist_ok=True)
        return replace(made, argv=held(made.argv, self._settings, _opened(run, place), place.folder / "tmp"))

    # Inside --------------------------------------------------------------------------------------------------------

    async def _write(self, principal: Principal, work: Callable[[UnitOfWork, str], T]) -> T:
        """Run `work(uow, owner_id)` while nobody else changes this owner's configurations."""
        owner = principal.require_user("training.change")

        def locked(uow: UnitOfWork) -> T:
            if not uow.training_configurations.lock_owner(owner):
                raise NotFound(kind="user", reference=principal.email)
            return work(uow, owner)

        return await self._store.write(locked)


def _opened(run: ResolvedRun, place: Place) -> tuple[Path | str, ...]:
    """What a confined run may reach of the data folder: its own folders, its models and its data."""
    data = tuple(str(entry["file_name"]) for entry in (*run.datasets.values(), *run.eval_datasets.values()) if "file_name" in entry)
    beside = (place.swanlab_folder,) if place.swanlab_folder is not None else ()
    return (place.folder, place.folder.parent, place.output_folder, place.environment.folder, *beside, *run.paths, *data)
