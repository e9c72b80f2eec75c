"""What is written is read back as it was: every question, every format, every form."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.questions.checks import Wrong, clean
from core.questions.forms import from_texts, to_texts
from core.questions.order import decode, encode
from core.questions.types import Question, QuestionDraft
from core.questions.writing import guarded
from tests.unit.questions.samples import TEXTS, drafts, plain, read_text, texts, written


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
@settings(max_examples=40)
@given(questions=st.lists(drafts(), min_size=1, max_size=5))
def test_every_format_gives_back_what_was_written(kind: str, questions: list[QuestionDraft]) -> None:
    read, problems = read_text(written(kind, questions), f"q.{kind}")
    assert [problem for problem in problems if problem.left_out] == []
    assert [plain(question) for question in read] == questions


@settings(max_examples=40)
@given(questions=st.lists(drafts(), min_size=1, max_size=5))
def test_plain_text_gives_back_the_texts(questions: list[QuestionDraft]) -> None:
    read, problems = read_text(written("txt", questions), "q.txt")
    assert [problem for problem in problems if problem.left_out] == []
    assert texts(read) == [question.text for question in questions]


@settings(max_examples=40)
@given(draft=drafts())
def test_a_form_gives_back_what_it_was_filled_with(draft: QuestionDraft) -> None:
    made, problems = from_texts(to_texts(draft))
    assert problems == {}
    assert made is not None
    # A weight is written with six digits in a form.
    assert abs(made.weight - draft.weight) <= draft.weight * 1e-5
    for name in ("text", "expected", "type", "scorer", "system", "variables"):
        assert getattr(made, name) == getattr(draft, name)


@given(serials=st.lists(st.integers(1, 60), unique=True))
def test_orders(serials: list[int]) -> None:
    assert decode(encode(serials)) == serials


def test_an_order_of_many_is_short() -> None:
    order = [*range(1, 100_000), 200_000]
    assert encode(order) == "1-99999,200000"
    assert decode("1-99999,200000") == order


@given(text=TEXTS)
def test_no_cell_is_a_formula(text: str) -> None:
    line = written("csv", [clean(QuestionDraft(f"x{text}", text))])
    for row in csv.reader(io.StringIO(line.removeprefix("\ufeff"), newline="")):
        for cell in row:
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or cell.lstrip("+-").replace(".", "", 1).isdigit()


def test_numbers_stay_numbers_in_a_table() -> None:
    assert [guarded(cell) for cell in ("-5", "+3.25", "-5+1", "=A1", "'=A1", "it's")] == ["-5", "+3.25", "'-5+1", "'=A1", "''=A1", "it's"]


def test_variables_are_put_in_once() -> None:
    question = Question(
        "What is {{a}} and {{ b }} and {{c}}?",
        "{{b}}",
        variables={"a": "{{b}}", "b": "two"},
        system="Say {{a}}.",
        options={"alternatives": ["{{b}}!"], "pattern": "^{{b}}$", "tolerance": 1},
    )
    ready = question.filled()
    assert ready.text == "What is {{b}} and two and {{c}}?"
    assert (ready.expected, ready.system, ready.options) == (
        "two",
        "Say {{b}}.",
        {"alternatives": ["two!"], "pattern": "^two$", "tolerance": 1},
    )
    assert question.missing_variables == ("c",)


@pytest.mark.parametrize(
    ("draft", "rule"),
    [
        (QuestionDraft(" \n "), "question_missing"),
        (QuestionDraft("a", weight=float("nan")), "bad_number"),
        (QuestionDraft("a", options={"x": {1: object()}}), "bad_json"),
        (QuestionDraft("a", options={"alternatives": 5}), "wrong_type"),
        (QuestionDraft("a", scorer="none of them"), "unknown_scorer"),
        (QuestionDraft("a", type="t" * 61), "too_long"),
    ],
)
def test_what_is_no_question(draft: QuestionDraft, rule: str) -> None:
    with pytest.raises(Wrong) as refused:
        clean(draft)
    assert refused.value.rule == rule
