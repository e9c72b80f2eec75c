"""Link: what goes to one SSH client, so that it never has much to wait for. Shared by all terminals of a connection.

Bytes that were handed over cannot be taken back: what waits in this process, in the kernel or in a modem makes the next key late. So
the client is asked now and then how far it has read (a keepalive, which every client answers in its turn), and frames are held back
while more is on the way than the link carries in a quarter of a second. The same answers measure the link.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import fcntl
import logging
import socket
import struct
import termios
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from asyncssh.constants import MSG_IGNORE

from tui.ssh.pace import Pace

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection
    from asyncssh.packet import SSHPacketLogger

log = logging.getLogger(__name__)
#: Bytes that may wait in this process for the whole connection.
HIGH_WATER = 16 * 1024
#: Bytes that the kernel may hold unsent.
_UNSENT = 8 * 1024
#: Bytes on the way after which the client is asked how far it is.
_ASK_AFTER = 1500
#: Seconds without an answer after which a client that has taken everything is not asked any more.
_PATIENCE_S = 5.0
#: Seconds between an answer and the next question in which the way was not empty.
_AT_ONCE_S = 0.05
#: Seconds after which a client that takes nothing is left.
STALLED_S = 180.0

QUESTION = b"keepalive@openssh.com"


class Passing(IntEnum):
    """What may go to a terminal now."""

    ALL = 0
    #: More is on the way than should be: what answers a key passes all the same, since it is little.
    TYPED = 1
    #: Nothing can be taken.
    NOTHING = 2


class Held(Protocol):
    """A terminal of the connection."""

    def let_pass(self, passing: Passing) -> None:
        """Hold frames back, or go on with a fresh one. Called when it changes."""

    def slow(self, is_slow: bool) -> None:
        """The link is found to be slow, or not to be."""


class Link:
    """One per connection: `Link.of(connection)`."""

    def __init__(self, connection: SSHConnection, *, stalled_s: float = STALLED_S) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._terminals: dict[Held, set[str]] = {}
        #: Why everybody waits: "buffer" (here) and "way" (to the client).
        self._reasons: set[str] = set()
        self.pace = Pace()
        self._sent = self._read = 0
        self._asking: asyncio.Task[None] | None = None
        self._asked_mark = 0
        self._asked_at = self._answered_at = 0.0
        self._answers = True
        self._stalled_s = stalled_s
        self._giving_up: asyncio.TimerHandle | None = None
        connection.pause_writing = self._pause  # type: ignore[method-assign]  # asyncssh ignores that it should pause
        connection.resume_writing = self._resume  # type: ignore[method-assign]
        _send_nothing_beside(connection)
        transport = connection._transport
        self._socket: Any = transport.get_extra_info("socket") if transport is not None else None
        if transport is not None:
            transport.set_write_buffer_limits(HIGH_WATER)
            _keep_short(self._socket)

    @classmethod
    def of(cls, connection: SSHConnection) -> Link:
        """The link of this connection, made when it is first asked for."""
        link = connection.get_extra_info("modeltrain_link")
        if not isinstance(link, cls):
            link = cls(connection)
            connection.set_extra_info(modeltrain_link=link)
        return link

    # Terminals -------------------------------------------------------------------------------------------------------

    def join(self, terminal: Held) -> None:
        """`terminal` shows something over this link from now on. The way is measured while it is still empty."""
        self._terminals[terminal] = set(self._reasons)
        self._ask()

    def part(self, terminal: Held) -> None:
        self._terminals.pop(terminal, None)
        if not self._terminals:
            self._stop()

    def _stop(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def hold(self, terminal: Held, reason: str = "channel") -> None:
        """Something of `terminal`'s way is full."""
        reasons = self._terminals.get(terminal)
        if reasons is not None and reason not in reasons:
            before = _passing(reasons)
            reasons.add(reason)
            if _passing(reasons) is not before:
                terminal.let_pass(_passing(reasons))
            self._watch_progress()

    def go_on(self, terminal: Held, reason: str = "channel") -> None:
        reasons = self._terminals.get(terminal)
        if reasons is not None and reason in reasons:
            before = _passing(reasons)
            reasons.discard(reason)
            if _passing(reasons) is not before:
                terminal.let_pass(_passing(reasons))
            if not any(self._terminals.values()) and self._giving_up is not None:
                self._giving_up.cancel()
                self._giving_up = None

    def _all(self, change: Callable[[Held, str], None], reason: str) -> None:
        for terminal in list(self._terminals):
            change(terminal, reason)

    # What is on the way ----------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Bytes that the client has not read as far as is known."""
        return self._sent - self._read

    def sent(self, count: int) -> None:
        """`count` bytes were given to the connection."""
        self._sent += count
        if not self._answers:
            return
        if self._asking is None and self.waiting >= _ASK_AFTER:
            self._ask()
        if self.waiting > self.pace.window and "way" not in self._reasons:
            self._reasons.add("way")
            self._all(self.hold, "way")

    def _ask(self) -> None:
        if self._asking is None and self._answers:
            self._asked_mark, self._asked_at = self._sent, self._loop.time()
            # In a context of its own: that of an application would keep it in memory.
            self._asking = self._loop.create_task(self._answer(), name="link", context=contextvars.Context())

    async def _answer(self) -> None:
        """Ask how far the client is, and draw the conclusions."""
        answer = asyncio.ensure_future(self._connection._make_global_request(QUESTION))
        try:
            while not (await asyncio.wait({answer}, timeout=_PATIENCE_S))[0]:
                if self._taken():  # everything arrived, but it does not speak of it
                    self._answers = False
                    self._read = self._sent
                    break
            else:
                answer.result()
                self._learn()
        except Exception as error:  # the connection has ended: asyncssh says so in many ways
            log.debug("the link was not measured: %s", type(error).__qualname__)
            self._answers = False
        finally:
            answer.cancel()
            self._asking = None
        self._conclude()

    def _learn(self) -> None:
        slow = self.pace.slow
        now = self._loop.time()
        since = now - self._answered_at if self._asked_at - self._answered_at < _AT_ONCE_S else None
        self.pace.learn(self._asked_mark - self._read, now - self._asked_at, since)
        self._read, self._answered_at = self._asked_mark, now
        self._watch_progress(anew=True)
        if self.pace.slow is not slow:
            for terminal in list(self._terminals):
                terminal.slow(not slow)

    def _conclude(self) -> None:
        if "way" in self._reasons and (self.waiting <= self.pace.window // 2 or not self._answers):
            self._reasons.discard("way")
            self._all(self.go_on, "way")
        if self._terminals and (self.waiting >= _ASK_AFTER or "way" in self._reasons):
            self._ask()

    def _taken(self) -> bool:
        """Whether the client's machine has taken all that was sent."""
        transport = self._connection._transport
        if transport is None or transport.get_write_buffer_size():
            return False
        try:
            queued = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except (OSError, AttributeError, ValueError):
            return False
        return bool(struct.unpack("i", queued)[0] == 0)

    # The connection ----------------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        if "buffer" not in self._reasons:
            self._reasons.add("buffer")
            self._all(self.hold, "buffer")

    def _resume(self) -> None:
        if "buffer" in self._reasons:
            self._reasons.discard("buffer")
            self._all(self.go_on, "buffer")

    def _watch_progress(self, *, anew: bool = False) -> None:
        """Give up a client that takes nothing for minutes."""
        if anew and self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        if self._giving_up is None and any(self._terminals.values()):
            self._giving_up = self._loop.call_later(self._stalled_s, self._give_up)

    def _give_up(self) -> None:
        log.info("a client took nothing for %.0f s and was left", self._stalled_s)
        self._connection.abort()


def _passing(reasons: set[str]) -> Passing:
    """What these reasons to wait leave."""
    return Passing.ALL if not reasons else Passing.TYPED if reasons == {"way"} else Passing.NOTHING


def _send_nothing_beside(connection: SSHConnection) -> None:
    """Leave out the empty packet that asyncssh sends before each other one: with it a key costs twice as much.

    It is for ciphers in CBC mode, where an attacker could guess what the next packet is mixed with (RFC 4251, 9.3.1). None is offered
    (tui.ssh.options), and those in counter mode or with their own tags have no such weakness.
    """
    send = connection.send_packet

    def send_packet(pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE:
            send(pkttype, *args, handler=handler)

    connection.send_packet = send_packet  # type: ignore[method-assign]


def _keep_short(sock: Any) -> None:
    """Let the kernel hold little that is not sent yet."""
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_NOTSENT_LOWAT", 25), _UNSENT)
