"""A batch is made: its own copy of the questions and of the configurations as they are now, and a row for every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.batches.asking import Snapshot
from core.batches.rows import draft_text, question_columns
from core.clock import Clock, Identifiers
from core.persistence import Store

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.planning import Prepared
    from core.models.types import Configuration
    from storage.unit_of_work import UnitOfWork

#: Answers that are written in one transaction: others get their turn between two of them.
_AT_ONCE = 10_000
#: Milliseconds after which a batch that is still being made was given up by a process that is gone.
_GIVEN_UP_MS = 3600 * 1000


class Maker:
    """`make` writes everything, in several transactions; nobody sees the batch before it is whole."""

    def __init__(self, store: Store, clock: Clock, ids: Identifiers) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def make(self, principal: Principal, owner: str, prepared: Prepared) -> str:
        """The id of the batch, in state draft."""
        batch_id, now = self._ids.new(), self._clock.now_ms()
        configurations = [self._configuration(batch_id, place, made, prepared) for place, made in enumerate(prepared.configurations)]
        head = self._head(principal, owner, prepared) | {"id": batch_id, "created_at": now}

        def begin(uow: UnitOfWork) -> None:
            uow.batches.remove_half_made(now - _GIVEN_UP_MS)
            uow.batches.add(**head)
            uow.batches.add_configurations(configurations)

        await self._store.write(begin)
        chunks = self._chunks(batch_id, [each["id"] for each in configurations], prepared)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            await self._store.write(lambda uow, chunk=chunk: _add(uow, chunk))  # type: ignore[misc]
        await self._store.write(lambda uow: uow.batches.change(batch_id, state="draft"))
        return batch_id

    def _head(self, principal: Principal, owner: str, prepared: Prepared) -> dict[str, Any]:
        judge = prepared.judge
        kept = "" if judge is None else json.dumps({"source_id": judge.id, "name": judge.name, "snapshot": Snapshot.of(judge).to_json()})
        return {
            "owner_id": owner,
            "name": prepared.name,
            "state": "making",
            "served": principal.served,
            "set_id": prepared.set.id,
            "set_name": prepared.set.name,
            "set_version": prepared.draft.version or prepared.set.version,
            "questions": len(prepared.questions),
            "total": prepared.total,
            "draft": draft_text(prepared.draft),
            "judge": kept,
            "judge_total": prepared.judge_total,
        }

    def _configuration(self, batch_id: str, place: int, made: Configuration, prepared: Prepared) -> dict[str, Any]:
        return {
            "id": self._ids.new(),
            "batch_id": batch_id,
            "ordinal": place,
            "source_id": made.id,
            "name": made.name,
            "model": made.model,
            "provider_id": made.provider_id,
            "snapshot": Snapshot.of(made).to_json(),
            "total": len(prepared.questions) * prepared.draft.repetitions,
        }

    def _chunks(self, batch_id: str, configuration_ids: list[str], prepared: Prepared) -> Iterator[tuple[list[Any], list[Any]]]:
        """Rows of questions and of their answers, so that all configurations are asked a question before the next one."""
        times, ordinal = prepared.draft.repetitions, 0
        questions: list[dict[str, Any]] = []
        answers: list[dict[str, Any]] = []
        for number, question in enumerate(prepared.questions, 1):
            question_id = self._ids.new()
            questions.append(question_columns(question) | {"id": question_id, "batch_id": batch_id, "number": number})
            for repetition in range(1, times + 1):
                for configuration_id in configuration_ids:
                    answers.append(
                        {
                            "id": self._ids.new(),
                            "batch_id": batch_id,
                            "configuration_id": configuration_id,
                            "question_id": question_id,
                            "repetition": repetition,
                            "ordinal": ordinal,
                        }
                    )
                    ordinal += 1
            if len(answers) >= _AT_ONCE:
                yield questions, answers
                questions, answers = [], []
        if questions:
            yield questions, answers


def _add(uow: UnitOfWork, chunk: tuple[list[Any], list[Any]]) -> None:
    questions, answers = chunk
    uow.batches.add_questions(questions)
    uow.batches.add_answers(answers)
