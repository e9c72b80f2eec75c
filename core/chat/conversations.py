"""Conversations: list, open, rename, throw away, bring back. What needs a model is in service.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import convert, recovery, sending, text
from core.chat.base import MOST_CONVERSATIONS, summaries
from core.chat.presence import Presence
from core.chat.readers import Sight, sight_of
from core.chat.types import ConversationSummary, ConversationView, Message, Page
from core.errors import NotFound
from core.settings import DAY

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Messages read at once: at most.
_MOST_MESSAGES = 1_000_000


class ConversationService(Presence):
    """The part of `Chat` that asks no model."""

    # The list ------------------------------------------------------------------------------------------------------

    async def conversations(self, principal: Principal, *, limit: int = 50, offset: int = 0, query: str = "", trash: bool = False) -> Page:
        """A page of the own conversations: pinned first, then the last used; of the trash: the last deleted first.

        `query`: words that must all be in the title, whatever their case.
        """
        owner, query = principal.require_user("chat"), text.storable(query)
        at, limit, offset = self._moment(owner), max(0, min(limit, MOST_CONVERSATIONS)), max(0, offset)

        def work(uow: UnitOfWork) -> Page:
            rows = uow.conversations.page(owner, limit=limit, offset=offset, query=query, trash=trash)
            return Page(summaries(uow, rows, at), uow.conversations.count(owner, query=query, trash=trash))

        return await self._store.read(work)

    async def create(self, principal: Principal, *, configuration_id: str | None = None, title: str = "") -> ConversationSummary:
        """A new, empty conversation. Raises NotFound (configuration), InvalidInput (title)."""
        owner = principal.require_user("chat")
        if configuration_id is not None:
            await self._configurations.get(principal, configuration_id)
        named = {"title": text.title(title), "title_source": "user"} if title.strip() else {}
        values = sending.new_conversation(self._ids.new(), self._moment(owner), configuration_id=configuration_id, **named)

        def work(uow: UnitOfWork) -> ConversationSummary:
            uow.conversations.add(**values)
            uow.changes.touch(owner, [values["id"]])
            return convert.summary(uow.conversations.get(owner, values["id"]), generating=False)

        return await self._store.write(work)

    # One conversation ----------------------------------------------------------------------------------------------

    async def open(
        self, principal: Principal, conversation_id: str, *, tail: int = 200, trash: bool = False, reach: str = ""
    ) -> ConversationView:
        """The conversation with the last `tail` messages of the branch in sight, or more, back to the message `reach`.

        Answers whose process is gone are marked as truncated now. One in the trash is opened only with `trash`. One that somebody
        shares with the principal is opened too, to be read: `summary.owner` says whose it is. Raises NotFound.
        """
        reader, limit = principal.require_user("chat"), max(1, min(tail, _MOST_MESSAGES))
        await self._answering.settle(reader, conversation_id)
        at = self._moment(reader)

        def work(uow: UnitOfWork) -> tuple[ConversationView, list[Any]]:
            sight = sight_of(uow, reader, conversation_id, trash=trash)
            busy = uow.messages.generating([conversation_id])
            gone = recovery.lost(busy, ours=at.ours, now_ms=at.now_ms)
            return _view(uow, sight, limit, reach, generating=len(busy) > len(gone)), gone

        view, gone = await self._store.read(work)
        if gone:
            await self._store.write(lambda uow: recovery.mark_lost(uow, gone, at.now_ms))
            view, _gone = await self._store.read(work)
        return self._with_unsaved(reader, view)

    def _with_unsaved(self, owner: str, view: ConversationView) -> ConversationView:
        """The view, with an answer that is in memory only because the database did not take it."""
        generation = self._answering.in_conversation(owner, view.summary.id)
        if generation is None or not generation.done or generation.message is None:
            return view
        kept = generation.message
        messages = tuple(kept if message.id == kept.id else message for message in view.messages)
        return ConversationView(view.summary, view.system_prompt, messages, view.earlier)

    async def earlier(self, principal: Principal, conversation_id: str, before_id: str, limit: int = 500) -> tuple[Message, ...]:
        """Up to `limit` messages of the branch before the message `before_id`, oldest first. Raises NotFound."""
        reader = principal.require_user("chat")
        limit = max(1, min(limit, _MOST_MESSAGES))

        def work(uow: UnitOfWork) -> tuple[Message, ...]:
            sight = sight_of(uow, reader, conversation_id, trash=True, kind="message", reference=before_id)
            before = uow.messages.find(sight.owner_id, before_id)
            if before is None or before.conversation_id != conversation_id:
                raise NotFound(kind="message", reference=before_id)
            rows = uow.messages.branch(sight.owner_id, conversation_id, before.parent_id, limit)
            return sight.messages(uow, rows)

        return await self._store.read(work)

    async def export(self, principal: Principal, conversation_id: str) -> dict[str, Any]:
        """The branch in sight as plain values for JSON: id, title, messages (the shape of `conversation show --json`).

        With the `owner`, a nickname, where it is somebody else's.
        """
        view = await self.open(principal, conversation_id, tail=_MOST_MESSAGES)
        owner = {"owner": view.summary.owner} if view.summary.owner else {}
        return {"id": view.summary.id, "title": view.summary.title, **owner, "messages": [_exported(message) for message in view.messages]}

    async def rename(self, principal: Principal, conversation_id: str, title: str) -> None:
        """Give it a title that no model replaces. Raises InvalidInput (title), NotFound."""
        owner = principal.require_user("chat")
        await self._change(owner, conversation_id, title=text.title(title), title_source="user")

    async def pin(self, principal: Principal, conversation_id: str, pinned: bool) -> None:
        """Keep it at the top of the list, or no longer. Raises NotFound."""
        await self._change(principal.require_user("chat"), conversation_id, pinned=pinned)

    async def set_configuration(self, principal: Principal, conversation_id: str, configuration_id: str) -> None:
        """What the conversation asks from now on. Raises NotFound (conversation, configuration)."""
        owner = principal.require_user("chat")
        await self._configurations.get(principal, configuration_id)
        await self._change(owner, conversation_id, configuration_id=configuration_id)

    async def set_system_prompt(self, principal: Principal, conversation_id: str, prompt: str) -> None:
        """The system prompt from now on; "" for the configuration's own. Raises InvalidInput (system_prompt), NotFound."""
        owner = principal.require_user("chat")
        await self._change(owner, conversation_id, system_prompt=text.within("system_prompt", prompt))

    async def _change(self, owner: str, conversation_id: str, **values: Any) -> None:
        def work(uow: UnitOfWork) -> None:
            if not uow.conversations.change(owner, conversation_id, **values):
                raise NotFound(kind="conversation", reference=conversation_id)
            uow.changes.touch(owner, [conversation_id])

        await self._store.write(work)

    # The trash -----------------------------------------------------------------------------------------------------

    async def delete(self, principal: Principal, ids: Sequence[str]) -> int:
        """Into the trash, for `ChatSettings.trash_days`; answers being made there are stopped, and they are shared with nobody any more.

        NotFound: nothing was deleted.
        """
        moment = self._clock.now_ms()

        def work(uow: UnitOfWork, owner: str, own: list[str]) -> int:
            for answer in uow.messages.generating(own):
                uow.messages.ask_to_stop(answer.id)  # whichever process makes it
            uow.shares.clear(own)  # brought back, it is its owner's alone again
            return uow.conversations.mark_deleted(owner, own, moment)

        return await self._all_or_none(principal, ids, work)

    async def restore(self, principal: Principal, ids: Sequence[str]) -> int:
        """Out of the trash. NotFound: nothing was restored."""
        return await self._all_or_none(principal, ids, lambda uow, owner, own: uow.conversations.mark_deleted(owner, own, None))

    async def purge(self, principal: Principal, ids: Sequence[str]) -> int:
        """Delete for good, from the trash or not. NotFound: nothing was deleted."""
        return await self._all_or_none(principal, ids, lambda uow, owner, own: uow.conversations.remove(owner, own))

    async def _all_or_none(self, principal: Principal, ids: Sequence[str], change: Callable[[UnitOfWork, str, list[str]], int]) -> int:
        owner, wanted = principal.require_user("chat"), list(dict.fromkeys(ids))

        def work(uow: UnitOfWork) -> int:
            own = uow.conversations.owned(owner, wanted)
            for conversation_id in wanted:
                if conversation_id not in own:
                    raise NotFound(kind="conversation", reference=conversation_id)
            uow.changes.touch(owner, wanted)  # before: what is deleted for good has no readers any more
            return change(uow, owner, wanted)

        return await self._store.write(work)

    async def clean_up(self) -> None:
        """At start, for everybody: mark answers whose process is gone, delete what was too long in the trash, and unused images."""
        at = self._moment("")
        until = at.now_ms - self._settings.trash_days * DAY * 1000

        def look(uow: UnitOfWork) -> tuple[list[Any], list[tuple[str, str]]]:
            return recovery.lost(uow.messages.all_generating(), ours=at.ours, now_ms=at.now_ms), uow.conversations.trashed_before(until)

        gone, old = await self._store.read(look)
        if gone:
            await self._store.write(lambda uow: recovery.mark_lost(uow, gone, at.now_ms))
        for owner, conversation_id in old:
            await self._store.write(partial(_empty, owner=owner, conversation_id=conversation_id, until=until))
        if await self._store.read(lambda uow: uow.images.any_unused()):
            await self._store.write(lambda uow: uow.images.remove_unused())

    # Drafts --------------------------------------------------------------------------------------------------------

    async def save_draft(self, principal: Principal, conversation_id: str | None, draft: str) -> None:
        """Keep what is typed and not sent; None is the conversation that does not exist yet. Raises NotFound, InvalidInput (draft)."""
        owner, kept, moment = principal.require_user("chat"), text.within("draft", draft), self._clock.now_ms()

        def work(uow: UnitOfWork) -> None:
            if conversation_id is not None and uow.conversations.get(owner, conversation_id) is None:
                raise NotFound(kind="conversation", reference=conversation_id)
            if kept:
                uow.drafts.put(owner, conversation_id or "", kept, moment)
            else:
                uow.drafts.remove(owner, conversation_id or "")

        await self._store.write(work)

    async def draft(self, principal: Principal, conversation_id: str | None) -> str:
        """What was typed and not sent, "" if nothing was. Raises NotFound."""
        owner = principal.require_user("chat")

        def work(uow: UnitOfWork) -> str:
            if conversation_id is not None and uow.conversations.get(owner, conversation_id) is None:
                raise NotFound(kind="conversation", reference=conversation_id)
            return uow.drafts.get(owner, conversation_id or "")

        return await self._store.read(work)


def _view(uow: UnitOfWork, sight: Sight, limit: int, reach: str, *, generating: bool) -> ConversationView:
    """The conversation in sight with the last `limit` messages of its branch, or back to the message `reach`."""
    row = sight.row
    if reach and row.leaf_id and (wanted := uow.messages.find(row.owner_id, reach)) is not None and wanted.conversation_id == row.id:
        last = uow.messages.find(row.owner_id, row.leaf_id)
        limit = max(limit, last.depth - wanted.depth + 1 if last is not None else 0)
    rows = uow.messages.branch(row.owner_id, row.id, row.leaf_id, limit)
    found = sight.messages(uow, rows)
    earlier = rows[0].depth if rows else 0
    return ConversationView(sight.summary(uow, generating=generating), sight.system_prompt, found, earlier)


def _empty(uow: UnitOfWork, *, owner: str, conversation_id: str, until: int) -> None:
    """Remove a conversation from the trash, unless its owner has brought it back since it was looked for."""
    row = uow.conversations.lock(owner, conversation_id)
    if row is not None and row.deleted_at is not None and row.deleted_at < until:
        uow.changes.touch(owner, [conversation_id])
        uow.conversations.remove(owner, [conversation_id])


def _exported(message: Message) -> dict[str, Any]:
    images = [{"media_type": image.media_type, "size": image.size} for image in message.images]
    return {
        **({"images": images} if images else {}),
        "id": message.id,
        "role": message.role,
        "content": message.content,
        "reasoning": message.reasoning,
        "model": message.model,
        "state": message.state,
        "created_at": message.created_at.isoformat(timespec="milliseconds"),
    }
