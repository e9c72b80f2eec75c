"""Watching an answer that another process makes: what it saved is read from the database once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from core.chat import convert
from core.chat.types import AnswerUpdate, Message
from core.errors import NotFound

if TYPE_CHECKING:
    from core.persistence import Store
    from storage.repositories.messages import Part
    from storage.unit_of_work import UnitOfWork

POLL_S = 1.0


async def watch(
    store: Store,
    owner_id: str,
    answer_id: str,
    *,
    lost: Callable[[Any], Awaitable[bool]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[AnswerUpdate, None]:
    """Updates until the answer has ended. `lost(row)`: True if the answer was now marked as ended because its process is gone."""
    seen = _Seen(answer_id)
    while True:
        row, parts = await store.read(lambda uow: _look(uow, owner_id, answer_id, seen.ordinal))
        if row is None:
            raise NotFound(kind="message", reference=answer_id)
        if row.state != "generating":
            yield seen.end(convert.message(row, *convert.texts(parts)))
            return
        if await lost(row):
            continue
        if not seen.fits(parts):
            seen.forget()
            continue
        yield seen.more(parts)
        await pause(POLL_S)


def _look(uow: UnitOfWork, owner_id: str, answer_id: str, ordinal: int) -> tuple[Any, list[Part]]:
    """The row with its pieces: from `ordinal` on while the answer is being made, all of them once it has ended."""
    row = uow.messages.find(owner_id, answer_id)
    if row is None:
        return None, []
    return row, uow.messages.parts_from(answer_id, ordinal if row.state == "generating" else 0)


class _Seen:
    """What the watcher was given, in pieces; only the last of them may still grow."""

    def __init__(self, answer_id: str) -> None:
        self._answer_id = answer_id
        self._pieces: list[Part] = []
        self._reset = True

    @property
    def ordinal(self) -> int:
        """Where to read on: the last piece again, since it may have grown."""
        return max(0, len(self._pieces) - 1)

    def fits(self, parts: Sequence[Part]) -> bool:
        """Whether `parts`, read from `ordinal` on, go on from what was seen; if not, all was regrouped."""
        if not self._pieces:
            return True
        last = self._pieces[-1]
        return bool(parts) and parts[0].kind == last.kind and parts[0].content.startswith(last.content)

    def forget(self) -> None:
        self._pieces, self._reset = [], True

    def more(self, parts: Sequence[Part]) -> AnswerUpdate:
        """What `parts` have that was not seen."""
        old = self._pieces[-1:]
        text, reasoning = convert.texts(parts)
        old_text, old_reasoning = convert.texts(old)
        self._pieces[self.ordinal :] = parts
        reset, self._reset = self._reset, False
        return AnswerUpdate(self._answer_id, "generating", text[len(old_text) :], reasoning[len(old_reasoning) :], reset=reset)

    def end(self, message: Message) -> AnswerUpdate:
        """The last update: the rest, or everything anew where the end is not what was seen and more."""
        text, reasoning = convert.texts(self._pieces)
        reset = self._reset or not (message.content.startswith(text) and message.reasoning.startswith(reasoning))
        if reset:
            text = reasoning = ""
        return AnswerUpdate(
            self._answer_id, message.state, message.content[len(text) :], message.reasoning[len(reasoning) :], reset=reset, message=message
        )
