"""Cells of a spreadsheet: formats by meaning, and text that fits and does nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from core.batches.reports import numbers
from core.sanitise import sanitise

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from core.batches.reports.tables import Kind

#: What a cell can hold, in UTF-16 units: https://support.microsoft.com/office/excel-specifications-and-limits
CELL: Final = 32_767
_NAME: Final = 31
#: What the name of a sheet may not have.
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")


def cut(text: str, limit: int = CELL) -> tuple[str, bool]:
    """`text` sanitised and as long as a cell can be, and whether some of it was cut."""
    clean = sanitise(text)
    if len(clean) * 2 <= limit or _units(clean) <= limit:
        return clean, False
    kept = clean[: limit - 1]
    while _units(kept) > limit - 1:
        kept = kept[: len(kept) - max(1, (_units(kept) - limit + 1) // 2)]
    return kept + "…", True


def _units(text: str) -> int:
    """Signs beyond the first plane (emoji) take two."""
    return len(text) + len(_BEYOND_BMP.findall(text))


def sheet_name(label: str) -> str:
    """A label as the name of a sheet."""
    return _NOT_IN_NAMES.sub(" ", label)[:_NAME].strip() or "-"


class Styles:
    """Every format of a book. Colours as in the other forms; backgrounds light enough for black text."""

    def __init__(self, book: Workbook) -> None:
        top = {"valign": "top"}
        self.text: Format = book.add_format({**top, "text_wrap": True})
        self.plain: Format = book.add_format(top)
        self.title: Format = book.add_format({"bold": True, "font_size": 16})
        self.heading: Format = book.add_format({"bold": True, "font_size": 12, "font_color": "#0b69b0"})
        self.dim: Format = book.add_format({**top, "font_color": "#5c636b"})
        head = {"bold": True, "bg_color": "#e8edf2", "bottom": 1, "bottom_color": "#9aa3ad", "text_wrap": True, "valign": "vcenter"}
        self.head: Format = book.add_format(head)
        self.head_right: Format = book.add_format({**head, "align": "right"})
        self.tones: Mapping[str, Format] = {
            "text": self.text,
            "dim": book.add_format({**top, "text_wrap": True, "font_color": "#5c636b"}),
            "good": book.add_format({**top, "text_wrap": True, "bold": True}),
            "warn": book.add_format({**top, "text_wrap": True, "font_color": "#8a4b00"}),
        }
        self.kinds: Mapping[str, Format] = {
            kind: book.add_format({**top, "num_format": form})
            for kind, form in (
                ("count", "#,##0_)"), ("share", "0.0%_)"), ("points", "+0.0_);-0.0_);0.0_)"), ("time", "0.00_)"), ("number", "0.00_)"),
                ("chance", "0.000_)"), ("money", "#,##0.00####_)"),
            )
        }  # fmt: skip
        good, bad = ({"bg_color": "#d5efdf", "font_color": "#0b5132"}, {"bg_color": "#fbdcd9", "font_color": "#7d1b12"})
        self.good: Format = book.add_format(good)
        self.bad: Format = book.add_format(bad)
        self.scale: dict[str, Any] = {
            "type": "3_color_scale", "min_color": "#f5b7b1", "mid_color": "#fdf3c8", "max_color": "#a9dfbf",
            "min_type": "num", "mid_type": "num", "max_type": "num", "min_value": 0, "mid_value": 0.5, "max_value": 1,
        }  # fmt: skip
        self.above_zero: dict[str, Any] = {"type": "cell", "criteria": ">", "value": 0, "format": self.bad}
        self.small_chance: dict[str, Any] = {"type": "cell", "criteria": "between", "minimum": 0, "maximum": 0.05, "format": self.good}
        self.bar: dict[str, Any] = {"type": "data_bar", "bar_color": "#9cc3e4", "bar_solid": True}


def write_cell(sheet: Worksheet, row: int, column: int, kind: Kind, value: Any, styles: Styles) -> bool:
    """A value of a table; whether its text was cut. Numbers are numbers: times in seconds, shares as percent, differences in points."""
    if value is None:
        return False
    if kind == "text":
        text, shorter = cut(str(value))
        sheet.write_string(row, column, text, styles.text)
        return shorter
    if kind == "money":
        _money(sheet, row, column, value, styles)
    else:
        factor = {"time": 0.001, "points": 100.0}.get(kind, 1.0)
        sheet.write_number(row, column, value * factor, styles.kinds[kind])
    return False


def _money(sheet: Worksheet, row: int, column: int, value: Mapping[str, Decimal], styles: Styles) -> None:
    """One currency as a number that can be added up; several, and its name, as text."""
    if len(value) == 1:
        sheet.write_number(row, column, float(next(iter(value.values()))), styles.kinds["money"])
    else:
        sheet.write_string(row, column, numbers.money(value), styles.plain)
