"""Small values: the speed of an answer, its times, and the texts that may be stored."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors
from core.chat import outcome, text
from core.chat.context import merged
from core.chat.figures import Stopwatch, added
from core.chat.outcome import error_columns, error_from
from core.chat.types import Message
from core.llm.events import Usage
from core.llm.images import EncodedImage
from core.llm.request import Turn

ANY = st.text(st.characters(codec=None), max_size=60)


def answer(usage: Usage | None, ttft: int | None, total: int | None, reasoning: str = "") -> Message:
    empty = dict.fromkeys(field.name for field in fields(Message))
    known = {
        "role": "assistant",
        "state": "complete",
        "content": "x",
        "reasoning": reasoning,
        "usage": usage,
        "ttft_ms": ttft,
        "total_ms": total,
    }
    return Message(**{**empty, **known, "created_at": datetime.now(UTC)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "speed"),
    [
        (answer(Usage(1, 101), 1000, 3000), 50.0),
        (answer(Usage(1, 101, reasoning_tokens=90), 1000, 3000, reasoning="shown"), 50.0),
        (answer(Usage(1, 100, reasoning_tokens=90), 4000, 5000), 20.0),  # hidden reasoning was made before the first token
        (answer(Usage(1, 100), 1990, 2000), 50.0),  # it came in one piece
        (answer(Usage(1, 100), 2000, 2000), 50.0),
        (answer(Usage(1, 1), 1000, 3000), None),
        (answer(Usage(1, 100), None, 3000), None),
        (answer(Usage(1, 100), 0, 0), None),
        (answer(None, 1000, 3000), None),
    ],
)
def test_tokens_per_second_are_of_the_time_they_were_made_in(message: Message, speed: float | None) -> None:
    assert message.tokens_per_second == speed


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_stopwatch_knows_first_tokens_and_every_stretch_of_reasoning() -> None:
    time = Time()
    watch = Stopwatch(time, time())
    for at, what in (
        (100.5, watch.reasoning),
        (101.0, watch.reasoning),
        (102.0, watch.answer),
        (103.0, watch.reasoning),
        (103.5, watch.answer),
    ):
        time.now = at
        what()
    time.now = 105.0
    watch.end()
    assert (watch.ttft_ms, watch.ttfa_ms, watch.reasoning_ms, watch.elapsed_ms) == (500, 2000, 2000, 5000)


def test_what_turns_out_to_be_reasoning_was_reasoning_all_along() -> None:
    time = Time()
    watch = Stopwatch(time, time())
    for at, what in ((101.0, watch.answer), (103.0, watch.regrouped), (104.0, watch.answer)):
        time.now = at
        what()
    watch.end()
    assert (watch.ttft_ms, watch.ttfa_ms, watch.reasoning_ms) == (1000, 4000, 2000)


def test_an_answer_that_never_came_has_no_times() -> None:
    time = Time()
    watch = Stopwatch(time, time())
    time.now = 101.0
    watch.end()
    assert (watch.ttft_ms, watch.ttfa_ms, watch.reasoning_ms, watch.elapsed_ms) == (None, None, None, 1000)


def test_reasoning_that_is_cut_counts_to_the_end() -> None:
    time = Time()
    watch = Stopwatch(time, time())
    watch.reasoning()
    time.now = 103.0
    watch.end()
    assert (watch.ttfa_ms, watch.reasoning_ms) == (None, 3000)


@pytest.mark.parametrize(
    ("before", "now", "both"),
    [
        (Usage(1, 2, 1), Usage(10, 20, 5), Usage(11, 22, 6)),
        (Usage(1, 2), Usage(10, 20), Usage(11, 22)),
        (Usage(1, 2), Usage(10, 20, 5, exact=False), Usage(11, 22, 5, exact=False)),
        (None, Usage(10, 20), Usage(10, 20)),
        (Usage(1, 2), None, Usage(1, 2)),
        (None, None, None),
    ],
)
def test_usage_adds_up(before: Usage | None, now: Usage | None, both: Usage | None) -> None:
    assert added(before, now) == both


@given(ANY)
def test_what_is_storable_can_be_stored_and_nothing_else_is_changed(given_text: str) -> None:
    stored = text.storable(given_text)
    stored.encode()
    assert "\x00" not in stored
    assert text.storable(stored) == stored
    if not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in given_text):
        assert stored == given_text


def test_surrogate_pairs_are_joined() -> None:
    assert text.storable("\ud83d\ude00\ude00\ud83d") == "\U0001f600\ufffd\ufffd"


IMAGES = tuple(EncodedImage("image/png", letter) for letter in "xyz")
TURNS = st.builds(
    Turn, st.sampled_from(["user", "assistant"]), st.sampled_from(["", " ", "a", "b"]), st.sampled_from([(), IMAGES[:1], IMAGES])
)


@given(st.lists(TURNS, max_size=12))
def test_turns_alternate_and_lose_nothing(turns: list[Turn]) -> None:
    made = merged(turns)
    assert all(one.role != other.role for one, other in pairwise(made))
    assert "".join(turn.content for turn in made).replace("\n\n", "") == "".join(
        content for content in (turn.content for turn in turns)
    ).replace(" ", "")
    said = [turn for turn in turns if turn.content.strip()]
    assert [image for turn in made for image in turn.images] == [image for turn in said for image in turn.images]


def test_neighbours_of_one_role_are_joined() -> None:
    assert merged([Turn("user", "a", IMAGES[:1]), Turn("assistant", ""), Turn("user", "b", IMAGES[1:])]) == (
        Turn("user", "a\n\nb", IMAGES),
    )


@pytest.mark.parametrize(
    "error",
    [
        errors.RateLimited(retry_after_s=2.5, message="slow \x1b[31m down", status=429, model=None),
        errors.StreamStalled(after_s=120.0, partial=True),
        errors.InvalidInput("key", "key_needed", provider="OpenAI"),
        errors.ModeltrainError(),
    ],
)
def test_errors_come_back_as_they_were_saved(error: errors.ModeltrainError) -> None:
    import_module("core.questions.types")  # has a kind of error with the code of another one
    outcome._kinds.cache_clear()
    columns = error_columns(error)
    found = error_from(columns["error_code"], columns["error_fields"])
    assert type(found) is type(error)
    assert found is not None
    assert found.fields == {name: value for name, value in error.fields.items() if value is not None}


def test_errors_of_a_newer_or_damaged_database_do_no_harm() -> None:
    assert error_from("", "") is None
    for code, saved in (("from_the_future", "{}"), ("rate_limited", "not json"), ("invalid_input", "{}"), ("rate_limited", "[1]")):
        assert isinstance(error_from(code, saved), errors.ModeltrainError)


def test_objects_in_an_error_are_not_saved() -> None:
    columns = error_columns(errors.ProviderError(status=500, cause=ValueError("secret"), price=Decimal(1)))
    assert columns["error_fields"] == '{"status": 500}'
