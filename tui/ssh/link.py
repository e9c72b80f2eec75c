"""Link: what goes to one SSH client, so that it never has much to wait for. Shared by all terminals of a connection."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from asyncssh.connection import SSHConnection

#: Bytes that may wait in this process for the whole connection.
HIGH_WATER = 32 * 1024
#: Bytes that the kernel may hold unsent: a long queue there cannot be taken back.
_UNSENT = 16 * 1024


class Held(Protocol):
    """A terminal of the connection."""

    def batch(self, begin: bool) -> None: ...


class Link:
    """One per connection: `Link.of(connection)`."""

    def __init__(self, connection: SSHConnection) -> None:
        self._terminals: dict[Held, int] = {}
        self._full = False
        transport = connection._transport
        # asyncssh ignores that the connection takes no more.
        connection.pause_writing = self._pause  # type: ignore[method-assign]
        connection.resume_writing = self._resume  # type: ignore[method-assign]
        if transport is not None:
            transport.set_write_buffer_limits(HIGH_WATER)
            _keep_short(transport.get_extra_info("socket"))

    @classmethod
    def of(cls, connection: SSHConnection) -> Link:
        """The link of this connection, made when it is first asked for."""
        link = connection.get_extra_info("modeltrain_link")
        if not isinstance(link, cls):
            link = cls(connection)
            connection.set_extra_info(modeltrain_link=link)
        return link

    def join(self, terminal: Held) -> None:
        self._terminals[terminal] = 0
        if self._full:
            self.hold(terminal)

    def part(self, terminal: Held) -> None:
        self._terminals.pop(terminal, None)

    def hold(self, terminal: Held) -> None:
        """Something of `terminal`'s way is full."""
        if terminal in self._terminals:
            self._terminals[terminal] += 1
            if self._terminals[terminal] == 1:
                terminal.batch(True)

    def go_on(self, terminal: Held) -> None:
        if self._terminals.get(terminal, 0):
            self._terminals[terminal] -= 1
            if not self._terminals[terminal]:
                terminal.batch(False)

    def sent(self, count: int) -> None:
        """`count` bytes were given to the connection."""

    def _pause(self) -> None:
        if not self._full:
            self._full = True
            for terminal in list(self._terminals):
                self.hold(terminal)

    def _resume(self) -> None:
        if self._full:
            self._full = False
            for terminal in list(self._terminals):
                self.go_on(terminal)


def _keep_short(sock: Any) -> None:
    """Let the kernel hold little that is not sent yet."""
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_NOTSENT_LOWAT", 25), _UNSENT)
