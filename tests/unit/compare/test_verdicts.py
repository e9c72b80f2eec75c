"""Winner, tie, both bad, stars and notes; blind and revealed; the votes that the leaderboard is made of."""

from __future__ import annotations

from collections import Counter

import pytest

from core.compare.types import BOTH_BAD, TIE, VerdictDraft, Vote
from core.errors import Conflict, InvalidInput
from tests.unit.compare.conftest import QUESTION, Table

ECHO, FAST, THINKING = "sim-echo@max", "sim-chat@max", "sim-reasoning@maxx40"


def plain(votes: tuple[Vote, ...]) -> list[tuple[str, str, str]]:
    return [(vote.left_model, vote.right_model, vote.outcome) for vote in votes]


async def test_a_winner_beats_each_of_the_others_and_stars_tell_the_rest(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST, THINKING, type="riddle")
    asked = await table.ask(comparison)
    a, b, c = (each.id for each in comparison.candidates)
    verdict = await table.comparisons.vote(table.ann, asked.id, VerdictDraft(b, {a: 2, b: 5, c: 4}, " clear \n"))
    assert (verdict.winner, dict(verdict.stars), verdict.note, verdict.blind) == (b, {a: 2, b: 5, c: 4}, "clear", False)
    assert (await table.get(comparison)).rounds[0].verdict == verdict
    votes = await table.comparisons.votes(table.ann)
    assert plain(votes) == [(ECHO, FAST, "right"), (ECHO, THINKING, "right"), (FAST, THINKING, "left")]
    assert {(vote.type, vote.round_id, vote.at) for vote in votes} == {("riddle", asked.id, verdict.given_at)}
    assert await table.comparisons.votes(table.bob) == ()
    assert await table.comparisons.votes(table.ann, until=verdict.given_at) == ()


@pytest.mark.parametrize(("winner", "judged"), [(TIE, "tie"), (BOTH_BAD, "both_bad")])
async def test_ties_hold_for_every_pair(table: Table, winner: str, judged: str) -> None:
    comparison = await table.compare(ECHO, FAST, THINKING)
    asked = await table.ask(comparison)
    await table.comparisons.vote(table.ann, asked.id, VerdictDraft(winner))
    assert [vote.outcome for vote in await table.comparisons.votes(table.ann)] == [winner] * 3
    summary = (await table.comparisons.records(table.ann)).items[0]
    assert (summary.judged, summary.winner) == (judged, "")
    await table.comparisons.withdraw_vote(table.ann, asked.id)
    await table.comparisons.withdraw_vote(table.ann, asked.id)
    assert await table.comparisons.votes(table.ann) == ()
    assert (await table.comparisons.records(table.ann)).items[0].judged == ""


async def test_notes_are_no_votes_and_failures_no_basis(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST, "sim-500")
    asked = await table.ask(comparison)
    a, b, c = (each.id for each in comparison.candidates)
    await table.comparisons.vote(table.ann, asked.id, VerdictDraft(note="interesting"))
    assert await table.comparisons.votes(table.ann) == ()
    await table.comparisons.vote(table.ann, asked.id, VerdictDraft(a, {c: 1}))
    assert plain(await table.comparisons.votes(table.ann)) == [(ECHO, FAST, "left")]
    await table.comparisons.vote(table.ann, asked.id, VerdictDraft(None, {a: 3, b: 3}))
    assert plain(await table.comparisons.votes(table.ann)) == [(ECHO, FAST, "tie")]


async def test_what_is_no_verdict_is_refused(table: Table) -> None:
    comparison = await table.compare(ECHO, "sim-markdown@400x20000")
    other = await table.compare(ECHO, FAST)
    a, b = (each.id for each in comparison.candidates)
    asked = await table.comparisons.ask(table.ann, comparison.id, QUESTION)
    with pytest.raises(Conflict):
        await table.comparisons.vote(table.ann, asked.id, VerdictDraft(a))
    await table.comparisons.stop(table.ann, comparison.id)
    await table.quiet()
    for draft, field in (
        (VerdictDraft(), "verdict"),
        (VerdictDraft(other.candidates[0].id), "winner"),
        (VerdictDraft(a, {a: 6}), "stars"),
        (VerdictDraft(a, {a: 0}), "stars"),
        (VerdictDraft(a, {a: True}), "stars"),
        (VerdictDraft(a, {other.candidates[0].id: 3}), "stars"),
        (VerdictDraft(a, note="x" * 10_001), "note"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await table.comparisons.vote(table.ann, asked.id, draft)
        assert refused.value.field == field
    assert (await table.comparisons.vote(table.ann, asked.id, VerdictDraft(b))).winner == b


async def test_blind_until_the_names_are_shown(table: Table) -> None:
    comparison = await table.compare(ECHO, FAST, blind=True)
    a, b = (each.id for each in comparison.candidates)
    first = await table.ask(comparison, "one")
    assert comparison.names_hidden
    assert (await table.comparisons.vote(table.ann, first.id, VerdictDraft(a))).blind
    second = await table.ask(comparison, "two")
    assert (await table.comparisons.records(table.ann)).items[0].names_hidden
    assert (await table.comparisons.similar(table.ann, "one"))[0].answers == ()
    revealed = await table.comparisons.reveal(table.ann, comparison.id)
    assert revealed.revealed and not revealed.names_hidden
    assert not (await table.comparisons.vote(table.ann, second.id, VerdictDraft(b))).blind
    assert (await table.comparisons.vote(table.ann, first.id, VerdictDraft(a, note="why"))).blind  # only a note was added
    assert not (await table.comparisons.vote(table.ann, first.id, VerdictDraft(b))).blind
    assert len((await table.comparisons.similar(table.ann, "one"))[0].answers) == 2


async def test_columns_are_drawn_by_lot_only_when_blind(table: Table) -> None:
    ids = [await table.model(name) for name in (ECHO, FAST, THINKING)]
    orders: Counter[tuple[str, ...]] = Counter()
    for _ in range(24):
        found = await table.comparisons.create(table.ann, ids, blind=True)
        orders[tuple(each.model for each in found.candidates)] += 1
        assert [each.id for each in found.candidates] == sorted(each.id for each in found.candidates)  # the ids tell no order
    assert len(orders) >= 2  # the chance that 24 draws of 6 orders are all the same is 1 in 10^18
    seen = await table.comparisons.create(table.ann, ids)
    assert [each.model for each in seen.candidates] == [ECHO, FAST, THINKING]
