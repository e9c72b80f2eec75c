"""The sheet of charts: the numbers of each, and below them a chart of the spreadsheet's own that is drawn from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from core.batches.reports.charts import rounded_up
from core.batches.reports.pictures import Picture, pictures
from core.batches.reports.xlsx_cells import cut
from core.documents.drawing import COLOURS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

    from core.batches.reports.charts import Bar
    from core.batches.reports.types import ReportData, Words
    from core.batches.reports.xlsx_cells import Styles

#: Pixels of a chart and of a row of the sheet.
_WIDTH, _ROW = 760, 20
#: Columns beside the names, and rows, of a page on paper.
_ACROSS: Final = 7
_PAGE: Final = 74
_FORMATS: Final = {"share": "0%", "points": "+0;-0;0", "seconds": "0.0#", "money": "General", "count": "#,##0"}
_KINDS: Final = {"share": "share", "points": "points", "seconds": "number", "money": "money", "count": "count"}
_TEXT: Final = {"size": 9, "color": "#1c1f23"}


def write_charts(book: Workbook, sheet: Worksheet, styles: Styles, data: ReportData, words: Words) -> None:
    """Every picture of the report. With constant memory, rows are written from the top down and never again."""
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, _ACROSS, 9.5)
    sheet.hide_gridlines(2)
    row, page, breaks = 0, 0, []
    for picture in pictures(data, words):
        height = _height(picture)
        rows = len(picture.groups) + height // _ROW + 4
        if row > page and row + rows - page > _PAGE:
            breaks.append(row)
            page = row
        _numbers(sheet, styles, picture, row, words)
        chart = _chart(book, sheet.get_name(), picture, row + 2)
        chart.set_size({"width": _WIDTH, "height": height})
        sheet.insert_chart(row + len(picture.groups) + 2, 0, chart, {"y_offset": 6, "description": picture.title, "object_position": 2})
        row += rows
    sheet.set_paper(9)  # A4
    # No fitting to pages: it would overrule the breaks, and a chart would be on two of them.
    sheet.set_print_scale(60)
    sheet.set_h_pagebreaks(breaks)
    sheet.print_area(0, 0, max(row, 1), _ACROSS)
    sheet.set_footer("&P / &N")


def _height(picture: Picture) -> int:
    bars = sum(len(group.bars) for group in picture.groups)
    return max(200, 100 + 22 * bars + (28 if picture.names else 0))


def _columns(picture: Picture) -> Iterator[tuple[str, int]]:
    """What stands beside the names: which number, of which series."""
    every = range(len(picture.names) or 1)
    yield from (("value", series) for series in every)
    if any(bar.low is not None for group in picture.groups for bar in group.bars):
        for series in every:
            yield "below", series
            yield "above", series


def _numbers(sheet: Worksheet, styles: Styles, picture: Picture, row: int, words: Words) -> None:
    """A heading, a line of labels, and a line a group; how far the interval reaches is given from the value on, as charts want it."""
    sheet.write_string(row, 0, picture.title, styles.heading)
    sheet.set_row(row + 1, 42 if picture.names else 18)
    labels = {"below": "−", "above": "+"}
    for column, (what, series) in enumerate(_columns(picture), 1):
        name = cut(picture.names[series])[0] if picture.names else words.say("value")
        sheet.write_string(row + 1, column, f"{labels.get(what, '')} {name}".strip(), styles.head_right)
    for index, group in enumerate(picture.groups):
        sheet.write_string(row + 2 + index, 0, cut(group.label)[0], styles.plain)
        by_series = {bar.series: bar for bar in group.bars} if picture.names else {0: group.bars[0]}
        for column, (what, series) in enumerate(_columns(picture), 1):
            value = _number(by_series.get(series), what)
            if value is not None:
                factor = 100.0 if picture.unit == "points" else 1.0
                sheet.write_number(row + 2 + index, column, value * factor, styles.kinds[_KINDS[picture.unit]])


def _number(bar: Bar | None, what: str) -> float | None:
    if bar is None or bar.value is None:
        return None
    if what == "value":
        return bar.value
    end = bar.low if what == "below" else bar.high
    return 0.0 if end is None else abs(end - bar.value)


def _chart(book: Workbook, sheet: str, picture: Picture, first: int) -> Any:
    chart = book.add_chart({"type": "bar"})
    last = first + len(picture.groups) - 1
    places = list(_columns(picture))
    for series in range(len(picture.names) or 1):
        column = 1 + places.index(("value", series))
        options: dict[str, Any] = {
            "categories": [sheet, first, 0, last, 0],
            "values": [sheet, first, column, last, column],
            "categories_data": [cut(group.label)[0] for group in picture.groups],
            "values_data": _values(picture, series, "value"),
            "fill": {"color": COLOURS[series % len(COLOURS)]},
            "gap": 60,
            "data_labels": {"value": True, "position": "inside_base", "font": {"size": 9, "color": "#ffffff"}},
        }
        if picture.names:
            options["name"] = [sheet, first - 1, column]
        else:
            options["points"] = [{"fill": {"color": COLOURS[group.bars[0].series % len(COLOURS)]}} for group in picture.groups]
        if ("below", series) in places:
            options["x_error_bars"] = _intervals(sheet, picture, series, first, last, 1 + places.index(("below", series)))
        chart.add_series(options)
    _dressed(chart, picture)
    return chart


def _bars(picture: Picture, series: int) -> list[Bar | None]:
    """The bar of a series in each group."""
    return [next((bar for bar in group.bars if bar.series == series or not picture.names), None) for group in picture.groups]


def _values(picture: Picture, series: int, what: str) -> list[float | str]:
    """As they stand in the cells: charts keep a copy, which some programs show until they are told to calculate."""
    factor = 100.0 if picture.unit == "points" else 1.0
    found = [_number(bar, what) for bar in _bars(picture, series)]
    return ["" if value is None else value * factor for value in found]


def _intervals(sheet: str, picture: Picture, series: int, first: int, last: int, column: int) -> dict[str, Any]:
    from xlsxwriter.utility import xl_range_formula

    return {
        "type": "custom",
        "minus_values": f"={xl_range_formula(sheet, first, column, last, column)}",
        "plus_values": f"={xl_range_formula(sheet, first, column + 1, last, column + 1)}",
        "minus_data": _values(picture, series, "below"),
        "plus_data": _values(picture, series, "above"),
        "line": {"color": "#1c1f23", "width": 1.25},
    }


def _reach(picture: Picture) -> float:
    """Where the axis ends: behind the longest bar and interval. Programs look at the bars only."""
    factor = 100.0 if picture.unit == "points" else 1.0
    ends = [abs(end) for group in picture.groups for bar in group.bars for end in (bar.value, bar.low, bar.high) if end is not None]
    return rounded_up(max(ends, default=0.0) * factor, None)


def _dressed(chart: Any, picture: Picture) -> None:
    chart.set_title({"name": picture.title, "name_font": {"size": 12, "color": "#1c1f23"}, "overlay": False})
    chart.set_legend({"position": "bottom", "font": _TEXT} if picture.names else {"none": True})
    axis: dict[str, Any] = {
        "num_format": _FORMATS[picture.unit],
        "num_font": _TEXT,
        "major_gridlines": {"visible": True, "line": {"color": "#d9dce0"}},
    }
    if picture.most is not None:
        axis |= {"min": 0, "max": picture.most}
    else:
        top = _reach(picture)
        axis |= {"min": -top if picture.kind == "differences" else 0, "max": top}
    chart.set_x_axis(axis)
    # The first at the top, as in the table; names at the left edge also where bars go to the left.
    chart.set_y_axis(
        {"reverse": True, "num_font": _TEXT, "label_position": "low", "crossing": "max", "major_gridlines": {"visible": False}}
    )
    chart.set_chartarea({"border": {"color": "#d9dce0"}})
