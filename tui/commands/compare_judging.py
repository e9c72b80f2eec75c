"""Votes and the leaderboard from the shell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.compare.types import BOTH_BAD, TIE, VerdictDraft
from core.errors import InvalidInput
from tui.commands.common import Invocation, err, out, print_json, print_table, run_with_services
from tui.commands.compare_records import Id, day
from tui.glyphs import UNICODE
from tui.i18n import _
from tui.leaderboard_words import as_object, bounds, conclusion, groups_remark, interval_bar, method_words, rank_words, record_words, remark

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.compare.leaderboard import Ranked
    from core.compare.types import Comparison, Round

_BAR = 30


def vote(
    context: typer.Context,
    comparison: Id,
    winner: Annotated[str, typer.Argument(metavar="[A|B|C|tie|bad]", help=_("Who won; nothing for stars or a note only."))] = "",
    number: Annotated[int | None, typer.Option("--round", metavar="N", min=1, help=_("The question to judge; the last one.")),] = None,
    stars: Annotated[
        list[str] | None, typer.Option("--stars", metavar="A=1..5", help=_("Stars for an answer; as often as there are answers."))
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help=_("A note."))] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help=_("Take the verdict back."))] = False,
) -> None:  # fmt: skip
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from tui.comparison_files import round_as_object

        opened = await services.comparisons.get(principal, comparison, tail=1_000_000)
        shown = _round(opened, number)
        if withdraw:
            await services.comparisons.withdraw_vote(principal, shown.id)
        else:
            await services.comparisons.vote(principal, shown.id, _draft(opened, winner, stars or [], note))
            if opened.names_hidden:
                await services.comparisons.reveal(principal, opened.id)
        opened = await services.comparisons.get(principal, comparison, tail=1_000_000)
        judged = _round(opened, shown.ordinal + 1)
        if invocation.json:
            print_json(round_as_object(opened, judged))
        else:
            _tell(opened, judged)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _round(comparison: Comparison, number: int | None) -> Round:
    """The round with this number, else the last one. Raises InvalidInput (round)."""
    found = [each for each in comparison.rounds if number is None or each.ordinal + 1 == number]
    if not found:
        raise InvalidInput("round", "unknown", value=number or 0)
    return found[-1]


def _draft(comparison: Comparison, winner: str, stars: Sequence[str], note: str) -> VerdictDraft:
    ids = {each.label: each.id for each in comparison.candidates}
    special = {"TIE": TIE, "BAD": BOTH_BAD, "BOTH-BAD": BOTH_BAD, "": None}
    said = winner.upper()
    if said not in ids and said not in special:
        raise InvalidInput("winner", "unknown", value=winner)
    given: dict[str, int] = {}
    for each in stars:
        label, _equals, count = each.partition("=")
        if label.upper() not in ids or not count.isdecimal():
            raise InvalidInput("stars", "not_stars", value=each)
        given[ids[label.upper()]] = int(count)
    return VerdictDraft(ids.get(said) or special.get(said), given, note)


def _tell(comparison: Comparison, judged: Round) -> None:
    from tui.comparison_files import name_of, verdict_sentence

    if judged.verdict is None:
        out(_("The verdict is taken back."))
        return
    out(verdict_sentence(comparison, judged.verdict) or _("The note is saved."))
    if comparison.blind:
        for candidate in comparison.candidates:
            out(name_of(comparison, candidate))


def leaderboard(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help=_("Only questions of this type."), show_default=False)] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help=_("Only votes from this day on: 2026-01-31."), show_default=False)] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help=_("Only votes up to this day."), show_default=False)] = "",
    blind: Annotated[bool, typer.Option("--blind", help=_("Only votes given while names were hidden."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.compare import leaderboard as ranking

        votes = await services.comparisons.votes(principal, since=day(since, "since"), until=day(until, "until", end=True))
        chosen = [each for each in votes if (kind is None or each.type == kind) and (each.blind or not blind)]
        board = await asyncio.to_thread(ranking.leaderboard, chosen)
        if invocation.json:
            print_json({"votes": len({each.round_id for each in chosen}), "models": [as_object(row) for row in board]})
        elif not board:
            err(_("No vote to rank by: one counts where at least two different models answered. Vote with: modeltrain compare vote ID A"))
        else:
            _print_board(board)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _print_board(board: Sequence[Ranked]) -> None:
    least, most = bounds(board)
    for group in sorted({row.group for row in board}):
        if group:
            out()
        rows: list[tuple[Any, ...]] = [
            (
                rank_words(row),
                row.model,
                f"{row.rating:.0f}",
                f"{row.low:.0f}–{row.high:.0f}",
                # Blanks at the sides would be taken away by whoever keeps cells to one line.
                interval_bar(row, least, most, _BAR, UNICODE).replace(" ", "·"),
                record_words(row),
                row.votes,
                remark(row),
            )
            for row in board
            if row.group == group
        ]
        headings = (_("RANK"), _("MODEL"), _("RATING"), _("95 %"), f"{least:.0f}–{most:.0f}", _("WON-LOST-TIED"), _("VOTES"), "")
        print_table(headings, rows)
    for sentence in (conclusion(board), groups_remark(board), method_words()):
        if sentence:
            err(sentence)
