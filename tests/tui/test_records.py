"""Records, leaderboard and similar questions with real services and the simulator; their rows and words alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from core.compare.leaderboard import Ranked, leaderboard
from core.compare.types import TIE, Comparison, PastAnswer, SimilarRound, VerdictDraft, Vote
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import World, signed_in
from tui import leaderboard_words as words
from tui.glyphs import ASCII, UNICODE
from tui.screens.compare import similar_lists
from tui.screens.compare.leaderboard import LeaderboardScreen
from tui.screens.compare.record_lists import Filter
from tui.screens.compare.records import RecordsScreen
from tui.screens.compare.screen import SideBySideScreen
from tui.screens.compare.similar import SimilarScreen
from tui.screens.compare.tabs import LEADERBOARD, RECORDS, open_tab

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODELS = {"Echo": "sim-echo@max", "Chat": "sim-chat@max", "Broken": "sim-500"}


class Seeded:
    """A signed-in application whose account compared `MODELS`."""

    def __init__(self, seen: World, ids: dict[str, str]) -> None:
        self.seen, self.ids = seen, ids
        self.principal = seen.app.context.principal

    async def compared(self, question: str, *names: str, winner: str = "", kind: str = "", blind: bool = False) -> Comparison:
        """A comparison whose answers have all ended, judged if `winner` (a name of MODELS, or TIE) is given."""
        comparisons = self.seen.services.comparisons
        made = await comparisons.create(self.principal, [self.ids[name] for name in names], type=kind, blind=blind)
        asked = await comparisons.ask(self.principal, made.id, question)
        for answer in asked.answers:
            assert answer.message is not None
            async for _update in comparisons.watch(self.principal, answer.message.id, interval_s=0.01):
                pass
        if winner:
            won = next((each.id for each in made.candidates if each.model == MODELS.get(winner)), winner)
            await comparisons.vote(self.principal, asked.id, VerdictDraft(won))
        return await comparisons.get(self.principal, made.id)

    async def tab(self, name: str) -> None:
        await open_tab(self.seen.app, name)
        await self.seen.until(lambda: getattr(self.seen.app.screen, "_loaded", False))


@asynccontextmanager
async def seeded(settings: Settings, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Seeded]:
    async with signed_in(settings, size=size) as seen:
        principal, create = seen.app.context.principal, seen.services.configurations.create
        ids = {name: (await create(principal, ConfigurationDraft(name, "simulator", model))).id for name, model in MODELS.items()}
        yield Seeded(seen, ids)


async def test_records_are_looked_through_searched_filtered_and_changed(settings: Settings) -> None:
    async with seeded(settings) as world:
        seen = world.seen
        await world.tab(RECORDS)
        assert "Press n to ask two or three models the same" in seen.text, "an empty list says which key makes the first"
        needle = await world.compared("机器学习里什么是过拟合？", "Echo", "Chat", winner="Echo", kind="写作")
        await world.compared("Explain overfitting", "Echo", "Broken")
        hidden = await world.compared("Which are you?", "Echo", "Chat", blind=True)
        await world.tab(RECORDS)
        await seen.until("A won")
        assert seen.fits()
        assert "Records 3" in seen.text and "hidden until the vote" in seen.text
        screen = seen.app.screen
        assert isinstance(screen, RecordsScreen)
        assert screen.in_hand is not None and screen.in_hand.id == needle.id, "what was in hand stays so when others come"
        await seen.press("g")
        assert screen.in_hand is not None and screen.in_hand.id == hidden.id, "the last used comes first"
        await seen.until("A, name hidden")
        assert " out" not in seen.text and "tok/s" not in seen.text, "neither do figures tell which is which"
        await _filter_and_search(world, needle)
        await _rename_export_delete(world, needle)


async def _filter_and_search(world: Seeded, needle: Comparison) -> None:
    seen = world.seen
    await seen.press("slash")
    await seen.type("过拟合")
    await seen.until("1 found")
    await seen.until("Winner: A Echo")
    assert "你问的是" in seen.text and " out" in seen.text
    await seen.press("escape")
    await seen.until("Records 3")
    await seen.press("f")
    await seen.until("Which comparisons?")
    await seen.put("since", "tomorrow")
    await seen.press("ctrl+s")
    await seen.until("not a day like")
    await seen.put("since", "")
    seen.app.screen.query_one("#field-verdict").focus()
    await seen.press("right", "ctrl+s")
    await seen.until("judged · 1 found")
    assert seen.app.screen.query_one("#records-rows").current_id == needle.id  # type: ignore[attr-defined]
    await seen.press("escape")
    await seen.until("Records 3")


async def _rename_export_delete(world: Seeded, needle: Comparison) -> None:
    seen = world.seen
    rows: Any = seen.app.screen.query_one("#records-rows")
    rows.move_to(needle.id)
    await seen.press("r")
    await seen.until("Which title?")
    await seen.press("ctrl+u")
    await seen.type("大海捞针")
    await seen.press("enter")
    await seen.until("大海捞针")
    await seen.press("x")
    await seen.until("Save 1 comparison as what?")
    await seen.press("m")
    await seen.until("Saved as exports/大海捞针")
    name = f"exports/大海捞针-{needle.created_at:%Y-%m-%d}.md"
    reading = seen.services.files.open_reading(world.principal, name)
    kept = reading.read(0, 100_000).decode()
    reading.commit()
    assert kept.startswith("# 大海捞针") and "### A Echo (sim-echo@max)" in kept
    await seen.press("R")
    await seen.until("Ask again: “大海捞针”?")
    await seen.press("enter")
    await seen.until(lambda: isinstance(seen.app.screen, SideBySideScreen) and seen.app.screen.board.last is not None)
    await seen.until(lambda: (last := seen.app.screen.board.last) is not None and last.ended)  # type: ignore[attr-defined]
    await world.tab(RECORDS)
    await seen.until("Records 4")
    await seen.press("G", "space", "k", "k", "space")
    await seen.until("2 marked")
    await seen.press("d")
    await seen.until("Delete 2 comparisons?")
    await seen.press("enter")
    await seen.until("Records 2")
    assert (await seen.services.comparisons.records(world.principal)).total == 2


async def test_the_leaderboard_ranks_by_votes_and_leads_to_them(settings: Settings) -> None:
    async with seeded(settings, size=(80, 24)) as world:
        seen = world.seen
        await world.tab(LEADERBOARD)
        assert "No vote yet" in seen.text
        for number in range(3):
            await world.compared(f"question {number}", "Echo", "Chat", winner="Echo", kind="code")
        await world.compared("文学", "Echo", "Chat", winner=TIE, kind="写作", blind=True)
        await world.tab(LEADERBOARD)
        await seen.until("4 votes")
        assert seen.fits()
        assert "Too few votes to rank" in seen.text and "3-0-1" in seen.text and "├" in seen.text and "○" in seen.text
        assert "against sim-chat@max 3 won, 0 lost, 1 tied" in " ".join(seen.text.split())
        await seen.press("right_square_bracket")
        await seen.until("3 votes · code")
        await seen.press("right_square_bracket")
        await seen.until("1 vote · 写作")
        await seen.press("right_square_bracket")
        await seen.until("4 votes")
        await seen.press("b")
        await seen.until("1 vote · blind only")
        await seen.press("escape")
        await seen.until("4 votes")
        await seen.press("w")
        await seen.until("Votes of which time?")
        await seen.type("7 days")
        await seen.press("enter")
        await seen.until("4 votes · last 7 days")
        assert isinstance(seen.app.screen, LeaderboardScreen)
        await seen.press("enter")
        await seen.until("sim-echo@max · judged · 4 found")


async def test_the_same_question_over_time_has_a_chart_and_leads_back(settings: Settings) -> None:
    async with seeded(settings, size=(80, 24)) as world:
        seen = world.seen
        first = await world.compared("什么是过拟合？", "Echo", "Chat", winner="Chat")
        await world.compared("什么是 过拟合", "Echo", "Broken")
        await world.compared("什么是欠拟合，为什么会这样？", "Echo", "Chat")
        await world.tab(RECORDS)
        await seen.until("Records 3")
        seen.app.screen.query_one("#records-rows").move_to(first.id)  # type: ignore[attr-defined]
        await seen.press("a")
        await seen.until("asked 2 times")
        assert isinstance(seen.app.screen, SimilarScreen)
        assert seen.fits()
        assert "by characters, not by meaning" in seen.text and "sim-chat@max" in seen.text and "failed" in seen.text
        titles = {similar_lists.MEASURES[name].title for name in similar_lists.measures_of(seen.app.screen._found)}
        for _measure in titles:
            await seen.press("m")
            await seen.until(lambda: any(line.strip().startswith(tuple(titles)) for line in seen.lines()))
        await seen.press("o", "o")
        await seen.until("at least 70 % alike")
        await seen.press("j", "enter")
        await seen.until(lambda: isinstance(seen.app.screen, SideBySideScreen))
        await seen.until("过拟合")
        seen.app.screen.query_one("#compare-column-0").focus()
        await seen.press("a")
        await seen.until("asked 2 times")


# Rows and words alone ------------------------------------------------------------------------------------------------


def ranked(low: float, rating: float, high: float, **more: Any) -> Ranked:
    fields: dict[str, Any] = {"wins": 5, "losses": 5, "ties": 0, "votes": 10, "enough": True} | more
    return Ranked(fields.pop("model", "m"), rating, low, high, **fields)


def test_intervals_are_drawn_in_place() -> None:
    row = ranked(900, 1000, 1100)
    assert words.interval_bar(row, 900, 1100, 11, UNICODE) == "├────●────┤"
    assert words.interval_bar(row, 800, 1200, 9, ASCII) == "  |-o-|  "
    assert words.interval_bar(ranked(900, 1000, 1100, enough=False), 900, 1100, 11, UNICODE) == "├────○────┤"
    for width in range(1, 40):
        assert cell_len(words.interval_bar(row, 850, 1200, width, UNICODE)) == width
    assert words.bounds([ranked(815.2, 1000, 1101)]) == (800, 1200)
    assert words.bounds([]) == (900, 1100)


@pytest.mark.parametrize(
    ("board", "told"),
    [
        ([], ""),
        ([ranked(800, 1000, 1200, enough=False)], "Too few votes"),
        ([ranked(1100, 1200, 1300, model="a"), ranked(800, 900, 1000, model="b")], "a is better than all others"),
        ([ranked(950, 1050, 1150, model="a"), ranked(850, 950, 1050, model="b")], "do not tell these apart, their intervals overlap: a, b"),
    ],
)
def test_what_the_votes_allow_to_say(board: Sequence[Ranked], told: str) -> None:
    said = words.conclusion(board)
    assert told in said and bool(said) == bool(told)


def test_rows_say_how_far_they_can_be_trusted() -> None:
    assert "7 more" in words.remark(ranked(0, 1, 2, votes=3, enough=False))
    assert "never lost" in words.remark(ranked(0, 1, 2, unbeaten=True))
    assert "never won" in words.remark(ranked(0, 1, 2, winless=True))
    assert words.remark(ranked(0, 1, 2)) == ""
    votes = [Vote(str(n), "a", "b", "left", "", NOON) for n in range(3)] + [
        Vote("x", "c", "a", "left", "", NOON),
        Vote("y", "d", "e", "tie", "", NOON),
    ]
    assert words.duels(votes, "a") == [("b", 3, 0, 0), ("c", 0, 1, 0)]
    assert "set apart" in words.groups_remark(leaderboard(votes, rounds=5))
    assert words.groups_remark([ranked(0, 1, 2)]) == ""


def test_a_filter_says_what_it_narrows_to() -> None:
    assert not Filter().on and Filter().words() == []
    narrowed = Filter(model="qwen\x1b[31m", verdict="tie", type="", since="2026-01-01", until="2026-02-01")
    assert narrowed.on
    assert narrowed.words() == ["qwen", "a tie", "without a type", "from 2026-01-01", "up to 2026-02-01"]


def past(model: str, total_ms: int | None, **more: Any) -> PastAnswer:
    fields: dict[str, Any] = {"state": "complete", "ttft_ms": None, "output_tokens": None, "tokens_per_second": None, "cost": None}
    fields |= {"currency": "", "stars": 0, "won": False} | more
    return PastAnswer("c", "A", model, model, total_ms=total_ms, **fields)


def test_lines_have_a_point_for_each_time_and_only_measures_with_values_are_offered() -> None:
    found = [
        SimilarRound("2", "c2", "t", "问题", 1.0, NOON + timedelta(days=2), (past("a", 3000), past("b", None, state="failed"))),
        SimilarRound("1", "c1", "t", "问题", 0.95, NOON, (past("a", 1000, stars=4), past("a", 2000))),
        SimilarRound("0", "c0", "t", "问题", 0.95, NOON, ()),
    ]
    assert similar_lists.measures_of(found) == ["total", "stars"]
    (line,) = similar_lists.lines_of(found, "total")
    assert line.label == "a" and line.values.tolist() == [1.5, 3.0], "two answers at one time are their mean"
    assert (line.steps[1] - line.steps[0]) == 2 * 86400
    assert similar_lists.clock_words(found, UTC)(int(NOON.timestamp())) == "03-01 12:00"
    assert similar_lists.clock_words([], UTC)(0) == "00:00"
    cells = [similar_lists.similar_row(each, UNICODE, UTC).cells for each in found]
    assert cells[0]["answers"] == "a 3.0 s │ b failed" and cells[1]["score"] == "95 %" and cells[2]["answers"] == "hidden until the vote"
