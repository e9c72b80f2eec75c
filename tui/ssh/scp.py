"""The old protocol of scp (`scp -O`, older clients) over the same files: asyncssh's, but an upload is whole only when its client says so,
and the exit status says whether all went well.
"""

from __future__ import annotations

import re
from typing import Any, cast

import asyncssh
from asyncssh.scp import _scp_error, _SCPSink, _SCPSource
from asyncssh.sftp import SFTPServerFS

from core.errors import NotFound
from tui.ssh.sftp import FileServer, Handle
from tui.ssh.sftp_errors import as_sftp_error


class ScpFile:
    """An open file as asyncssh's scp uses it."""

    def __init__(self, server: FileServer, handle: Handle) -> None:
        self._server, self._handle = server, handle

    async def read(self, size: int, offset: int) -> bytes:
        return await self._server.read(self._handle, offset, size)

    async def write(self, data: bytes, offset: int) -> int:
        return await self._server.write(self._handle, offset, data)

    async def close(self) -> None:
        await self._server.close(self._handle)

    async def discard(self) -> None:
        await self._server.discard(self._handle)


class ServedScp(SFTPServerFS):
    """The files of the account for asyncssh's scp."""

    _server: FileServer

    def __init__(self, server: FileServer) -> None:
        super().__init__(server)

    async def open(self, path: bytes, mode: str) -> Any:  # type: ignore[override]
        """A ScpFile, for reading ("rb") or to be written as a whole."""
        flags = asyncssh.FXF_READ if mode == "rb" else asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC
        return ScpFile(self._server, await self._server.open(path, flags, asyncssh.SFTPAttrs()))


class _Status:
    """Remembers that something went wrong, for the exit status."""

    _writer: asyncssh.SSHWriter[bytes]
    failed = False

    def handle_error(self, exc: Exception) -> None:
        self.failed = True
        super().handle_error(exc)  # type: ignore[misc]

    async def close(self, cancelled: bool = False) -> None:
        channel = cast("asyncssh.SSHServerChannel[bytes]", self._writer.channel)
        if cancelled:
            channel.abort()
        else:
            if not channel.is_closing():
                channel.exit(1 if self.failed else 0)
            await self._writer.wait_closed()


class SendingScp(_Status, _SCPSource):
    """`scp -f`: files go to the client."""

    _asked = ""

    async def run(self, srcpath: Any) -> None:
        """Send what `srcpath` names. Stars are those of a shell: asyncssh takes ** for folders of any depth, and tries a row of them
        in more ways than there is time, in which nobody else of the process is served."""
        self._asked = str(srcpath)
        await super().run(re.sub(r"\*+", "*", self._asked))

    def handle_error(self, exc: Exception) -> None:
        if isinstance(exc, asyncssh.SFTPNoSuchFile):  # asyncssh's own says not which
            exc = as_sftp_error(NotFound(kind="file", reference=self._asked))
        super().handle_error(exc)


class TakingScp(_Status, _SCPSink):
    """`scp -t`: files come from the client."""

    async def _recv_file(self, srcpath: bytes, dstpath: bytes, size: int) -> None:
        """Take one file. Unlike asyncssh's, it gets its name when all of it came and the client said that it was sent rightly."""
        file = cast(ScpFile, await self._fs.open(dstpath, "wb"))
        try:
            failure = await self._take(file, size)
            said = await self.await_response()
        except BaseException:
            await file.discard()
            raise
        failure = failure or said
        try:
            if failure is None:
                await file.close()
            else:
                await file.discard()
        except asyncssh.SFTPError as error:
            failure = failure or error
        if failure is None:
            self.send_ok()
            return
        if failure is not said:
            self.send_error(failure)
            cast(Any, failure).suppress_send = True
        raise failure

    async def _take(self, file: ScpFile, size: int) -> Exception | None:
        """Read `size` bytes from the client, whatever happens here; gives what went wrong in writing them."""
        self.send_ok()
        failure: Exception | None = None
        offset = 0
        while offset < size:
            data = await self.recv_data(min(size - offset, self._block_size))
            if not data:
                raise _scp_error(asyncssh.SFTPConnectionLost, "Connection lost", fatal=True, suppress_send=True)
            if failure is None:
                try:
                    await file.write(data, offset)
                except asyncssh.SFTPError as error:
                    failure = error
            offset += len(data)
        return failure
