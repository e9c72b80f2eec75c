"""Drafts: what is typed is saved within a second, also while typing goes on, and at once when the conversation or the screen is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.screen import Screen
from textual.timer import Timer

#: Seconds after the first key that is not saved yet. There is no timer while nothing is typed.
REST = 0.7


class DraftKeeper:
    """`save(conversation_id, draft)` stores a draft; None is the conversation that does not exist yet."""

    def __init__(self, screen: Screen[object], save: Callable[[str | None, str], Awaitable[None]], start: Callable[[], object]) -> None:
        self._screen, self._save, self._start = screen, save, start
        self._timer: Timer | None = None
        self._waiting: tuple[str | None, str] | None = None

    def changed(self, conversation_id: str | None, draft: str) -> None:
        """The text is now `draft`."""
        self._waiting = (conversation_id, draft)
        if self._timer is None:
            self._timer = self._screen.set_timer(REST, self._start)

    def forget(self) -> None:
        """The text was sent: the service has taken the draft away."""
        self.take()

    def take(self) -> tuple[str | None, str] | None:
        """What is not saved yet; whoever takes it saves it."""
        waiting, self._waiting = self._waiting, None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        return waiting

    async def flush(self) -> None:
        """Save now what is not saved yet."""
        waiting = self.take()
        if waiting is None:
            return
        try:
            await self._save(*waiting)
        except BaseException:
            # Not saved: try again with the next key, unless something newer waits already.
            if self._waiting is None:
                self._waiting = waiting
            raise
