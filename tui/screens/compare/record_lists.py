"""The list of what was compared: its columns and rows, what an empty one says, and what is told of the one in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import moments
from tui.comparison_files import STATES, cheapest, fastest, figures_sentence, name_of, verdict_sentence
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.widgets.rows import Column, Row
from tui.widgets.sheet import Line, wrapped

if TYPE_CHECKING:
    from core.compare.types import CandidateAnswer, Comparison, ComparisonSummary, Round, VerdictFilter

COLUMNS = (
    Column("used", N_("Used"), 8, right=True),
    Column("title", N_("Title"), 20, grow=True),
    Column("verdict", N_("Verdict"), 11),
    Column("models", N_("Models"), 25),
    Column("rounds", N_("Asked"), 5, right=True),
    Column("type", N_("Type"), 10),
)
#: The filter by verdict: what it is called.
VERDICTS: dict[VerdictFilter, str] = {
    "": N_("any, or none"),
    "given": N_("judged"),
    "none": N_("not judged"),
    "winner": N_("with a winner"),
    "tie": N_("a tie"),
    "both_bad": N_("all bad"),
    "stars": N_("stars or a note only"),
}
#: Characters of a question and of an answer that the detail shows.
_QUESTION, _ANSWER = 600, 400


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to. `since` and `until`: days as typed, "" for none; `type` None for all."""

    model: str = ""
    verdict: VerdictFilter = ""
    type: str | None = None
    since: str = ""
    until: str = ""

    @property
    def on(self) -> bool:
        return self != Filter()

    def words(self) -> list[str]:
        """What it narrows to, a part each."""
        parts = [one_line(self.model, 30)] if self.model else []
        parts += [_(VERDICTS[self.verdict])] if self.verdict else []
        parts += [one_line(self.type, 20) or _("without a type")] if self.type is not None else []
        parts += [_("from {day}").format(day=self.since)] if self.since else []
        parts += [_("up to {day}").format(day=self.until)] if self.until else []
        return parts


# Rows ----------------------------------------------------------------------------------------------------------------


def record_row(item: ComparisonSummary, signs: Glyphs, now: datetime, zone: tzinfo | None) -> Row:
    """One comparison of the list."""
    verdict, token = judged_words(item, signs)
    models = _("hidden until the vote") if item.names_hidden else _beside(item.models, signs)
    cells = {
        "used": moments.short(item.used_at, now, zone),
        "title": item.title or _("(no title)"),
        "verdict": verdict,
        "models": models,
        "rounds": str(item.rounds),
        "type": item.type,
    }
    return Row(item.id, cells, {"used": "dim", "verdict": token, "models": "dim", "rounds": "dim", "type": "dim"})


def judged_words(item: ComparisonSummary, signs: Glyphs) -> tuple[str, str]:
    """How it was judged last, and the token for that; what is being made comes before it."""
    if item.generating:
        return f"{signs.running} {_('answering')}", "accent"
    winner = _("{label} won").format(label=item.winner) if item.winner else _("winner")
    words = {"winner": winner, "tie": _("tie"), "both_bad": _("all bad"), "stars": _("stars"), "": ""}[item.judged]
    sign = {"winner": signs.star, "tie": "=", "both_bad": signs.failed, "stars": signs.star, "": " "}[item.judged]
    return f"{sign} {words}", {"winner": "good", "both_bad": "bad", "": "dim"}.get(item.judged, "text")


def _beside(models: Sequence[str], signs: Glyphs) -> str:
    return f" {signs.wall} ".join(one_line(model) for model in models)


def empty(*, narrowed: bool) -> list[tuple[str, str]]:
    """What an empty list says."""
    if narrowed:
        return [(_("No comparison matches."), "dim"), (_("Esc shows all again."), "dim")]
    return [
        (_("Nothing was compared yet. Every comparison is kept here as it is written, with its answers and your verdicts."), "text"),
        ("", "dim"),
        (_("Press {key} to ask two or three models the same.").format(key="n"), "accent"),
    ]


# The one in hand -----------------------------------------------------------------------------------------------------


def detail_lines(
    item: ComparisonSummary, read: Comparison | None, width: int, signs: Glyphs, zone: tzinfo | None, *, dense: bool = False
) -> list[Line]:
    """Everything at a glance: who, when, the last question, the answers' beginnings with their figures, the verdict.

    `dense`: without empty lines, where there is little room.
    """
    shown = read.last_round if read is not None else None
    title = one_line(item.title)
    told_below = shown is not None and one_line(shown.question).startswith(title.removesuffix("…"))
    lines = [] if told_below else wrapped(title or _("(no title)"), "bold", width)
    facts = [moments.full(item.created_at, zone), ngettext("{count} question", "{count} questions", item.rounds).format(count=item.rounds)]
    facts += [_("one after the other")] if item.mode == "sequential" else []
    facts += [_("blind")] if item.blind else []
    facts += [one_line(item.type)] if item.type else []
    lines += wrapped(" · ".join(facts), "dim", width)
    if read is not None and shown is not None:
        lines += [(), *_round_lines(read, shown, item.rounds, width, signs)]
    return [line for line in lines if line] if dense else lines


def _round_lines(read: Comparison, shown: Round, total: int, width: int, signs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    if total > 1:
        lines += wrapped(_("Last question"), "dim", width)
    lines += wrapped(one_line(shown.question, _QUESTION), "text", width)
    marks = {label: _("fastest") for label in [fastest(read, shown)] if label}
    for label in [cheapest(read, shown)]:
        if label:
            marks[label] = f"{marks[label]}, {_('cheapest')}" if label in marks else _("cheapest")
    if shown.verdict is not None:
        lines += [(), *wrapped(f"{signs.star} {verdict_sentence(read, shown.verdict) or _('Note')}", "warn", width)]
        if shown.verdict.note:
            lines += wrapped(one_line(shown.verdict.note, _QUESTION), "text", width, "  ")
    for answer in shown.answers:
        lines += [(), *_answer_lines(read, answer, marks, width)]
    return lines


def _answer_lines(read: Comparison, answer: CandidateAnswer, marks: dict[str, str], width: int) -> list[Line]:
    candidate, message = read.candidate(answer.candidate_id), answer.message
    if candidate is None:
        return []
    state = "" if answer.state == "complete" else f" · {_(STATES[answer.state])}"
    lines = wrapped(name_of(read, candidate) + state, "bold", width)
    if message is None:
        return lines
    if not read.names_hidden and (figures := figures_sentence(message)):
        lines += wrapped(figures, "dim", width)
    if candidate.label in marks:
        lines += wrapped(marks[candidate.label], "good", width)
    if message.error is not None and not read.names_hidden:
        from tui.errors import describe

        lines += wrapped(describe(message.error).title, "bad", width)
    return lines + (wrapped(one_line(message.content, _ANSWER), "text", width) if message.content else [])
