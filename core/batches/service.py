"""Batches: planned, started, paused, resumed, cancelled, watched, rated. The work itself is the engine's (core/batches/engine.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from core.batches.types import (
    Answer,
    AnswerSort,
    AnswerState,
    Batch,
    BatchDraft,
    BatchState,
    BatchUpdate,
    Judgement,
    Page,
    Plan,
)

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.reports.types import ReportData, Words, Written
    from core.scoring.statistics import Statistics


class Batches:
    """Everything a person does with batches. Who works on them is decided by lease: any process that called `begin_working`."""

    async def plan(self, principal: Principal, draft: BatchDraft) -> Plan:
        """What the draft would ask, with estimates. Asks no model. Raises InvalidInput, NotFound (question_set, configuration)."""
        raise NotImplementedError

    async def create(self, principal: Principal, draft: BatchDraft) -> Batch:
        """Make a batch in state draft, with its own copy of the questions and of the configurations as they are now. Raises as `plan`."""
        raise NotImplementedError

    async def start(self, principal: Principal, batch_id: str) -> Batch:
        """Begin. Raises NotFound; Conflict(what="batch_state", state=...) unless it is a draft (a running one is left as it is)."""
        raise NotImplementedError

    async def pause(self, principal: Principal, batch_id: str) -> Batch:
        """Ask nothing more; what is under way is awaited. To pause what is paused, or being paused, changes nothing.

        Raises NotFound; Conflict(what="batch_state") for a draft and for one that has ended.
        """
        raise NotImplementedError

    async def resume(self, principal: Principal, batch_id: str) -> Batch:
        """Go on after a pause. To resume what runs changes nothing. Raises as `pause`."""
        raise NotImplementedError

    async def cancel(self, principal: Principal, batch_id: str) -> Batch:
        """End it for good; what came stays. Requests under way are stopped. Raises NotFound; Conflict(what="batch_state") once ended."""
        raise NotImplementedError

    async def retry_failed(self, principal: Principal, batch_id: str, *, configuration_id: str | None = None) -> Batch:
        """Ask the failed ones again (of one configuration, if named), and nothing else. The batch runs then.

        Raises NotFound; Conflict(what="nothing_failed"), Conflict(what="batch_state") for a draft or a cancelled one.
        """
        raise NotImplementedError

    async def batch(self, principal: Principal, reference: str) -> Batch:
        """By id, by the beginning of one (8 characters at least) or by name, of several the newest. Raises NotFound."""
        raise NotImplementedError

    async def batches(
        self, principal: Principal, *, query: str = "", states: Sequence[BatchState] = (), limit: int = 50, offset: int = 0
    ) -> Page[Batch]:
        """Newest first. `query`: part of the name, of the set's or of a model's; `states`: none means all."""
        raise NotImplementedError

    async def answers(
        self,
        principal: Principal,
        batch_id: str,
        *,
        state: AnswerState | None = None,
        configuration_id: str | None = None,
        type: str | None = None,  # noqa: A002  (what it is called everywhere)
        query: str = "",
        sort: AnswerSort = "number",
        limit: int = 100,
        offset: int = 0,
    ) -> Page[Answer]:
        """Answers with their questions. `query`: in question or answer. Raises NotFound."""
        raise NotImplementedError

    async def answer(self, principal: Principal, answer_id: str) -> Answer:
        """One answer. Raises NotFound(kind="answer")."""
        raise NotImplementedError

    async def judgements(self, principal: Principal, batch_id: str, *, limit: int = 100, offset: int = 0) -> Page[Judgement]:
        """What the judge said, in the order of the questions. Raises NotFound."""
        raise NotImplementedError

    def watch(self, principal: Principal, batch_id: str, interval_s: float = 0.5) -> AsyncGenerator[BatchUpdate, None]:
        """Updates at most every `interval_s` seconds, whichever process works on it; ends after the update in which nothing goes on any
        more (paused or ended). Raises NotFound, also when it is deleted meanwhile."""
        raise NotImplementedError

    async def rate(self, principal: Principal, answer_id: str, stars: int | None) -> Answer:
        """A person's stars, 1 to 5, None to take them back. Raises InvalidInput, NotFound, Conflict(what="not_answered")."""
        raise NotImplementedError

    async def rename(self, principal: Principal, batch_id: str, name: str) -> Batch:
        """Raises InvalidInput, NotFound."""
        raise NotImplementedError

    async def delete(self, principal: Principal, batch_id: str) -> None:
        """With all its answers. Raises NotFound; Conflict(what="batch_active") while it runs."""
        raise NotImplementedError

    async def statistics(self, principal: Principal, batch_id: str) -> Statistics:
        """Figures per configuration and type, and tests of differences (core/scoring/statistics.py). Raises NotFound."""
        raise NotImplementedError

    async def report_data(self, principal: Principal, batch_id: str) -> ReportData:
        """Everything that a report says, for the screen. Raises NotFound."""
        from core.batches.reports.gather import gather

        return await gather(self, principal, batch_id)

    async def report(self, principal: Principal, batch_id: str, form: str, words: Words, target: BinaryIO) -> Written:
        """Write a report into an open file (core.batches.reports.writing.replacing makes one). Raises NotFound, InvalidInput, DiskFull."""
        from core.batches.reports.gather import report

        return await report(self, principal, batch_id, form, words, target)
