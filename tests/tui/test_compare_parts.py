"""The parts of the side-by-side screen alone: heads, their figures and marks, the lines of a word diff, the dialogs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from core.chat.types import Message
from core.compare.types import BOTH_BAD, TIE, Candidate, CandidateAnswer, Comparison, Round, Verdict
from core.compare.word_diff import word_diff
from core.errors import ModelNotFound
from core.llm.events import Usage
from core.llm.request import Parameters
from core.models.types import Configuration
from tests.tui.widget_host import WidgetHost, lines_of
from tui.comparison_files import as_markdown
from tui.glyphs import ASCII, UNICODE
from tui.screens.chat.views import Scene
from tui.screens.compare import diff_lines, heads, texts
from tui.screens.compare.board import Board
from tui.screens.compare.export import file_name
from tui.screens.compare.heads import Head, Heads, figure_lines, widths
from tui.screens.compare.opened import show_views
from tui.screens.compare.picker import Picked, PickModels
from tui.screens.compare.verdict import Judged, VerdictDialog
from tui.widgets.fields import Field
from tui.widgets.rows import Rows
from tui.widgets.transcript import MessageView, Transcript

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCENE = Scene("Ann", NOON, UTC)


def configuration(name: str, model: str = "") -> Configuration:
    return Configuration(
        name, name, "simulator", "simulator:", model or f"sim-{name}", Parameters(), "", 120.0, "", True, False, False, "", 1, NOON, NOON
    )


def message(number: int, content: str = "an answer", *, state: Any = "complete", model: str = "sim", **given: Any) -> Message:
    fields: dict[str, Any] = {
        "usage": Usage(12, 100, exact=True), "ttft_ms": 400, "ttfa_ms": 2100, "total_ms": 6100,
        "cost": Decimal("0.0012"), "currency": "USD",
    }  # fmt: skip
    fields |= given
    return Message(
        f"m{number}", "q", "assistant", state, content, "", model, "c", "stop", fields.pop("error", None), fields["usage"],
        fields["ttft_ms"], fields["ttfa_ms"], fields["total_ms"], None, fields["cost"], fields["currency"], NOON, NOON,
    )  # fmt: skip


def board(
    *messages: Message | None, blind: bool = False, revealed: bool = False, verdict: Verdict | None = None, mode: Any = "parallel"
) -> Board:
    """A comparison of one round, of models called sim-0, sim-1..."""
    candidates = tuple(
        Candidate(f"cand{index}", index, f"conf{index}", f"Conf {index}", f"sim-{index}", "simulator", f"conv{index}")
        for index in range(len(messages))
    )
    answers = tuple(
        CandidateAnswer(f"cand{index}", found.state if found is not None else "waiting", found) for index, found in enumerate(messages)
    )
    asked = Round("r1", 0, "Why?", (), NOON, answers, verdict)
    made = Board()
    made.take(Comparison("x", "Why?", mode, blind, candidates, (asked,), "", NOON, NOON, revealed), ())
    return made


def heads_of(shown: Board) -> list[Head]:
    best = texts.best_of(shown)
    return [texts.head_of(shown, column, UNICODE, best) for column in shown.columns]


# Figures ---------------------------------------------------------------------------------------------------------------


def test_figures_say_first_token_first_answer_token_total_tokens_speed_and_cost() -> None:
    found = texts.figures_of(board(message(0), message(1)), message(0))
    assert found == ("first 0.4 s", "answer 2.1 s", "total 6.1 s", "12 in, 100 out", "17 tok/s", "$0.0012")


def test_estimates_are_marked_and_what_is_not_known_is_not_said() -> None:
    told = texts.figures_of(board(message(0), message(1)), message(0, usage=Usage(12, 100, exact=False), cost=None, ttfa_ms=None))
    assert told == ("first 0.4 s", "total 6.1 s", "~12 in, ~100 out", "~17 tok/s")


def test_the_fastest_and_the_cheapest_are_said_in_words() -> None:
    slow, quick = message(0, cost=Decimal("0.001")), message(1, total_ms=3000, cost=Decimal("0.002"))
    marks = [[word for word, _token in head.marks] for head in heads_of(board(slow, quick))]
    assert marks == [["cheapest"], ["fastest"]]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (message(1, state="failed", total_ms=100), "what failed at once was not fast"),
        (message(1, total_ms=6100), "nobody is ahead"),
        (message(1, state="generating", total_ms=None), "it is not over"),
    ],
)
def test_nobody_is_fastest_where_that_would_mislead(other: Message, why: str) -> None:
    assert all(not any(word == "fastest" for word, _token in head.marks) for head in heads_of(board(message(0), other))), why


def test_what_costs_another_currency_is_not_compared() -> None:
    found = heads_of(board(message(0), message(1, currency="CNY", cost=Decimal("0.0001"), total_ms=9000)))
    assert [head.marks for head in found] == [(("fastest", "good"),), ()]


# Blind -----------------------------------------------------------------------------------------------------------------


def test_nothing_tells_the_models_apart_before_a_blind_vote() -> None:
    failed = message(1, "", state="failed", model="sim-1", error=ModelNotFound(model="sim-1", message="no sim-1 for Conf 1"))
    hidden = board(message(0, model="sim-0"), failed, blind=True)
    assert hidden.comparison is not None
    seen = (
        repr(heads_of(hidden))
        + repr([texts.views_of(hidden, column, SCENE, UNICODE) for column in hidden.columns])
        + as_markdown(hidden.comparison)
    )
    for secret in ("sim-0", "sim-1", "Conf 0", "Conf 1", "tok/s", "$"):
        assert secret not in seen, secret
    shown = board(message(0, model="sim-0"), failed, blind=True, revealed=True)
    assert "sim-0" in repr(heads_of(shown)) and "tok/s" in repr(heads_of(shown))


def test_an_answer_that_names_its_model_is_marked_until_the_vote() -> None:
    hidden = board(message(0, "I am sim-0."), message(1), blind=True)
    hidden.named["m0"] = True
    assert [head.marks for head in heads_of(hidden)] == [(("names its model", "warn"),), ()]
    view = texts.views_of(hidden, hidden.columns[0], SCENE, UNICODE)[-1]
    assert view.notice is not None and "names the model" in view.notice.text


# Verdicts --------------------------------------------------------------------------------------------------------------


def test_a_verdict_stands_above_every_column() -> None:
    verdict = Verdict("r1", "cand1", {"cand0": 2, "cand1": 5}, "", False, NOON)
    assert [head.verdict for head in heads_of(board(message(0), message(1), verdict=verdict))] == ["★★", "★★★★★ winner"]
    tie, bad = replace(verdict, winner=TIE, stars={}), replace(verdict, winner=BOTH_BAD, stars={})
    assert [head.verdict for head in heads_of(board(message(0), message(1), verdict=tie))] == ["tie", "tie"]
    assert [head.verdict for head in heads_of(board(message(0), message(1), verdict=bad))] == ["all bad", "all bad"]


# What stands for an answer ---------------------------------------------------------------------------------------------


def test_what_was_not_asked_yet_says_which_key_asks_it() -> None:
    waiting = board(message(0), None, mode="sequential")
    view = texts.views_of(waiting, waiting.columns[1], SCENE, UNICODE)[-1]
    assert view.notice is not None and view.notice.keys == (("Alt+C", "ask"),)
    assert "Alt+C" in heads_of(waiting)[1].state
    assert waiting.comparison is not None
    waiting.comparison = replace(waiting.comparison, asking=True)
    assert texts.views_of(waiting, waiting.columns[1], SCENE, UNICODE)[-1].waiting
    assert heads_of(waiting)[1].state == "waits for its turn"


def test_a_row_of_a_transcript_leads_to_its_round() -> None:
    shown = board(message(0), None)
    views = [view for column in shown.columns for view in texts.views_of(shown, column, SCENE, UNICODE)]
    assert {found.id if (found := shown.round_of(view.id)) else None for view in views} == {"r1"}
    assert shown.round_of("another") is None


def test_rounds_that_are_read_anew_join_those_that_are_known() -> None:
    shown = board(message(0), None)
    assert shown.comparison is not None
    first = shown.comparison.rounds[0]
    settled = tuple(replace(each, state="complete") for each in first.answers)
    rounds = [replace(first, id=f"r{ordinal}", ordinal=ordinal, answers=settled) for ordinal in range(60)]
    shown.comparison = replace(shown.comparison, rounds=tuple(rounds[10:]), earlier=10)
    assert shown.unsettled == 2, "the last one, and one to join it by"
    merged = shown.merged(replace(shown.comparison, rounds=(rounds[59], replace(first, id="r60", ordinal=60)), earlier=59))
    assert [each.ordinal for each in merged.rounds] == list(range(10, 61)) and merged.earlier == 10
    assert merged.rounds[0] is rounds[10], "what did not change is the same"
    gap = shown.merged(replace(shown.comparison, rounds=(replace(first, id="r99", ordinal=99),), earlier=99))
    assert [each.ordinal for each in gap.rounds] == [99], "what lies between would be missing"


async def test_earlier_rounds_come_without_moving_what_is_read() -> None:
    host = WidgetHost(Transcript)
    views = [MessageView(str(number), "user", "Ann", f"question {number}") for number in range(40)]
    async with host.run_test(size=(40, 10)) as pilot:
        transcript = host.query_one(Transcript)
        show_views(transcript, views[20:30], 20)
        await pilot.pause()
        before = lines_of(transcript)
        show_views(transcript, views[:30], 0)
        await pilot.pause()
        assert lines_of(transcript)[:3] == before[:3] and transcript.earlier == 0
        show_views(transcript, [*views[:29], views[35]], 0)
        assert [view.id for view in transcript.flow.views()][-2:] == ["28", "35"], "what is gone goes, what is new comes"


# Heads -----------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.integers(2, 3))
def test_columns_share_the_whole_width(total: int, count: int) -> None:
    found = widths(total, count)
    assert len(found) == count and max(found) - min(found) <= 1
    assert sum(found) + count - 1 == max(total, count - 1)


HEADS = (
    Head("A", "qwen2.5-7b (本地)", "done", "good", "complete", (("fastest", "good"),), "★★★★ winner",
         ("first 0.4 s", "answer 2.1 s", "total 6.1 s", "318 in, 512 out", "42 tok/s", "$0.0012")),
    Head("B", "a model of a very long name that does not fit", "running", "accent", "thinking, 12 s", (), "", ("first 0.4 s",)),
    Head("C", "sim", "failed", "bad", "failed"),
)  # fmt: skip


@pytest.mark.parametrize("signs", [UNICODE, ASCII])
async def test_heads_fit_their_columns_at_every_width(signs: Any) -> None:
    host = WidgetHost(Heads, glyphs=signs)
    async with host.run_test(size=(60, 12)) as pilot:
        heads = host.query_one(Heads)
        heads.styles.height = "auto"
        for width, single in ((60, False), (100, False), (120, False), (200, False), (60, True), (120, True)):
            await pilot.resize_terminal(width, 12)
            heads.show(HEADS, 1, single=single)
            await pilot.pause()
            assert heads.size.height == 2 + figure_lines(width if single else widths(width, 3)[-1])
            assert {strip.cell_length for strip in heads.render_lines(heads.size.region)} == {width}
            shown = "\n".join(lines_of(heads))
            assert "thinking, 12 s" in shown and "qwe" in shown
            if not single and width >= 100:
                assert "qwen2.5-7b" in shown and "fastest" in shown and "42 tok/s" in shown and "$0.0012" in shown


async def test_only_lines_that_look_different_are_drawn_again() -> None:
    host = WidgetHost(Heads)
    async with host.run_test(size=(120, 12)) as pilot:
        heads = host.query_one(Heads)
        heads.styles.height = "auto"
        heads.show(HEADS, 0, single=False)
        await pilot.pause()
        drawn: list[Any] = []
        refresh = heads.refresh

        def note(*regions: Any, **options: Any) -> Any:
            drawn.append(regions)
            return refresh(*regions, **options)

        heads.refresh = note  # type: ignore[method-assign]
        heads.show(HEADS, 0, single=False)
        assert not drawn
        heads.show((HEADS[0], replace(HEADS[1], state="thinking, 13 s"), HEADS[2]), 0, single=False)
        assert [(region.y, region.height) for (region,) in drawn] == [(1, 1)]


async def test_a_click_on_a_head_takes_its_column() -> None:
    host = WidgetHost(Heads)
    async with host.run_test(size=(120, 12)) as pilot:
        heads = host.query_one(Heads)
        heads.styles.height = "auto"
        heads.show(HEADS, 0, single=False)
        await pilot.pause()
        await pilot.click(Heads, offset=(60, 0))
        await pilot.click(Heads, offset=(119, 1))
        heads.show(HEADS, 0, single=True)
        await pilot.pause()
        await pilot.click(Heads, offset=(28, 0))
        assert [event.index for event in host.of(Heads.Clicked)] == [1, 2, 1]


# Word diff -------------------------------------------------------------------------------------------------------------

LEFT = "The loss stays flat because the rate is too small.\nLook at the scheduler.\n\n标签被屏蔽了，所以损失不变。"
RIGHT = "The loss is flat because the rate reached its floor.\nLook at the data.\n\n标签没有被屏蔽，损失仍然不变。"


def said(lines: list[Any]) -> str:
    return "\n".join("".join(text for text, _token in line) for line in lines)


def test_one_text_with_marks_tells_without_colours_who_said_what() -> None:
    lines, begins = diff_lines.inline(LEFT, RIGHT, word_diff(LEFT, RIGHT), 200)
    first = said(lines).split("\n")[0]
    assert first == "The loss [-stays-]{+is+} flat because the rate [-is too small-]{+reached its floor+}."
    assert "{+没有+}被屏蔽" in said(lines)
    assert begins == [0, 3]


@given(st.text(alphabet="ab 中\n", max_size=60), st.text(alphabet="ab 中\n", max_size=60), st.integers(20, 90))
@settings(max_examples=60, deadline=None)
def test_the_lines_of_a_diff_hold_both_texts_and_fit(left: str, right: str, width: int) -> None:
    diff = word_diff(left, right)
    inline, _begins = diff_lines.inline(left, right, diff, width)
    assert all(cell_len("".join(text for text, _token in line)) <= width for line in inline)
    kept = "".join(text for line in inline for text, token in line if token != "bad")
    assert "".join(kept.replace("{+", "").replace("+}", "").split()) == "".join(right.split())
    beside, _begins = diff_lines.beside(left, right, diff, width, "│")
    assert all(cell_len("".join(text for text, _token in line)) <= width for line in beside)
    halves = [said([line]).partition("│") for line in beside]
    assert "".join("".join(half[0].split()) for half in halves) == "".join(left.split())
    assert "".join("".join(half[2].split()) for half in halves) == "".join(right.split())


def test_what_differs_stands_on_another_ground_beside_each_other() -> None:
    lines, begins = diff_lines.beside(LEFT, RIGHT, word_diff(LEFT, RIGHT), 120, "│")
    marked = [text for line in lines for text, token in line if token == "selection"]
    assert {"stays", "is", "is too small", "reached its floor"} <= set(marked) and begins[0] == 0


# Dialogs ---------------------------------------------------------------------------------------------------------------

THREE = (("cand0", "A", "one"), ("cand1", "B", "two"), ("cand2", "C", "three"))


class DialogHost(WidgetHost):
    """Shows a dialog and keeps what it returned."""

    returned: Any = "nothing"

    def __init__(self, dialog: Any) -> None:
        super().__init__(lambda: Rows(()))
        self._dialog = dialog

    def on_mount(self) -> None:
        self.push_screen(self._dialog, lambda value: setattr(self, "returned", value))


async def test_a_verdict_is_given_with_a_few_keys() -> None:
    host = DialogHost(VerdictDialog("Which?", "Why?", THREE, None, first=1))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("4", "c", "up", "2", "tab", *"good b", "enter")
        judged = host.returned
    assert isinstance(judged, Judged) and judged.draft is not None
    assert (judged.draft.winner, judged.draft.stars, judged.draft.note) == ("cand2", {"cand1": 4, "cand0": 2}, "good b")


@pytest.mark.parametrize(("key", "winner"), [("t", TIE), ("x", BOTH_BAD), ("a", "cand0"), ("space", "cand0")])
async def test_an_outcome_has_one_key_that_takes_it_back_too(key: str, winner: str) -> None:
    host = DialogHost(VerdictDialog("Which?", "Why?", THREE, None))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press(key, key, "enter")
        assert host.returned == "nothing", "there is nothing to save"
        await pilot.press(key, "enter")
        assert host.returned.draft.winner == winner


async def test_a_verdict_can_be_taken_back() -> None:
    verdict = Verdict("r1", "cand1", {"cand0": 2}, "because", False, NOON)
    host = DialogHost(VerdictDialog("Which?", "Why?", THREE, verdict, kind="code"))
    async with host.run_test(size=(80, 24)) as pilot:
        assert host.screen.query_one("#field-note", Field).value == "because"
        await pilot.press("D")
        assert host.returned == Judged(None, "code")


async def test_two_or_three_are_picked_also_the_same_one_twice() -> None:
    found = [configuration(name) for name in ("alpha", "beta", "gamma", "delta")]
    host = DialogHost(PickModels(found, ("gone", "beta"), mode="parallel", blind=False))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        assert host.returned == "nothing", "one is too few"
        await pilot.press("space", "plus", "down", "down", "space", "b", "m", "enter")
    assert host.returned == Picked(("beta", "alpha", "alpha"), "sequential", True)


async def test_a_search_for_models_leads_back_to_the_list_before_two_are_chosen() -> None:
    found = [configuration(name) for name in ("alpha", "beta", "gamma", "delta")]
    host = DialogHost(PickModels(found, (), mode="parallel", blind=False))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"gam", "enter", "space", "slash", "ctrl+u", *"del", "enter", "space", "enter")
    assert host.returned == Picked(("gamma", "delta"), "parallel", False)


# Export ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "name"),
    [("Why?", "Why.md"), ("为什么 损失不变？", "为什么-损失不变.md"), ("../../etc/passwd", "etc-passwd.md"), ("?!", "comparison.md")],
)
def test_the_file_is_named_after_the_question(title: str, name: str) -> None:
    made = board(message(0), message(1))
    assert made.comparison is not None
    made.comparison = replace(made.comparison, title=title)
    assert file_name(made) == name


def test_a_sentence_among_the_figures_goes_on_in_the_next_line() -> None:
    assert heads._flow(("figures are shown after the vote",), 30, 3, " · ") == ["figures are shown after the", "vote"]
    assert heads._flow(("投票后显示各项数字",), 10, 3, " · ") == ["投票后显示", "各项数字"]
    assert heads._flow(("first 0.2 s", "total 3.8 s", "$0.00"), 25, 2, " · ") == ["first 0.2 s · total 3.8 s", "$0.00"]
