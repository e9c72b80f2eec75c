"""How much of a quota is used, exact for all processes that write at the same time.

Beside each account's folders lies a file of 24 bytes: bytes used, files and folders, when they were counted. Every change of a size
happens while its lock (flock) is held. A growing upload is given room in steps by making its file longer (sparsely), so that what
is promised is on the disk: counting the files again gives the same sum as the ledger, also after a crash. They are counted again
every few minutes, and before anything is refused, since people may also remove files by other ways.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.errors import Conflict, DiskFull, QuotaExceeded
from core.files.names import FOLDERS, PARTS

LEDGER = ".ledger"
_FORMAT = struct.Struct("<QQd")
#: Seconds after which the files are counted again, and at the soonest before a refusal.
COUNTED_FOR_S = 600.0
REFUSAL_COUNTED_FOR_S = 2.0
#: Files and folders that one account may have: a count stays cheap.
MOST_ENTRIES = 100_000
#: What uploads must leave free on the disk: the database is there too.
DISK_RESERVE = 256 * 1024 * 1024
#: Seconds to wait for the ledger. It is held for a moment only, or while the files are counted.
LOCK_WAIT_S = 20.0
#: Folders deeper than this (made by other ways) are not looked into.
_COUNT_DEPTH = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Tally:
    """What is used, as long as the lock is held."""

    bytes: int
    entries: int
    counted_at: float

    def change(self, size: int, entries: int = 0) -> None:
        self.bytes = max(0, self.bytes + size)
        self.entries = max(0, self.entries + entries)


class Ledger:
    """The ledger of one account, whose root folder is open as `root` only while a method runs. Blocks; safe in many threads."""

    def __init__(self, quota: int, *, wall: Callable[[], float] = time.time, reserve: int = DISK_RESERVE) -> None:
        self.quota = quota
        self._wall = wall
        self._reserve = reserve

    @contextlib.contextmanager
    def hold(self, root: int) -> Iterator[Tally]:
        """Hold the lock; changes of the tally are kept. Raises Conflict (file_busy) if somebody else holds it for too long, OSError."""
        descriptor = os.open(LEDGER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=root)
        try:
            _lock(descriptor)
            tally = self._read(descriptor, root)
            try:
                yield tally
            finally:
                os.pwrite(descriptor, _FORMAT.pack(tally.bytes, tally.entries, tally.counted_at), 0)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, root: int) -> Tally:
        content = os.pread(descriptor, _FORMAT.size, 0)
        tally = Tally(*_FORMAT.unpack(content)) if len(content) == _FORMAT.size else Tally(0, 0, 0.0)
        if not 0 <= self._wall() - tally.counted_at <= COUNTED_FOR_S:
            self._recount(tally, root)
        return tally

    def _recount(self, tally: Tally, root: int) -> None:
        tally.bytes, tally.entries = count(root)
        tally.counted_at = self._wall()

    def take(self, tally: Tally, root: int, size: int, *, entries: int = 0, generous: int = 0) -> int:
        """Take `size` bytes and `entries` from what is free; up to `generous` bytes more where plenty is left. Gives the bytes taken.

        Raises QuotaExceeded (limit, used in bytes; or entries) or DiskFull.
        """
        if self._lacks(tally, size, entries) and self._wall() - tally.counted_at > REFUSAL_COUNTED_FOR_S:
            self._recount(tally, root)
        if tally.bytes + size > self.quota and size > 0:
            raise QuotaExceeded(used=tally.bytes, limit=self.quota)
        if tally.entries + entries > MOST_ENTRIES and entries > 0:
            raise QuotaExceeded(entries=MOST_ENTRIES)
        on_disk = free_on_disk(root) - self._reserve
        if size > max(0, on_disk):
            raise DiskFull()
        free = min(self.quota - tally.bytes, on_disk) - size
        taken = size + max(0, min(generous, free // 16))
        tally.change(taken, entries)
        return taken

    def _lacks(self, tally: Tally, size: int, entries: int) -> bool:
        return tally.bytes + size > self.quota or tally.entries + entries > MOST_ENTRIES

    def free(self, root: int) -> tuple[int, int, int]:
        """Bytes used, bytes free (by quota and disk), files and folders."""
        with self.hold(root) as tally:
            free = min(self.quota - tally.bytes, free_on_disk(root) - self._reserve)
            return tally.bytes, max(0, free), tally.entries


def _lock(descriptor: int) -> None:
    """Wait for the lock, but not for ever: it could be held by a process that is stopped, and threads are few."""
    end, pause = time.monotonic() + LOCK_WAIT_S, 0.0005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise Conflict(what="file_busy") from None
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def free_on_disk(folder: int) -> int:
    """Bytes that are free for this account of the machine where `folder` lies."""
    disk = os.fstatvfs(folder)
    return disk.f_bavail * disk.f_frsize


def count(root: int) -> tuple[int, int]:
    """Bytes, and files and folders, below the folders of an account (the three themselves are not counted). Follows no links."""
    size = entries = 0
    for name in (*FOLDERS, PARTS):
        with contextlib.suppress(OSError):
            more = _count(root, name, _COUNT_DEPTH)
            size, entries = size + more[0], entries + more[1]
    return size, entries


def _count(parent: int, name: str, depth: int) -> tuple[int, int]:
    size = entries = 0
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        with os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):  # gone in the meantime
                    info = entry.stat(follow_symlinks=False)
                    entries += 1
                    if stat.S_ISREG(info.st_mode):
                        size += info.st_size
                    elif stat.S_ISDIR(info.st_mode) and depth:
                        more = _count(folder, entry.name, depth - 1)
                        size, entries = size + more[0], entries + more[1]
    finally:
        os.close(folder)
    return size, entries
