"""Who looks at what: answers that nobody saw, the place of reading, and what other processes change meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.chat import places, text
from core.chat.base import MOST_CONVERSATIONS, ChatBase, summaries
from core.chat.places import ReadingPlace
from core.chat.saving import unread_state
from core.chat.types import Page
from core.errors import NotFound

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


class Presence(ChatBase):
    """The part of `Chat` that knows who was where."""

    async def unread(self, principal: Principal, *, limit: int = 50) -> Page:
        """The conversations with an answer that ended while its owner did not look, the last used first."""
        owner = principal.require_user("chat")
        at, limit = self._moment(owner), max(0, min(limit, MOST_CONVERSATIONS))

        def work(uow: UnitOfWork) -> Page:
            return Page(summaries(uow, uow.conversations.unread(owner, limit), at), uow.conversations.count_unread(owner))

        return await self._store.read(work)

    async def seen(self, principal: Principal, conversation_id: str) -> None:
        """The owner has looked at the end of the conversation: nothing in it is unread. Raises NotFound."""
        await self._mark(principal, conversation_id, "")

    async def unseen(self, principal: Principal, conversation_id: str) -> None:
        """Take back that the last answer was seen: its owner's link broke, perhaps before it came. Nothing while it is being made.

        Raises NotFound.
        """
        owner = principal.require_user("chat")

        def state(uow: UnitOfWork) -> str:
            row = uow.conversations.get(owner, conversation_id)
            if row is None:
                raise NotFound(kind="conversation", reference=conversation_id)
            leaf = uow.messages.find(owner, row.leaf_id) if row.leaf_id else None
            return unread_state(leaf.state) if leaf is not None and leaf.role == "assistant" else ""

        if found := await self._store.read(state):
            await self._mark(principal, conversation_id, found)

    async def _mark(self, principal: Principal, conversation_id: str, state: str) -> None:
        owner = principal.require_user("chat")

        def differs(uow: UnitOfWork) -> bool:
            row = uow.conversations.get(owner, conversation_id)
            if row is None:
                raise NotFound(kind="conversation", reference=conversation_id)
            return str(row.unread) != state

        def work(uow: UnitOfWork) -> None:
            if differs(uow):
                uow.conversations.change(owner, conversation_id, unread=state)
                uow.changes.touch(owner, [conversation_id])

        # Most of the time there is nothing to write, and reading waits for nobody.
        if await self._store.read(differs):
            await self._store.write(work)

    async def place(self, principal: Principal) -> ReadingPlace:
        """Where this account was last."""
        owner = principal.require_user("chat")
        return places.decoded(await self._store.read(lambda uow: uow.places.get(owner)))

    async def save_place(self, principal: Principal, place: ReadingPlace) -> None:
        """Keep where this account is; of two terminals the last one wins."""
        owner, kept, moment = principal.require_user("chat"), text.storable(places.encoded(place)), self._clock.now_ms()
        await self._store.write(lambda uow: uow.places.put(owner, kept, moment))

    async def start_following(self, principal: Principal) -> None:
        """What other processes change for this account from now on is told by `follow`: call it before the first list is read."""
        await self._store.start(principal.require_user("chat"))

    async def follow(self, user_ids: Collection[str]) -> None:
        """Publish what other processes changed for these accounts since the last call (core/events.py, ConversationChanged).

        To be called every second or two for everybody whose screen this process draws; one query while nothing changes.
        """
        await self._store.look(user_ids)
