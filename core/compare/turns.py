"""Whose turn it is: in a supervised task, candidates that wait are asked one after the other, screen or no screen.

The comparison's row names the process that does so. After a crash nobody does, and what waits keeps waiting until the person says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat.base import making_in
from core.chat.identity import this_process
from core.chat.sending import Moment
from core.compare.base import ComparisonsBase, must_rest, own
from core.compare.candidates import Asking
from core.errors import Conflict, ModeltrainError, NotFound, StorageError

if TYPE_CHECKING:
    from storage.repositories.comparisons import Waiting
    from storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)
#: Seconds between two signs of life of a process that waits for an answer to end. It counts as gone after 30 (core/chat/identity.py).
_SIGN_OF_LIFE_S = 5.0
#: Seconds between two looks at an answer that another process makes.
POLL_S = 1.0
#: How often a database that is away is asked again, every POLL_S seconds, before the rest is given up.
_TRIES = 60


class _TakenError(Exception):
    """What was to be asked does not wait any more, or somebody else asks it."""


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

    async def _take_turns(self, principal: Principal, comparison_id: str) -> None:
        """Begin to ask what waits, in place of the task that did so until now."""
        await self._end_turns(comparison_id)
        self._tasks[comparison_id] = self._supervisor.start(lambda: self._turns(principal, comparison_id), f"comparison {comparison_id}")

    async def _end_turns(self, comparison_id: str) -> None:
        """End this process's task, if there is one: nothing more is asked by it once this returns."""
        task = self._tasks.pop(comparison_id, None)
        if task is not None and not task.done() and task is not asyncio.current_task():
            async with self._turn:
                task.cancel()
            await asyncio.wait({task})

    async def _turns(self, principal: Principal, comparison_id: str) -> None:
        owner, given_up = principal.require_user("compare"), False
        try:
            while await self._rest(owner, comparison_id):
                if not await self._next(principal, comparison_id):
                    break
        except NotFound:
            pass  # deleted meanwhile
        except ModeltrainError as problem:
            log.warning("the rest of comparison %s is not asked: %s", comparison_id, problem)
            given_up = True
        finally:
            if self._tasks.get(comparison_id) is asyncio.current_task():
                del self._tasks[comparison_id]
        await self._let_go(owner, comparison_id, given_up=given_up)

    async def _let_go(self, owner: str, comparison_id: str, *, given_up: bool) -> None:
        """This process asks no more of the comparison.

        Where something waits and it was not given up, that is a new question, whose task begins just now.
        """

        def work(uow: UnitOfWork) -> None:
            row = uow.comparisons.lock(owner, comparison_id)
            if row is not None and row.asker == this_process() and (given_up or not uow.comparisons.waiting(comparison_id)):
                uow.comparisons.change(comparison_id, asker="", asker_alive_at=None)

        with contextlib.suppress(ModeltrainError):
            await self._store.write(work)
        self._changed(owner, comparison_id)

    async def _rest(self, owner: str, comparison_id: str) -> bool:
        """Wait until nothing of it is being made; with signs of life. False if another process or the person took the turns away."""
        while True:
            ours, conversations, busy = await self._live(owner, comparison_id)
            if not ours:
                return False
            made = [found for each in conversations if (found := self._chat.generation_in(owner, each)) is not None and not found.done]
            if made:
                await _one_ends([generation.wait() for generation in made])
            elif busy:  # by another process; or it has ended here, and the database did not take it
                for each in conversations:
                    await self._chat.settle(owner, each)
                await asyncio.sleep(POLL_S)
            else:
                return True

    async def _live(self, owner: str, comparison_id: str) -> tuple[bool, list[str], bool]:
        """Give a sign of life, again and again where the database is away for a moment: nothing is asked meanwhile."""
        for patience in range(_TRIES, -1, -1):
            at = self._making(owner)
            try:
                return await self._store.write(lambda uow, at=at: _sign_of_life(uow, at, comparison_id))  # type: ignore[misc]
            except StorageError:
                if not patience:
                    raise
                await asyncio.sleep(POLL_S)
        raise AssertionError

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
            async with self._turn:
                await self._ask_waiting(principal, comparison_id, now)
        except (Conflict, _TakenError) as problem:
            log.info("the turn in comparison %s is not taken: %s", comparison_id, problem)
        return True  # `_rest` says whether there is anything left to do

    async def _ask_waiting(self, principal: Principal, comparison_id: str, now: Sequence[Waiting]) -> None:
        """Ask these. Raises _TakenError; Conflict (generating)."""
        owner = principal.require_user("compare")
        askings = [Asking(each.conversation_id, self._ids.new(), each.question) for each in now]

        def beside(uow: UnitOfWork, at: Moment) -> list[str]:
            row = own(uow, owner, comparison_id, lock=True)
            still = {(each.round_id, each.candidate_id) for each in uow.comparisons.waiting(comparison_id)}
            if row.asker != at.generator or any((each.round_id, each.candidate_id) not in still for each in now):
                raise _TakenError
            must_rest(uow, _conversations(uow, comparison_id), at)
            for each, asking in zip(now, askings, strict=True):
                uow.comparisons.asked(each.round_id, each.candidate_id, asking.question_id)
            shown = uow.images.about_rounds([now[0].round_id])
            return [image.id for image in shown.get(now[0].round_id, ())]

        await self._chat.ask(principal, askings, beside)
        self._changed(owner, comparison_id)


def _sign_of_life(uow: UnitOfWork, at: Moment, comparison_id: str) -> tuple[bool, list[str], bool]:
    """Say that this process still asks: whether it does, the conversations, and whether something is being made in one."""
    row = own(uow, at.owner_id, comparison_id, lock=True)
    if row.asker != at.generator:
        return False, [], False
    uow.comparisons.change(comparison_id, asker_alive_at=at.now_ms)
    conversations = _conversations(uow, comparison_id)
    return True, conversations, bool(making_in(uow, conversations, at))


async def _one_ends(waiting: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Until one of these returns, or it is time for a sign of life."""
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        await asyncio.wait(tasks, timeout=_SIGN_OF_LIFE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()


def _conversations(uow: UnitOfWork, comparison_id: str) -> list[str]:
    return [each.conversation_id for each in uow.comparisons.candidates([comparison_id])]
