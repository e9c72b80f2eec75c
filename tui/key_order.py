"""Keys take effect one after the other, however fast they come.

Textual hands every key to what has the focus at that moment, and a key moves the focus only later, when it has bubbled up. Keys
that come together (auto-type of a password manager, a slow line, a quick typist after a slow start) would go to the wrong place:
the password into the e-mail field, the first words of a question to the list as commands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.app import App
    from textual.widget import Widget

#: Seconds after which a key no longer waits for the one before.
PATIENCE = 1.0
#: A key bubbles up to the application, where its action runs; what that posts bubbles up again, and may post once more.
_PASSES = 3


class KeyOrder:
    """`dispatch` is what the application does with a key or a paste when its turn has come."""

    def __init__(self, app: App[int], dispatch: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app, self._dispatch = app, dispatch
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._task: asyncio.Task[None] | None = None
        #: What has text that it may not have read yet.
        self._typed_into: Widget | None = None

    def __len__(self) -> int:
        """How many keys and pastes wait for their turn."""
        return len(self._waiting)

    def take(self, event: events.Key | events.Paste) -> None:
        """Let `event` take effect when all before it did."""
        self._waiting.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="keys")

    async def _run(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            try:
                await self._one(event)
            except Exception as error:
                self._app._handle_exception(error)
                return

    async def _one(self, event: events.Key | events.Paste) -> None:
        target = self._app.focused or self._app.screen
        if isinstance(event, events.Paste) or target.check_consume_key(event.key, event.character):
            # Text behind text needs no waiting: the widget reads it in this order.
            await self._dispatch(event)
            self._typed_into = target
            return
        if self._typed_into is not None:
            await self._settle(self._typed_into, passes=1)
            self._typed_into = None
        await self._dispatch(event)
        await self._settle(target, passes=_PASSES)

    async def _settle(self, target: Widget, passes: int) -> None:
        """Wait until `target` and what is above it have done what was asked of them so far."""
        try:
            async with asyncio.timeout(PATIENCE):
                for _pass in range(passes):
                    for node in target.ancestors_with_self:
                        await _done(node)
                # A screen that was opened is mounted, and what it wants to have the focus has it.
                await _done(self._app.screen)
                await _done(self._app)
        except TimeoutError:
            return


async def _done(node: MessagePump) -> None:
    """Wait until `node` has worked off the messages that it has now."""
    done = asyncio.Event()
    if node.call_later(done.set):
        await done.wait()
