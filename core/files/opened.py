"""Open files of an account: one that is read, and an upload that becomes a file when it is whole. All of it blocks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from core.errors import Conflict, DiskFull, NotFound
from core.files.names import UNFINISHED, is_unfinished

if TYPE_CHECKING:
    from core.files.area import UserArea

#: How much more room than asked for an upload gets at once, where plenty is free.
STEP = 8 * 1024 * 1024
#: What an interrupted upload must have brought for its part to be kept.
WORTH_KEEPING = 1024 * 1024
_COPY = 4 * 1024 * 1024


class Opened(Protocol):
    """What sftp does with an open file. Offsets and sizes are in bytes."""

    def read(self, offset: int, size: int) -> bytes: ...
    def write(self, offset: int, data: bytes) -> int: ...
    def info(self) -> os.stat_result: ...
    def truncate(self, size: int) -> None: ...
    def set_times(self, times_ns: tuple[int, int]) -> None: ...
    def flush(self) -> None: ...
    def commit(self) -> None: ...
    def interrupt(self) -> None: ...


class Reading:
    """A file that is only read. The lock tells that it is open: removed meanwhile, it takes its room until `closed` is called."""

    def __init__(self, descriptor: int, closed: Callable[[], object]) -> None:
        self._descriptor, self._closed = descriptor, closed
        with contextlib.suppress(BlockingIOError):  # somebody writes it, and holds it by that
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        self.transferred = 0

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        self.transferred += len(data)
        return data

    def write(self, offset: int, data: bytes) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def info(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def truncate(self, size: int) -> None:
        self.write(size, b"")

    def set_times(self, times_ns: tuple[int, int]) -> None:
        os.utime(self._descriptor, ns=times_ns)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def commit(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._closed()

    interrupt = commit


class Upload:
    """A file that grows under a name nobody sees and takes its own when it is closed whole: `commit`, or `interrupt`.

    `temporary` is None where the file's own name says that it is not whole; then it is written where it is. `parent` is the open
    folder that it goes to; both descriptors are the upload's. After a failed write nothing but the end is left: `commit` raises
    what was wrong.
    """

    def __init__(
        self, area: UserArea, descriptor: int, parent: int, name: str, temporary: str | None, *, append: bool, fresh: bool
    ) -> None:
        self._area, self._descriptor, self._parent = area, descriptor, parent
        self._name, self._temporary = name, temporary
        self._append, self._fresh = append, fresh
        self._size = self._granted = os.fstat(descriptor).st_size
        self._times: tuple[int, int] | None = None
        self._failure: Exception | None = None
        self.transferred = 0

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, max(0, min(size, self._size - offset)), offset)

    def write(self, offset: int, data: bytes) -> int:
        """Write all of `data`. Raises QuotaExceeded, DiskFull, OSError; then the upload cannot become whole any more."""
        if self._failure is not None:
            raise self._failure
        try:
            offset = self._size if self._append else offset
            self._reach(offset + len(data))
            view = memoryview(data)
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written
        except Exception as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            self._failure = DiskFull() if full else error
            raise self._failure from None
        self._size = max(self._size, offset)
        self.transferred += len(data)
        return len(data)

    def _reach(self, end: int) -> None:
        if end > self._granted:
            self._granted = self._area.grant(self._descriptor, self._granted, end, generous=STEP)

    def fill_from(self, source: int) -> None:
        """Begin with the content of the open file `source`, shared on the disk where the file system can."""
        size = os.fstat(source).st_size
        self._reach(size)
        offset = 0
        while offset < size:
            copied = _copy(source, self._descriptor, offset, min(_COPY, size - offset))
            if not copied:
                break
            offset += copied
        self._size = offset

    def info(self) -> os.stat_result:
        found = list(os.fstat(self._descriptor))
        found[stat.ST_SIZE] = self._size
        if self._times:
            found[stat.ST_ATIME], found[stat.ST_MTIME] = (value // 10**9 for value in self._times)
        return os.stat_result(found)

    def truncate(self, size: int) -> None:
        if size > self._size:
            self._reach(size)
        else:
            self._granted = self._area.shrink(self._descriptor, self._granted, size)
        self._size = size

    def set_times(self, times_ns: tuple[int, int]) -> None:
        self._times = times_ns  # set at the end: what is written until then would change them

    def flush(self) -> None:
        os.fsync(self._descriptor)

    def commit(self) -> None:
        """Give the file its name, on the disk. Raises what a write had raised, Conflict, NotFound (the folder is gone), OSError."""
        if self._descriptor < 0:
            return
        if self._failure is not None:
            self._drop()
            raise self._failure
        try:
            self._finish(self._name, replace=not self._fresh)
        finally:
            self._drop()

    def interrupt(self) -> None:
        """The upload ended before its time. What came is kept as NAME.part if it is much, so that it can be gone on with."""
        if self._descriptor < 0:
            return
        try:
            if self._temporary is None:
                self._settle()
            elif self._size >= WORTH_KEEPING and self._failure is None:
                unfinished = is_unfinished(self._name)
                with contextlib.suppress(OSError, Conflict, NotFound):
                    self._finish(self._name if unfinished else self._name + UNFINISHED[0], replace=unfinished)
        finally:
            self._drop()

    def discard(self) -> None:
        """Leave nothing."""
        if self._descriptor >= 0:
            self._drop()

    def _settle(self) -> None:
        """Give back the room that was not needed, and put what came on the disk."""
        self._granted = self._area.shrink(self._descriptor, self._granted, self._size)
        os.fsync(self._descriptor)
        if self._times:
            os.utime(self._descriptor, ns=self._times)

    def _finish(self, name: str, *, replace: bool) -> None:
        self._settle()
        if self._temporary is not None:
            self._area.adopt(self._temporary, self._parent, name, replace=replace)
            self._temporary = None
        os.fsync(self._parent)

    def _drop(self) -> None:
        try:
            if self._temporary is not None:
                self._area.forget(self._temporary, self._granted)
                self._temporary = None
            elif self._granted > self._size:
                self._granted = self._area.shrink(self._descriptor, self._granted, self._size)
        finally:
            os.close(self._descriptor)
            os.close(self._parent)
            self._descriptor = self._parent = -1
        self._area.sweep()


def _copy(source: int, target: int, offset: int, size: int) -> int:
    try:
        return os.copy_file_range(source, target, size, offset, offset)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    return os.pwrite(target, os.pread(source, size, offset), offset)


def lock_or_busy(descriptor: int) -> None:
    """Hold the file for one writer. Raises Conflict (file_busy). The lock ends with the descriptor, also at a crash."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(what="file_busy") from None
