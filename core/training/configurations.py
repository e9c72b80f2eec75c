"""Training configurations, and what is known about them before a start. Everybody has their own, and reads those that are shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
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
from core.training.planning import Place, Plan, ResolvedRun
from core.training.preflight_types import Preflight

if TYPE_CHECKING:
    from core.training.types import RunRequest


class Training:
    """`services.training`."""

    # Looking -------------------------------------------------------------------------------------------------------

    async def list(self, principal: Principal, *, query: str = "", shared: bool = True) -> tuple[TrainingConfiguration, ...]:
        """One's own and (`shared`) those that others share, with every word of `query` in name, model or note; own ones first, by name."""
        raise NotImplementedError

    async def get(self, principal: Principal, configuration_id: str) -> TrainingConfiguration:
        """Raises NotFound(kind="training_configuration") for unknown ids and other people's that are not shared."""
        raise NotImplementedError

    async def by_name(self, principal: Principal, name: str) -> TrainingConfiguration:
        """The one of that name or, failing that, of that id: what a person types in the shell."""
        raise NotImplementedError

    async def versions(self, principal: Principal, configuration_id: str) -> tuple[TrainingVersion, ...]:
        """Every state that it was in, the newest (in force) first."""
        raise NotImplementedError

    @staticmethod
    def differences(before: TrainingDraft, after: TrainingDraft) -> tuple[Difference, ...]:
        """The fields that two drafts differ in, in the order of the form; `extra` key by key ("extra.max_steps")."""
        raise NotImplementedError

    # Changing ------------------------------------------------------------------------------------------------------

    async def save(
        self, principal: Principal, draft: TrainingDraft, configuration_id: str | None = None, *, expected_version: int | None = None
    ) -> TrainingConfiguration:
        """Save a new one, or an edit (a new version unless nothing but name and note changed).

        Raises InvalidInput (the first error of check_draft), NotFound, Conflict(what="training_configuration").
        """
        raise NotImplementedError

    async def copy(self, principal: Principal, configuration_id: str) -> TrainingConfiguration:
        """The same under the next free name ("Fast 2"); also of one that somebody shares."""
        raise NotImplementedError

    async def roll_back(self, principal: Principal, configuration_id: str, version: int) -> TrainingConfiguration:
        """Save what it was as a new version."""
        raise NotImplementedError

    async def share(self, principal: Principal, configuration_id: str, shared: bool) -> TrainingConfiguration:
        """Let everybody read and copy it, or nobody."""
        raise NotImplementedError

    async def delete(self, principal: Principal, configuration_ids: Iterable[str]) -> int:
        """Delete all of them or, if one is unknown (NotFound), none; how many. Runs keep what they were made of."""
        raise NotImplementedError

    # Drafts --------------------------------------------------------------------------------------------------------

    async def fields(self, principal: Principal, *, method: Method, stage: Stage) -> tuple[FieldSpec, ...]:
        """The fields that mean something for method and stage, in order, with help, choices and ranges of the installed version."""
        raise NotImplementedError

    async def check_draft(self, principal: Principal, draft: TrainingDraft) -> tuple[Remark, ...]:
        """What is wrong with it, field by field (Remark.key): for forms, at each key. Nothing outside of it is looked at."""
        raise NotImplementedError

    @staticmethod
    def presets(method: Method | None = None, stage: Stage | None = None) -> tuple[Preset, ...]:
        """Starting points, of one method or stage if given."""
        raise NotImplementedError

    async def to_yaml(self, principal: Principal, draft: TrainingDraft) -> str:
        """The options of a draft as LLaMA-Factory reads them (without what the start adds: folders, data)."""
        raise NotImplementedError

    async def from_yaml(self, principal: Principal, text: str) -> Imported:
        """A draft made of somebody's own file. Raises InvalidInput("yaml", not_yaml | too_large | too_deep | not_a_mapping | ...)."""
        raise NotImplementedError

    async def recommend(self, principal: Principal, model: str, memory: int | None, *, stage: Stage = "sft") -> tuple[Recommendation, ...]:
        """What fits a model into `memory` bytes of each GPU (None: of the smallest one here), the best first."""
        raise NotImplementedError

    async def templates_for(self, principal: Principal, model: str) -> tuple[str, ...]:
        """The templates that fit a model (a folder or a hub name), the best first; () where none is known."""
        raise NotImplementedError

    # Starting ------------------------------------------------------------------------------------------------------

    async def preflight(self, principal: Principal, request: RunRequest) -> Preflight:
        """All checks of a start, with remedies. Raises only NotFound, InvalidInput("yaml"), Forbidden."""
        raise NotImplementedError

    async def resolve(self, principal: Principal, request: RunRequest) -> ResolvedRun:
        """What the run will be made of, as it is now: stored with the run. Raises InvalidInput (a denied option, a path that is not
        allowed, a value out of range, a stage that cannot run), NotFound (configuration, dataset), Forbidden."""
        raise NotImplementedError

    async def resolve_changes(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any]) -> ResolvedRun:
        """A resolved run with other values (fields of TrainingDraft or options), for a retry. Raises as `resolve`."""
        raise NotImplementedError

    async def plan(self, run: ResolvedRun, place: Place) -> Plan:
        """core/training/planning.py `plan`, after a last look that the allowed paths are still what they were, and the environment ready.

        For the scheduler: no principal. Raises InvalidInput("path", changed_since), EnvironmentProblem.
        """
        raise NotImplementedError
