"""A command on an exec channel: `ssh host chat -c NAME "question"`. The words are run by a child of the spawner (spawner.py), never by a
shell; here is what lies between the channel and that child: its input and output, signals, window sizes, and how it ends."""

from __future__ import annotations

import asyncio
import contextvars
import fcntl
import logging
import os
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asyncssh import EXTENDED_DATA_STDERR

from core.errors import ModeltrainError, SessionEnded
from core.sanitise import one_line, sanitise
from tui.commands.common import REFUSED
from tui.commands.root import commands_for
from tui.errors import describe
from tui.i18n import Locale, _, current, joined, use
from tui.ssh import command_words
from tui.ssh.command_line import Unreadable, environment_of, language_of, words_of
from tui.ssh.command_pipes import Inlet, Outlet, Patience
from tui.ssh.spawner import Ended, Request, Running

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from tui.ssh.connection import Connection
    from tui.ssh.protocol import PtyRequest
    from tui.ssh.worker import WorkerContext

log = logging.getLogger(__name__)

#: Bytes that may wait in the connection; what a client does not take beyond that waits in the command's pipes.
_CROWDED = 256 * 1024
#: Seconds in which a command may end by itself once its client is gone or its time is up: politely, then firmly.
_GRACE_S = 10.0
#: Seconds that a command has to end by itself, before it is told that its session has ended: it may be the one that ended it.
_LAST_WORDS_S = 1.0
_SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "QUIT": signal.SIGTERM, "KILL": signal.SIGKILL}
_IUTF8 = 0o40000
#: Seconds that a client may leave output unread: OpenSSH never tells that its own output was closed (`ssh HOST ... | head`).
UNREAD_S = 300.0
#: The status of a command whose end nobody knows.
_LOST = 1


class CommandSession:
    """One command on one channel, from its words to its exit status. "" as command: how to use this server, and status 2.

    The channel's owner hands on what comes: `data_received`, `eof`, `paused` and `resumed` (the client does not take more, takes more),
    `resized`, `signal`, `lost`. Nothing of it may raise.
    """

    def __init__(
        self,
        context: WorkerContext,
        connection: Connection,
        channel: Any,
        command: str,
        *,
        pty: PtyRequest | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._context = context
        self._connection = connection
        self._channel = channel
        self._command = command
        self._pty = pty
        self._environment = environment
        self._name = ""
        self._inlet: Inlet | None = None
        self._outlets: list[Outlet] = []
        self._master = -1
        self._running: Running | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._early = bytearray()
        self._gone = self._held = self._early_end = self._unread = self._told = False
        self._closed = asyncio.Event()
        self._patience = Patience(UNREAD_S, self._not_taken)
        #: The language of this session, for what is said from outside of its own task, too.
        self._words = contextvars.Context()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], object] = lambda: None

    # What comes from the channel

    def start(self) -> None:
        """Begin. Called once, when the channel is open in both directions."""
        self._unsubscribe = self._connection.on_ended(self._session_ended)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="command", context=self._words)

    def data_received(self, data: bytes) -> None:
        if self._inlet is not None:
            self._inlet.feed(data)
        else:
            self._early += data  # not more than the channel's window

    def eof(self) -> None:
        if self._inlet is not None:
            self._inlet.finish()
        self._early_end = True

    def paused(self) -> None:
        self._hold(True)

    def resumed(self) -> None:
        self._hold(False)

    def _hold(self, held: bool) -> None:
        self._held = held
        self._patience.wait(held)
        self._patience.wait(held or self._told)
        for outlet in self._outlets:
            outlet.hold(held)

    def resized(self, columns: int, rows: int) -> None:
        if self._master >= 0 and not self._outlets[0].ended.done() and 0 < columns < 1 << 16 and 0 < rows < 1 << 16:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, name: str) -> None:
        """A signal from the client, by its name in RFC 4254; others than INT, TERM, HUP, QUIT and KILL are not heard."""
        if name in _SIGNALS:
            self._signal(_SIGNALS[name])

    def lost(self) -> None:
        """The channel is gone. The command is told so, and ended if it does not end."""
        if not self._gone:
            self._gone = True
            self._closed.set()
            self._patience.wait(False)
            self._discard()
            self._end()

    async def finished(self) -> None:
        """Return once the command has ended by itself, and its client knows."""
        await self._closed.wait()

    async def drain(self, notice: str) -> None:
        """The server stops: say `notice` in this person's language, ask the command to end, and wait until its client knows that it has."""
        if self._task is not None and not self._task.done():
            self._say(self._words.run(_, notice))
            self._end()
        await self._closed.wait()

    # The course of a command

    async def _run(self) -> None:
        began, status = time.monotonic(), "?"
        try:
            await self._choose_language()
            status = await self._run_words()
        except Unreadable as error:
            self._say(*command_words.unreadable(error.why))
            status = self._exit(REFUSED)
        except ModeltrainError as error:
            problem = describe(error)
            self._say(joined(problem.title, problem.why), problem.remedy)
            status = self._exit(REFUSED)
        except Exception as error:
            from tui.crash import describe_crash

            problem = describe_crash(error, self._context.settings.data_dir, name_file=False)
            log.error("the command %s failed: %s", self._name, problem.why)
            self._say(joined(problem.title, problem.why), problem.remedy)
            status = self._exit(_LOST)
        finally:
            self._clean_up()
            taken = time.monotonic() - began
            log.info("command %s of %s from %s: %s, %.2f s", self._name, self._who(), self._connection.address, status, taken)

    async def _choose_language(self) -> None:
        language = language_of("", self._environment)
        use(Locale(language))
        if self._connection.live is not None:
            profile = await self._context.services.accounts.profile(self._connection.live.principal)
            use(Locale(language_of(profile.language, self._environment)))

    def _who(self) -> str:
        live = self._connection.live
        return one_line(live.principal.email, 100) if live is not None else "nobody"

    async def _run_words(self) -> str:
        """Run the command line; how it ended, for the log."""
        words = words_of(self._command)
        first = next((word for word in words if not word.startswith("-")), "")
        self._name = first if first in (*commands_for(served=True), "help") else "?"
        if not words:
            self._say(*command_words.usage())
            return self._exit(REFUSED)
        signed_in = self._connection.signed_in
        if signed_in is None or signed_in.must_change_password or self._context.draining.is_set():
            self._say(*command_words.not_now(signed_in))
            return self._exit(REFUSED)
        standard = self._open()
        try:
            self._running = await self._context.spawner.run(self._request(words, signed_in.principal), standard)
        except OSError as error:
            log.error("the spawner takes no command: %s", type(error).__qualname__)
            self._say(_("This server cannot run a command now."), _("Try again in a moment."))
            return self._exit(REFUSED)
        finally:
            for descriptor in set(standard):
                os.close(descriptor)
        if self._gone:
            self._end()
        ended = await self._running.ended
        if ended.refused or ended.lost:
            for outlet in self._outlets:
                outlet.close()
        await asyncio.wait({outlet.ended for outlet in self._outlets})
        return self._tell(ended)

    def _request(self, words: list[str], principal: Principal) -> Request:
        term = self._pty.term if self._pty is not None else ""
        environment = environment_of(self._environment, term)
        return Request(tuple(words), principal, current().language, environment, self._pty is not None)

    def _open(self) -> tuple[int, int, int]:
        """The descriptors for the command, with this side of them connected to the channel."""
        wait, go_on = self._channel.pause_reading, self._channel.resume_reading
        if self._pty is not None:
            self._master, slave = os.openpty()
            _prepare_terminal(slave)
            # The two directions are closed each for itself.
            self._inlet = Inlet(os.dup(self._master), wait, go_on, terminal=True)
            self._outlets = [Outlet(self._master, self._channel.write, self._crowded)]
            self.resized(*self._pty.size)
            standard = (slave, slave, slave)
        else:
            (to_read, to_write), (out, out_end), (err, err_end) = os.pipe(), os.pipe(), os.pipe()
            self._inlet = Inlet(to_write, wait, go_on)
            self._outlets = [
                Outlet(out, self._channel.write, self._crowded),
                Outlet(err, lambda data: self._channel.write(data, EXTENDED_DATA_STDERR), self._crowded),
            ]
            standard = (to_read, out_end, err_end)
        self._hold(self._held)
        if self._gone:
            self._discard()
        self._inlet.feed(bytes(self._early))
        self._early.clear()
        if self._early_end:
            self._inlet.finish()
        return standard

    def _crowded(self) -> bool:
        """asyncssh passes the connection's own back-pressure on to nobody; a client may have opened a window of gigabytes."""
        try:
            transport = self._channel.get_connection()._transport
        except AssertionError:  # the channel is closed
            return False
        return transport is not None and transport.get_write_buffer_size() > _CROWDED

    # How it ends

    def _session_ended(self, ended: SessionEnded) -> None:
        """The account was disabled, its password changed, it signed out everywhere: the command has a moment to end by itself."""

        def end() -> None:
            problem = describe(ended)
            self._say(joined(problem.title, problem.why))
            self._end()

        self._timers.append(asyncio.get_running_loop().call_later(_LAST_WORDS_S, end, context=self._words))

    def _not_taken(self) -> None:
        """The client has taken nothing for minutes, though it answers: nobody will read what comes."""
        log.info("command %s of %s: nothing of its output was taken for %.0f s", self._name, self._who(), UNREAD_S)
        self._unread = True
        self._discard()
        if self._task is None or self._task.done():
            self._channel.break_off()
        else:
            self._end()

    def _discard(self) -> None:
        for outlet in self._outlets:
            outlet.discard()

    def _signal(self, number: int) -> None:
        if self._running is not None:
            self._running.signal(number)

    def _end(self) -> None:
        """Politely, so that an answer is saved as far as it came; then firmly."""
        self._signal(signal.SIGHUP)
        self._timers.append(asyncio.get_running_loop().call_later(_GRACE_S, self._signal, signal.SIGKILL))

    def _tell(self, ended: Ended) -> str:
        """Say to the client how the command ended; return it for the log."""
        if ended.refused:
            self._say(*command_words.refusal(ended))
            self._exit(REFUSED)
            return f"refused={ended.refused}"
        if ended.late:
            self._say(_("The command took too long and was ended."))
        if ended.lost:
            self._say(_("This server lost sight of the command."), _("Look whether it did its work, and run it again if it did not."))
            return self._exit(_LOST)
        if ended.status is not None:
            return self._exit(ended.status)
        name = signal.Signals(ended.signal).name.removeprefix("SIG")
        if not self._gone:
            self._channel.exit_with_signal(name)
            self._close()
        return f"signal={name}"

    def _exit(self, status: int) -> str:
        if not self._gone:
            self._channel.exit(status)
            self._close()
        return f"status={status}"

    def _close(self) -> None:
        """The end was told; it is reached once the client has taken what came before it."""
        self._told = True
        self._patience.wait(True)
        if self._unread:
            self._channel.break_off()

    def _say(self, *lines: str) -> None:
        """Sentences for the person, on standard error."""
        if self._gone:
            return
        end = "\r\n" if self._pty is not None else "\n"
        text = "".join(sanitise(line) + end for line in lines if line).encode(errors="replace")
        try:
            self._channel.write(text, None if self._pty is not None else EXTENDED_DATA_STDERR)
        except OSError:
            log.debug("the channel is closed already")

    def _clean_up(self) -> None:
        self._unsubscribe()
        for timer in self._timers:
            timer.cancel()
        if self._running is not None:
            self._running.close()
        if self._inlet is not None:
            self._inlet.close()
        for outlet in self._outlets:
            outlet.close()
        self._master = -1


def _prepare_terminal(slave: int) -> None:
    """A backspace takes a whole character away, Chinese ones too."""
    attributes = termios.tcgetattr(slave)
    attributes[0] |= _IUTF8
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
