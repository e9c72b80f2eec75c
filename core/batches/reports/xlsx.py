"""XLSX, for people who go on working with it: summary, statistics, charts of the spreadsheet's own, and every answer.

No text from outside ever becomes a formula or a link: every one is written as a string. Answers are written row by row to the disk
(XlsxWriter's constant memory), so that their number does not matter.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from core.batches.reports.findings import findings
from core.batches.reports.tables import facts, tables
from core.batches.reports.xlsx_answers import Answers, lines_of
from core.batches.reports.xlsx_cells import Styles, cut, sheet_name, write_cell
from core.batches.reports.xlsx_charts import write_charts

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

    from core.batches.reports.tables import Column, Table
    from core.batches.reports.types import Note, ReportData, Words

#: Bytes that are kept in memory of the finished file.
_IN_MEMORY: Final = 8 * 1024 * 1024
#: Characters of columns of names and of values; points of a line.
_NAMES, _VALUES, _LINE = 26, 13, 15.0
#: Columns of one value that get a scale of colours: higher is better, or lower is.
_GOOD_HIGH: Final = ("score", "passed", "corpus_bleu", "corpus_chrf")


def write(data: ReportData, words: Words, target: BinaryIO) -> tuple[Note, ...]:
    """The whole file. What did not fit into a cell is cut and told. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix="modeltrain-report-") as folder, tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        notes = _write(data, words, file, folder)
        file.seek(0)
        shutil.copyfileobj(file, target, 1 << 20)
    return notes


def _write(data: ReportData, words: Words, file: Any, folder: str) -> tuple[Note, ...]:
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    book = Workbook(file, {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False})
    try:
        book.set_properties({"title": cut(data.batch.name, 250)[0], "created": data.made_at.replace(tzinfo=None)})
        book.use_zip64()
        styles = Styles(book)
        sheets = [book.add_worksheet(sheet_name(words.say(key))) for key in ("summary", "statistics_sheet", "charts", "answers")]
        answers = Answers(sheets[3], styles, data, words)
        notes = answers.write()
        _statistics(sheets[1], styles, data, words)
        write_charts(book, sheets[2], styles, data, words)
        _summary(sheets[0], styles, data, words, notes)
        book.close()
    except FileCreateError as error:
        raise error.args[0] if error.args and isinstance(error.args[0], OSError) else error from error
    finally:
        book.fileclosed = True  # else its destructor would try once more to write what could not be written
        for sheet in book.worksheets():
            rows = getattr(sheet, "row_data_fh", None)
            with contextlib.suppress(OSError):
                rows is None or rows.close()
    return notes


def _summary(sheet: Worksheet, styles: Styles, data: ReportData, words: Words, notes: tuple[Note, ...]) -> None:
    """What the batch is and what it shows, on one page."""
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 100)
    sheet.hide_gridlines(2)
    row = 0
    sheet.set_row(row, 26)
    sheet.write_string(row, 0, cut(data.batch.name)[0], styles.title)
    row += 2
    for label, value in facts(data, words):
        sheet.write_string(row, 0, label, styles.dim)
        sheet.write_string(row, 1, cut(value)[0], styles.text)
        row += 1
    said = [(each.said(words.say), each.tone) for each in findings(data)]
    said.append((words.say("interval_means", percent=f"{data.statistics.confidence:.0%}"), "dim"))
    for title, sentences in (
        (words.say("findings"), said),
        (words.say("notes"), [(words.say(key, **fields), "warn") for key, fields in notes]),
    ):
        if sentences:
            row += 1
            sheet.write_string(row, 0, title, styles.heading)
            row += 1
        for sentence, tone in sentences:
            sheet.set_row(row, 15 * (1 + len(sentence) // 100))
            sheet.write_string(row, 1, cut(sentence)[0], styles.tones[tone])
            row += 1
    _printed(sheet)


def _statistics(sheet: Worksheet, styles: Styles, data: ReportData, words: Words) -> None:
    """All tables, one below the other; the first columns are names."""
    found = tables(data, words)
    sheet.set_column(0, 1, _NAMES)
    sheet.set_column(2, max((len(table.columns) for table in found), default=3), _VALUES)
    row = 0
    for table in found:
        sheet.write_string(row, 0, table.title, styles.heading)
        row = _table(sheet, styles, table, row + 1) + 1
    sheet.freeze_panes(0, 1)
    _printed(sheet)


def _table(sheet: Worksheet, styles: Styles, table: Table, row: int) -> int:
    """The row behind it."""
    sheet.set_row(row, _LINE * max(lines_of(column.label, _width(index)) for index, column in enumerate(table.columns)))
    for index, column in enumerate(table.columns):
        sheet.write_string(row, index, column.label, styles.head if column.kind == "text" else styles.head_right)
    first = row + 1
    for values in table.rows:
        row += 1
        sheet.set_row(row, _LINE * max(lines_of(str(value), _width(index)) for index, value in enumerate(values) if isinstance(value, str)))
        for index, (column, value) in enumerate(zip(table.columns, values, strict=True)):
            write_cell(sheet, row, index, column.kind, value, styles)
    for index, column in enumerate(table.columns):
        _coloured(sheet, styles, column, first, row, index)
    return row + 1


def _width(index: int) -> int:
    return _NAMES if index < 2 else _VALUES


def _coloured(sheet: Worksheet, styles: Styles, column: Column, first: int, last: int, index: int) -> None:
    if column.key in _GOOD_HIGH:
        sheet.conditional_format(first, index, last, index, styles.scale)
    elif column.key == "error_rate":
        sheet.conditional_format(first, index, last, index, styles.above_zero)
    elif column.key == "chance":
        sheet.conditional_format(first, index, last, index, styles.small_chance)
    elif column.key.startswith(("total_time_", "ttft_")):
        sheet.conditional_format(first, index, last, index, styles.bar)


def _printed(sheet: Worksheet) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&P / &N")
