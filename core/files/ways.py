"""Steps from one open folder to the next. None follows a link; what is neither a file nor a folder is as if it were not there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from core.errors import Conflict, NotFound
from core.files.names import FilePath, shown
from core.files.opened import lock_or_busy

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for its other end.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def opened(name: str, parent: int) -> Iterator[int]:
    descriptor = os.open(name, FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def leftover(parts: int, name: str) -> Iterator[int]:
    """The size of a temporary file that nobody holds. Raises Conflict if somebody does."""
    descriptor = os.open(name, os.O_RDWR | _FILE, dir_fd=parts)
    try:
        lock_or_busy(descriptor)
        yield os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def in_use(parent: int, name: str) -> bool:
    """Whether somebody has the file open: whoever has one holds a lock on it (core/files/opened.py)."""
    try:
        descriptor = os.open(name, os.O_RDONLY | _FILE, dir_fd=parent)
    except OSError:
        return False
    try:
        lock_or_busy(descriptor)
        return False
    except Conflict:
        return True
    finally:
        os.close(descriptor)


def open_folder(parent: int, name: str, path: FilePath) -> int:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno == errno.ENOTDIR and (info := stat_or_none(parent, (name,))) and stat.S_ISREG(info.st_mode):
            raise Conflict(what="not_a_folder") from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise NotFound(kind="file", reference=shown(path)) from None
        raise


def open_file(parent: int, path: FilePath, flags: int) -> int:
    try:
        descriptor = os.open(path[-1], flags | _FILE, dir_fd=parent)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise Conflict(what="is_a_folder") from None
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):  # ENXIO: a socket
            raise NotFound(kind="file", reference=shown(path)) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise Conflict(what="is_a_folder")
    raise NotFound(kind="file", reference=shown(path))


def stat_or_none(parent: int, path: FilePath) -> os.stat_result | None:
    try:
        return os.stat(path[-1], dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def visible(parent: int, path: FilePath) -> os.stat_result:
    """The attributes of a file or folder; anything else (a link, a device, a pipe) is as if it were not there."""
    info = stat_or_none(parent, path)
    if info is None or not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        raise NotFound(kind="file", reference=shown(path))
    return info
