"""The sockets on which the server is reached, and the lock that tells which server has a port."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path

from core.errors import EnvironmentProblem

#: Connections that the system holds while the front desk is busy.
_BACKLOG = 512
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of `host`; with port 0 all on the same free one. None of them blocks.

    Raises EnvironmentProblem (port_taken, port_forbidden, address_unknown, not_listening).
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise EnvironmentProblem(what="address_unknown", host=host, port=port) from error
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found if entry[0] in _FAMILIES):
            where = (address[0], sockets[0].getsockname()[1] if sockets else port, *address[2:])
            try:
                sockets.append(_bound(family, where))
            except OSError as error:
                if sockets and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue  # "localhost" on a machine without IPv6
                raise _problem(error, host, port) from error
    except BaseException:
        for each in sockets:
            each.close()
        raise
    if not sockets:
        raise EnvironmentProblem(what="address_unknown", host=host, port=port)
    return sockets


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" is every address of the machine, also those of IPv4.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _problem(error: OSError, host: str, port: int) -> EnvironmentProblem:
    if error.errno == errno.EADDRINUSE:
        return EnvironmentProblem(what="port_taken", port=port, host=host)
    if isinstance(error, PermissionError):
        return EnvironmentProblem(what="port_forbidden", port=port, host=host)
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return EnvironmentProblem(what="address_unknown", host=host, port=port)
    return EnvironmentProblem(what="not_listening", host=host, port=port, reason=error.strerror or "")


class PortLock:
    """Held by the server of a data folder on a port, so that a second one can say who was first. Nothing is held for port 0."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self._path = data_dir / f"serve-{port}.lock"
        self._port = port
        self._descriptor = -1

    def take(self) -> None:
        """Raises EnvironmentProblem (already_serving, folder_not_writable)."""
        if not self._port:
            return
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentProblem(what="folder_not_writable", path=str(self._path.parent), reason=error.strerror or "") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            self.let_go()
            raise EnvironmentProblem(what="already_serving", port=self._port, pid=holder) from error
        with contextlib.suppress(OSError):  # a full disk: only the number is missing
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def let_go(self) -> None:
        """The file stays: removing it would let two in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
