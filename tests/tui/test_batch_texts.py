"""Batches, answers and plans in words: nothing raw from outside, every state and warning with a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.batches.types import ConfigurationPlan, Judgement, Plan, PlanWarning, Span, Waiting
from core.errors import RateLimited, Unauthorized
from core.scoring.types import Score
from tests.tui.batch_values import MADE, answer, batch, progress
from tui import batch_plans
from tui import batch_words as words
from tui.glyphs import ASCII, UNICODE
from tui.i18n import Locale, use
from tui.screens.compare.batches import lists, texts
from tui.widgets.sheet import Line

ESCAPE = "\x1b[31mred\x1b[0m\u202eback"


def said(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _token in line) for line in lines)


def test_a_running_batch_says_how_far_it_is_how_fast_and_how_long_it_takes() -> None:
    text = said(texts.head_lines(batch(rate=9.6, time_left_s=75.0, cached=5), 120, UNICODE, None))
    assert "● running" in text and "36%" in text and "72/200" in text
    assert "2 failed" in text and "5 from the cache" in text and "9.6 a second" in text and "1:15 left" in text


def test_a_batch_that_a_provider_slows_down_says_how_fast_it_may_be_asked() -> None:
    waiting = Waiting("rate_limited", MADE, MADE + timedelta(seconds=7), "simulator", "left", allowed=10.0)
    text = said(texts.head_lines(batch(rate=9.7, waiting_for=waiting), 120, UNICODE, MADE.tzinfo))
    assert "It waits until 09:30:07: “left” allows about 10 requests a second." in text
    assert "“left” asks to go slower (429)" in words.why_waiting(replace(waiting, allowed=None), None)
    slowed = Waiting("slowed", provider_id="openai", allowed=9.5)
    assert words.why_waiting(slowed, None) == "It asks no faster than openai allows: about 9.5 requests a second."


@pytest.mark.parametrize(
    "reason", ["turn", "rate_limited", "slowed", "provider_away", "database", "program_ended", "person", "account_disabled"]
)
def test_every_reason_to_wait_has_a_sentence(reason: Any) -> None:
    assert words.why_waiting(Waiting(reason), None).endswith(".")
    assert "{" not in words.why_waiting(Waiting(reason, MADE, MADE, "simulator", "left", allowed=1.0), None)


def test_a_configuration_that_was_given_up_says_why_once() -> None:
    given_up = progress("left", gave_up=Unauthorized(message="bad key"))
    text = said(texts.head_lines(batch("running", given_up), 100, UNICODE, None))
    assert "“left” is not asked any more: The provider does not accept the key (401)." in text


@pytest.mark.parametrize(
    ("state", "key"),
    [("draft", "Press p to start it."), ("paused", "Press p to go on"), ("completed", "Press R to ask the 2 failed ones again.")],
)
def test_what_to_do_next_names_its_key(state: str, key: str) -> None:
    assert key in said(texts.head_lines(batch(state), 120, UNICODE, None))


def test_an_answer_shows_all_that_is_known_of_it() -> None:
    found = answer(score=Score(1.0, True, "numeric", {"found": "42", "tolerance": 0.0}), reasoning="Six sevens.\nAdd up.", stars=4)
    text = said(texts.answer_lines(found, 80, UNICODE))
    known = ("Question 7", "math", "left (left-7b)", "0.2 s to first", "1.5 s in all", "12 in, 5 out", "$0.0012", "It is 42.")
    for part in (*known, "What is six times seven?", "Expected", "42", "100.0 %", "passed", "found: 42", "★★★★"):
        assert part in text
    assert "Six sevens." not in text and "Reasoning, 19 characters: t shows it" in text
    assert "Six sevens." in said(texts.answer_lines(found, 80, UNICODE, reasoning=True))


def test_variables_are_filled_in_as_they_were_asked() -> None:
    question = replace(answer().question, text="The capital of {{land}}?", expected="{{city}}", variables={"land": "法国", "city": "巴黎"})
    found = answer("巴黎", question=question)
    text = said(texts.answer_lines(found, 80, UNICODE))
    assert "The capital of 法国?" in text and "{{" not in text
    assert lists.answer_row(found, UNICODE, repeated=False).cells["question"] == "The capital of 法国?"


def test_a_failed_answer_says_why_and_what_to_do() -> None:
    failed = answer("", state="failed", error=RateLimited(retry_after_s=20), attempts=3)
    text = said(texts.answer_lines(failed, 80, UNICODE))
    assert "The provider asks to go slower (429)." in text and "Try again in 20 seconds." in text and "3 attempts" in text


def test_nothing_from_outside_reaches_the_terminal_raw() -> None:
    question = replace(answer().question, text=ESCAPE, expected=ESCAPE, type=ESCAPE, system=ESCAPE)
    judged = Judgement("j", 7, "", 1, "id-left", "id-right", 1, 1, "left", "tie", "tie", ESCAPE, ESCAPE)
    score = Score(0.5, None, "judge", {"reason": ESCAPE, "strange": {ESCAPE: [ESCAPE]}})
    found = answer(ESCAPE, score=score, question=question, configuration_name=ESCAPE, model=ESCAPE, reasoning=ESCAPE)
    for made in (
        said(texts.answer_lines(found, 60, UNICODE, reasoning=True, judged=[judged], names={"id-left": ESCAPE, "id-right": ESCAPE})),
        said(texts.brief_lines(found, 60, UNICODE)),
        "".join(lists.answer_row(found, UNICODE, repeated=True).cells.values()),
        "".join(lists.progress_row(progress(ESCAPE), UNICODE).cells.values()),
        "".join(text for text, _token in texts.batch_details(batch("paused", name=ESCAPE, set_name=ESCAPE), UNICODE, None)),
    ):
        assert "\x1b" not in made and "\u202e" not in made and "red" in made


def test_a_text_of_ten_megabytes_is_cut_and_that_is_said() -> None:
    text = said(texts.answer_lines(answer("字" * 10_000_000), 80, UNICODE))
    assert len(text) < 200_000 and "9,900,000 more characters are not shown" in text


@pytest.mark.parametrize(
    ("first", "second", "winner", "sentence"),
    [
        ("left", "left", "left", "left is better, in both orders."),
        ("left", "right", "tie", "A tie: the two orders disagree."),
        ("tie", "tie", "tie", "A tie."),
        (None, None, None, "No verdict."),
    ],
)
def test_what_the_judge_said_of_both_orders_is_told(first: Any, second: Any, winner: Any, sentence: str) -> None:
    judged = Judgement("j", 7, "", 1, "id-left", "id-right", 9, 9, first, second, winner, "Shorter.", "Clearer.")
    text = said(texts.judge_lines(answer(), [judged], {"id-left": "left", "id-right": "right"}, 80, UNICODE))
    assert "The judge: left or right?" in text and sentence in text and "Shorter." in text and "Clearer." in text


def test_scores_without_a_value_say_why() -> None:
    assert words.score_words(Score(None, None, "regex", {"seconds": 2}, "took_too_long")) == "Scoring took longer than 2 s and was stopped."
    assert words.score_words(Score(None, None, "none", {})) == "not scored"


WARNINGS = [
    PlanWarning("judge_family", {"judge": "gpt-5", "model": "gpt-4o"}),
    PlanWarning("price_unknown", {"configuration": "left"}),
    PlanWarning("no_expected", {"count": 3}),
    PlanWarning("long_question", {"number": 4, "tokens": 9000, "limit": 8192}),
    PlanWarning("same_model", {"left": "one", "right": "two"}),
    PlanWarning("scorer_unfit", {"count": 2, "scorer": "numeric", "rule": "wrong_type"}),
    PlanWarning("variables_missing", {"count": 2, "name": "city"}),
    PlanWarning("large", {"requests": 60_000}),
]


@pytest.mark.parametrize("warning", WARNINGS, ids=lambda each: each.code)
def test_every_warning_of_a_plan_is_a_sentence_with_its_figures(warning: PlanWarning) -> None:
    text = words.warning(warning)
    assert text.endswith(".") and "{" not in text
    shown = [value for name, value in warning.fields.items() if name not in ("rule", "scorer", "judge", "limit")]
    assert all((f"{value:,}" if isinstance(value, int) else value) in text for value in shown)


def test_a_plan_says_tokens_cost_and_time_and_marks_rules_of_thumb() -> None:
    each = ConfigurationPlan("c", "left", "m", 100, 0, Span(1000, 1000), Span(2000, 9000), (Span(0.5, 1.25), "USD"), measured=False)
    plan = Plan("n", "s", "算术", 3, 100, 100, 0, 20, Span(1000, 1000), Span(2000, 9000), None, Span(30, 95), (each,))
    pairs = dict(batch_plans.summary(plan))
    assert pairs["Tokens from them"] == "2,000 to 9,000" and pairs["Tokens to the models"] == "1,000"
    assert pairs["Cost"] == "not known" and pairs["Time"] == "30 s to 1:35" and "20" in pairs["answered before"]
    assert batch_plans.rows(plan)[0][-2:] == ("~2,000 to 9,000", "$0.50 to $1.25")
    assert words.amount(Decimal("0.00005"), "USD") == "$0.000050"


def test_states_are_told_by_word_and_in_ascii_too() -> None:
    use(Locale("en"))
    for state in words.BATCH_STATES:
        text, _token = words.batch_state(state, ASCII)
        assert text.isascii() and text.split(" ", 1)[1] == words.state_word(state)
