"""A judge model's part of a batch: it grades answers, and compares those of every two configurations in both orders.

Its requests go through the same lanes, limiter, saver and journal as the questions do.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from core.batches.asking import Item, Outcome, Snapshot
from core.batches.assignments import Assignment, Claimed, is_news, write_scores
from core.batches.desk import Desk
from core.batches.finishing import price
from core.batches.rows import error_text, question_of, score_columns
from core.clock import Clock, Identifiers
from core.errors import ModeltrainError, NotFound
from core.llm.events import Usage
from core.persistence import Store
from core.questions.types import Question
from core.scoring.judge import grade_score, judge_prompts, parse_verdict, reminder, scale_of
from core.scoring.judge_types import JudgePrompt

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: The judge's place among the configurations of a lane.
JUDGE = "judge"
#: How often a judge is asked whose verdict cannot be read.
_ASKED = 2
#: Questions whose judgements are laid out in one transaction; entries of a journal that are merged in one.
_LAID_OUT = _MERGED = 200


class JudgeDesk:
    """What the engine writes down of judgements; the same methods as Desk, where a lane and a saver need them."""

    configuration_id = JUDGE

    def __init__(self, store: Store, clock: Clock, assignment: Assignment) -> None:
        kept = json.loads(assignment.judge)
        self._store = store
        self._clock = clock
        self._ids = Identifiers(clock)
        self.assignment = assignment
        self.source_id: str = kept["source_id"]
        self.snapshots = {JUDGE: Snapshot.from_json(kept["snapshot"])}
        self._setting = assignment.draft.judge

    # What is to be judged --------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """A row for every judgement that is due: answers that came and were not judged yet."""
        batch_id = self.assignment.batch_id

        def look(uow: UnitOfWork) -> tuple[int, int, set[tuple[str, str, bool]]]:
            row = uow.batches.by_id(batch_id)
            return (row.questions if row else 0), uow.batches.judged(batch_id)[1], uow.batches.judgement_keys(batch_id)

        questions, ordinal, known = await self._store.read(look)
        for start in range(1, questions + 1, _LAID_OUT):

            def work(uow: UnitOfWork, start: int = start, ordinal: int = ordinal) -> int:
                rows = self._due(uow.batches.answered(batch_id, (start, start + _LAID_OUT)), known, ordinal)
                uow.batches.add_judgements(rows)
                return len(rows)

            ordinal += await self._store.write(work)

        def total(uow: UnitOfWork) -> None:
            uow.batches.change(batch_id, judge_total=uow.batches.judged(batch_id)[1])

        await self._store.write(total)

    def _due(self, rows: Sequence[Any], known: set[tuple[str, str, bool]], ordinal: int) -> list[dict[str, Any]]:
        groups: dict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in rows:
            groups[row.q_number, row.repetition].append(row)
        keys: list[tuple[str, str, bool]] = []
        for answers in groups.values():
            keys += [(row.id, "", False) for row in answers if row.scorer == JUDGE]
            if self._setting is not None and self._setting.pairs:
                keys += [(left.id, right.id, turned) for left, right in combinations(answers, 2) for turned in (False, True)]
        return [
            {
                "id": self._ids.new(),
                "batch_id": self.assignment.batch_id,
                "left_id": left,
                "right_id": right or None,
                "turned": turned,
                "ordinal": ordinal + place,
                "state": "waiting",
            }
            for place, (left, right, turned) in enumerate(key for key in keys if key not in known)
        ]

    # Asking ----------------------------------------------------------------------------------------------------------

    async def claim(self, configuration_ids: Sequence[str], count: int) -> Claimed:
        """As Desk.claim."""
        mine = self.assignment
        if not configuration_ids:
            return Claimed()

        def work(uow: UnitOfWork) -> Claimed:
            batch = uow.batches.by_id(mine.batch_id, lock=True)
            if batch is None or batch.epoch != mine.epoch:
                return Claimed(state="lost")
            if batch.state != "running":
                return Claimed(state=batch.state)
            items = tuple(self._item(row) for row in uow.batches.open_judgements(mine.batch_id, limit=count))
            uow.batches.change_judgements([item.id for item in items], state="asking", epoch=mine.epoch)
            return Claimed(items)

        return await self._store.write(work)

    def _item(self, row: Any) -> Item:
        question = question_of(row).filled()
        prompt = self._prompt(row, question)
        request = self.snapshots[JUDGE].request(prompt.user, prompt.system)
        return Item(row.id, JUDGE, request, question.number, None, row.attempts, more=(prompt, row.left_id, question, row.reason))

    def _prompt(self, row: Any, question: Question) -> JudgePrompt:
        rubric = str(question.options.get("rubric") or (self._setting.rubric if self._setting else ""))
        texts = [row.left_content] if row.right_id is None else [row.left_content, row.right_content]
        low, high = scale_of(question.options)
        prompt = judge_prompts(question.text, texts, rubric, expected=question.expected, low=low, high=high)[int(row.turned)]
        return reminder(prompt) if row.attempts else prompt

    async def put_back(self, items: Sequence[Item]) -> None:
        """As Desk.put_back."""
        ids, epoch = [item.id for item in items], self.assignment.epoch
        if ids:
            await self._store.write(lambda uow: uow.batches.put_back_asked_judgements(ids, epoch))

    async def give_up(self, _configuration_id: str, error: ModeltrainError) -> None:
        """What still waits fails unasked."""
        text, batch_id = error_text(error), self.assignment.batch_id

        def work(uow: UnitOfWork) -> None:
            batch = uow.batches.by_id(batch_id, lock=True)
            if batch is not None and batch.epoch == self.assignment.epoch:
                uow.batches.fail_judgements(batch_id, text)
                uow.batches.change(batch_id)

        await self._store.write(work)

    # What came -------------------------------------------------------------------------------------------------------

    async def save(self, outcomes: Sequence[Outcome], **columns: Any) -> None:
        """What the judge said, in one transaction, with columns of the batch. Grades become scores of their answers."""
        rows = await asyncio.to_thread(self._read_all, outcomes)
        batch_id, desk = self.assignment.batch_id, Desk(self._store, self._clock, self.assignment)

        def work(uow: UnitOfWork) -> None:
            batch = uow.batches.by_id(batch_id, lock=True)
            if batch is None:
                raise NotFound(kind="batch", reference=batch_id)
            states = uow.batches.judgement_states([key for key, _, _ in rows])
            for key, said, _ in rows:
                if states.get(key, "answered") != "answered":
                    uow.batches.change_judgements([key], answered_at=self._clock.now_ms(), **said)
            write_scores(uow, batch, [grade for _, _, grade in rows if grade is not None])
            uow.batches.change(batch_id, **desk.told(batch, columns))

        await self._store.write(work)

    def _read_all(self, outcomes: Sequence[Outcome]) -> list[tuple[str, dict[str, Any], tuple[str, float, dict[str, Any]] | None]]:
        return [self._read(outcome) for outcome in outcomes]

    def _read(self, outcome: Outcome) -> tuple[str, dict[str, Any], tuple[str, float, dict[str, Any]] | None]:
        """(id, columns of the judgement, (answer, weight, columns of its score) of a grade)."""
        entry = outcome.entry
        prompt, answer_id, question, reason = outcome.item.more
        said: dict[str, Any] = {
            "state": entry["state"],
            "attempts": entry["attempts"],
            "error": entry["error"],
            "input_tokens": entry["input_tokens"],
            "output_tokens": entry["output_tokens"],
        }
        if entry["state"] != "answered":
            return entry["id"], said, None
        if entry["input_tokens"] is not None and entry["output_tokens"] is not None:
            said |= price(self.snapshots[JUDGE], Usage(entry["input_tokens"], entry["output_tokens"]))
        verdict = parse_verdict(entry["content"], prompt)
        if not verdict.readable and entry["attempts"] < _ASKED:
            return entry["id"], said | {"state": "waiting", "reason": verdict.reason}, None
        said |= {"verdict": verdict.winner or "", "reason": reason or verdict.reason}
        if prompt.kind != "grade":
            return entry["id"], said, None
        pass_at = question.options.get("pass_at")
        score = grade_score(verdict, prompt, pass_at if isinstance(pass_at, int | float) else None)
        return entry["id"], said, (answer_id, question.weight, score_columns(score))

    async def merge(self, entries: Iterable[dict[str, Any]]) -> None:
        """Judgements out of a journal. What is none, or is there already, is left out."""
        by_id = {entry["id"]: entry for entry in entries}
        ids = list(by_id)
        for start in range(0, len(ids), _MERGED):
            some = ids[start : start + _MERGED]

            def read(uow: UnitOfWork, some: Sequence[str] = some) -> list[Item]:
                rows = uow.batches.open_judgements(self.assignment.batch_id, ids=some)
                return [self._item(row) for row in rows if is_news(by_id[row.id], row)]

            rows = await self._store.read(read)
            if rows:
                await self.save([Outcome(item, by_id[item.id]) for item in rows])
