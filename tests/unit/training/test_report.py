"""Reports and comparisons of runs: all forms, with hostile names and odd numbers."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.documents.drawing import Stroke
from core.documents.fonts import Fonts
from core.training.compare import compare
from core.training.failures import Failure, LogExcerpt, Remedy
from core.training.report import ReportData, as_html, as_json, as_markdown, collect, metrics_csv, sparkline
from core.training.report_charts import Curve, svg, thinned
from core.training.report_pdf import as_pdf, curve_drawing
from core.training.types import Attempt, RunState
from tests.unit.inference.house import make_run, write_output
from tui.reports import words

EVIL = "<script>alert('x')</script> | `rm` \x1b[31m*b*"


class Tags(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _value in attrs]


def evil(tmp_path: Path, *, run_id: str = "a", rate: str = "1e-4") -> ReportData:
    output = write_output(tmp_path / run_id / "output", "/models/tiny")
    (output / "trainer_log.jsonl").write_text(
        "".join(
            json.dumps({"current_steps": step, "loss": value, EVIL: step, "=1+1": 1}) + "\n"
            for step, value in enumerate((2.0, math.nan, 0.5), 1)
        )
    )
    (output / "all_results.json").write_text(json.dumps({"train_runtime": 12.5 if rate == "1e-4" else 11.0, "text": EVIL}))
    (tmp_path / run_id / "run.yaml").write_text(
        json.dumps({"model_name_or_path": EVIL, "learning_rate": rate, EVIL: EVIL, "output_dir": "/x"})
    )
    (tmp_path / run_id / "dataset_info.json").write_text(json.dumps({EVIL: {"file_name": f"/data/{EVIL}"}}))
    failure = Failure("unknown_error", {"error": EVIL, "said": EVIL}, (Remedy("read_log"),), (LogExcerpt(3, EVIL),))
    run = make_run(run_id * 32, output, name=EVIL, model=EVIL, state=RunState.FAILED, failure=failure)
    assert run.folder is not None
    attempt = Attempt(1, run.state, False, {}, {}, run.folder, output, (), None, 3, 3, 1, failure, 1_000, 61_000)
    return collect(run, [attempt], {"llamafactory": "0.9.5"}, {})


def test_nothing_in_a_page_acts(tmp_path: Path) -> None:
    page = as_html(evil(tmp_path), words(None, "en"))
    found = Tags(page)
    assert not {"script", "img", "iframe", "link", "object", "a"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on") or name in {"href", "src"}]
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert found.tags.count("svg") == 3


def test_markdown_has_no_html_and_whole_tables(tmp_path: Path) -> None:
    text = as_markdown(evil(tmp_path), words(None, "en"))
    assert "<script>" not in text.replace("\\<", "")
    assert "\x1b" not in text
    columns = 0
    for line in text.splitlines():
        bars = line.replace("\\|", "").count("|")
        if not line.startswith("|"):
            columns = 0
        else:
            assert columns in (0, bars), line
            columns = bars


def test_tables_and_json_keep_odd_numbers_apart(tmp_path: Path) -> None:
    data = evil(tmp_path)
    rows = list(csv.DictReader(io.StringIO(metrics_csv(data))))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["loss"] == "2.0"
    assert "'=1+1" in rows[0], "no spreadsheet takes a name for a formula"
    value = json.loads(as_json(data), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert value["metrics"]["loss"] == [[1, 2.0], [2, None], [3, 0.5]]
    assert value["best"]["loss"] == {"value": 0.5, "step": 3}
    assert value["seconds"] == 60.0
    assert "output_dir" not in value["options"]


def test_a_run_that_never_began_has_a_report(tmp_path: Path) -> None:
    run = make_run("a" * 32, tmp_path / "x", folder=None, output_dir=None, state=RunState.PENDING, started_at=None, ended_at=None)
    data = collect(run, [], {}, {})
    assert metrics_csv(data) == "step\n"
    for form in (as_html(data, words(None, "zh_CN")), as_markdown(data, words(None, "en")), as_json(data)):
        assert "say it" in form


def test_runs_are_compared_where_they_differ(tmp_path: Path) -> None:
    found = compare([evil(tmp_path), evil(tmp_path, run_id="b", rate="2e-4")])
    assert [(each.name, each.values) for each in found.differences] == [("learning_rate", ("1e-4", "2e-4"))]
    figures = {each.name: each for each in found.figures}
    assert (figures["train_runtime"].values, figures["train_runtime"].best) == ((12.5, 11.0), 1)
    assert figures["best loss"].best is None, "equal ones have no best"


def test_curves_keep_their_peaks_and_their_holes() -> None:
    values = [0.0] * 100_000
    values[77_777] = 9.0
    points = thinned(range(len(values)), values)
    assert len(points) <= 1300
    assert (77_777, 9.0) in points
    drawn = svg("<loss>", [Curve("a", [1, 2, 3, 4], [1.0, math.nan, 2.0, math.inf])])
    assert drawn.count("<path") == 2
    assert "&lt;loss&gt;" in drawn
    assert "nan" not in svg("x", [Curve("a", [1], [math.nan])])
    assert sparkline([1.0, 2.0, 3.0]) == "▁▅█"
    assert sparkline([math.nan]) == ""


def test_a_pdf_of_hostile_names_says_what_no_font_shows(tmp_path: Path) -> None:
    data = evil(tmp_path)
    plain = as_pdf(data, words(None, "en"), Fonts(None, None, chinese=False))
    assert plain.startswith(b"%PDF-") and b"/Lang (en)" in plain
    text = b"".join(zlib.decompress(part) for part in re.findall(rb"FlateDecode.*?stream\n(.*?)\nendstream", plain, re.DOTALL))
    assert b"<script>alert\\('x'\\)</script>" in text and b"\x1b" not in text
    assert b"Why it failed" in text and b"Page 1 of" in text
    chinese = replace(data, run=replace(data.run, name="训练"))
    assert b"%PDF-" in as_pdf(chinese, words(None, "zh_CN"), Fonts(None, None, chinese=False))


def test_a_curve_on_paper_has_its_holes() -> None:
    drawn = curve_drawing(Curve("loss", (1, 2, 3, 4), (2.0, 1.5, math.nan, 1.0)))
    strokes = [shape for shape in drawn.shapes if isinstance(shape, Stroke) and shape.colour == 0]
    assert len(strokes) == 3
    first, second, third = strokes
    assert (first.x1, first.y1) == (first.x2, first.y2) == (second.x1, second.y1)
    assert (third.x1, third.y1) == (third.x2, third.y2) and third.x1 > second.x2
    assert curve_drawing(Curve("none", (1,), (math.nan,))).shapes[1:] == ()
