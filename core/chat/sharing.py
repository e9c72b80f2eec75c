"""Sharing (C11): somebody else, or everyone of the installation, may read a conversation; only its owner changes it.

Sharing holds until it is taken back or the conversation is deleted, the trash included. What a reader sees: core/chat/readers.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.audit import Actor
from core.auth.principal import Principal
from core.chat import convert, sending, text
from core.chat.base import MOST_CONVERSATIONS, making_in
from core.chat.conversations import ConversationService
from core.chat.readers import bare, for_readers, sight_of
from core.chat.types import AnswerUpdate, ConversationSummary, Message, Page, Share
from core.clock import from_ms
from core.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Instead of a name: everyone of the installation. No nickname and no e-mail is so short.
EVERYONE = "*"
_ALL = ""  # how the table says it
#: Accounts that one conversation may be shared with; for more there is everyone.
MOST_READERS = 100
#: Seconds between two looks whether what somebody watches is still shared with them.
_LOOK_S = 1.0


class Sharing(ConversationService):
    """The part of `Chat` for what more than one person sees."""

    async def share(self, principal: Principal, conversation_id: str, with_: str) -> Share:
        """Let a colleague read it, called by e-mail or nickname, typed exactly; or EVERYONE. Sharing again changes nothing.

        Raises NotFound (conversation, user), InvalidInput (reader: required, yourself, too_many), TooManyAttempts for wrong names,
        Conflict (in_trash).
        """
        owner, name, moment = principal.require_user("chat"), text.storable(with_).strip(), self._clock.now_ms()
        if not name:
            raise InvalidInput("reader", "required")
        await self._store.read(lambda uow: _own(uow, owner, conversation_id))  # before a name is looked up
        reader = _ALL if name == EVERYONE else await self._find_colleague(principal, name)
        if reader == owner:
            raise InvalidInput("reader", "yourself")

        def work(uow: UnitOfWork) -> Share:
            if _own(uow, owner, conversation_id, lock=True).deleted_at is not None:
                raise Conflict(what="in_trash")
            if len(uow.shares.of(conversation_id)) >= MOST_READERS and reader != _ALL:
                raise InvalidInput("reader", "too_many", max=MOST_READERS)
            if uow.shares.put(conversation_id, reader, moment):
                self._audit.note(uow, Actor.of(principal), "conversation.shared", ("conversation", conversation_id), reader=reader)
                uow.changes.touch(owner, [conversation_id])
            return next(_share(row) for row in uow.shares.of(conversation_id) if row.reader_id == reader)

        return await self._store.write(work)

    async def unshare(self, principal: Principal, conversation_id: str, reader: str) -> None:
        """Take it back at once. `reader`: as in `share`, or `Share.reader_id`. Raises NotFound (conversation, share)."""
        owner, name = principal.require_user("chat"), text.storable(reader).strip()

        def work(uow: UnitOfWork) -> None:
            _own(uow, owner, conversation_id, lock=True)
            # Only those it is shared with are looked at, so nothing is told of anybody else.
            found = [row for row in uow.shares.of(conversation_id) if _is_called(row, name)]
            if not found:
                raise NotFound(kind="share", reference=reader)
            for row in found:
                uow.shares.remove(conversation_id, row.reader_id)
                self._audit.note(uow, Actor.of(principal), "conversation.unshared", ("conversation", conversation_id), reader=row.reader_id)
            uow.changes.touch(owner, [conversation_id], readers=[row.reader_id for row in found])

        await self._store.write(work)

    async def shares(self, principal: Principal, conversation_id: str) -> tuple[Share, ...]:
        """Whom the own conversation is shared with: everyone first, then by nickname. Raises NotFound."""
        owner = principal.require_user("chat")

        def work(uow: UnitOfWork) -> tuple[Share, ...]:
            _own(uow, owner, conversation_id)
            return tuple(_share(row) for row in uow.shares.of(conversation_id))

        return await self._store.read(work)

    async def shared_with_me(self, principal: Principal, *, limit: int = 50, offset: int = 0, query: str = "") -> Page:
        """A page of what others share with this account or with everyone, the last used first; `query` as in `conversations`."""
        reader, query = principal.require_user("chat"), text.storable(query)
        at, limit, offset = self._moment(reader), max(0, min(limit, MOST_CONVERSATIONS)), max(0, offset)

        def work(uow: UnitOfWork) -> Page:
            rows = uow.shares.page(reader, limit=limit, offset=offset, query=query)
            making = making_in(uow, [row.id for row in rows], at)
            items = tuple(convert.shared_summary(row, generating=row.id in making) for row in rows)
            return Page(items, uow.shares.count(reader, query=query))

        return await self._store.read(work)

    async def copy(self, principal: Principal, conversation_id: str) -> ConversationSummary:
        """An own conversation with the messages of the branch in sight, to go on with: of a shared one, or of one's own.

        An answer that is being made is left out with its question; so is the system prompt of somebody else. Raises NotFound, Conflict
        (generating: there is nothing else yet).
        """
        reader = principal.require_user("chat")
        at, copied = self._moment(reader), self._ids.new()

        def work(uow: UnitOfWork) -> ConversationSummary:
            sight = sight_of(uow, reader, conversation_id, trash=False)
            row = sight.row
            nodes = uow.messages.outline(row.id, row.leaf_id) if row.leaf_id else []
            if nodes and nodes[-1].state == "generating":
                del nodes[-2:]
                if not nodes:
                    raise Conflict(what="generating")
            title = {"title": row.title, "title_source": "user" if row.title else "fallback", "model": row.model}
            own = {"system_prompt": row.system_prompt, "configuration_id": row.configuration_id} if sight.own else {}
            uow.conversations.add(**sending.new_conversation(copied, at, **title, **own))
            leaf = self._copy_messages(uow, at, copied, [node.id for node in nodes], own=sight.own)
            uow.conversations.change(reader, copied, leaf_id=leaf, message_count=len(nodes))
            uow.changes.touch(reader, [copied])
            return convert.summary(uow.conversations.get(reader, copied), generating=False)

        return await self._store.write(work)

    def _copy_messages(self, uow: UnitOfWork, at: sending.Moment, conversation_id: str, ids: list[str], *, own: bool) -> str | None:
        """Copy these messages of one branch, in their order, under new ids. The id of the last."""
        rows, parts = {row.id: row for row in uow.messages.rows(ids)}, uow.messages.parts(ids)
        shown = uow.images.of_messages(ids)
        hidden = {} if own else {"configuration_id": None, "provider_id": "", "cost": "", "currency": "", "error_fields": ""}
        parent: str | None = None
        for depth, message_id in enumerate(ids):
            place = {"id": self._ids.new(), "conversation_id": conversation_id, "parent_id": parent, "depth": depth}
            uow.messages.add({**rows[message_id]._asdict(), **hidden, **place})
            uow.messages.add_parts(str(place["id"]), parts.get(message_id, ()))
            images = [uow.images.copy_to(at.owner_id, self._ids.new(), image, at.now_ms) for image in shown.get(message_id, ())]
            uow.images.show_in_message(str(place["id"]), images)
            parent = str(place["id"])
        return parent

    async def _watch_shared(
        self, reader_id: str, answer_id: str, updates: AsyncGenerator[AnswerUpdate, None]
    ) -> AsyncGenerator[AnswerUpdate, None]:
        """`updates` of somebody else's answer, as long as it is shared with this reader. Raises NotFound when it is no longer."""
        looked = self._clock.monotonic()
        async with aclosing(updates):
            async for update in updates:
                if update.message is not None or self._clock.monotonic() - looked >= _LOOK_S:
                    if await self._store.read(lambda uow: uow.shares.of_message(reader_id, answer_id)) is None:
                        raise NotFound(kind="message", reference=answer_id)
                    looked = self._clock.monotonic()
                message: Message | None = None if update.message is None else for_readers(update.message)
                yield replace(update, message=message, error=None if update.error is None else bare(update.error))


def _own(uow: UnitOfWork, owner_id: str, conversation_id: str, *, lock: bool = False) -> Any:
    row = uow.conversations.lock(owner_id, conversation_id) if lock else uow.conversations.get(owner_id, conversation_id)
    if row is None:
        raise NotFound(kind="conversation", reference=conversation_id)
    return row


def _share(row: Any) -> Share:
    return Share(row.reader_id, row.nickname or "", from_ms(row.created_at))


def _is_called(row: Any, name: str) -> bool:
    if row.reader_id == _ALL:
        return name == EVERYONE
    return name == row.reader_id or name.casefold() in (row.nickname.casefold(), row.email.casefold())
