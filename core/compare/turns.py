"""Whose turn it is: in a supervised task, candidates that wait are asked one after the other, screen or no screen.

The comparison's row names the process that does so. After a crash nobody does, and what waits keeps waiting until the person says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.chat.identity import this_process
from core.chat.sending import Moment
from core.compare.base import ComparisonsBase, must_rest, own
from core.compare.candidates import Asking
from core.errors import Conflict, ModeltrainError, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.repositories.comparisons import Waiting
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
#: Seconds between two signs of life of a process that waits for an answer to end. It counts as gone after 30 (core/chat/identity.py).
_SIGN_OF_LIFE_S = 5.0


class Turns(ComparisonsBase):
    """The part of `Comparisons` that asks what waits."""

    async def ask_rest(self, principal: Principal, comparison_id: str) -> None:
        """Go on with what waits: after a restart, or after `stop`. Does nothing where nothing waits or somebody asks already.

        Raises NotFound, Conflict (generating).
        """
        owner = principal.require_user("compare")
        moment = self._making(owner)

        def work(uow: UnitOfWork) -> bool:
            row = own(uow, owner, comparison_id, lock=True)
            if self._is_asked(row, moment.now_ms) or not uow.comparisons.waiting(comparison_id):
                return False
            must_rest(uow, _conversations(uow, comparison_id), moment)
            uow.comparisons.change(comparison_id, asker=moment.generator, asker_alive_at=moment.now_ms)
            return True

        if await self._store.write(work):
            await self._take_turns(principal, comparison_id)

    def _making(self, owner: str) -> Moment:
        return Moment(owner, this_process(), self._clock.now_ms(), self._chat.ours)

    def _is_asked(self, row: object, now_ms: int) -> bool:
        """Whether somebody asks what waits. This process is believed only as far as its task runs."""
        from core.compare.views import asked_by_somebody

        if getattr(row, "asker", "") == this_process():
            return self._task_name(getattr(row, "id", "")) in self._supervisor.running
        return asked_by_somebody(row, now_ms)

    @staticmethod
    def _task_name(comparison_id: str) -> str:
        return f"comparison {comparison_id}"

    async def _take_turns(self, principal: Principal, comparison_id: str) -> None:
        """Begin to ask what waits, in place of the task that did so until now."""
        await self._end_turns(comparison_id)
        self._tasks[comparison_id] = self._supervisor.start(lambda: self._turns(principal, comparison_id), self._task_name(comparison_id))

    async def _end_turns(self, comparison_id: str) -> None:
        """End this process's task, if there is one: nothing more is asked by it once this returns."""
        task = self._tasks.pop(comparison_id, None)
        if task is not None and not task.done() and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})

    async def _turns(self, principal: Principal, comparison_id: str) -> None:
        owner = principal.require_user("compare")
        try:
            while await self._rest(owner, comparison_id):
                if not await self._next(principal, comparison_id):
                    break
        except NotFound:
            pass  # deleted meanwhile
        except ModeltrainError as problem:
            log.warning("the rest of comparison %s is not asked: %s", comparison_id, problem)
        finally:
            if self._tasks.get(comparison_id) is asyncio.current_task():
                del self._tasks[comparison_id]
        await self._let_go(owner, comparison_id)

    async def _let_go(self, owner: str, comparison_id: str) -> None:
        """This process asks no more of the comparison."""

        def work(uow: UnitOfWork) -> None:
            row = uow.comparisons.lock(owner, comparison_id)
            if row is not None and row.asker == this_process():
                uow.comparisons.change(comparison_id, asker="", asker_alive_at=None)

        with contextlib.suppress(ModeltrainError):
            await self._store.write(work)
        self._changed(owner, comparison_id)

    async def _rest(self, owner: str, comparison_id: str) -> bool:
        """Wait until nothing of it is being made; with signs of life. False if another process or the person took the turns away."""
        while True:
            moment = self._making(owner)

            def work(uow: UnitOfWork, at: Moment = moment) -> tuple[bool, list[str]]:
                row = own(uow, owner, comparison_id, lock=True)
                if row.asker != at.generator:
                    return False, []
                uow.comparisons.change(comparison_id, asker_alive_at=at.now_ms)
                return True, _conversations(uow, comparison_id)

            ours, conversations = await self._store.write(work)
            if not ours:
                return False
            made = [found for each in conversations if (found := self._chat.generation_in(owner, each)) is not None and not found.done]
            if not made:
                return True
            waits = [asyncio.ensure_future(generation.wait()) for generation in made]
            try:
                await asyncio.wait(waits, timeout=_SIGN_OF_LIFE_S)
            finally:
                for each in waits:
                    each.cancel()

    async def _next(self, principal: Principal, comparison_id: str) -> bool:
        """Ask whose turn it is: one candidate in sequential mode, else all of a round. False where nothing waits."""
        owner = principal.require_user("compare")
        waiting, mode = await self._store.read(
            lambda uow: (uow.comparisons.waiting(comparison_id), str(own(uow, owner, comparison_id).mode))
        )
        if not waiting:
            return False
        now = waiting[:1] if mode == "sequential" else [each for each in waiting if each.round_id == waiting[0].round_id]
        try:
            await self._ask_waiting(principal, comparison_id, now)
        except Conflict as problem:
            if problem.fields.get("what") != "taken":  # else `_rest` says whether there is anything left to do
                raise
        return True

    async def _ask_waiting(self, principal: Principal, comparison_id: str, now: Sequence[Waiting]) -> None:
        """Ask these; Conflict (taken) if they do not wait any more, or the turns are not this process's."""
        owner = principal.require_user("compare")
        askings = [Asking(each.conversation_id, self._ids.new(), each.question) for each in now]

        def beside(uow: UnitOfWork, at: Moment) -> list[str]:
            row = own(uow, owner, comparison_id, lock=True)
            still = {(each.round_id, each.candidate_id) for each in uow.comparisons.waiting(comparison_id)}
            if row.asker != at.generator or any((each.round_id, each.candidate_id) not in still for each in now):
                raise Conflict(what="taken")
            for each, asking in zip(now, askings, strict=True):
                uow.comparisons.asked(each.round_id, each.candidate_id, asking.question_id)
            shown = uow.images.about_rounds([now[0].round_id])
            return [image.id for image in shown.get(now[0].round_id, ())]

        await self._chat.ask(principal, askings, beside)
        self._changed(owner, comparison_id)


def _conversations(uow: UnitOfWork, comparison_id: str) -> list[str]:
    return [each.conversation_id for each in uow.comparisons.candidates([comparison_id])]
