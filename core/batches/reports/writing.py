"""The door to reports: `write_report` into an open file; see core.documents.replacing for files that are whole or not there at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from core.batches.reports.types import FORMS, Note, ReportData, Words, Written
from core.documents.replacing import FULL
from core.errors import DiskFull, InvalidInput

if TYPE_CHECKING:
    Writer = Callable[[ReportData, Words, BinaryIO], tuple[Note, ...]]


def write_report(data: ReportData, form: str, words: Words, target: BinaryIO) -> Written:
    """Write the report in `form` (types.FORMS) into `target`. Blocks, for some seconds of 10,000 answers.

    Raises InvalidInput("format", "unknown"), DiskFull, OSError as `target` raises it.
    """
    writer, counted = _writer(form), _Counted(target)
    file: Any = counted
    try:
        notes = writer(data, words, file)
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull() from error
        raise
    return Written(counted.count, notes)


def _writer(form: str) -> Writer:
    """Only what is needed is imported: some forms bring heavy packages along."""
    if form not in FORMS:
        raise InvalidInput("format", "unknown", value=form)
    if form == "xlsx":
        from core.batches.reports import xlsx

        return xlsx.write
    if form == "html":
        from core.batches.reports import html

        return html.write
    if form == "pdf":
        from core.batches.reports import pdf

        return pdf.write
    if form == "junit":
        from core.batches.reports import junit

        return junit.write
    from core.batches.reports import plain

    return plain.write_csv if form == "csv" else plain.write_json


class _Counted:
    """`target`, counting bytes. It only goes forward, so it may be a pipe."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.count = 0

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self.count += len(data)
        return len(data)
