"""What the parts of `Comparisons` stand on: the candidates' chat, the store as that chat sees it, and the look at one comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import recovery
from core.chat.base import making_in
from core.chat.changes import Changes
from core.chat.identity import is_gone
from core.chat.sending import Moment
from core.clock import Clock, Identifiers
from core.compare import views
from core.compare.candidates import KIND, CandidateChat
from core.compare.types import Candidate, Comparison
from core.errors import Conflict, NotFound
from core.events import ComparisonsChanged, EventBus
from core.persistence import Store
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from core.chat.types import Message
    from core.models.configurations import Configurations
    from storage.unit_of_work import UnitOfWork

#: Rounds that are read when a comparison is opened, if nobody says more.
TAIL = 50
_MOST_ROUNDS = 100_000


class ComparisonsBase:
    """`shuffle` puts a list in an order drawn by lot, in place."""

    def __init__(
        self,
        store: Store,
        configurations: Configurations,
        chat: CandidateChat,
        supervisor: Supervisor,
        *,
        events: EventBus,
        clock: Clock,
        ids: Identifiers,
        shuffle: Callable[[list[Any]], None],
    ) -> None:
        self._plain_chat_store = Changes(store, events)
        self._store = Changes(store, events, KIND)
        self._configurations = configurations
        self._chat = chat
        self._supervisor = supervisor
        self._events = events
        self._clock = clock
        self._ids = ids
        self._shuffle = shuffle
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._turn = asyncio.Lock()  # held while a turn is saved and begun: a task is not ended in between

    async def get(self, principal: Principal, comparison_id: str, *, tail: int = TAIL) -> Comparison:
        """The comparison with its last `tail` rounds. Answers whose process is gone are marked as truncated now. Raises NotFound."""
        owner = principal.require_user("compare")
        now = self._clock.now_ms()

        def work(uow: UnitOfWork) -> tuple[Comparison, list[Any]]:
            row = own(uow, owner, comparison_id)
            columns = _candidates(uow, owner, comparison_id)
            rows = uow.comparisons.last_rounds(comparison_id, max(1, min(tail, _MOST_ROUNDS)))
            busy = uow.messages.generating([each.conversation_id for each in columns])
            gone = recovery.lost(busy, ours=self._chat.ours, now_ms=now)
            return views.comparison(row, columns, views.rounds(uow, rows, columns), asking=self._is_asked(row, now)), gone

        found, gone = await self._store.read(work)
        if gone:
            await self._store.write(lambda uow: recovery.mark_lost(uow, gone, now))
            found, _gone = await self._store.read(work)
        return views.with_unsaved(found, self._unsaved(owner, found.candidates))

    @staticmethod
    def _is_asked(row: Any, now_ms: int) -> bool:
        """Whether a process that is still there asks what waits in the comparison."""
        return bool(row.asker) and not is_gone(row.asker, row.asker_alive_at, now_ms)

    def _unsaved(self, owner: str, candidates: tuple[Candidate, ...]) -> dict[str, Message]:
        """Answers that have ended here and are not saved, by id."""
        made = (self._chat.generation_in(owner, each.conversation_id) for each in candidates)
        return {each.message.id: each.message for each in made if each is not None and each.done and each.message is not None}

    def _changed(self, owner: str, comparison_id: str) -> None:
        self._events.publish(ComparisonsChanged(owner, comparison_id))


def own(uow: UnitOfWork, owner: str, comparison_id: str, *, lock: bool = False) -> Any:
    """The row of a comparison of the owner's. Raises NotFound."""
    row = uow.comparisons.lock(owner, comparison_id) if lock else uow.comparisons.get(owner, comparison_id)
    if row is None:
        raise NotFound(kind="comparison", reference=comparison_id)
    return row


def _candidates(uow: UnitOfWork, owner: str, comparison_id: str) -> list[Candidate]:
    """The candidates, without the id of a configuration that is gone."""
    rows = uow.comparisons.candidates([comparison_id])
    known = uow.configurations.owned(owner, {row.configuration_id for row in rows if row.configuration_id})
    return [views.candidate(row, gone=row.configuration_id not in known) for row in rows]


def candidate_row(uow: UnitOfWork, owner: str, comparison_id: str, candidate_id: str, *, lock: bool = False) -> Any:
    """The row of one of its candidates. Raises NotFound (comparison, candidate)."""
    own(uow, owner, comparison_id, lock=lock)
    row = next((each for each in uow.comparisons.candidates([comparison_id]) if each.id == candidate_id), None)
    if row is None:
        raise NotFound(kind="candidate", reference=candidate_id)
    return row


def must_rest(uow: UnitOfWork, conversation_ids: list[str], at: Moment) -> None:
    """Raises Conflict (generating) if something is being made in one of these conversations."""
    if making_in(uow, conversation_ids, at):
        raise Conflict(what="generating")
