"""XLSX, read back as the XML that it is: text and numbers, never a formula."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.batches.reports import xlsx
from core.batches.reports.types import ReportData
from core.batches.reports.xlsx_answers import lines_of
from core.batches.reports.xlsx_cells import CELL, cut, sheet_name
from core.batches.types import Answer
from tests.unit.reports.test_plain import HOSTILE, hostile
from tests.unit.reports.world import answers, report, sample, words

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SHEETS = ("Summary", "Statistics", "Charts", "Answers")


class Book:
    def __init__(self, data: ReportData) -> None:
        file = io.BytesIO()
        self.notes = xlsx.write(data, words(), file)
        self.files = zipfile.ZipFile(file)
        book = ElementTree.fromstring(self.files.read("xl/workbook.xml"))
        self.names = [sheet.get("name") for sheet in book.iter(f"{MAIN}sheet")]

    def sheet(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.files.read(f"xl/worksheets/sheet{self.names.index(name) + 1}.xml"))

    def rows(self, name: str) -> list[dict[str, str | float]]:
        """Letter of the column -> text or number."""
        return [dict(map(self._cell, row)) for row in self.sheet(name).iter(f"{MAIN}row")]

    def _cell(self, cell: ElementTree.Element) -> tuple[str, str | float]:
        column = re.sub(r"\d", "", cell.get("r", ""))
        if cell.get("t") == "inlineStr":
            return column, "".join(text.text or "" for text in cell.iter(f"{MAIN}t"))
        return column, float(cell.findtext(f"{MAIN}v") or "nan")


def one(**changed: object) -> list[Answer]:
    first, *rest = answers(2)
    return [replace(first, state="answered", **changed), *rest]  # type: ignore[arg-type]


def test_the_sheets_hold_answers_as_text_and_numbers() -> None:
    book = Book(sample(30))
    assert tuple(book.names) == SHEETS
    head, *rows = book.rows("Answers")
    assert len(rows) == 90
    letters = {label: letter for letter, label in head.items()}
    assert rows[0][letters["Question"]] == "What is 17 × 23? Answer with the number only."
    assert rows[1][letters["Configuration"]] == "通义千问 · 长名字的配置"
    assert rows[0][letters["Total time (s)"]] == pytest.approx(next(answers(1)).total_ms / 1000)  # type: ignore[operator]
    assert {row.get(letters["State"]) for row in rows} == {"Answered", "Failed"}


def test_nothing_becomes_a_formula_or_a_link() -> None:
    book = Book(report(hostile(), name=HOSTILE))
    for name in SHEETS:
        sheet = book.sheet(name)
        assert not list(sheet.iter(f"{MAIN}f")) and not list(sheet.iter(f"{MAIN}hyperlink"))
    row = book.rows("Answers")[1]
    assert "+cmd|' /C calc'!A0" in row.values()
    assert any(str(value).startswith("=HYPERLINK") and "\x1b" not in str(value) for value in row.values())


def test_what_looks_like_an_escape_of_the_format_stays_as_it_was() -> None:
    sheet = Book(report(one(content="_x0041_ and \ufffe"))).files.read("xl/worksheets/sheet4.xml").decode()
    assert "_x005F_x0041_ and _xFFFE_" in sheet


def test_a_text_that_no_cell_can_hold_is_cut_and_told() -> None:
    book = Book(report(one(content="字" * 40_000, reasoning="😀" * 20_000)))
    row = book.rows("Answers")[1]
    assert [len(str(value).encode("utf-16-le")) // 2 for value in row.values() if str(value).endswith("…")] == [CELL, CELL]
    assert book.notes == (("texts_cut", {"count": 2, "limit": "32,767"}),)
    assert any("were cut; CSV and JSON have them whole" in str(value) for each in book.rows("Summary") for value in each.values())


def test_cutting_counts_as_spreadsheets_do() -> None:
    assert cut("a" * CELL) == ("a" * CELL, False)
    assert cut("😀" * (CELL // 2)) == ("😀" * (CELL // 2), False)
    short, was = cut("x" + "😀" * (CELL // 2 + 1))
    assert was and len(short.encode("utf-16-le")) // 2 <= CELL


def test_the_head_stays_filters_are_there_and_colours_are_rules() -> None:
    book = Book(sample(9))
    sheet = book.sheet("Answers")
    pane = sheet.find(f".//{MAIN}pane")
    assert pane is not None and (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")
    filters = sheet.find(f"{MAIN}autoFilter")
    assert filters is not None and filters.get("ref") == "A1:X28"
    kinds = {rule.get("type") for rule in sheet.iter(f"{MAIN}cfRule")}
    assert {"colorScale", "cellIs", "dataBar"} <= kinds
    wrapped = re.findall(r'<xf [^>]*><alignment [^>]*wrapText="1"', book.files.read("xl/styles.xml").decode())
    assert wrapped


def test_charts_are_the_spreadsheets_own_and_point_at_cells_with_intervals() -> None:
    book = Book(sample(60))
    charts = sorted(name for name in book.files.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name))
    assert len(charts) == 8
    first = book.files.read("xl/charts/chart1.xml").decode()
    assert "<c:f>Charts!$B$3:$B$5</c:f>" in first
    assert "<c:plus><c:numRef><c:f>Charts!$D$3:$D$5</c:f>" in first
    assert "通义千问 · 长名字的配置" in first


def test_more_answers_than_a_sheet_has_rows_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.batches.reports.xlsx_answers import Answers

    monkeypatch.setattr(Answers.__init__, "__defaults__", (10,))
    book = Book(sample(9))
    assert len(book.rows("Answers")) == 11
    assert book.notes == (("first_answers", {"shown": "10", "total": "27"}),)


def test_nothing_is_left_where_temporary_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match="No space"):
        xlsx.write(sample(9), words(), Full())
    assert list(tmp_path.iterdir()) == []


def test_names_of_sheets_and_heights_of_rows() -> None:
    assert sheet_name("a/b:[c]*?'" + "x" * 40) == "a b  c    " + "x" * 21
    assert lines_of("", 10) == 1
    assert lines_of("a" * 25, 10) == 3
    assert lines_of("字" * 10, 10) == 2
    assert lines_of("\n" * 500, 10) == 12
