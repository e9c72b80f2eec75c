"""A file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import DiskFull, EnvironmentProblem

#: What the system says when there is no room: on the disk, or for this account.
FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well; else `path` stays as it was and nothing else is left.

    Only its owner may read it or, unless `private`, who might read the file whose place it takes. Where `path` is no ordinary file (a
    pipe, a device) it is written to as it is.

    Raises DiskFull, EnvironmentProblem(what="file_not_writable", path, reason), and what the block raises.
    """
    try:
        place = path.resolve()
        if place.exists() and not place.is_file() and not place.is_dir():
            with place.open("wb") as file:
                yield file
            return
        with _beside(place, private) as file:
            yield file
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull() from error
        raise EnvironmentProblem(what="file_not_writable", path=str(path), reason=error.strerror or type(error).__name__) from error


@contextlib.contextmanager
def _beside(place: Path, private: bool) -> Iterator[BinaryIO]:
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    mode = place.stat().st_mode & 0o777 if place.exists() and not private else 0o600
    part = place.with_name(f".modeltrain-{secrets.token_hex(6)}.part")
    try:
        # 0600 until it is whole: what is in it is nobody else's business before the old file's rights are known to hold.
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        part.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
