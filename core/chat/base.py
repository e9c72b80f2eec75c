"""What the parts of `Chat` stand on: the store, the clock, the answers being made; and the rows of a list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from typing import TYPE_CHECKING, Any

from core.audit import Audit
from core.auth.principal import Principal
from core.chat import convert, recovery, sending
from core.chat.answering import Answering
from core.chat.changes import Changes
from core.chat.identity import this_process
from core.chat.types import ConversationSummary
from core.clock import Clock, Identifiers
from core.events import EventBus
from core.persistence import Store
from core.settings import ChatSettings
from core.supervisor import Supervisor

if TYPE_CHECKING:
    from core.models.configurations import Configurations
    from storage.unit_of_work import UnitOfWork

#: Conversations on one page of a list: at most.
MOST_CONVERSATIONS = 1_000
#: The id of the account that is called so. Raises NotFound (user), TooManyAttempts.
FindColleague = Callable[[Principal, str], Awaitable[str]]


class ChatBase:
    """See the module. `find_colleague`: who is meant by a name that somebody typed. `kind`: which conversations there are for it."""

    def __init__(
        self,
        store: Store,
        configurations: Configurations,
        supervisor: Supervisor,
        *,
        events: EventBus,
        clock: Clock,
        ids: Identifiers,
        settings: ChatSettings,
        find_colleague: FindColleague,
        kind: str = "",
    ) -> None:
        self._store = Changes(store, events, kind)
        self._configurations = configurations
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._find_colleague = find_colleague
        self._audit = Audit(clock, ids)
        self._answering = Answering(self._store, clock, events, supervisor, settings)

    @property
    def ours(self) -> Container[str]:
        """The ids of the answers that this process makes, or has made and not saved yet."""
        return self._answering.ours

    def _moment(self, owner: str, *, making: bool = False) -> sending.Moment:
        """Now. `making`: an answer is begun, so this process must be named (which imports psutil)."""
        return sending.Moment(owner, this_process() if making else "", self._clock.now_ms(), self._answering.ours)


def summaries(uow: UnitOfWork, rows: Sequence[Any], at: sending.Moment) -> tuple[ConversationSummary, ...]:
    """Rows of the owner's list, with what is being made and what is shared."""
    ids = [row.id for row in rows]
    making, shared = making_in(uow, ids, at), uow.shares.shared(ids)
    return tuple(convert.summary(row, generating=row.id in making, shared=row.id in shared) for row in rows)


def making_in(uow: UnitOfWork, ids: list[str], at: sending.Moment) -> set[str]:
    """Those of these conversations in which an answer is being made."""
    busy = uow.messages.generating(ids) if ids else []
    gone = {row.id for row in recovery.lost(busy, ours=at.ours, now_ms=at.now_ms)}
    return {row.conversation_id for row in busy if row.id not in gone}
