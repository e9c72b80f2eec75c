"""File transfers on a channel: the subsystem sftp, and the commands that copying programs run (`scp -t`, `scp -f`).

`TransferSession` is the session of such a channel; `takes` says which commands it wants.
"""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import asyncssh
from asyncssh import sftp as wire
from asyncssh.constants import FXP_OPEN, FXP_OPENDIR
from asyncssh.packet import SSHPacket
from asyncssh.scp import _SCPArgParser
from asyncssh.stream import SSHServerStreamSession

from core.auth.principal import Principal
from core.files.service import UserFiles
from tui.i18n import _
from tui.ssh.scp import SendingScp, ServedScp, TakingScp
from tui.ssh.sftp import FileServer

SUBSYSTEM = "sftp"
#: Files and folders that one session may hold open.
MOST_HANDLES = 64
#: What a request may carry (OpenSSH takes up to 255 KiB and is quicker with it than with its own 32).
REQUEST_BYTES = 255 * 1024
_TRANSFER = re.compile(r"(scp\s|rsync\s+(--server|--sender|--daemon)|(\S*/)?sftp-server(\s|$))")
_WITHOUT = (b"hardlink@openssh.com", b"ranges@asyncssh.com")


def takes(command: str) -> bool:
    """Whether a command of an exec request is one that a copying program runs on the server."""
    return bool(_TRANSFER.match(command))


class FileHandler(wire.SFTPServerHandler):
    """asyncssh's reading of the protocol, bounded: handles, sizes, and answers that a client does not fetch."""

    _extensions = [extension for extension in wire.SFTPServerHandler._extensions if extension[0] not in _WITHOUT]  # noqa: RUF012
    _packet_handlers: dict[int | bytes, Any] = {}  # noqa: RUF012 - as in asyncssh
    _server: FileServer

    async def recv_packet(self) -> SSHPacket:
        # Else a client that asks and never reads would make this process hold whatever it asked for.
        if self._writer is not None:
            await self._writer.drain()
        return await super().recv_packet()

    async def _process_open(self, packet: SSHPacket) -> bytes:
        self._bounded()
        return await super()._process_open(packet)

    async def _process_opendir(self, packet: SSHPacket) -> bytes:
        self._bounded()
        handle = await super()._process_opendir(packet)
        # The folder is looked at now: else a missing one would be told only when it is read, which clients do not expect.
        names = self._dir_handles[handle]
        try:
            first = await anext(names, None)
        except BaseException:
            del self._dir_handles[handle]
            raise
        self._dir_handles[handle] = _from(first, names)
        return handle

    async def _process_limits(self, packet: SSHPacket) -> wire.SFTPLimits:
        packet.check_end()
        return wire.SFTPLimits(REQUEST_BYTES + 1024, REQUEST_BYTES, REQUEST_BYTES, MOST_HANDLES)

    def _bounded(self) -> None:
        if len(self._file_handles) + len(self._dir_handles) >= MOST_HANDLES:
            raise asyncssh.SFTPFailure(_("Too many files are open at once."))

    async def _cleanup(self, exc: Exception | None) -> None:
        if self._server:
            self._server.ending = True
            for handle in list(self._file_handles):
                # One after the other, whatever one of them says: none may stay open.
                file = self._file_handles.pop(handle)
                try:
                    await self._server.close(file)
                except asyncssh.SFTPError:
                    self.logger.debug1("An upload could not be ended")
        await super()._cleanup(exc)


# The table of asyncssh holds functions: those that are replaced here must be named in it.
FileHandler._packet_handlers.update(
    {name: handler for name, handler in wire.SFTPServerHandler._packet_handlers.items() if name not in _WITHOUT}
    | {FXP_OPEN: FileHandler._process_open, FXP_OPENDIR: FileHandler._process_opendir, b"limits@openssh.com": FileHandler._process_limits}
)


async def _from(first: asyncssh.SFTPName | None, rest: AsyncIterator[asyncssh.SFTPName]) -> AsyncIterator[asyncssh.SFTPName]:
    if first is not None:
        yield first
        async for name in rest:
            yield name


class TransferSession(SSHServerStreamSession[bytes]):
    """The session of a channel for transfers of `principal`. What it says is in the language of the context it is started in."""

    def __init__(self, files: UserFiles, principal: Principal) -> None:
        super().__init__(None, None, 0, False)
        self._files, self._principal = files, principal
        #: Set while nothing is open: files may be closed after the channel has gone.
        self.over = asyncio.Event()
        self.over.set()

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == SUBSYSTEM

    def exec_requested(self, command: str) -> bool:
        return takes(command)

    def shell_requested(self) -> bool:
        return False

    def session_started(self) -> None:
        self.over.clear()
        connection = cast(Any, self._conn)
        connection.create_task(self._run(), self._channel.logger)

    @property
    def _channel(self) -> asyncssh.SSHServerChannel[bytes]:
        return cast("asyncssh.SSHServerChannel[bytes]", self._chan)

    async def _run(self) -> None:
        command = self._channel.get_command()
        try:
            if command is None:
                await self._measured("sftp", self._sftp)
            elif command.startswith("scp"):
                await self._measured("scp", lambda server: self._scp(server, command))
            else:
                self._refuse(_("Only sftp and scp copy files here; rsync does not. Try: sftp, or scp -r."))
        finally:
            self.over.set()

    def _refuse(self, sentence: str) -> None:
        self._say(sentence)
        self._channel.exit(1)

    def _say(self, sentence: str) -> None:
        if not self._channel.is_closing():
            self._channel.write_stderr(f"{sentence}\r\n".encode())

    async def _measured(self, kind: str, work: Callable[[FileServer], Awaitable[None]]) -> None:
        begin = time.monotonic()
        # Other clients show what the answer says.
        shows_codes = str(self._channel.get_extra_info("client_version", "")).startswith("SSH-2.0-OpenSSH") and kind == "sftp"
        server = FileServer(self._channel, self._files, self._principal, self._say if shows_codes else lambda _sentence: None)
        try:
            await work(server)
        finally:
            server.figures.write(kind, self._principal, time.monotonic() - begin)

    def _streams(self) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        return asyncssh.SSHReader(self, self._channel), asyncssh.SSHWriter(self, self._channel)

    async def _sftp(self, server: FileServer) -> None:
        reader, writer = self._streams()
        await FileHandler(server, reader, writer, wire.MIN_SFTP_VERSION).run()

    async def _scp(self, server: FileServer, command: str) -> None:
        try:
            args = _SCPArgParser().parse(command)
        except ValueError:
            self._refuse(_("This form of scp is not known here."))
            return
        reader, writer = self._streams()
        served = cast(Any, ServedScp(server))
        options: dict[str, Any] = {"error_handler": False, "server": True}
        kind = SendingScp if args.source else functools.partial(TakingScp, must_be_dir=args.must_be_dir)
        await kind(served, reader, writer, preserve=args.preserve, recurse=args.recurse, **options).run(args.path)
