"""What sftp and scp see of an account's files (core/files): three folders, plain files in them, and nothing of this machine.

Every method hands its work to the threads of `Services.files`, for asyncssh would do it on the loop. Errors become those of SFTP with
the sentence of tui/sentences.py; OpenSSH's client shows no text of a server, so what its code cannot say goes to its standard error.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar, cast

import asyncssh
from asyncssh import sftp as wire

from core.auth.principal import Principal
from core.errors import ModeltrainError
from core.files.area import Usage
from core.files.ledger import MOST_ENTRIES
from core.files.names import LONGEST_NAME_BYTES, FilePath, parse, shown
from core.files.opened import Opened
from core.files.service import UserFiles
from core.sanitise import one_line, sanitise
from tui.i18n import _
from tui.ssh.sftp_errors import as_sftp_error, needs_words
from tui.ssh.sftp_log import Figures

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)

#: Entries that are looked at in one go of a thread.
_BATCH = 128
_BLOCK = 4096
_OWNER_COLUMNS = 16


class Handle:
    """An open file with what is counted about it."""

    def __init__(self, file: Opened, path: FilePath, *, writes: bool) -> None:
        self.file, self.path, self.writes = file, path, writes
        self.transferred = 0
        self.counted = True


class FileServer(asyncssh.SFTPServer):
    """The files of one account on one channel. `say` writes a line for a person to the channel's standard error."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], files: UserFiles, principal: Principal, say: Callable[[str], None]
    ) -> None:
        super().__init__(channel)
        self._files, self._principal = files, principal
        self._area = files.area(principal)
        self._executor = files.executor()
        self._owner = "_".join(one_line(principal.nickname, _OWNER_COLUMNS).split()) or "-"
        self._say = say
        self._said: set[str] = set()
        self.figures = Figures()
        #: Set when the channel ends: what is still open then did not become whole.
        self.ending = False

    async def _do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in a thread; its errors as errors of SFTP."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: function(*args, **kwargs))
        except (ModeltrainError, OSError) as error:
            raise self._told(error) from None
        except Exception:
            _log.exception("a file transfer failed")
            raise self._told(OSError()) from None

    def _told(self, error: Exception) -> asyncssh.SFTPError:
        """The error for the client; where a client shows codes only, the sentence once on its standard error."""
        told = as_sftp_error(error)
        if isinstance(error, OSError) and isinstance(told, asyncssh.SFTPFailure):
            _log.warning("a file transfer failed: %s", error.strerror)  # the error's text would name the file
        if needs_words(error) and told.reason not in self._said:
            self._said.add(told.reason)
            self._say(told.reason)
        return told

    def _path(self, path: bytes) -> FilePath:
        try:
            return parse(path)
        except ModeltrainError as error:
            raise self._told(error) from None

    # Files ------------------------------------------------------------------------------------------------------------

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Handle:
        names = self._path(path)
        if not self._files.hold(self._principal):
            raise asyncssh.SFTPFailure(_("Too many files are open at once."))
        try:
            return await self._open(names, pflags)
        except BaseException:
            self._files.release(self._principal)
            raise

    async def _open(self, names: FilePath, pflags: int) -> Handle:
        if not pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC):
            return Handle(await self._do(self._area.open_reading, names), names, writes=False)
        upload = await self._do(
            self._area.open_writing,
            names,
            create=bool(pflags & asyncssh.FXF_CREAT),
            empty=bool(pflags & asyncssh.FXF_TRUNC),
            fresh=bool(pflags & asyncssh.FXF_EXCL),
            append=bool(pflags & asyncssh.FXF_APPEND),
        )
        return Handle(upload, names, writes=True)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        handle = cast(Handle, file_obj)
        self._still_there()
        data = await self._do(handle.file.read, offset, min(size, wire.MAX_SFTP_READ_LEN))
        handle.transferred += len(data)
        return data

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        handle = cast(Handle, file_obj)
        self._still_there()
        written = await self._do(handle.file.write, offset, data)
        handle.transferred += written
        return written

    def _still_there(self) -> None:
        """One request may be a copy of gigabytes: it ends when there is nobody who wants it."""
        if self.channel.is_closing():
            raise asyncssh.SFTPConnectionLost(_("The channel is closed."))

    async def close(self, file_obj: object) -> None:
        handle = cast(Handle, file_obj)
        try:
            if self.ending:
                await self._do(handle.file.interrupt)
            else:
                await self._do(handle.file.commit)
        finally:
            self._let_go(handle)
            self.figures.count(handle.path, handle.transferred, writes=handle.writes, whole=not self.ending)

    async def discard(self, file_obj: object) -> None:
        """Close an upload that cannot become whole."""
        handle = cast(Handle, file_obj)
        try:
            await self._do(handle.file.interrupt)
        finally:
            self._let_go(handle)
            self.figures.count(handle.path, handle.transferred, writes=handle.writes, whole=False)

    def _let_go(self, handle: Handle) -> None:
        if handle.counted:
            handle.counted = False
            self._files.release(self._principal)

    async def fsync(self, file_obj: object) -> None:
        await self._do(cast(Handle, file_obj).file.flush)

    # Attributes -------------------------------------------------------------------------------------------------------

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return attributes(await self._do(self._area.info, self._path(path)))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return attributes(await self._do(cast(Handle, file_obj).file.info))

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Times are set. Permissions stay 0600 and 0700 whatever is asked, for `scp -p` would fail otherwise."""
        names = self._path(path)
        self._refuse_owner(attrs)
        if attrs.size is not None:
            raise asyncssh.SFTPOpUnsupported(_("Only an open file can be cut."))
        await self._do(self._area.info, names)
        if attrs.mtime is not None:
            await self._do(self._area.set_times, names, _times(attrs))

    async def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self.setstat(path, attrs)

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        handle = cast(Handle, file_obj)
        self._refuse_owner(attrs)
        if attrs.size is not None:
            await self._do(handle.file.truncate, attrs.size)
        if attrs.mtime is not None:
            await self._do(handle.file.set_times, _times(attrs))

    @staticmethod
    def _refuse_owner(attrs: asyncssh.SFTPAttrs) -> None:
        if any(value is not None for value in (attrs.uid, attrs.gid, attrs.owner, attrs.group)):
            raise asyncssh.SFTPPermissionDenied(_("The owner of a file cannot be changed."))

    async def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        await self._do(self._area.info, self._path(path))
        return _space(await self._do(self._area.usage))

    async def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        return _space(await self._do(self._area.usage))

    # Folders and names ------------------------------------------------------------------------------------------------

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        names = self._path(path)
        waiting = await self._do(self._area.names, names)
        for begin in range(0, len(waiting), _BATCH):
            for entry in await self._do(self._area.entries, names, waiting[begin : begin + _BATCH]):
                yield asyncssh.SFTPName(entry.name.encode(), attrs=attributes(entry.info))

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        """The line of `ls -l`: the owner is the account, never one of this machine. Only here names are made safe to show."""
        name.attrs.nlink = 1  # programs that read this line count its columns
        filename, name.filename = cast(bytes, name.filename), b""
        super().format_longname(name)
        name.filename = filename
        name.longname = cast(bytes, name.longname) + sanitise(filename.decode()).replace("\n", " ").encode()

    def format_user(self, uid: int | None) -> str:
        return self._owner

    def format_group(self, gid: int | None) -> str:
        return self._owner

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._do(self._area.make_folder, self._path(path))

    async def rmdir(self, path: bytes) -> None:
        await self._do(self._area.remove_folder, self._path(path))

    async def remove(self, path: bytes) -> None:
        await self._do(self._area.remove, self._path(path))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._do(self._area.rename, self._path(oldpath), self._path(newpath), replace=False)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._do(self._area.rename, self._path(oldpath), self._path(newpath), replace=True)

    def realpath(self, path: bytes) -> bytes:
        return shown(self._path(path)).encode()

    def readlink(self, path: bytes) -> bytes:
        raise asyncssh.SFTPNoSuchFile(_("There are no links here."))

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied(_("No links can be made here."))

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied(_("No links can be made here."))

    def exit(self) -> None:
        """Without an exit status, OpenSSH's scp calls a good copy a failure."""
        if not self.channel.is_closing():
            self.channel.exit(0)


def attributes(info: os.stat_result) -> asyncssh.SFTPAttrs:
    """What a client is told: no owner, and the permissions that everything here has."""
    folder = stat.S_ISDIR(info.st_mode)
    return asyncssh.SFTPAttrs(
        type=asyncssh.FILEXFER_TYPE_DIRECTORY if folder else asyncssh.FILEXFER_TYPE_REGULAR,
        size=info.st_size,
        permissions=stat.S_IFDIR | 0o700 if folder else stat.S_IFREG | 0o600,
        atime=_seconds(info.st_atime),
        mtime=_seconds(info.st_mtime),
    )


def _seconds(value: float) -> int:
    return min(max(0, int(value)), 2**32 - 1)


def _times(attrs: asyncssh.SFTPAttrs) -> tuple[int, int]:
    modified = cast(int, attrs.mtime)
    return (modified if attrs.atime is None else attrs.atime) * 10**9, modified * 10**9


def _space(usage: Usage) -> asyncssh.SFTPVFSAttrs:
    """The quota as the size of a file system."""
    blocks, free, left = usage.quota // _BLOCK, usage.free // _BLOCK, max(0, MOST_ENTRIES - usage.entries)
    return asyncssh.SFTPVFSAttrs(
        bsize=_BLOCK, frsize=_BLOCK, blocks=blocks, bfree=free, bavail=free, files=MOST_ENTRIES, ffree=left, favail=left,
        namemax=LONGEST_NAME_BYTES,
    )  # fmt: skip
