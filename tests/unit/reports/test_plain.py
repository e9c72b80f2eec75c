"""CSV, JSON and JUnit: what programs read."""

from __future__ import annotations

import codecs
import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batches.reports import plain
from core.batches.reports.junit import verdict
from core.batches.reports.types import ReportData
from core.batches.reports.writing import write_report
from core.batches.types import Answer
from core.errors import InvalidInput
from core.scoring.types import Score
from tests.unit.reports.world import answers, report, sample, words

HOSTILE = '=HYPERLINK("http://x")\x1b[31m<script>alert(1)</script>&amp; \x00\x0b\ufffe ]]>'


def made(data: ReportData, form: str) -> bytes:
    file = io.BytesIO()
    done = write_report(data, form, words(), file)
    assert done.size == len(file.getvalue())
    return file.getvalue()


def hostile() -> list[Answer]:
    """A question, an answer, a model and an error that want to be more than text."""
    first, *rest = answers(4)
    asked = replace(first.question, text=HOSTILE, expected="-1+1", type="@SUM(A1)")
    return [replace(first, question=asked, content="+cmd|' /C calc'!A0", configuration_name=HOSTILE), *rest]


def rows(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(codecs.BOM_UTF8)
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_has_a_row_an_answer_and_chinese_text() -> None:
    found = rows(made(sample(30), "csv"))
    assert len(found) == 90
    assert found[1]["configuration"] == "通义千问 · 长名字的配置"
    assert found[3]["question"].startswith("把“今天下午三点开会”")
    assert {row["state"] for row in found} == {"answered", "failed"}
    failed = next(row for row in found if row["state"] == "failed")
    assert (failed["error"], failed["score"], failed["total_s"]) == ("rate_limited", "", "")


def test_csv_keeps_line_ends_inside_a_cell() -> None:
    data = made(sample(3), "csv")
    assert rows(data)[6]["question"] == "Summarise the text in one sentence.\nIt has a second line — and a naïve café."
    assert data.count(b"\r\n") == 10


def test_csv_never_holds_a_formula() -> None:
    found = rows(made(report(hostile()), "csv"))
    assert found[0]["question"].startswith("'=HYPERLINK")
    assert found[0]["answer"].startswith("'+cmd")
    assert found[0]["expected"] == "'-1+1"
    assert found[0]["type"] == "'@SUM(A1)"
    assert "\x1b" not in found[0]["question"]


@given(st.text())
def test_no_text_acts_in_a_spreadsheet(text: str) -> None:
    assert not plain.harmless(text).lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_json_is_whole_and_has_the_figures() -> None:
    found = json.loads(made(sample(30), "json"))
    assert found["batch"]["set_name"] == "常识 and maths"
    assert len(found["answers"]) == found["batch"]["total"] == 90
    best = found["configurations"][0]
    assert best["score"]["low"] < best["score"]["value"] < best["score"]["high"]
    assert set(best["total_s"]) == {"count", "mean", "p50", "p95", "p99", "low", "high"}
    assert {each["type"] for each in found["types"]} == {"maths", "翻译", ""}
    assert len(found["differences"]) == 3
    assert found["judge"]["flips"] == 9


def test_json_has_no_numbers_that_are_none_and_no_raw_controls() -> None:
    first, *rest = hostile()
    first = replace(first, score=Score(0.5, None, "judge", {"grade": float("nan"), "all": [float("inf"), 1]}), cost=Decimal("0.000001"))
    data = made(report([first, *rest]), "json")
    assert b"NaN" not in data and b"Infinity" not in data and b"\x1b" not in data
    answer = json.loads(data)["answers"][0]
    assert answer["score_details"] == {"grade": None, "all": [None, 1]}
    assert answer["question"] == HOSTILE
    assert answer["cost"] == 0.000001


def test_a_report_without_answers_is_one() -> None:
    data = replace(sample(3), answers=lambda: iter(()))
    assert json.loads(made(data, "json"))["answers"] == []
    assert len(rows(made(data, "csv"))) == 0
    assert ElementTree.fromstring(made(data, "junit")).get("tests") == "0"


def test_junit_has_a_suite_a_configuration_and_counts_that_hold() -> None:
    data = sample(60)
    tree = ElementTree.fromstring(made(data, "junit"))
    suites = tree.findall("testsuite")
    assert [suite.get("name") for suite in suites] == list(data.names.values())
    for suite in suites:
        assert len(suite.findall("testcase")) == int(suite.get("tests", "")) == 60
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert len(suite.findall(f"testcase/{tag}")) == int(suite.get(count, ""))
    assert sum(int(suite.get("errors", "")) for suite in suites) == data.batch.failed == int(tree.get("errors", ""))


def test_junit_says_what_was_expected_and_what_came() -> None:
    tree = ElementTree.fromstring(made(sample(60), "junit"))
    failure = tree.find("testsuite/testcase/failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == "Score: 0.0\u00a0% · Expected: 391"
    assert "What is 17 × 23?" in failure.text and "Answer:\n391" in failure.text
    error = tree.find("testsuite/testcase/error")
    assert error is not None and error.get("type") == "rate_limited"
    assert "slower" in (error.get("message") or "")


def test_junit_is_valid_xml_whatever_is_answered() -> None:
    first, *rest = hostile()
    first = replace(first, score=Score(0.0, False, "exact"), content="]]>\x00\x08\ufffe\uffff<b>&\ud800")
    data = made(report([first, *rest]), "junit")
    case = ElementTree.fromstring(data).find("testsuite/testcase")
    assert case is not None
    text = case.findtext("failure") or ""
    assert "<script>alert(1)</script>&amp;" in text and "\x1b" not in text
    assert "]]>" in text


@pytest.mark.parametrize(
    ("state", "score", "expected"),
    [
        ("answered", Score(1.0, True, "exact"), "passed"),
        ("answered", Score(0.0, False, "exact"), "failure"),
        ("answered", Score(0.4, None, "bleu"), "skipped"),
        ("answered", None, "skipped"),
        ("answered", Score(None, None, "exact", problem="no_expected"), "skipped"),
        ("answered", Score(None, None, "regex", problem="took_too_long"), "error"),
        ("failed", None, "error"),
        ("waiting", None, "skipped"),
    ],
)
def test_verdicts(state: str, score: Score | None, expected: str) -> None:
    one = replace(next(answers(1)), state=state, score=score)  # type: ignore[arg-type]
    assert verdict(one) == expected


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        write_report(sample(1), "docx", words(), io.BytesIO())
    assert (caught.value.field, caught.value.rule) == ("format", "unknown")
