"""What a draft would ask: everything looked up and checked, then estimated. Asks no model."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.batches.asking import Snapshot
from core.batches.estimates import estimate
from core.batches.types import BatchDraft, Plan
from core.errors import InvalidInput
from core.persistence import Store
from core.questions.types import Question

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.models.configurations import Configurations
    from core.models.types import Configuration
    from core.questions.service import Questions
    from core.questions.types import QuestionSet
    from storage.unit_of_work import UnitOfWork

#: The most that one batch asks, and at one provider at a time; configurations; how often a question is asked.
MOST_ANSWERS, MOST_AT_ONCE, MOST_CONFIGURATIONS, MOST_REPETITIONS = 1_000_000, 256, 12, 20
MOST_RETRIES, MOST_A_MINUTE, NAME_LIMIT, RUBRIC_LIMIT = 10, 1_000_000, 200, 20_000
#: Answers of a model looked back at to tell how long its next ones will be.
_LOOK_BACK = 200


@dataclass(frozen=True)
class Prepared:
    """A draft with everything it names. `draft`: with the version and ids filled in. `questions`: as they stand in the set."""

    draft: BatchDraft
    set: QuestionSet
    questions: tuple[Question, ...]
    configurations: tuple[Configuration, ...]
    judge: Configuration | None

    @property
    def name(self) -> str:
        return self.draft.name or self.set.name

    @property
    def total(self) -> int:
        return len(self.questions) * len(self.configurations) * self.draft.repetitions

    @property
    def judge_total(self) -> int:
        """Judgements, if every answer comes."""
        if self.judge is None or self.draft.judge is None:
            return 0
        count, times = len(self.configurations), self.draft.repetitions
        graded = sum(1 for question in self.questions if (question.scorer or self.draft.scorer) == "judge")
        pairs = len(self.questions) * count * (count - 1) if self.draft.judge.pairs else 0
        return (graded * count + pairs) * times


class Planner:
    """`prepare` checks a draft, `plan` estimates it."""

    def __init__(self, store: Store, questions: Questions, configurations: Configurations) -> None:
        self._store = store
        self._questions = questions
        self._configurations = configurations

    async def prepare(self, principal: Principal, draft: BatchDraft) -> Prepared:
        """Raises InvalidInput, NotFound (question_set, question_set_version, configuration)."""
        ids = tuple(dict.fromkeys(draft.configuration_ids))
        _check(draft, ids)
        found = await self._questions.get(principal, draft.set_id)
        version = found.version if draft.version is None else draft.version
        made = tuple([await self._configurations.get(principal, each) for each in ids])
        judge = await self._configurations.get(principal, draft.judge.configuration_id) if draft.judge else None
        questions: list[Question] = []
        async for some in self._questions.all_questions(principal, found.id, version):
            questions += some
            if len(questions) * len(ids) * draft.repetitions > MOST_ANSWERS:
                raise InvalidInput("questions", "too_many", max=MOST_ANSWERS)
        if not questions:
            raise InvalidInput("questions", "empty")
        if judge is None and any((question.scorer or draft.scorer) == "judge" for question in questions):
            raise InvalidInput("judge", "required")
        draft = replace(draft, set_id=found.id, version=version, configuration_ids=tuple(each.id for each in made), name=draft.name.strip())
        if draft.judge is not None and judge is not None:
            draft = replace(draft, judge=replace(draft.judge, configuration_id=judge.id))
        return Prepared(draft, found, tuple(questions), made, judge)

    async def plan(self, principal: Principal, draft: BatchDraft) -> Plan:
        """See Batches.plan."""
        owner = principal.require_user("batch.plan")
        prepared = await self.prepare(principal, draft)
        known = await self._store.read(lambda uow: self._known(uow, owner, prepared))
        return await asyncio.to_thread(estimate, prepared, known)

    def _known(self, uow: UnitOfWork, owner: str, prepared: Prepared) -> dict[str, Any]:
        """What earlier answers of this owner tell: how long they were by model, and which requests are answered already."""
        draft = prepared.draft
        cached: dict[str, set[tuple[int, int]]] = defaultdict(set)
        if draft.use_cache:
            for made in prepared.configurations:
                snapshot = Snapshot.of(made)
                keys = {}
                for question in prepared.questions:
                    asked = question.filled()
                    for time in range(1, draft.repetitions + 1):
                        keys[snapshot.request_key(asked.text, asked.system, time)] = (question.number, time)
                cached[made.id] = {keys[key] for key in uow.batches.answered_requests(owner, list(keys))}
        models = {made.model for made in (*prepared.configurations, *filter(None, (prepared.judge,)))}
        return {"cached": cached, "models": {model: uow.batches.output_of_model(owner, model, _LOOK_BACK) for model in models}}


def _check(draft: BatchDraft, ids: Sequence[str]) -> None:
    from core.scoring.scorers import SCORERS

    if not ids:
        raise InvalidInput("configuration", "required")
    if len(ids) > MOST_CONFIGURATIONS:
        raise InvalidInput("configuration", "too_many", max=MOST_CONFIGURATIONS)
    if len(draft.name) > NAME_LIMIT:
        raise InvalidInput("name", "too_long", max=NAME_LIMIT)
    if draft.scorer and draft.scorer not in SCORERS:
        raise InvalidInput("scorer", "unknown", value=draft.scorer)
    if draft.judge is not None and len(draft.judge.rubric) > RUBRIC_LIMIT:
        raise InvalidInput("rubric", "too_long", max=RUBRIC_LIMIT)
    bounds: tuple[tuple[str, int | None, int, int], ...] = (
        ("concurrency", draft.concurrency, 1, MOST_AT_ONCE),
        ("retries", draft.retries, 0, MOST_RETRIES),
        ("repetitions", draft.repetitions, 1, MOST_REPETITIONS),
        ("requests_per_minute", draft.requests_per_minute, 1, MOST_A_MINUTE),
    )
    for name, value, low, high in bounds:
        if value is not None and not low <= value <= high:
            raise InvalidInput(name, "out_of_range", min=low, max=high)
