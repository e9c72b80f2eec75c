"""The same question over time as rows and as lines of a chart: measures, and how moments are called on the axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import moments
from tui.amounts import seconds
from tui.comparison_files import STATES
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from core.compare.types import PastAnswer, SimilarRound
    from tui.widgets.line_chart import Series

COLUMNS = (
    Column("asked", N_("Asked"), 16),
    Column("score", N_("Alike"), 5, right=True),
    Column("answers", N_("Answers"), 44, grow=True),
    Column("question", N_("Question"), 34),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a chart shows: its title (untranslated) and the value of one answer, None where there is none."""

    title: str
    value: Callable[[PastAnswer], float | None]


def _part(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


MEASURES: dict[str, Measure] = {
    "speed": Measure(N_("tokens a second"), lambda answer: answer.tokens_per_second),
    "total": Measure(N_("seconds to the whole answer"), lambda answer: _part(answer.total_ms)),
    "first": Measure(N_("seconds to the first token"), lambda answer: _part(answer.ttft_ms)),
    "tokens": Measure(N_("tokens of the answer"), lambda answer: answer.output_tokens),
    "cost": Measure(N_("cost of the answer"), lambda answer: None if answer.cost is None else float(answer.cost)),
    "stars": Measure(N_("stars given"), lambda answer: answer.stars or None),
}


def measures_of(found: Sequence[SimilarRound]) -> list[str]:
    """Those of which there is a value: only they are offered."""
    answers = [answer for each in found for answer in each.answers]
    return [name for name, measure in MEASURES.items() if any(measure.value(answer) is not None for answer in answers)]


def lines_of(found: Sequence[SimilarRound], measure: str) -> list[Series]:
    """A line for each model, by the second in which it was asked; where a model answered twice then, their mean."""
    import numpy as np

    from tui.widgets.line_chart import Series

    points: dict[str, dict[int, list[float]]] = {}
    for each in sorted(found, key=lambda each: each.asked_at):
        for answer in each.answers:
            value = MEASURES[measure].value(answer)
            if value is not None:
                points.setdefault(answer.model, {}).setdefault(int(each.asked_at.timestamp()), []).append(value)
    return [
        Series(
            key=f"{measure} {model}",
            label=one_line(model, 40),
            steps=np.array(list(by_time), dtype=np.int64),
            values=np.array([sum(values) / len(values) for values in by_time.values()], dtype=np.float64),
        )
        for model, by_time in points.items()
    ]


def clock_words(found: Sequence[SimilarRound], zone: tzinfo | None) -> Callable[[int], str]:
    """How a second since the epoch is called on an axis that spans `found`: by the hour, the day or the month. ASCII only."""
    times = [each.asked_at for each in found]
    span = max(times) - min(times) if times else timedelta(0)
    form = "%H:%M" if span < timedelta(days=1) else "%m-%d %H:%M" if span < timedelta(days=4) else "%m-%d"
    if span > timedelta(days=300):
        form = "%Y-%m-%d"
    return lambda moment: datetime.fromtimestamp(moment, UTC).astimezone(zone).strftime(form)


def similar_row(found: SimilarRound, signs: Glyphs, zone: tzinfo | None) -> Row:
    """One time that it was asked."""
    cells = {
        "asked": moments.full(found.asked_at, zone),
        "score": f"{int(found.score * 100)} %",
        "answers": f" {signs.wall} ".join(_answer(answer, signs) for answer in found.answers) or _("hidden until the vote"),
        "question": found.question,
    }
    return Row(found.round_id, cells, {"asked": "dim", "score": "dim", "question": "dim"})


def _answer(answer: PastAnswer, signs: Glyphs) -> str:
    parts = [one_line(answer.model, 24)]
    if answer.state == "complete" and answer.total_ms is not None:
        parts.append(seconds(answer.total_ms))
    elif answer.state != "complete":
        parts.append(_(STATES[answer.state]))
    parts += [signs.star * answer.stars] if answer.stars else []
    parts += [_("won")] if answer.won else []
    return " ".join(parts)
