"""An open file: bytes by place, the holes that were punched into it, and whether it is still the one that was opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Bytes at the beginning by which a file is known again: one that was emptied and written anew may have grown beyond its old size.
_HEAD = 256
#: Nobody punches more holes than this; a file system that reports more is not worth listening to.
_MAX_HOLES = 256

Hole = tuple[int, int]


class NotReadable(Exception):
    """The file is there, but cannot be read as a log. `why`: not_a_file, permission."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Opened:
    """Closed when nobody holds it any more: a reader in another thread may still do when the log was replaced."""

    def __init__(self, path: Path) -> None:
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except PermissionError as error:
            raise NotReadable("permission") from error
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable("not_a_file")
        self.identity = (status.st_dev, status.st_ino)
        self.size = 0
        self.holes: tuple[Hole, ...] = ()
        self._head = b""
        self._blocks = -1
        self._written = -1
        self.take(status)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def fileno(self) -> int:
        return self._fd

    def status(self) -> os.stat_result:
        """As it is now, also when its name is gone."""
        return os.fstat(self._fd)

    def is_same(self, status: os.stat_result) -> bool:
        """Whether what was known of the bytes up to `size` still holds, as far as can be told cheaply."""
        if status.st_size < self.size:
            return False
        if status.st_mtime_ns == self._written and status.st_size == self.size:
            return True
        return os.pread(self._fd, len(self._head), 0) == self._head

    def take(self, status: os.stat_result) -> bool:
        """Go by `status` from now on. Returns whether bytes were added, or taken out in the middle."""
        if status.st_size == self.size and status.st_blocks == self._blocks:
            self._written = status.st_mtime_ns
            return False
        before = self.size, self.holes
        self.holes = self._find_holes(status)
        self.size, self._blocks, self._written = status.st_size, status.st_blocks, status.st_mtime_ns
        if len(self._head) < _HEAD:
            self._head = os.pread(self._fd, _HEAD, 0)[: self.size]
        return before != (self.size, self.holes)

    def _find_holes(self, status: os.stat_result) -> tuple[Hole, ...]:
        size = status.st_size
        if status.st_blocks * 512 >= size:
            return ()
        holes: list[Hole] = []
        place = 0
        try:
            while place < size and len(holes) < _MAX_HOLES:
                start = os.lseek(self._fd, place, os.SEEK_HOLE)
                if start >= size:
                    break
                place = self._data_after(start, size)
                holes.append((start, place))
        except OSError:  # a file system that knows no holes
            return ()
        return tuple(holes)

    def _data_after(self, start: int, size: int) -> int:
        try:
            return min(size, os.lseek(self._fd, start, os.SEEK_DATA))
        except OSError as error:
            if error.errno == errno.ENXIO:
                return size
            raise

    # Bytes -----------------------------------------------------------------------------------------------------------

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, fewer where the file was cut meanwhile."""
        parts: list[bytes] = []
        while start < end:
            part = os.pread(self._fd, end - start, start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, buffer: memoryview, start: int) -> int:
        """Fill `buffer` with the bytes from `start` on; how many came."""
        filled = 0
        while filled < len(buffer):
            count = os.preadv(self._fd, [buffer[filled:]], start + filled)
            if not count:
                break
            filled += count
        return filled

    def region(self, offset: int) -> tuple[int, int, bool]:
        """The stretch that holds the byte at `offset`: from, to, and whether it is a hole."""
        low = 0
        for start, end in self.holes:
            if offset < start:
                return low, start, False
            if offset < end:
                return start, end, True
            low = end
        return low, self.size, False

    def data(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of `start`..`end` that are no holes."""
        found, low = [], start
        for first, last in (*self.holes, (self.size, self.size)):
            if low < min(first, end):
                found.append((low, min(first, end)))
            low = max(low, last)
        return found
