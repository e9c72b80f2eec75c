"""What one account may do with its files. Every step from folder to folder is made with open folders and follows no link, so that
nobody who swaps a folder for a link in the meantime gets anywhere. All of it blocks: call it in a thread.

Errors: InvalidInput (path), NotFound (file), Conflict (fixed_folders, file_exists, is_a_folder, folder_to_remove, not_a_folder, not_a_file,
folder_not_empty, into_itself, nested_too_deeply, too_large_to_change, file_busy), QuotaExceeded, DiskFull, and OSError for what the
machine itself refuses.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import Conflict, DiskFull, NotFound
from core.files.ledger import Ledger, Tally
from core.files.names import DEEPEST, FOLDERS, PARTS, FilePath, acceptable, is_unfinished, shown
from core.files.opened import Reading, Upload, lock_or_busy
from core.files.tree import height
from core.files.ways import FOLDER, in_use, leftover, open_file, open_folder, opened, stat_or_none, visible
from storage.files import private_folder

#: A file that is changed, not replaced, is copied first so that the old one stays until the new one is whole: up to so many bytes.
LARGEST_COPIED = 1024**3


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes used, allowed and still free (a full disk leaves less than the quota), and the number of files and folders."""

    used: int
    quota: int
    free: int
    entries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder as it is listed."""

    name: str
    info: os.stat_result


class UserArea:
    """The folders of one account below `root`, made when they are first needed."""

    def __init__(self, root: Path, ledger: Ledger) -> None:
        self.root = root
        self._ledger = ledger

    # Looking ----------------------------------------------------------------------------------------------------------

    def info(self, path: FilePath) -> os.stat_result:
        if not path:
            with self._root() as root:
                return os.fstat(root)
        with self._parent(path) as parent:
            return visible(parent, path)

    def names(self, path: FilePath) -> list[str]:
        """What is in a folder, sorted; links, devices, pipes and what could not be named are left out by `entries`."""
        if not path:
            with self._root():
                return list(FOLDERS)
        with self._folder(path) as folder, os.scandir(folder) as found:
            return sorted(entry.name for entry in found if acceptable(entry.name))

    def entries(self, path: FilePath, names: list[str]) -> list[Entry]:
        """Those of `names` that are files or folders."""
        found = []
        with self._folder(path) as folder:
            for name in names:
                with contextlib.suppress(NotFound, Conflict, OSError):
                    found.append(Entry(name, visible(folder, (*path, name))))
        return found

    def usage(self) -> Usage:
        with self._root() as root:
            used, free, entries = self._ledger.free(root)
        return Usage(used, self._ledger.quota, free, entries)

    # Files ------------------------------------------------------------------------------------------------------------

    def open_reading(self, path: FilePath) -> Reading:
        with self._parent(path) as parent:
            return Reading(open_file(parent, path, os.O_RDONLY), self.sweep)

    def open_writing(self, path: FilePath, *, create: bool, empty: bool, fresh: bool = False, append: bool = False) -> Upload:
        """Open `path` to write it. `create`: it need not be there; `fresh`: it must not be; `empty`: what it held is not wanted."""
        if len(path) < 2:
            raise Conflict(what="is_a_folder" if path and path[0] in FOLDERS else "fixed_folders")
        with self._parent(path) as parent:
            there = stat_or_none(parent, path)
            if there is None and not create:
                raise NotFound(kind="file", reference=shown(path))
            if there is not None and fresh:
                raise Conflict(what="file_exists")
            if there is not None and not stat.S_ISREG(there.st_mode):
                raise Conflict(what="is_a_folder" if stat.S_ISDIR(there.st_mode) else "not_a_file")
            if there is not None and not empty and is_unfinished(path[-1]):
                return self._open_in_place(parent, path, append=append)
            if there is not None and not empty and there.st_size > LARGEST_COPIED:
                raise Conflict(what="too_large_to_change")
            return self._open_temporary(parent, path, keep=there is not None and not empty, fresh=fresh, append=append)

    def _open_in_place(self, parent: int, path: FilePath, *, append: bool) -> Upload:
        descriptor = open_file(parent, path, os.O_RDWR)
        try:
            lock_or_busy(descriptor)
            return Upload(self, descriptor, os.dup(parent), path[-1], None, append=append, fresh=False)
        except BaseException:
            os.close(descriptor)
            raise

    def _open_temporary(self, parent: int, path: FilePath, *, keep: bool, fresh: bool, append: bool) -> Upload:
        temporary = secrets.token_hex(16)
        descriptor = self._make_temporary(temporary)
        upload = Upload(self, descriptor, os.dup(parent), path[-1], temporary, append=append, fresh=fresh)
        try:
            if keep:
                source = open_file(parent, path, os.O_RDONLY)
                try:
                    upload.fill_from(source)
                finally:
                    os.close(source)
        except BaseException:
            upload.discard()
            raise
        return upload

    def _make_temporary(self, name: str) -> int:
        with self._changing() as (root, tally), opened(PARTS, root) as parts:
            self._ledger.take(tally, root, 0, entries=1)
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parts)
            # Held as long as the upload lives: by this, leftovers of a crash are told from uploads under way.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return descriptor

    # For uploads: room, and what becomes of the temporary file -----------------------------------------------------------

    def grant(self, descriptor: int, granted: int, end: int, *, generous: int) -> int:
        """Make the file long enough for `end`; gives the length that it now has."""
        with self._changing() as (root, tally):
            taken = self._ledger.take(tally, root, end - granted, generous=generous)
            try:
                os.ftruncate(descriptor, granted + taken)
            except BaseException:
                tally.change(-taken)
                raise
        return granted + taken

    def shrink(self, descriptor: int, granted: int, size: int) -> int:
        with self._changing() as (_root, tally):
            os.ftruncate(descriptor, size)
            tally.change(size - granted)
        return size

    def adopt(self, temporary: str, parent: int, name: str, *, replace: bool) -> None:
        """Give the temporary file its name in the open folder `parent`. What was there is gone then."""
        with self._changing() as (root, tally), opened(PARTS, root) as parts:
            there = stat_or_none(parent, (name,))
            if there is not None and not replace:
                raise Conflict(what="file_exists")
            if there is not None and stat.S_ISDIR(there.st_mode):
                raise Conflict(what="is_a_folder")
            try:
                with self._giving_way(root, tally, parent, name, there):
                    os.rename(temporary, name, src_dir_fd=parts, dst_dir_fd=parent)
            except FileNotFoundError:
                raise NotFound(kind="file", reference=name) from None  # the folder was removed

    def forget(self, temporary: str, granted: int) -> None:
        """Remove a temporary file."""
        with self._changing() as (root, tally), opened(PARTS, root) as parts, contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parts)
            tally.change(-granted, -1)

    def clean(self, *, after_crash: bool = True) -> int:
        """Remove what crashes left of uploads, and what was removed while it was open; gives the number. What is locked stays."""
        removed = 0
        with self._changing() as (root, tally), opened(PARTS, root) as parts:
            for name in os.listdir(parts):  # noqa: PTH208 - of an open folder
                with contextlib.suppress(OSError, Conflict), leftover(parts, name) as size:
                    os.unlink(name, dir_fd=parts)
                    tally.change(-size, -1)
                    removed += 1
            if removed and after_crash:
                tally.counted_at = 0.0  # a crash may have come between a file and the ledger: count again
        return removed

    def sweep(self) -> None:
        """A file was closed: if it had been removed before, its room is free now."""
        with contextlib.suppress(OSError, Conflict):
            self.clean(after_crash=False)

    # Folders and names ------------------------------------------------------------------------------------------------

    def make_folder(self, path: FilePath) -> None:
        if not path or (len(path) == 1 and path[0] in FOLDERS):
            raise Conflict(what="file_exists")  # as clients that copy whole folders expect
        self._not_fixed(path)
        with self._parent(path) as parent, self._changing() as (root, tally):
            if stat_or_none(parent, path) is not None:
                raise Conflict(what="file_exists")
            self._ledger.take(tally, root, 0, entries=1)
            os.mkdir(path[-1], 0o700, dir_fd=parent)

    def remove_folder(self, path: FilePath) -> None:
        self._not_fixed(path)
        with self._parent(path) as parent, self._changing() as (_root, tally):
            if not stat.S_ISDIR(visible(parent, path).st_mode):
                raise Conflict(what="not_a_folder")
            try:
                os.rmdir(path[-1], dir_fd=parent)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise Conflict(what="folder_not_empty") from None
                raise
            tally.change(0, -1)

    def remove(self, path: FilePath) -> None:
        self._not_fixed(path)
        with self._parent(path) as parent, self._changing() as (root, tally):
            there = visible(parent, path)
            if stat.S_ISDIR(there.st_mode):
                raise Conflict(what="folder_to_remove")
            with self._giving_way(root, tally, parent, path[-1], there):
                os.unlink(path[-1], dir_fd=parent)

    def rename(self, old: FilePath, new: FilePath, *, replace: bool) -> None:
        """Move a file or folder. `replace`: a file that is there already gives way to a file."""
        self._not_fixed(old)
        self._not_fixed(new)
        with self._parent(old) as source, self._parent(new) as target, self._changing() as (root, tally):
            moved = visible(source, old)
            if stat.S_ISDIR(moved.st_mode):
                if new[: len(old)] == old and new != old:
                    raise Conflict(what="into_itself")
                self._fits(source, old[-1], len(new))
            there = stat_or_none(target, new)
            if there is not None and new != old and not (replace and stat.S_ISREG(there.st_mode) and stat.S_ISREG(moved.st_mode)):
                raise Conflict(what="file_exists")
            if there is not None and os.path.samestat(there, moved):
                there = None
            with self._giving_way(root, tally, target, new[-1], there):
                os.rename(old[-1], new[-1], src_dir_fd=source, dst_dir_fd=target)

    @contextlib.contextmanager
    def _giving_way(self, root: int, tally: Tally, parent: int, name: str, there: os.stat_result | None) -> Iterator[None]:
        """Around what takes the file `there` away from `name`. One that somebody has open stays on the disk until they close it, so it
        stays counted: among the temporary files, until `sweep`."""
        kept = secrets.token_hex(16) if there is not None and stat.S_ISREG(there.st_mode) and in_use(parent, name) else ""
        with opened(PARTS, root) as parts:
            if kept:
                try:
                    os.link(name, kept, src_dir_fd=parent, dst_dir_fd=parts, follow_symlinks=False)
                except OSError:
                    kept = ""  # a file system that knows one name of a file only
            try:
                yield
            except BaseException:
                if kept:
                    os.unlink(kept, dir_fd=parts)
                raise
        if there is not None and not kept:
            tally.change(-there.st_size if stat.S_ISREG(there.st_mode) else 0, -1)

    def set_times(self, path: FilePath, times_ns: tuple[int, int]) -> None:
        """Set access and modification time, in nanoseconds since the epoch."""
        if not path:
            raise Conflict(what="fixed_folders")
        with self._parent(path) as parent:
            visible(parent, path)
            os.utime(path[-1], ns=times_ns, dir_fd=parent, follow_symlinks=False)

    @staticmethod
    def _not_fixed(path: FilePath) -> None:
        if len(path) < 2:
            raise Conflict(what="fixed_folders")

    @staticmethod
    def _fits(parent: int, name: str, depth: int) -> None:
        if depth + height(parent, name, DEEPEST) > DEEPEST:
            raise Conflict(what="nested_too_deeply")

    # Ways -------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _root(self) -> Iterator[int]:
        """The root folder, open. What is missing of it is made with 0700."""
        try:
            descriptor = os.open(self.root, FOLDER)
        except FileNotFoundError:
            private_folder(self.root.parent)
            self.root.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.root, FOLDER)
        try:
            for name in (*FOLDERS, PARTS):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _folder(self, path: FilePath) -> Iterator[int]:
        """The folder `path`, open."""
        if path and path[0] not in FOLDERS:
            raise NotFound(kind="file", reference=shown(path))
        with self._root() as root:
            descriptor = os.dup(root)
            try:
                for name in path:
                    inner = open_folder(descriptor, name, path)
                    os.close(descriptor)
                    descriptor = inner
                yield descriptor
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def _parent(self, path: FilePath) -> Iterator[int]:
        """The folder that `path` is in, open. Only the three folders are at the root."""
        if not path or (len(path) == 1 and path[0] not in FOLDERS):
            raise NotFound(kind="file", reference=shown(path))
        with self._folder(path[:-1]) as folder:
            yield folder

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[int, Tally]]:
        """The root folder and the tally, while the lock of the ledger is held."""
        try:
            with self._root() as root, self._ledger.hold(root) as tally:
                yield root, tally
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull() from error
            raise
