"""Files that are nobody else's business: folders 0700, files 0600, written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
#: What SQLite puts beside a database file.
SIDE_FILES = ("-wal", "-shm", "-journal")


def exposure(path: Path) -> int:
    """The permission bits of `path` that let anybody but its owner in; 0 is as it should be."""
    return stat.S_IMODE(path.stat().st_mode) & 0o077


def is_there(path: Path) -> bool:
    """Whether `path` can be seen; False where this account may not even look."""
    try:
        return path.exists()
    except OSError:
        return False


def private_folder(path: Path, *, ours: tuple[str, ...] = ()) -> None:
    """Make `path` with 0700, parents included. One that is there is tightened if it is empty or holds a file named in `ours`.

    Somebody may name a folder with other things in it as the data folder: its permissions are then theirs to decide (what we put
    there is 0600 all the same). Raises OSError.
    """
    if not path.is_dir():
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path.chmod(PRIVATE_FOLDER)
        return
    if exposure(path) and path.stat().st_uid == os.geteuid() and (any((path / name).exists() for name in ours) or not any(path.iterdir())):
        path.chmod(PRIVATE_FOLDER)


def private_database(path: Path) -> None:
    """Make the file of an SQLite database with 0600 before SQLite sees it: its -wal and -shm get the same. Tighten what is there."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    for file in (path, *(path.with_name(path.name + ending) for ending in SIDE_FILES)):
        with contextlib.suppress(FileNotFoundError):
            if exposure(file) and file.stat().st_uid == os.geteuid():
                file.chmod(PRIVATE_FILE)


def write_private(path: Path, content: str, *, new: bool = False) -> None:
    """Put `content` at `path` with 0600, at once: a crash leaves the old file or the new one, on disk. `new`: FileExistsError if taken."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            path.hardlink_to(temporary)
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the advisory lock file `path` (made with 0600, left there: removing it would let two in). Waits its turn."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
