"""The door to reports: `write_report` into an open file, `replacing` for a file that is there whole or not at all."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Words, Written


def write_report(data: ReportData, form: str, words: Words, target: BinaryIO) -> Written:
    """Write the report in `form` (types.FORMS) into `target`. Blocks, for some seconds of 10,000 answers.

    Raises InvalidInput("format", "unknown"), and OSError as `target` raises it.
    """
    raise NotImplementedError


def replacing(path: Path) -> AbstractContextManager[BinaryIO]:
    """A file that takes the place of `path` when the block ends well; else `path` stays as it was and nothing else is left.

    Raises DiskFull, EnvironmentProblem(what="file_not_writable", path, reason).
    """
    raise NotImplementedError
