"""The columns and rows of the lists of question sets, questions and versions."""

from __future__ import annotations

from datetime import datetime, tzinfo

from core.questions.types import Change, Question, QuestionSet, SetVersion
from core.sanitise import one_line
from tui import moments
from tui.batch_words import scorer_word
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.screens.compare.questions.texts import origin
from tui.widgets.rows import Column, Row

SET_COLUMNS = (
    Column("name", N_("Name"), 18, grow=True),
    Column("count", N_("Questions"), 9, right=True),
    Column("version", N_("Version"), 7, right=True),
    Column("changed", N_("Changed"), 8, right=True),
    Column("tags", N_("Tags"), 16),
)
QUESTION_COLUMNS = (
    Column("number", N_("No."), 6, right=True),
    Column("question", N_("Question"), 30, grow=True),
    Column("type", N_("Type"), 12),
    Column("expected", N_("Expected"), 14),
    Column("scorer", N_("Scorer"), 12),
    Column("weight", N_("Weight"), 6, right=True),
)
VERSION_COLUMNS = (
    Column("version", N_("Version"), 8, right=True),
    Column("in_force", "", 2),
    Column("origin", N_("How it came to be"), 20, grow=True),
    Column("count", N_("Questions"), 10, right=True),
    Column("differs", N_("Differs by"), 14),
    Column("made", N_("Made"), 16),
)


def set_row(item: QuestionSet, now: datetime, zone: tzinfo | None) -> Row:
    cells = {
        "name": item.name,
        "count": f"{item.count:,}",
        "version": str(item.version),
        "changed": moments.short(item.updated_at, now, zone),
        "tags": ", ".join(item.tags),
    }
    return Row(item.id, cells, {"version": "dim", "changed": "dim", "tags": "accent"})


def question_row(item: Question) -> Row:
    cells = {
        "number": f"{item.number:,}",
        "question": item.filled().text[:400],
        "type": item.type,
        "expected": (item.filled().expected or "")[:200],
        "scorer": scorer_word(item.scorer) if item.scorer else "",
        "weight": f"{item.weight:g}" if item.weight != 1 else "",
    }
    return Row(str(item.number), cells, {"number": "dim", "type": "dim", "expected": "good", "scorer": "dim", "weight": "warn"})


def version_row(item: SetVersion, current: int, signs: Glyphs, zone: tzinfo | None) -> Row:
    differs = ((item.added, "+"), (item.changed, "~"), (item.removed, "-"))
    cells = {
        "version": str(item.version),
        "in_force": signs.star if item.version == current else "",
        "origin": origin(item),
        "count": f"{item.count:,}",
        "differs": " ".join(f"{sign}{count:,}" for count, sign in differs if count),
        "made": moments.full(item.created_at, zone),
    }
    return Row(str(item.version), cells, {"in_force": "warn", "differs": "accent", "made": "dim"})


def change_text(change: Change) -> tuple[str, str]:
    """One difference and its style."""
    question = change.after or change.before
    text = one_line(question.text, 300) if question else ""
    number = question.number if question else 0
    sign, token = {"added": ("+", "good"), "changed": ("~", "accent"), "removed": ("-", "bad")}[change.kind]
    return f"{sign} {number}  {text}", token


def no_sets(*, searched: bool) -> list[tuple[str, str]]:
    """What an empty library says."""
    if searched:
        return [(_("No question set matches."), "dim")]
    return [
        (_("No question set yet. A set is a list of questions, with expected answers where there are some, to try models on."), "text"),
        ("", "dim"),
        (
            _("Press {key} to make the first: from a file (TXT, CSV, JSON, JSONL), by writing it, or from an example.").format(key="n"),
            "accent",
        ),
    ]


def no_questions(*, searched: bool) -> list[tuple[str, str]]:
    if searched:
        return [(_("No question matches."), "dim")]
    return [(_("This set has no question."), "text"), ("", "dim"), (_("Press {key} to write the first.").format(key="n"), "accent")]
