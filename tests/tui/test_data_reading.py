"""Rows and tokens of datasets in lines: who says what, where a problem is, what is trained on. Hostile contents are drawn harmlessly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.datasets.types import Layout
from core.training.template_view_types import SeenSample, SeenSamples, Token
from tui.glyphs import ASCII, UNICODE
from tui.screens.data.dialogs import share_of
from tui.screens.data.reading import LONGEST, Turn, text_lines, turn_lines, turns_of
from tui.screens.data.row import mark_lines
from tui.screens.data.texts import size, time_left
from tui.screens.data.viewing import seen_lines, stretches, token_lines
from tui.widgets.sheet import Line

HOSTILE = "\x1b[31mred\x1b]52;c;aGk=\x07 \u202eabc\u200b [bold]x[/bold] 田中 👩‍💻"


def plain(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _token in line) for line in lines]


def said(value: object, layout: Layout | None = None) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns_of(value, layout)]


# Rows --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "Add", "input": "1 2", "output": "3"}, [("user", "Add\n1 2"), ("assistant", "3")]),
        (
            {"instruction": "B", "output": "b", "history": [["A", "a"]], "system": "S"},
            [("system", "S"), ("user", "A"), ("assistant", "a"), ("user", "B"), ("assistant", "b")],
        ),
        (
            {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}, {"from": "observation", "value": "O"}]},
            [("user", "Q"), ("assistant", "A"), ("tool", "O")],
        ),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, [("user", "Q"), ("assistant", "A")]),
        ({"instruction": "Q", "chosen": "good", "rejected": "bad"}, [("user", "Q"), ("chosen", "good"), ("rejected", "bad")]),
        ({"instruction": "Q", "output": "A", "kto_tag": False}, [("user", "Q"), ("assistant", "A"), ("disliked", "bad")]),
        ({"strange": {"a": [1]}, "empty": ""}, [("strange", '{"a": [1]}')]),
        ("just text", [("text", "just text")]),
        (None, [("text", "null")]),
        ({"instruction": None, "output": 7}, [("user", "null"), ("assistant", "7")]),
        ({"conversations": "no list"}, [("messages", "no list")]),
        ({"conversations": [3, {"from": ["x"], "value": None}]}, [("?", "3"), ('["x"]', "null")]),
    ],
)
def test_a_row_of_every_format_is_read_as_a_conversation(row: object, expected: list[tuple[str, str]]) -> None:
    assert said(row) == expected


def test_the_layout_that_the_check_found_says_which_keys_mean_what() -> None:
    layout = Layout("alpaca", "alpaca", False, {"prompt": "question_text", "response": "reply"})
    assert said({"question_text": "Q", "reply": "A", "score": 5}, layout) == [("user", "Q"), ("assistant", "A"), ("score", "5")]
    tags = {"role_tag": "who", "content_tag": "what", "user_tag": "me", "assistant_tag": "it"}
    chat = Layout("sharegpt", "sharegpt", False, {"messages": "talk"}, tags)
    assert said({"talk": [{"who": "me", "what": "Q"}, {"who": "it", "what": "A"}]}, chat) == [("user", "Q"), ("assistant", "A")]
    assert said({"text": "words"}, Layout("text", "alpaca", False, {"prompt": "text"})) == [("text", "words")]


def test_long_turns_are_folded_and_say_how_much_there_is_more() -> None:
    lines = plain(turn_lines(Turn("assistant", "word " * 1000), 60, most=3))
    assert len(lines) == 4 and lines[0].startswith("assistant ")
    assert lines[3].strip().startswith("… ") and "more characters" in lines[3]
    assert plain(turn_lines(Turn("user", "short"), 60, most=3)) == ["user       short"]
    assert plain(turn_lines(Turn("user", " \n "), 60)) == ["user       (empty)"]


def test_a_text_of_200_mb_is_laid_out_like_any_other() -> None:
    lines = text_lines("x" * 200_000_000, 80)
    assert sum(len(text) for text, more in lines if not more) == LONGEST
    assert lines[-1] == (f"… {200_000_000 - LONGEST:,} more characters", True)


def test_hostile_contents_and_keys_are_drawn_harmlessly_and_within_their_width() -> None:
    row = {"conversations": [{"from": HOSTILE * 400, "value": HOSTILE}], HOSTILE: HOSTILE, "k" * 10_000: "v"}
    for signs_width in (20, 60, 140):
        for turn in turns_of(row):
            for text in plain(turn_lines(turn, signs_width, most=6)):
                assert cell_len(text) <= signs_width
                assert not set(text) & set("\x1b\x07\u202e\u200b\n\r")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_a_row_holds_it_is_shown(value: object) -> None:
    layouts = (None, Layout("sharegpt", "sharegpt", False, {"messages": "conversations"}, {"role_tag": "from", "content_tag": "value"}))
    for layout in layouts:
        for turn in turns_of({"conversations": value, "instruction": value, "history": value, "chosen": value, "kto_tag": value}, layout):
            assert all(cell_len(text) <= 40 for text in plain(turn_lines(turn, 40, most=3)))


def test_the_place_of_a_problem_is_marked_by_cells() -> None:
    raw = json.dumps({"回答": "很好", "x": NotImplemented.__class__.__name__}, ensure_ascii=False)
    at = len('{"回答": '.encode())
    text, mark = plain(mark_lines(raw, at, 80))
    assert text.startswith('{"回答": "很好"')
    assert mark.index("^") == cell_len('{"回答": ')
    assert mark_lines(raw, 10_000, 80) == [], "beyond what was read"
    long = "田" * 5000 + "!" + "\x1b[31m" * 500
    text, mark = plain(mark_lines(long, len(("田" * 5000).encode()), 60))
    assert text[cell_len(mark) // 2 :].startswith("!") or "!" in text
    assert cell_len(text) <= 62 and "\x1b" not in text


# Tokens ------------------------------------------------------------------------------------------------------------------


def sample(*texts: tuple[str, bool], length: int | None = None) -> SeenSample:
    tokens = tuple(Token(index, text, trained) for index, (text, trained) in enumerate(texts))
    return SeenSample(0, "", tokens, length or len(tokens), sum(token.trained for token in tokens))


def test_what_is_trained_on_is_coloured_and_marked_at_the_left() -> None:
    lines = token_lines(
        sample(("<|user|>\n", False), ("Hi", False), ("\n", False), ("Hel", True), ("lo", True)).tokens, 40, UNICODE, brackets=False
    )
    assert plain(lines) == ["  <|user|>", "  Hi", "▌ Hello"]
    assert lines[2][1] == ("Hello", "good") and lines[1][1] == ("Hi", "dim")


def test_without_colours_brackets_say_it() -> None:
    lines = plain(token_lines(sample(("ask ", False), ("answer", True), (" end", False)).tokens, 40, ASCII, brackets=True))
    assert lines == ["> ask [answer] end"]


def test_tokens_flow_by_cells_and_hostile_ones_do_no_harm() -> None:
    tokens = sample(*[("田中さん", True), (HOSTILE, False)] * 50).tokens
    for width in (10, 33, 80):
        lines = plain(token_lines(tokens, width, UNICODE, brackets=True))
        assert all(cell_len(line) <= width for line in lines)
        assert "\x1b" not in "".join(lines) and "\u202e" not in "".join(lines)
    assert [trained for _text, trained in stretches(tokens[:4])] == [True, False, True, False]


def seen(masked: float, truncated: float, *samples: SeenSample, dropped: int = 0) -> str:
    found = SeenSamples(samples, tuple(item.length for item in samples), truncated, masked, dropped, 2048)
    return "\n".join(plain(seen_lines(found, 100, UNICODE, brackets=False)))


def test_a_dataset_that_nothing_would_be_learned_from_is_said_in_red_at_the_top() -> None:
    masked = sample(("a", False))
    lines = seen_lines(SeenSamples((masked,), (1,), 0.0, 1.0, 0, 2048), 100, UNICODE, brackets=False)
    assert lines[0][0][0] == "" and lines[0][1][1] == "bad bold"
    assert "Nothing would be trained on" in plain(lines)[0]
    assert "Nothing of it is trained on" in "\n".join(plain(lines))
    fine = sample(("a", False), ("b", True))
    text = seen(0.0, 0.0, fine)
    assert "Every sample looked at" in text and "None of them is cut off" in text and "1 of 2 tokens trained on" in text


def test_the_share_of_what_is_cut_off_and_dropped_is_said() -> None:
    text = seen(0.25, 0.052, sample(("b", True), length=3000), dropped=3)
    assert "25% of the samples have no token" in text
    assert "5.2% of the samples are longer than 2,048 tokens" in text and "L changes" in text
    assert "3 samples are dropped." in text and "cut off, 3,000 in all" in text


# Words -------------------------------------------------------------------------------------------------------------------


def test_sizes_and_times_are_said_as_people_compare_them() -> None:
    assert [size(count) for count in (0, 999, 1000, 12_345, 999_499, 999_500, 2_345_678, 10_000_000_000)] == [
        "0 B", "999 B", "1.0 kB", "12.3 kB", "999 kB", "1.0 MB", "2.3 MB", "10.0 GB",
    ]  # fmt: skip
    assert [time_left(seconds) for seconds in (0, 7.4, 750, 3750)] == ["0:00", "0:07", "12:30", "1:02:30"]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("10%", 0.1), ("10 ％", 0.1), ("0.25", 0.25), ("500", 500), ("0", None), ("100%", None), ("1.5", None), ("x", None), ("nan", None),
        ("inf", None), ("", None), ("-5", None),
    ],
)  # fmt: skip
def test_a_split_is_a_share_or_a_number_of_rows(text: str, share: float | None) -> None:
    assert share_of(text) == share
