"""Questions in tables: CSV with commas, semicolons, tabs or bars, with or without a heading, with newlines in cells."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, TextIO

from core.questions.checks import Wrong, clean
from core.questions.making import Table, unguarded
from core.questions.types import Problem, QuestionDraft

Item = QuestionDraft | Problem
_DELIMITERS: Final = (",", "\t", ";", "|")
#: A separator that no text has: for tables of one column, whose commas are commas.
_NONE: Final = "\x1f"
#: Characters of the longest cell.
_LONGEST_CELL: Final = 4 * 1024 * 1024
_SAMPLE_LINES: Final = 50


def is_table(head: str) -> bool:
    """Whether text without an ending looks like a table of questions: its first row names at least two columns, one the question's."""
    delimiter, _skipped = delimiter_of(head.splitlines(keepends=True)[:_SAMPLE_LINES])
    return delimiter != _NONE


def delimiter_of(lines: list[str]) -> tuple[str, int]:
    """What parts the cells, and the number of lines before the heading (Excel's "sep=;")."""
    if not lines:
        return _NONE, 0
    first = lines[0].strip("\ufeff \t\r\n").casefold()
    if first.startswith("sep=") and len(first) == len("sep=") + 1:
        return first[-1], 1
    if first == "sep=":
        return "\t", 1
    best, most = _NONE, (False, 1, 0.0)
    for delimiter in _DELIMITERS:
        rows = [row for row in csv.reader(iter(lines), delimiter=delimiter, strict=False) if row]
        if not rows or len(rows[0]) < 2:
            continue
        # Where no heading is known: the one by which most rows have as many cells as the first.
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        score = (Table(rows[0]).question_column, len(rows[0]) if alike > 0.5 else 1, alike)
        if score > most:
            best, most = delimiter, score
    return best, 0


class _Lines:
    """Lines for the csv module, which remember those of the row in hand."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.held: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            self.held.append(line)
            yield line

    def begin(self) -> int:
        """The next row begins; the line that it will begin on."""
        self.held.clear()
        return self.number + 1


def table_items(text: TextIO) -> Iterator[Item]:
    """The questions of a table and what is wrong in it."""
    if csv.field_size_limit() < _LONGEST_CELL:
        csv.field_size_limit(_LONGEST_CELL)
    sample = list(islice(text, _SAMPLE_LINES))
    if sample:
        sample[0] = sample[0].lstrip("\ufeff")
    try:
        delimiter, skipped = delimiter_of(sample)
    except csv.Error:
        delimiter, skipped = ",", 0
    lines = _Lines(chain(sample, text))
    rows = _rows(lines, delimiter)
    table: Table | None = None
    for line, cells in rows:
        if isinstance(cells, Problem):
            yield cells
        elif line <= skipped:
            continue
        elif table is None:
            table, first = _begun(cells)
            if first:
                yield _alone(cells[0], line)
            elif not table.question_column:
                yield Problem(None, "no_question_column", {"columns": ", ".join(heading[:40] for heading in table.headings[:12])})
                return
        else:
            yield _question(table, cells, line)


def _begun(cells: list[str]) -> tuple[Table, bool]:
    """The table of a first row, and whether that row is a question itself: one column without a heading."""
    table = Table(cells)
    if len(cells) == 1 and not table.question_column:
        return Table(["question"]), True
    return table, False


def _question(table: Table, cells: list[str], line: int) -> Item:
    try:
        return table.question(cells, line)
    except Wrong as wrong:
        return Problem(line, wrong.rule, wrong.fields)


def _alone(text: str, line: int) -> Item:
    try:
        return clean(QuestionDraft(unguarded(text), source_line=line))
    except Wrong as wrong:
        return Problem(line, wrong.rule, wrong.fields)


def _rows(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | Problem]]:
    """Each row that is not blank with the line it begins on; a Problem where it cannot be told."""
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=False)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Past the longest cell: a quote that nobody closed, as good as always.
            rule = "unclosed_quote" if "limit" in str(error) else "malformed_rest"
            yield line, Problem(line, rule, {} if rule == "unclosed_quote" else {"reason": str(error)})
            return
        if any(cell.strip() for cell in cells):
            yield line, Problem(line, "unclosed_quote") if _open(lines, delimiter) else cells


def _open(lines: _Lines, delimiter: str) -> bool:
    """Whether the row in hand ended with the file, inside of quotes. Only the last row can, so only long or last ones are looked at."""
    if sum(line.count('"') for line in lines.held) % 2 == 0:
        return False
    try:
        list(csv.reader(iter(lines.held), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False
