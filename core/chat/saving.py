"""How a growing answer gets into the database: what is new about once a second, and the end, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from core.chat.answer import AnswerText
from core.clock import Clock
from core.errors import ModeltrainError, StorageError
from core.persistence import Store
from core.supervisor import happens

if TYPE_CHECKING:
    from storage.repositories.messages import Part
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
log = logging.getLogger(__name__)
#: Seconds between signs of life of an answer that does not grow (see identity.SILENT_S).
_SIGN_OF_LIFE_S = 8.0
#: Seconds before the end of an answer is offered to the database again: the first time, and at most.
_FIRST_BACK_OFF_S, _LONGEST_BACK_OFF_S = 0.25, 15.0
#: `finish` of an answer that is being made and that another process wants to end.
STOP_ASKED = "stopped"


@dataclass(frozen=True, slots=True)
class Place:
    """Which answer it is, and which process makes it."""

    owner_id: str
    conversation_id: str
    answer_id: str
    generator: str


def unread_state(state: str) -> str:
    """What is kept of an answer that ended with `state` while its owner did not look: nothing, where the owner ended it."""
    return "" if state in ("stopped", "generating") else state


class AnswerSaver:
    """Saves one answer. `problem`: why the last try failed, None when it did not. `gone`: the conversation was deleted for good."""

    def __init__(
        self, store: Store, clock: Clock, place: Place, text: AnswerText, changed: Callable[[], None], looked_at: Callable[[], bool]
    ) -> None:
        self._store = store
        self._clock = clock
        self._place = place
        self._text = text
        self._changed = changed
        self._looked_at = looked_at
        self._alive = clock.monotonic()
        self.problem: ModeltrainError | None = None
        self.gone = False
        self.stop_asked = False

    def let_go(self) -> None:
        """All is saved: forget whom to tell, so that nothing is kept alive by this."""
        self._changed = lambda: None
        self._looked_at = lambda: False

    async def progress(self) -> None:
        """Save what is new, or else give a sign of life now and then. Never raises a storage error: `problem` tells it."""
        quiet = not self._text.dirty and self._clock.monotonic() - self._alive < _SIGN_OF_LIFE_S
        try:
            if quiet:
                self._heed(await self._told(self._store.read(self._look)))
            else:
                await self._save(None)
                self._alive = self._clock.monotonic()
        except ModeltrainError as error:
            self._failed(error)

    async def final(self, columns: Mapping[str, Any], *, give_up: asyncio.Event, keep_trying_s: float) -> bool:
        """Save the end: `columns` of the message and all text. Tries again for `keep_trying_s`, and not after `give_up`.

        True once it is saved or the conversation is gone; False if the database never took it.
        """
        until = self._clock.monotonic() + keep_trying_s
        delay = _FIRST_BACK_OFF_S
        while True:
            try:
                await self._save(columns)
                return True
            except ModeltrainError as error:
                self._failed(error)
            if give_up.is_set() or self._clock.monotonic() >= until:
                log.error("answer %s could not be saved: %s", self._place.answer_id, self.problem)
                return False
            await happens(give_up, within_s=delay)
            delay = min(delay * 2, _LONGEST_BACK_OFF_S)

    async def _save(self, columns: Mapping[str, Any] | None) -> None:
        """Save what is new, and with `columns` the end. Raises what the database says; then the text is still marked as not saved."""
        from storage.repositories.messages import Part

        epoch, moment = self._text.epoch, self._clock.now_ms()
        first, pieces = self._text.unsaved()
        parts = [Part(*piece) for piece in pieces]
        try:
            self._heed(await self._told(self._store.write(lambda uow: self._write(uow, first, parts, moment, columns))))
        except BaseException:
            self._text.not_saved()
            raise
        self._text.saved(first, pieces, epoch)
        if self.problem is not None:
            self.problem = None
            self._changed()

    async def _told(self, asked: Awaitable[T]) -> T:
        """What the database answers. Whatever else goes wrong is a StorageError here: an answer is not lost for it."""
        try:
            return await asked
        except ModeltrainError:
            raise
        except Exception as error:
            if self.problem is None:
                log.exception("answer %s", self._place.answer_id)
            raise StorageError() from error

    def _write(self, uow: UnitOfWork, first: int, parts: list[Part], moment: int, columns: Mapping[str, Any] | None) -> str | None:
        place = self._place
        before = self._look(uow)
        if before is None:
            return None
        if columns is None:
            # Another process may have taken this answer for lost while the database was away: it is not, so take it back.
            uow.messages.change(place.answer_id, state="generating", generator=place.generator, alive_at=moment)
        else:
            uow.messages.change(place.answer_id, **columns)
        uow.messages.replace_parts(place.answer_id, first, parts)
        if columns is not None:
            unread = "" if self._looked_at() else unread_state(columns["state"])
            uow.conversations.change(place.owner_id, place.conversation_id, used_at=moment, unread=unread)
            uow.changes.touch(place.owner_id, [place.conversation_id])
        return before

    def _look(self, uow: UnitOfWork) -> str | None:
        """`finish` of the row, None if there is none."""
        row = uow.messages.find(self._place.owner_id, self._place.answer_id)
        return None if row is None else str(row.finish)

    def _heed(self, finish: str | None) -> None:
        self.gone = finish is None
        self.stop_asked = self.stop_asked or finish == STOP_ASKED

    def _failed(self, error: ModeltrainError) -> None:
        if self.problem is None:
            log.warning("answer %s is not saved yet: %s", self._place.answer_id, error)
        if self.problem is None or self.problem.code != error.code:
            self.problem = error
            self._changed()
