"""The splitter: the table of core/llm/reasoning.py, and the same result for every chunking of every case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.llm.events import ReasoningDelta, ReasoningRegrouped, TextDelta
from core.llm.fold import AnswerFold
from core.llm.profiles import Profile
from core.llm.reasoning import TAGS, ReasoningSplitter

AUTO = Profile()
FORCED = Profile(reasoning="forced")
INTERLEAVED = Profile(interleaved=True)
OFF = Profile(reasoning="off")
PROFILES = {"auto": AUTO, "forced": FORCED, "interleaved": INTERLEAVED, "forced and interleaved": Profile("forced", True), "off": OFF}

Result = tuple[str, str, bool]


def split(pieces: Iterable[str], profile: Profile = AUTO) -> Result:
    """(reasoning, answer, cut), folded."""
    splitter = ReasoningSplitter(profile)
    fold = AnswerFold()
    for piece in pieces:
        for event in splitter.feed(piece):
            fold.apply(event)
    for event in splitter.close():
        fold.apply(event)
    return fold.reasoning, fold.text, fold.cut


def cut_every(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


#: (text, reasoning, answer, cut) with the ordinary profile.
CASES: Sequence[tuple[str, str, str, bool]] = [
    *((f"{opener}why{closer}so", "why", "so", False) for opener, closer in TAGS.items()),
    *((f"why{closer}so", "why", "so", False) for closer in TAGS.values()),
    ("one</think>two</think>three", "one", "two</think>three", False),
    ("</think>so", "", "so", False),
    ("\n\n</think>\n\nso", "", "so", False),
    ("text <think>why</think> more", "", "text <think>why</think> more", False),
    ("text <think>why", "", "text <think>why", False),
    ("<think>a</think>b<think>c</think>d", "a", "b<think>c</think>d", False),
    ("<think>a</think><think>b</think>c", "a", "<think>b</think>c", False),
    ("<think>a</think>b</think>c", "a", "b</think>c", False),
    ("only an answer", "", "only an answer", False),
    ("  \n only an answer", "", "  \n only an answer", False),
    ("", "", "", False),
    (" \n\t ", "", " \n\t ", False),
    ("<think>never closed", "never closed", "", True),
    ("<think>", "", "", True),
    ("<think>why</thin", "why</thin", "", True),
    ("<think>\n\nwhy\n</think>\n\n  so  ", "why\n", "so  ", False),
    ("<think></think>so", "", "so", False),
    ("<think>\n\n</think>\n\nso", "", "so", False),
    ("\n <think>why</think>so", "why", "so", False),
    ("<think>a<think>b</think>c", "a<think>b", "c", False),
    ("<think>a</thinking>b</think>c", "a</thinking>b", "c", False),
    ("<thinking>a</think>b</thinking>c", "a</think>b", "c", False),
    ("use `</think>` to close", "", "use `</think>` to close", False),
    ("use ``a ` </think>`` to close", "", "use ``a ` </think>`` to close", False),
    ("```\n</think>\n```\nso", "", "```\n</think>\n```\nso", False),
    ("text\n~~~ html\n</think>\n~~~\nmore</think>so", "text\n~~~ html\n</think>\n~~~\nmore", "so", False),
    ("````\n```\n</think>\n````\nso", "", "````\n```\n</think>\n````\nso", False),
    ("- item\n  ```\n  </think>\n  ```\nso", "", "- item\n  ```\n  </think>\n  ```\nso", False),
    ("```</think>\n```\nso", "", "```</think>\n```\nso", False),
    ("<think>say `</think>` here</think>so", "say `</think>` here", "so", False),
    ("<think>```\n</think>\n```\nthen</think>so", "```\n</think>\n```\nthen", "so", False),
    ("<think>5` long</think>so", "5` long", "so", False),
    ("<think>5` long\nand `code`</think>so", "5` long\nand `code`", "so", False),
    ("a ` b\n</think>c", "a ` b\n", "c", False),
    ("<think>a ``` b</think>so", "a ``` b", "so", False),
    ("<think>`" + "x" * 300 + "</think>so`", "`" + "x" * 300 + "</think>so`", "", True),
    ("<think>`</think>" + "x" * 300 + "`", "`", "x" * 300 + "`", False),
    ("</thing>, <thinker>, a < b, [THIN], ◁thin▷ and <", "", "</thing>, <thinker>, a < b, [THIN], ◁thin▷ and <", False),
    ("<THINK>loud</THINK>", "", "<THINK>loud</THINK>", False),
    ("< think>no</ think>", "", "< think>no</ think>", False),
    ("<<think>a", "", "<<think>a", False),
    ("<think>a<</think>b", "a<", "b", False),
    ("<|begin_of_thought|>想一想<|end_of_thought|>你好", "想一想", "你好", False),
]
INTERLEAVED_CASES: Sequence[tuple[str, str, str, bool]] = [
    ("one <think>a</think>two <think>b</think>three", "ab", "one two three", False),
    ("<think>a</think>b<think>c</think>d", "ac", "bd", False),
    ("a</think>b<think>c</think>d", "ac", "bd", False),
    ("one <think>a", "a", "one ", True),
    ("one `<think>` two", "", "one `<think>` two", False),
    ("<think>a</think>b</think>c", "a", "b</think>c", False),
    ("```\n<think>\n```\n<think>a</think>b", "a", "```\n<think>\n```\nb", False),
]
FORCED_CASES: Sequence[tuple[str, str, str, bool]] = [
    ("why</think>so", "why", "so", False),
    ("<think>why</think>so", "why", "so", False),
    ("\nwhy", "why", "", True),
    ("</think>so", "", "so", False),
    ("a <think> b</think>c", "a <think> b", "c", False),
    ("why</think>so</think>more", "why", "so</think>more", False),
    ("", "", "", False),
]
ALL = [
    *((AUTO, *case) for case in CASES),
    *((INTERLEAVED, *case) for case in INTERLEAVED_CASES),
    *((FORCED, *case) for case in FORCED_CASES),
]


@pytest.mark.parametrize(("profile", "text", "reasoning", "answer", "cut"), ALL, ids=range(len(ALL)))
class TestEveryCase:
    def test_whole(self, profile: Profile, text: str, reasoning: str, answer: str, cut: bool) -> None:
        assert split([text], profile) == (reasoning, answer, cut)

    def test_in_chunks_of_every_size(self, profile: Profile, text: str, reasoning: str, answer: str, cut: bool) -> None:
        for size in (1, 2, 3, 5, 7, 11):
            assert split(cut_every(text, size), profile) == (reasoning, answer, cut), size

    def test_split_at_every_position(self, profile: Profile, text: str, reasoning: str, answer: str, cut: bool) -> None:
        for position in range(len(text) + 1):
            assert split([text[:position], text[position:]], profile) == (reasoning, answer, cut), position


_CODE = ["`", "``", "```", "````", "~~~"]
_ODD = ["<", ">", "</", "[", "◁", "</thing>", "think", "\n", "\n\n", " ", "\t", "- ", "text", "思考", "x" * 120]
FRAGMENTS = st.sampled_from([*TAGS, *TAGS.values(), *_CODE, *_ODD])


@given(
    parts=st.lists(FRAGMENTS | st.text(max_size=5), max_size=14),
    cuts=st.lists(st.integers(0, 400), max_size=30),
    profile=st.sampled_from(list(PROFILES)),
)
def test_any_text_in_any_chunks_gives_what_the_whole_gives(parts: list[str], cuts: list[int], profile: str) -> None:
    text = "".join(parts)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[start:end] for start, end in pairwise(edges)]
    whole = split([text], PROFILES[profile])
    assert split(pieces, PROFILES[profile]) == whole
    assert split(text, PROFILES[profile]) == whole


@given(parts=st.lists(FRAGMENTS | st.text(max_size=5), max_size=14), profile=st.sampled_from(list(PROFILES)))
def test_nothing_is_invented_and_only_tags_and_blanks_are_lost(parts: list[str], profile: str) -> None:
    text = "".join(parts)
    reasoning, answer, _ = split([text], PROFILES[profile])
    kept, lost = reasoning + answer, text
    for tag in (*TAGS, *TAGS.values()):
        lost = lost.replace(tag, "")
        kept = kept.replace(tag, "")
    assert sorted("".join(kept.split())) == sorted("".join(lost.split()))


@pytest.mark.parametrize("text", ["plain text", "a <b> c", "<think>a</think>b"])
def test_tags_mean_nothing_where_the_profile_says_so(text: str) -> None:
    assert split([text], OFF) == ("", text, False)


def test_a_lone_bracket_is_let_go_with_the_next_character() -> None:
    splitter = ReasoningSplitter()
    assert splitter.feed("a <") == [TextDelta("a ")]
    assert splitter.feed("5") == [TextDelta("<5")]


def test_what_can_still_become_a_tag_is_held_and_let_go_at_the_end() -> None:
    splitter = ReasoningSplitter()
    assert splitter.feed("a</thin") == [TextDelta("a")]
    assert splitter.close() == [TextDelta("</thin")]


def test_regrouping_gives_the_whole_text_even_when_it_was_shown_before() -> None:
    splitter = ReasoningSplitter()
    assert splitter.feed("one ") == [TextDelta("one ")]
    assert splitter.feed("two</think>\n\nthree") == [ReasoningRegrouped("one two"), TextDelta("three")]


def test_reasoning_of_its_own_field_takes_the_force_out_of_the_profile() -> None:
    splitter = ReasoningSplitter(FORCED)
    splitter.reasoning_came_apart()
    assert splitter.feed("the answer") == [TextDelta("the answer")]


def test_the_raw_text_keeps_tags_and_blanks() -> None:
    text = "<think>\n\nwhy\n</think>\n\nso"
    splitter = ReasoningSplitter(keep_raw=True)
    for character in text:
        splitter.feed(character)
    splitter.close()
    assert splitter.raw == text


def test_deltas_are_never_empty() -> None:
    splitter = ReasoningSplitter()
    text = "<think>a</think>\n\n`b` <c"
    events = [event for character in text for event in splitter.feed(character)] + splitter.close()
    assert all(event.text for event in events if isinstance(event, TextDelta | ReasoningDelta))


def test_long_runs_are_not_gone_through_again_for_every_character() -> None:
    splitter = ReasoningSplitter()
    splitter.feed("a")
    pieces = sum(len(splitter.feed("`")) for _ in range(50_000))
    assert pieces == 50_000  # backticks are let go at once, since they are never part of a tag
