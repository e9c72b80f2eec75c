"""The door to reports: `write_report` into an open file, `replacing` for a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.batches.reports.types import FORMS, Written
from core.errors import DiskFull, EnvironmentProblem, InvalidInput

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Words

    Writer = Callable[[ReportData, Words, BinaryIO], tuple[tuple[str, dict[str, Any]], ...]]

_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_report(data: ReportData, form: str, words: Words, target: BinaryIO) -> Written:
    """Write the report in `form` (types.FORMS) into `target`. Blocks, for some seconds of 10,000 answers.

    Raises InvalidInput("format", "unknown"), and DiskFull or OSError as `target` raises it.
    """
    counted = _Counted(target)
    try:
        notes = _writer(form)(data, words, counted)  # type: ignore[arg-type]
    except OSError as error:
        raise DiskFull() if error.errno in _FULL else error from error
    return Written(counted.count, notes)


def _writer(form: str) -> Writer:
    """Only what is needed is imported: some forms bring heavy packages along."""
    if form not in FORMS:
        raise InvalidInput("format", "unknown", value=form)
    if form == "xlsx":
        from core.batches.reports.xlsx import write
    elif form == "html":
        from core.batches.reports.html import write
    elif form == "pdf":
        from core.batches.reports.pdf import write
    elif form == "junit":
        from core.batches.reports.junit import write
    elif form == "csv":
        from core.batches.reports.plain import write_csv as write
    else:
        from core.batches.reports.plain import write_json as write
    return write


class _Counted:
    """`target`, counting bytes. It only goes forward, so it may be a pipe."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.count = 0

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self.count += len(data)
        return len(data)

    def tell(self) -> int:
        return self.count

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        self._target.flush()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well; else `path` stays as it was and nothing else is left.

    Only its owner may read it, or who might read the file whose place it takes. Where `path` is no ordinary file (a pipe, a device) it is
    written to as it is. Raises DiskFull, EnvironmentProblem(what="file_not_writable", path, reason), and what the block raises.
    """
    try:
        place = path.resolve()
        if place.exists() and not place.is_file() and not place.is_dir():
            with place.open("wb") as file:
                yield file
            return
        with _beside(place) as file:
            yield file
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull() from error
        raise EnvironmentProblem(what="file_not_writable", path=str(path), reason=error.strerror or type(error).__name__) from error


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[BinaryIO]:
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o600
    part = place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        # 0600 until it is whole: what is in it is nobody else's business before the old file's rights are known to hold.
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        part.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
