"""Tables in cells: columns as wide as they need, wrapped where the screen is narrow, a list of records where it is too narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from rich.segment import Segment

from tui.widgets.markdown.inline import runs_of
from tui.widgets.markdown.look import Look
from tui.widgets.markdown.wrap import Line, Run, width_of, wrap

_GAP = 2
_NARROWEST = 5


@dataclass(frozen=True)
class _Table:
    head: list[list[Run]]
    rows: list[list[list[Run]]]
    align: list[str]


def _read(tokens: Sequence[Token], look: Look) -> _Table:
    table = _Table([], [], [])
    row: list[list[Run]] = []
    in_head = False
    for token in tokens:
        if token.type == "tr_open":
            row = []
            in_head = in_head or not table.head
        elif token.type in ("th_open", "td_open"):
            if token.type == "th_open":
                table.align.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
            in_head = token.type == "th_open"
        elif token.type == "inline":
            row.append(runs_of(token.children, look, look.strong if in_head else look.text))
        elif token.type == "tr_close":
            if in_head:
                table.head.extend(row)
            else:
                table.rows.append(row)
    return table


def render_table(tokens: Sequence[Token], width: int, look: Look) -> list[Line]:
    """The lines of a table, none wider than `width` cells."""
    table = _read(tokens, look)
    columns = len(table.head)
    if not columns:
        return []
    room = width - _GAP * (columns - 1)
    if room < columns * _NARROWEST:
        return _records(table, width, look)
    widths = _widths(table, columns, room)
    lines = _row(table.head, widths, table.align, look)
    lines.append([Segment((" " * _GAP).join(look.marks.horizontal * cells for cells in widths), look.rule)])
    for row in table.rows:
        lines.extend(_row(row, widths, table.align, look))
    return lines


def _widths(table: _Table, columns: int, room: int) -> list[int]:
    """Natural widths if they fit; else narrow columns keep theirs and the wide ones share what is left."""
    natural = []
    for column in range(columns):
        cells = [row[column] for row in (table.head, *table.rows) if column < len(row)]
        natural.append(max(1, *(max(width_of(line) for line in wrap(cell, 10_000)) for cell in cells)))
    widths = [0] * columns
    left, open_columns = room, set(range(columns))
    while open_columns:
        share = max(1, left // len(open_columns))
        narrow = {column for column in open_columns if natural[column] <= share}
        if not narrow:
            for order, column in enumerate(sorted(open_columns)):
                widths[column] = share + (1 if order < left - share * len(open_columns) else 0)
            break
        for column in narrow:
            widths[column] = natural[column]
            left -= natural[column]
        open_columns -= narrow
    return widths


def _row(cells: Sequence[Sequence[Run]], widths: Sequence[int], align: Sequence[str], look: Look) -> list[Line]:
    """One row: as many lines as its tallest cell."""
    wrapped = [wrap(cells[column] if column < len(cells) else [], width) for column, width in enumerate(widths)]
    lines: list[Line] = []
    for number in range(max(len(cell) for cell in wrapped)):
        line: Line = []
        for column, width in enumerate(widths):
            piece = wrapped[column][number] if number < len(wrapped[column]) else []
            missing = max(0, width - width_of(piece))
            before = missing if align[column] == "right" else missing // 2 if align[column] == "center" else 0
            if column:
                before += _GAP
            if before:
                line.append(Segment(" " * before, look.text))
            line.extend(piece)
            after = missing - before + (_GAP if column else 0)
            if after > 0 and column < len(widths) - 1:
                line.append(Segment(" " * after, look.text))
        lines.append(line)
    return lines


def _records(table: _Table, width: int, look: Look) -> list[Line]:
    """Each row as lines "head: cell", for screens too narrow for the columns; nothing is left out."""
    lines: list[Line] = []
    for number, row in enumerate(table.rows or [[]]):
        if number:
            lines.append([Segment(look.marks.horizontal * min(3, width), look.rule)])
        for head, cell in zip(table.head, row or [[] for _head in table.head], strict=False):
            lines.extend(wrap([*head, (": ", look.dim), *cell], width))
    return lines
