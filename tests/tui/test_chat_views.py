"""Messages as the transcript shows them: figures, reasoning, notices, and answers that are being made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.chat.types import AnswerUpdate, Message
from core.errors import StreamTruncated, Unauthorized
from core.llm.events import Usage
from tui.screens.chat.views import LiveAnswer, Scene, figures, money, notice, seconds, thought, view_of

NOW = datetime(2026, 3, 4, 10, 41, tzinfo=UTC)
ANSWER = Message(
    id="a", parent_id="q", role="assistant", state="complete", content="Yes.", reasoning="", model="m", configuration_id=None,
    finish="stop",
    error=None, usage=Usage(318, 512), ttft_ms=400, ttfa_ms=400, total_ms=12_600, reasoning_ms=None, cost=Decimal(0), currency="CNY",
    created_at=NOW, finished_at=NOW,
)  # fmt: skip


def test_figures_are_those_of_the_picture() -> None:
    assert figures(ANSWER) == ("0.4 s to first", "42 tok/s", "318 in, 512 out", "¥0.00")


def test_estimates_are_marked() -> None:
    estimated = replace(ANSWER, usage=Usage(318, 512, exact=False))
    assert figures(estimated) == ("0.4 s to first", "~42 tok/s", "~318 in, ~512 out", "¥0.00"), "nothing is nothing, not about nothing"
    assert figures(replace(estimated, cost=Decimal("0.02")))[-1] == "~¥0.0200"


def test_what_is_not_known_is_not_shown() -> None:
    assert figures(replace(ANSWER, usage=None, ttft_ms=None, cost=None)) == ("13 s in all",)


AMOUNTS = [("0", "USD", "$0.00"), ("1.5", "USD", "$1.50"), ("0.0123", "CNY", "¥0.0123"), ("0.000004", "USD", "$0.000004")]


@pytest.mark.parametrize(("amount", "currency", "shown"), [*AMOUNTS, ("2", "XYZ", "2.00 XYZ")])
def test_money(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown


@pytest.mark.parametrize(("milliseconds", "shown"), [(0, "0.0 s"), (400, "0.4 s"), (12_400, "12 s"), (125_000, "2 min 05 s")])
def test_seconds(milliseconds: int, shown: str) -> None:
    assert seconds(milliseconds) == shown


def test_thought_says_how_long_and_whether_the_count_is_exact() -> None:
    exact = replace(ANSWER, reasoning="hm", reasoning_ms=6_200, usage=Usage(1, 300, 214))
    assert thought(exact) == "Thought for 6.2 s, 214 tokens"
    assert thought(replace(exact, usage=None)).startswith("Thought for 6.2 s, ~")
    assert thought(replace(exact, content="", state="truncated")).endswith("it led to no answer")
    assert thought(ANSWER) == ""


def test_notices_name_cause_remedy_and_keys() -> None:
    stopped = notice(replace(ANSWER, state="stopped", finish="stopped"))
    assert stopped is not None and stopped.kind == "stopped" and stopped.keys == (("Alt+C", "continue"), ("Ctrl+R", "retry"))
    cut = notice(replace(ANSWER, state="truncated", finish="truncated", error=StreamTruncated(provider="p")))
    assert cut is not None and cut.kind == "warn" and cut.text.startswith("The answer broke off.")
    refused = notice(replace(ANSWER, state="failed", finish="error", content="", error=Unauthorized(status=401)))
    assert refused is not None and refused.kind == "bad" and refused.keys == (("Ctrl+R", "retry"),)
    limit = notice(replace(ANSWER, state="truncated", finish="length"))
    assert limit is not None and "limit of tokens" in limit.text
    assert notice(ANSWER) is None and notice(replace(ANSWER, role="user")) is None


def test_a_question_shows_who_and_when() -> None:
    view = view_of(replace(ANSWER, role="user", content="Why?"), Scene("ann", NOW, UTC))
    assert (view.author, view.stamp, view.content, view.figures) == ("ann", "10:41", "Why?", ())


def test_a_live_answer_folds_updates() -> None:
    live = LiveAnswer("a", "m")
    live.take(AnswerUpdate("a", "generating", elapsed_ms=2_300))
    assert live.view().waiting == "Waiting for the first token, 2 s"
    live.take(AnswerUpdate("a", "generating", reasoning="let me think " * 20, reset=True, ttft_ms=500, elapsed_ms=3_700))
    assert live.view().reasoning_label.startswith("Thinking 3 s, ~") and live.view().reasoning_label.endswith("tokens…")
    live.take(AnswerUpdate("a", "generating", text="Yes", ttft_ms=500, ttfa_ms=4_600, elapsed_ms=5_000))
    live.take(AnswerUpdate("a", "generating", text=".", ttft_ms=500, ttfa_ms=4_600, elapsed_ms=5_200))
    assert live.view().content == "Yes." and live.view().reasoning_label.startswith("Thought for 4.1 s, ~")
    live.take(AnswerUpdate("a", "generating", reasoning="all", reset=True))
    assert (live.content, live.reasoning) == ("", "all")


def test_the_seconds_go_on_while_nothing_comes() -> None:
    live = LiveAnswer("a", "m")
    live.take(AnswerUpdate("a", "generating", elapsed_ms=200), at=100.2)
    assert live.tick(103.1) and live.view().waiting.endswith("3 s")


def test_a_reader_is_offered_nothing_under_somebody_elses_answer() -> None:
    stopped = replace(ANSWER, state="stopped")
    mine, theirs = (view_of(stopped, Scene("ann", NOW, UTC, own=own)).notice for own in (True, False))
    assert mine is not None
    assert theirs is not None
    assert "by you" in mine.text
    assert mine.keys
    assert "by you" not in theirs.text
    assert not theirs.keys
