"""A leaderboard in words and signs, for the screen and the shell: intervals drawn as text, and what the votes allow to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.compare.leaderboard import ENOUGH_VOTES
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.compare.leaderboard import Ranked
    from core.compare.types import Vote
    from tui.glyphs import Glyphs


def bounds(board: Sequence[Ranked]) -> tuple[float, float]:
    """The least and the greatest rating that an interval of `board` reaches, at round hundreds."""
    low = min((row.low for row in board), default=900.0)
    high = max((row.high for row in board), default=1100.0)
    return low // 100 * 100.0, -(-high // 100) * 100.0


def interval_bar(row: Ranked, least: float, most: float, width: int, signs: Glyphs) -> str:
    """The interval as a whisker with the rating in it, in exactly `width` cells for ratings from `least` to `most`."""

    def place(value: float) -> int:
        return max(0, min(width - 1, round((value - least) / (most - least) * (width - 1)))) if most > least else 0

    dash, point, left, right = ("-", "o", "|", "|") if signs.ascii else ("─", "●", "├", "┤")
    low, at, high = place(row.low), place(row.rating), place(row.high)
    cells = [" "] * width
    cells[low : high + 1] = [dash] * (high - low + 1)
    cells[low], cells[high] = left, right
    cells[at] = point if row.enough else "?" if signs.ascii else "○"
    return "".join(cells)


def rank_words(row: Ranked) -> str:
    """The rank, or a dash where votes are too few for one."""
    return str(row.rank) if row.rank is not None else "–"


def record_words(row: Ranked) -> str:
    """Won, lost, tied duels."""
    return f"{row.wins:,}-{row.losses:,}-{row.ties:,}"


def remark(row: Ranked) -> str:
    """What is to be known of one row: "" for a rating that stands on enough votes."""
    if not row.enough:
        missing = ENOUGH_VOTES - row.votes
        return ngettext("too few votes to rank: {count} more", "too few votes to rank: {count} more", missing).format(count=missing)
    if row.unbeaten:
        return _("never lost: how much better it is cannot be told")
    if row.winless:
        return _("never won: how much worse it is cannot be told")
    return ""


def conclusion(board: Sequence[Ranked]) -> str:
    """What the votes say of the first of the board, in a sentence; "" for an empty one."""
    group = [row for row in board if row.group == 0]
    ranked = [row for row in group if row.enough]
    if not group:
        return ""
    if len(ranked) < 2:
        return _("Too few votes to rank: a model needs {count} rounds with a verdict.").format(count=ENOUGH_VOTES)
    first, *others = ranked
    equal = [row for row in others if row.high >= first.low]
    if not equal:
        return _("{model} is better than all others that are ranked: its interval does not overlap theirs.").format(model=first.model)
    names = ", ".join(row.model for row in (first, *equal))
    return _("The votes do not tell these apart, their intervals overlap: {models}.").format(models=names)


def groups_remark(board: Sequence[Ranked]) -> str:
    """Said where some models never met; "" else."""
    if len({row.group for row in board}) < 2:
        return ""
    return _("Groups that are set apart never met, not even through others: their ratings say nothing of each other.")


def method_words() -> str:
    """How ratings come about."""
    return _(
        "Bradley-Terry model; a tie and “all bad” are half a win for each. 400 points more: ten wins for each loss. Intervals hold 95 %: "
        "1,000 samples drawn from your rounds, and never narrower than so few votes allow. Ranks are shared where intervals overlap."
    )


def duels(votes: Sequence[Vote], model: str) -> list[tuple[str, int, int, int]]:
    """How `model` did against each other model: (name, won, lost, tied), the most met first."""
    found: dict[str, list[int]] = {}
    for vote in votes:
        if model not in (vote.left_model, vote.right_model) or vote.left_model == vote.right_model:
            continue
        at_left = vote.left_model == model
        other = vote.right_model if at_left else vote.left_model
        tally = found.setdefault(other, [0, 0, 0])
        won = {"left": at_left, "right": not at_left}.get(vote.outcome)
        tally[2 if won is None else 0 if won else 1] += 1
    return sorted(((name, *tally) for name, tally in found.items()), key=lambda row: (-sum(row[1:]), row[0]))  # type: ignore[misc]


def as_object(row: Ranked) -> dict[str, Any]:
    """A row as scripts get it."""
    return {
        "model": row.model,
        "rank": row.rank,
        "rating": round(row.rating, 1),
        "low": round(row.low, 1),
        "high": round(row.high, 1),
        "wins": row.wins,
        "losses": row.losses,
        "ties": row.ties,
        "votes": row.votes,
        "enough": row.enough,
        "group": row.group,
    }
