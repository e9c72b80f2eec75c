"""The lists of batches and of their answers: columns and rows, and what an empty one says. Nothing here asks a service."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import batch_words as words
from tui import moments
from tui.amounts import seconds
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.training_sentences import span
from tui.widgets.histogram import progress_bar
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch, ConfigurationProgress

_BAR = 8
BATCH_COLUMNS = (
    Column("state", N_("State"), 13),
    Column("name", N_("Name"), 16, grow=True),
    Column("progress", N_("Answers"), 22),
    Column("score", N_("Score"), 7, right=True),
    Column("failed", N_("Failed"), 6, right=True),
    Column("left", N_("Left"), 8, right=True),
    Column("models", N_("Asked"), 20),
    Column("age", N_("Made"), 8, right=True),
)
PROGRESS_COLUMNS = (
    Column("name", N_("Configuration"), 16, grow=True),
    Column("progress", N_("Answers"), 26),
    Column("score", N_("Score"), 7, right=True),
    Column("failed", N_("Failed"), 6, right=True),
    Column("cached", N_("Cached"), 6, right=True),
    Column("cost", N_("Cost"), 9, right=True),
    Column("tokens", N_("Tokens"), 10, right=True),
    Column("model", N_("Model"), 20),
)
#: Which answers are shown: a state -> what that is called.
SHOWN: dict[str, str] = {
    "": N_("all"),
    "answered": N_("answered"),
    "failed": N_("failed"),
    "waiting": N_("waiting"),
    "asking": N_("being asked"),
}
#: The orders of answers that are offered.
SORTS: dict[str, str] = {
    "number": N_("in the order of the questions"),
    "score": N_("the worst score first"),
    "-score": N_("the best score first"),
    "-total": N_("the slowest first"),
    "-cost": N_("the dearest first"),
    "-stars": N_("the most stars first"),
    "stars": N_("the fewest stars first"),
}


def answer_columns(*, wide: bool, names: int, types: bool) -> tuple[Column, ...]:
    """The columns of the list of answers: short ones first where there is a detail beside them."""
    fixed = (
        Column("number", N_("No."), 5, right=True),
        Column("state", "", 1),
        Column("score", N_("Score"), 7, right=True),
        Column("stars", N_("Stars"), 5),
    )
    question = Column("question", N_("Question"), 14, grow=True)
    name = Column("name", N_("Configuration"), 13 if wide else 16)
    kind = Column("type", N_("Type"), 10)
    time = Column("time", N_("Time"), 7, right=True)
    rest = ([name] if names > 1 else []) + [question] + ([kind] if types else []) + [time]
    return (*fixed, *rest)


def batch_row(item: Batch, signs: Glyphs, now: datetime, zone: tzinfo | None) -> Row:
    state, token = words.batch_state(item.state, signs)
    done = item.answered + item.failed
    figures = f"{done:,}/{item.total:,}"
    progress = f"{figures} {progress_bar(words.fraction(item), _BAR, signs)}" if item.state not in ("draft", "completed") else figures
    cells = {
        "state": state,
        "name": one_line(item.name, 120),
        "progress": progress,
        "score": words.score_figure(item.score),
        "left": span(item.time_left_s) if item.state == "running" else "",
        "failed": f"{item.failed:,}" if item.failed else "",
        "models": asked_words(item),
        "age": moments.short(item.created_at, now, zone),
    }
    tokens = {
        "state": token, "failed": "bad", "score": words.score_token(item.score), "models": "dim", "age": "dim", "left": "dim",
    }  # fmt: skip
    return Row(item.id, cells, tokens)


def asked_words(item: Batch) -> str:
    """Who is asked: the names of a few, else how many."""
    if len(item.configurations) <= 2:
        return ", ".join(one_line(each.name, 40) for each in item.configurations)
    return ngettext("{count} configuration", "{count} configurations", len(item.configurations)).format(count=len(item.configurations))


def progress_row(item: ConfigurationProgress, signs: Glyphs) -> Row:
    """How far a batch is with one configuration."""
    share = words.fraction(item)
    whole = share >= 1
    bar = progress_bar(share, 10, signs)
    cells = {
        "name": one_line(item.name, 120),
        "progress": f"{bar} {share:4.0%} {item.answered + item.failed:,}",
        "score": words.score_figure(item.score),
        "failed": f"{item.failed:,}" if item.failed else "",
        "cached": f"{item.cached:,}" if item.cached else "",
        "cost": words.amount(item.cost, item.currency),
        "tokens": f"{item.output_tokens:,}" if item.output_tokens else "",
        "model": one_line(item.model, 120),
    }
    tokens = {
        "progress": "bad" if item.gave_up is not None else "good" if whole and not item.failed else "accent",
        "score": words.score_token(item.score), "failed": "bad", "cached": "dim", "cost": "dim", "tokens": "dim", "model": "dim",
    }  # fmt: skip
    return Row(item.configuration_id, cells, tokens)


def answer_row(item: Answer, signs: Glyphs, *, repeated: bool) -> Row:
    state, token = words.answer_state(item.state, signs)
    number = f"{item.question.number}.{item.repetition}" if repeated else f"{item.question.number}"
    value = item.score.value if item.score is not None else None
    cells = {
        "number": number,
        "state": state[:1],
        "score": words.score_figure(value) or ("!" if item.score is not None and item.score.problem is not None else ""),
        "stars": words.stars_word(item.stars, signs),
        "name": one_line(item.configuration_name, 60),
        "question": one_line(item.question.filled().text[:2000], 200),
        "type": one_line(item.question.type, 40),
        "time": seconds(item.total_ms) if item.total_ms is not None else "",
    }
    tokens = {
        "number": "dim", "state": token, "score": words.score_token(value) if value is not None else "warn", "stars": "warn",
        "name": "accent", "type": "dim", "time": "dim",
    }  # fmt: skip
    return Row(item.id, cells, tokens)


def no_batches(*, searched: bool) -> list[tuple[str, str]]:
    """What an empty list says."""
    if searched:
        return [(_("No batch matches."), "dim"), (_("Esc takes the search away."), "dim")]
    return [
        (_("A batch asks many questions of several configurations, scores the answers and says which does best."), "text"),
        (_("Press {key} to make the first.").format(key="n"), "accent"),
    ]


def no_answers(*, filtered: bool) -> list[tuple[str, str]]:
    """What an empty list of answers says."""
    if filtered:
        return [(_("No answer is like that."), "dim"), (_("Esc takes filter and search away."), "dim")]
    return [(_("There is no answer yet."), "dim")]
