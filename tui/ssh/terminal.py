"""TerminalSession: one terminal of one SSH connection, from its first byte to a clean end. It knows the channel, not the screens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui.errors import Problem
from tui.i18n import Locale, _, from_environment, use
from tui.session import terminal_of
from tui.ssh import memory
from tui.ssh.app import ServedApp, sorry
from tui.ssh.driver import SshDriver, clamped
from tui.ssh.link import Link, Passing

if TYPE_CHECKING:
    import asyncssh

    from tui.ssh.connection import Connection
    from tui.ssh.worker import WorkerContext

log = logging.getLogger(__name__)
#: Seconds that somebody may take to read why the session ended, before the channel is closed all the same.
_READING_S = 120.0
#: What a packet takes beside its data, in bytes.
_PACKET = 40
#: The longest name of a terminal that is believed.
_LONGEST = 64


class TerminalSession:
    """`size`: columns and lines as the client says; `environment`: what it sent. Everything here is called in the worker's loop."""

    def __init__(
        self,
        context: WorkerContext,
        connection: Connection,
        channel: asyncssh.SSHServerChannel[bytes],
        *,
        term: str,
        size: tuple[int, int],
        environment: Mapping[str, str],
    ) -> None:
        self._context, self._connection, self._channel = context, connection, channel
        self._environment = {**environment, "TERM": one_line(term, _LONGEST)}
        self._size = clamped(*size)
        self._locale = Locale(from_environment(self._environment))
        self._link = Link.of(channel.get_connection())
        self._task: asyncio.Task[None] | None = None
        self._app: ServedApp | None = None
        self._driver: SshDriver | None = None
        self._key_pressed = asyncio.Event()
        self._waiting_for_key = False
        self._lost = False
        self._notice = ""

    # The channel's callbacks -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """The client asked for a shell: show the application."""
        self._link.join(self)
        self._task = asyncio.create_task(self._run(), name="terminal")

    def data_received(self, data: bytes) -> None:
        if self._waiting_for_key:
            self._key_pressed.set()
        elif self._driver is not None:
            self._driver.feed(data)

    def resized(self, columns: int, lines: int) -> None:
        self._size = clamped(columns, lines)
        if self._driver is not None:
            self._driver.resize(self._size)

    def paused(self) -> None:
        """The channel's own window is full."""
        self._link.hold(self)

    def resumed(self) -> None:
        self._link.go_on(self)

    def eof(self) -> None:
        """The client sends nothing any more: nobody is there who could leave."""
        self._leave()

    def lost(self) -> None:
        """The channel is gone."""
        self._lost = True
        self._link.part(self)
        self._key_pressed.set()
        self._leave()

    def tell(self, notice: str) -> None:
        """Show a notice beside whatever is being done. `notice`: English, translated here."""
        if self._app is not None and self._app.is_running:
            self._app.say(self._locale.gettext(notice))

    async def drain(self, notice: str) -> None:
        """The server stops: say so (`notice`: English, translated here), leave the terminal clean. Returns when the channel is closed."""
        self._notice = self._locale.gettext(notice)
        self._leave()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _leave(self) -> None:
        if self._app is not None and not self._app._exit:
            self._app.exit(0)
        elif self._app is None and self._task is not None:
            self._task.cancel()

    # Wire of the driver ----------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send to the client, as far as there is one."""
        if not self._lost and not self._channel.is_closing():
            self._channel.write(data)
            self._link.sent(len(data) + _PACKET)

    def listen(self, listening: bool) -> None:
        if self._lost:
            return
        if listening:
            self._channel.resume_reading()
        else:
            self._channel.pause_reading()

    def let_pass(self, passing: Passing) -> None:
        """Called by the link: hold frames back, or go on with a fresh one."""
        if self._app is not None and self._app.is_running:
            self._app.hold(passing is Passing.NOTHING, typed_only=passing is Passing.TYPED)

    def slow(self, is_slow: bool) -> None:
        """Called by the link."""
        if self._app is not None and self._app.is_running:
            self._app.link_is_slow(is_slow)

    # Life ------------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        use(self._locale)
        status = 1
        try:
            status = await self._show()
        except asyncio.CancelledError:
            status = 0
        except Exception as error:
            await self._ask_for_key(sorry(error, self._context.settings))
        finally:
            self._close(status)

    async def _show(self) -> int:
        async with self._context.gate:
            app = self._app = self._make_app()
            running = asyncio.create_task(app.run_async(size=self._size), name="application")
            shown = asyncio.create_task(app.shown.wait(), name="first screen")
            try:
                await asyncio.wait({running, shown}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                running.cancel()
                raise
            finally:
                shown.cancel()
        await running
        status, crashed, problem = app.return_code or 0, app._exception is not None, app.problem
        self._app = self._driver = None
        memory.release(app)
        del app, running
        if problem is not None:
            await (self._ask_for_key(problem) if crashed else self._tell(problem))
        elif self._notice:
            self._write(self._locale.gettext(self._notice))
        return status

    def _make_app(self) -> ServedApp:
        context, connection, link = self._context, self._connection, self._link
        terminal = terminal_of(self._environment, "ssh")
        app = ServedApp(
            context.settings,
            connection.services,
            connection,
            locale=self._locale,
            terminal=terminal,
            frame_room=lambda: link.pace.frame,
        )
        app.driver_class = self._make_driver  # type: ignore[assignment]  # Textual calls it to make one, and no more
        return app

    def _make_driver(self, app: ServedApp, **_arguments: Any) -> SshDriver:
        self._driver = SshDriver(app, wire=self, size=self._size)
        return self._driver

    async def _ask_for_key(self, problem: Problem) -> None:
        """Say what happened and wait until it was read."""
        await self._tell(problem)
        self._write(_("Press a key to leave."))
        self._waiting_for_key = True
        if not self._lost:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._key_pressed.wait(), _READING_S)

    async def _tell(self, problem: Problem) -> None:
        for part in (problem.title, problem.why, problem.remedy):
            if part:
                self._write(part)

    def _write(self, text: str) -> None:
        self.send(f"{text}\r\n".encode())

    def _close(self, status: int) -> None:
        self._link.part(self)
        memory.left()
        if not self._lost and not self._channel.is_closing():
            self._channel.exit(status)
