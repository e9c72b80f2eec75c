"""HTML: whole, escaped, readable by ear, and without anything from elsewhere."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from core.batches.reports import html
from core.batches.reports.types import ReportData
from core.documents.drawing import COLOURS, INK, ON_DARK, Drawing, Label, fitted, svg, text_width
from tests.unit.reports.test_plain import HOSTILE, hostile
from tests.unit.reports.world import report, sample, words

VOID = {"meta", "link", "input", "br", "line", "rect"}


class Reader(HTMLParser):
    """Elements as (tag, attributes); fails where they do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def page(data: ReportData, **options: int) -> str:
    file = io.BytesIO()
    html.write(data, words(), file, **options)
    return file.getvalue().decode()


def test_the_page_needs_nothing_else() -> None:
    text = page(sample(9))
    found = Reader(text)
    assert not {"script", "img", "link", "iframe", "object", "form"} & {tag for tag, _ in found.found}
    assert all((attributes.get("href") or "#").startswith("#") for attributes in found.all("a"))
    assert not re.search(r"url\(|@import|\bon\w+=|src=", text)
    policy = next(each for each in found.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_outside_text_is_text() -> None:
    rows = hostile()
    data = report(rows, name=HOSTILE)
    found = Reader(page(data))
    assert not found.all("script")
    said = "".join(found.text)
    assert "<script>alert(1)</script>&amp;" in said
    assert "\x1b" not in said and "\x00" not in said


def test_links_lead_to_sections_and_ids_are_unique() -> None:
    found = Reader(page(sample(30)))
    ids = [attributes["id"] for _tag, attributes in found.found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    targets = [(each["href"] or "")[1:] for each in found.all("a")]
    assert len(targets) == 9 and set(targets) <= set(ids)
    for _tag, attributes in found.found:
        for name in ("aria-labelledby", "for"):
            assert set((attributes.get(name) or "").split()) <= set(ids)


def test_tables_and_charts_can_be_heard() -> None:
    text = page(sample(30))
    found = Reader(text)
    assert all(each.get("scope") in ("col", "row") for each in found.all("th"))
    assert len(found.all("table")) == 6
    charts = found.all("svg")
    assert len(charts) == 8
    assert all(each.get("role") == "img" and each.get("aria-labelledby") for each in charts)
    assert text.count("<desc ") == 8 and "qwen2.5-7b@local: " in text
    assert found.all("html")[0]["lang"] == "en"


def test_every_answer_is_there_with_its_verdict() -> None:
    data = sample(30)
    found = Reader(page(data))
    kinds = [each.get("class") for each in found.all("section") if (each.get("class") or "").startswith("a")]
    assert len(kinds) == 90
    assert kinds.count("a err") == data.batch.failed
    assert {"a ok", "a no", "a ", "a err"} == set(kinds)
    assert "先想一想。" in "".join(found.text)


def test_too_many_answers_are_told_not_dropped_in_silence() -> None:
    text = page(sample(30), most=30)
    assert "The first 30 of 90 answers are shown here" in text
    assert text.count('<article class="q">') == 10


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def light(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("paper", "inks"), [("#ffffff", COLOURS), ("#16181b", ON_DARK)])
def test_bars_stand_out_and_text_is_legible(paper: str, inks: tuple[str, ...]) -> None:
    assert all(contrast(paper, colour) >= 3 for colour in inks)
    dark = paper != "#ffffff"
    assert all(contrast(paper, INK[name][dark]) >= 4.5 for name in ("text", "dim", "mark"))


def test_pictures_are_well_formed_whatever_they_are_called() -> None:
    from xml.etree import ElementTree

    made = svg(Drawing('<b>"&', 10, 10, "a & b", (Label(0, 5, "</text><script>", bold=True),)), "x")
    tree = ElementTree.fromstring(made)
    assert tree.findtext("{http://www.w3.org/2000/svg}text") == "</text><script>"


def test_long_names_are_cut_to_fit() -> None:
    for name in ("a very long name of a configuration " * 3, "很长的配置名称" * 8):
        short = fitted(name, 200)
        assert short.endswith("…") and text_width(short) <= 200
    assert fitted("short", 200) == "short"


def test_a_question_of_many_configurations_stays_together() -> None:
    data = sample(3)
    shuffled = replace(data, answers=lambda: iter(sorted(data.answers(), key=lambda each: each.question.number)))
    assert page(shuffled).count("<h3>") == 3


def test_a_text_that_no_browser_would_scroll_through_is_cut_in_its_place() -> None:
    data = sample(1)
    first, *rest = data.answers()
    long = replace(first, state="answered", content="鑫" * (html.LONGEST + 5))
    text = page(replace(data, answers=lambda: iter([long, *rest])))
    assert "The first 100,000 of 100,005 characters; CSV and JSON have all of them." in text
    assert text.count("鑫") == html.LONGEST
