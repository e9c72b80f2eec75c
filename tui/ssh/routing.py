"""A session channel, until it is known what it is for: then a terminal, a command or a file transfer has it.

What a client asks for is answered at once, as the protocol wants it; whether it can be had is told on the channel, in a sentence and an
exit status. What the client sends meanwhile is kept, a window's worth at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import asyncssh

from core.errors import ModeltrainError, SessionEnded, TooManyAttempts
from tui import crash
from tui.commands.common import REFUSED
from tui.errors import Problem, describe
from tui.i18n import Locale, _, from_environment, use
from tui.ssh.command import CommandSession
from tui.ssh.connection import REGISTERING, Connection, Kind
from tui.ssh.protocol import Channel, PtyRequest, terminal_size, terminal_type
from tui.ssh.sftp_session import SUBSYSTEM, takes
from tui.ssh.terminal import TerminalSession
from tui.ssh.transfer import Transfer

if TYPE_CHECKING:
    from tui.ssh.worker import WorkerContext

log = logging.getLogger(__name__)

#: The longest command line that is looked at, in characters.
LONGEST_COMMAND = 32 * 1024


class ChannelSession(Protocol):
    """What has a channel in the end. It closes the channel when it is done."""

    def start(self) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def resized(self, columns: int, rows: int) -> None: ...

    def paused(self) -> None: ...

    def resumed(self) -> None: ...

    def eof(self) -> None: ...

    def lost(self) -> None: ...

    async def drain(self, notice: str) -> None: ...


class ChannelRouter(asyncssh.SSHServerSession[bytes]):
    """One for each session channel. `admitted()`: the Connection, once it is known who signed in; it may raise."""

    def __init__(
        self, context: WorkerContext, admitted: Callable[[], Awaitable[Connection]], gone: Callable[[ChannelRouter], None]
    ) -> None:
        self._context = context
        self._admitted = admitted
        self._tell_gone = gone
        self._locale = Locale()
        self._pty: PtyRequest | None = None
        self._command: str | None = None
        self._subsystem: str | None = None
        self._connection: Connection | None = None
        self._target: ChannelSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._early_eof = self._gone = False

    # What the client asks for ----------------------------------------------------------------------------------------

    def connection_made(self, chan: Any) -> None:
        self._channel = cast(Channel, chan)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any) -> bool:
        self._pty = PtyRequest(terminal_type(term_type), terminal_size(*term_size[:2]), dict(term_modes))
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return len(command) <= LONGEST_COMMAND

    def subsystem_requested(self, subsystem: str) -> bool:
        self._subsystem = subsystem
        return subsystem == SUBSYSTEM

    def session_started(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._begin(), name="channel")

    # What comes over it ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes, datatype: Any) -> None:
        if self._connection is not None and self._connection.live is None:
            self._connection.heard()
        if self._target is not None:
            self._target.data_received(data)
        elif not self._gone:
            self._early.append(data)
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        if self._target is not None:
            self._target.eof()
        else:
            self._early_eof = True
        return True  # the answer may still be on its way

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._pty is not None:
            size = terminal_size(width, height)
            self._pty = replace(self._pty, size=size)
            if self._target is not None:
                self._target.resized(*size)

    def signal_received(self, signal: str) -> None:
        if isinstance(self._target, CommandSession):
            self._target.signal(signal)

    def pause_writing(self) -> None:
        if self._target is not None:
            self._target.paused()

    def resume_writing(self) -> None:
        if self._target is not None:
            self._target.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        target, self._target = self._target, None
        try:
            if target is not None:
                target.lost()
            elif self._task is not None:
                self._task.cancel()
        finally:
            self._early.clear()
            self._tell_gone(self)
            if self._connection is not None:
                self._connection.closed(self)

    def tell(self, notice: str) -> None:
        """Show a notice, where whatever has the channel can show one."""
        if (tell := getattr(self._target, "tell", None)) is not None:
            tell(notice)

    async def finished(self) -> None:
        """Return once the command that runs here, if it is one, has ended by itself."""
        if isinstance(self._target, CommandSession):
            await self._target.finished()

    async def drain(self, notice: str) -> None:
        """The worker stops."""
        if self._target is not None:
            await self._target.drain(notice)
        elif not self._gone:
            self._say(self._locale.gettext(notice))
            self._close(REFUSED)

    # Who has it ------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        environment = self._channel.environment
        self._locale.switch(from_environment(environment))
        use(self._locale)
        try:
            async with asyncio.timeout(self._patience_s):
                self._connection = connection = await self._admitted()
            if connection.closing.is_set():
                return
            connection.opened(self)
            await self._hand_over(connection)
        except TimeoutError:
            self._refuse(Problem(_("The server takes too long to answer."), "", _("Try it again in a moment."), "timeout"))
        except ModeltrainError as error:
            self._refuse(describe(error))
        except Exception as error:
            self._refuse(unforeseen(error, self._context))

    @property
    def _patience_s(self) -> float:
        """The database may be waited for twice: to open the session, and to count it."""
        return 2 * self._context.settings.lock_wait_s + 10

    async def _hand_over(self, connection: Connection) -> None:
        if connection.ended is not None:
            raise SessionEnded(**connection.ended.fields)
        if (problem := self._refusal(connection)) is not None:
            self._refuse(problem)
            return
        if connection.live is not None:
            await connection.live.count_as(self._kind)
            if self._is_transfer:
                profile = await connection.services.accounts.profile(connection.live.principal)
                self._locale.switch(profile.language or self._locale.language)
        if connection.ended is not None:
            raise SessionEnded(**connection.ended.fields)
        if self._gone:
            return
        self._target = self._make(connection)
        self._target.start()
        early, self._early = self._early, []
        for data in early:
            if self._target is not None:
                self._target.data_received(data)
        if early and not self._gone:
            self._channel.resume_reading()
        if self._early_eof and self._target is not None:
            self._target.eof()

    @property
    def _kind(self) -> Kind:
        return "ssh" if self._is_terminal else "shell"

    @property
    def _is_terminal(self) -> bool:
        """Whether it is for the application. Without a terminal and without a command it is told how commands are given."""
        return self._command is None and self._subsystem is None and self._pty is not None

    @property
    def _is_transfer(self) -> bool:
        return self._subsystem is not None or (self._command is not None and takes(self._command))

    def _refusal(self, connection: Connection) -> Problem | None:
        """Why this cannot be had on this connection, None if it can."""
        if connection.signed_in is None and (len(connection.channels) > 1 or not self._is_terminal):
            return Problem(_("Only the registration is open here."), "", _("Register with one terminal first: ssh -t …"), "register_only")
        if connection.signed_in is None and connection.others_register >= REGISTERING:
            return describe(TooManyAttempts(retry_after_s=60))
        if self._is_terminal:
            return None
        if connection.signed_in is not None and connection.signed_in.must_change_password:
            remedy = _("Sign in with a terminal first, to choose a new one.")
            return Problem(_("Your password must be changed."), "", remedy, "password_change")
        return None

    def _make(self, connection: Connection) -> ChannelSession:
        context, channel, environment = self._context, self._channel, self._channel.environment
        if self._is_transfer:
            return Transfer(context, connection, channel)
        if self._command is not None or self._pty is None:
            return CommandSession(context, connection, channel, self._command or "", pty=self._pty, environment=environment)
        return TerminalSession(context, connection, channel, term=self._pty.term, size=self._pty.size, environment=environment)

    # Refusing --------------------------------------------------------------------------------------------------------

    def _refuse(self, problem: Problem) -> None:
        self._say(problem.sentence)
        self._close(REFUSED)

    def _say(self, text: str) -> None:
        if self._gone or self._channel.is_closing():
            return
        if self._pty is not None:
            self._channel.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        else:
            self._channel.write_stderr(text.encode() + b"\n")

    def _close(self, status: int) -> None:
        if not self._gone and not self._channel.is_closing():
            self._channel.exit(status)


def unforeseen(error: Exception, context: WorkerContext) -> Problem:
    """The sentence for an error that nobody foresaw; where it came from stands in the crash log."""
    code = crash.record(error, context.settings.data_dir).code
    log.error("a connection met an error that nobody foresaw: %s", code)
    return Problem(_("Something went wrong inside modeltrain."), "", _("The code is {code}.").format(code=code), code)
