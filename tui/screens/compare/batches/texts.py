"""A batch, an answer and a plan in lines: for below the list, for pages and for the shell. Everything from outside is sanitised here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line, sanitise
from tui import batch_words as words
from tui import moments
from tui.errors import describe
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.widgets.histogram import progress_bar
from tui.widgets.sheet import Line, wrapped

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch, Judgement
    from core.scoring.types import Score

#: Characters of one text that are laid out: what is longer is cut and said.
LONGEST = 100_000
_BAR = 20


def head_lines(item: Batch, width: int, signs: Glyphs, zone: tzinfo | None) -> list[Line]:
    """State, bar and counts; why it waits; what can be done now."""
    state, token = words.batch_state(item.state, signs)
    share = words.fraction(item)
    first: Line = (
        (f"{state}  ", f"{token} bold"),
        (progress_bar(share, min(_BAR, max(8, width // 5)), signs), "accent"),
        (f" {share:4.0%}  ", "text"),
    )
    figures = f" {signs.bullet} ".join(words.progress_figures(item))
    lines: list[Line] = (
        [(*first, (figures, "text"))] if _cells(first) + len(figures) <= width else [first, *wrapped(figures, "text", width)]
    )
    waits = words.why_waiting(item.waiting_for, zone)
    if waits and item.state != "draft":
        lines += wrapped(waits, "warn", width)
    for each in item.configurations:
        if each.gave_up is not None:
            problem = describe(each.gave_up)
            text = _("“{name}” is not asked any more: {problem}").format(name=one_line(each.name, 60), problem=problem.title)
            lines += wrapped(text, "bad", width)
    if hint := next_step(item):
        lines += wrapped(hint, "accent", width)
    return lines


def _cells(parts: Line) -> int:
    return sum(len(text) for text, _token in parts)


def next_step(item: Batch) -> str:
    """What to do now, and with which key."""
    match item.state:
        case "draft":
            return _("Press {key} to start it.").format(key="p")
        case "paused":
            return _("Press {key} to go on: what was answered is not asked again.").format(key="p")
        case "completed" | "failed" if item.failed:
            text = ngettext("Press {key} to ask the failed one again.", "Press {key} to ask the {count} failed ones again.", item.failed)
            return text.format(key="R", count=f"{item.failed:,}")
    return ""


def batch_details(item: Batch, signs: Glyphs, zone: tzinfo | None) -> list[tuple[str, str]]:
    """A batch in a few lines, for below the list."""
    state, _token = words.batch_state(item.state, signs)
    lines = [(f"{one_line(item.name, 200)}  {state}", "bold")]
    waits = words.why_waiting(item.waiting_for, zone)
    if waits and item.state != "draft":
        lines.append((waits, "warn"))
    lines.append((f" {signs.bullet} ".join(words.progress_figures(item)), "text"))
    asked = ", ".join(f"{one_line(each.name, 40)} {words.score_figure(each.score)}".strip() for each in item.configurations)
    lines.append((asked, "dim"))
    about = _("{count} questions of “{set}”, version {version}").format(
        count=f"{item.questions:,}", set=one_line(item.set_name, 60), version=item.set_version
    )
    lines.append((f"{about} {signs.bullet} {_times(item, signs, zone)}", "dim"))
    if hint := next_step(item):
        lines.append((hint, "accent"))
    return lines


def _times(item: Batch, signs: Glyphs, zone: tzinfo | None) -> str:
    parts = [_("made {when}").format(when=moments.full(item.created_at, zone))]
    if item.ended_at is not None:
        parts.append(_("ended {when}").format(when=moments.full(item.ended_at, zone)))
    return f" {signs.bullet} ".join(parts)


# An answer -------------------------------------------------------------------------------------------------------------

_DETAILS: Mapping[str, str] = {
    "found": N_("found"),
    "expected": N_("expected"),
    "tolerance": N_("tolerance"),
    "pattern": N_("pattern"),
    "grade": N_("grade"),
    "matched": N_("matched"),
    "missing": N_("missing"),
    "difference": N_("difference"),
    "at": N_("at"),
}
#: Details of a score that are drawn by themselves, or that say nothing to a person.
_OTHERS = frozenset({"reason", "reasons", "corpus", "low", "high"})


def answer_lines(
    item: Answer,
    width: int,
    signs: Glyphs,
    *,
    reasoning: bool = False,
    judged: Sequence[Judgement] = (),
    names: Mapping[str, str] | None = None,
) -> list[Line]:
    """One answer whole: question, expected, answer or why there is none, reasoning (folded unless `reasoning`), score, the judge's words.

    `names`: configuration id -> name, for what the judge compared.
    """
    item = replace(item, question=item.question.filled())
    state, token = words.answer_state(item.state, signs)
    heading = _("Question {number}").format(number=item.question.number)
    if item.repetition > 1:
        heading = _("{question}, time {repetition}").format(question=heading, repetition=item.repetition)
    about = " · ".join(part for part in (one_line(item.question.type, 40), _weight(item)) if part).replace("·", signs.bullet)
    lines: list[Line] = [((heading, "bold"), (f"  {about}" if about else "", "dim"))]
    model = "" if item.model == item.configuration_name else f" ({one_line(item.model, 80)})"
    lines += wrapped(f"{one_line(item.configuration_name, 80)}{model}  {state}", token if item.state == "failed" else "accent", width)
    if figures := words.answer_figures(item):
        lines += wrapped(f" {signs.bullet} ".join(figures), "dim", width)
    lines += score_lines(item, width, signs)
    if item.question.system:
        lines += _block(_("System prompt"), item.question.system, "dim", width)
    lines += _block(_("Question"), item.question.text, "text", width)
    if item.question.expected is not None:
        accepted = item.question.accepted
        lines += _block(_("Expected"), "\n".join(accepted), "text", width)
    lines += _reasoning(item, width, signs, shown=reasoning)
    lines += _answer(item, width)
    return [*lines, *judge_lines(item, judged, names or {}, width, signs)]


def brief_lines(item: Answer, width: int, signs: Glyphs) -> list[Line]:
    """One answer in the few lines that there are below a list: question, what was expected, the answer as far as it goes."""
    item = replace(item, question=item.question.filled())
    score = words.score_words(item.score) if item.score is not None else ""
    lines: list[Line] = wrapped(one_line(item.question.text[:4000], 2 * width), "bold", width)[:2]
    if item.question.expected is not None:
        expected = _("Expected: {text}").format(text=one_line(item.question.expected[:4000], width))
        lines += wrapped(f"{expected}  {signs.bullet}  {score}" if score else expected, "dim", width)[:2]
    elif score:
        lines += wrapped(score, "dim", width)[:1]
    if item.state == "failed" and item.error is not None:
        return lines + wrapped(describe(item.error).sentence, "bad", width)
    return lines + wrapped(sanitise(item.content[:LONGEST]).expandtabs(4).strip("\n"), "text", width)


def _weight(item: Answer) -> str:
    return "" if item.question.weight == 1 else _("weight {weight}").format(weight=f"{item.question.weight:g}")


def score_lines(item: Answer, width: int, signs: Glyphs) -> list[Line]:
    """The score with why it is so, and a person's stars."""
    lines: list[Line] = []
    if item.score is not None:
        token = "warn" if item.score.problem is not None else words.score_token(item.score.value)
        lines += wrapped(f"{_('Score')}  {words.score_words(item.score)}", token, width)
        lines += [made for text in _details(item.score) for made in wrapped(text, "dim", width, "  ")]
    if item.stars is not None:
        lines.append(((f"{_('Your stars')}  {words.stars_word(item.stars, signs)}", "warn"),))
    return lines


def _details(score: Score) -> list[str]:
    if score.problem is not None:
        return []
    return [
        f"{_(_DETAILS[name]) if name in _DETAILS else one_line(name.replace('_', ' '), 30)}: {_plain(value)}"
        for name, value in score.details.items()
        if name not in _OTHERS and value not in (None, "", [], {})
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{one_line(str(key), 40)} {_plain(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value[:20])
    return one_line(str(value), 300)


def _block(title: str, text: str, token: str, width: int) -> list[Line]:
    cut = text[:LONGEST]
    lines: list[Line] = [(), ((title, "dim bold"),), *wrapped(sanitise(cut).expandtabs(4).strip("\n"), token, width)]
    if len(text) > LONGEST:
        count = f"{len(text) - LONGEST:,}"
        lines += wrapped(_("{count} more characters are not shown; the report has them.").format(count=count), "dim", width)
    return lines


def _reasoning(item: Answer, width: int, signs: Glyphs, *, shown: bool) -> list[Line]:
    if not item.reasoning:
        return []
    if shown:
        return _block(f"{signs.open} {_('Reasoning')}", item.reasoning, "reasoning", width)
    count = f"{len(item.reasoning):,}"
    text = _("{sign} Reasoning, {count} characters: t shows it").format(sign=signs.folded, count=count)
    return [(), ((text, "reasoning"),)]


def _answer(item: Answer, width: int) -> list[Line]:
    if item.state == "failed" and item.error is not None:
        problem = describe(item.error)
        lines: list[Line] = [(), ((_("Why there is no answer"), "dim bold"),), *wrapped(problem.title, "bad", width)]
        for text, token in ((problem.why, "text"), (problem.remedy, "accent")):
            lines += wrapped(text, token, width) if text else []
        return [*lines, *(_block(_("What had come"), item.content, "text", width) if item.content else [])]
    if not item.content and item.state != "answered":
        return []
    lines = _block(_("Answer"), item.content or _("(empty)"), "text" if item.content else "dim", width)
    if item.finish == "length":
        lines += wrapped(_("It was cut off at the limit of tokens."), "warn", width)
    return lines


_PAIR: Mapping[str, str] = {"tie": N_("a tie")}


def judge_lines(item: Answer, judged: Sequence[Judgement], names: Mapping[str, str], width: int, signs: Glyphs) -> list[Line]:
    """What the judge said of this answer: its words to a grade, or of each pair in both orders."""
    lines: list[Line] = []
    details = item.score.details if item.score is not None else {}
    if isinstance(reason := details.get("reason"), str) and reason:
        lines += _block(_("The judge"), reason, "text", width)
    for each in judged:
        left, right = (one_line(names.get(key, key), 40) for key in (each.left_configuration_id, each.right_configuration_id))
        lines += [(), ((_("The judge: {left} or {right}?").format(left=left, right=right), "dim bold"),)]
        lines += wrapped(_pair_words(each, left, right), "accent", width)
        for shown_first, said, reason in ((left, each.first, each.first_reason), (right, each.second, each.second_reason)):
            if said is None and not reason:
                continue
            who = {"left": left, "right": right}.get(said or "", _(_PAIR["tie"]) if said == "tie" else _("not understood"))
            lines += wrapped(_("{name} shown first: {winner}").format(name=shown_first, winner=who), "dim", width, "  ")
            lines += wrapped(sanitise(reason[:4000]).strip(), "text", width, "  ") if reason else []
    return lines


def _pair_words(each: Judgement, left: str, right: str) -> str:
    if each.error is not None:
        return describe(each.error).title
    if each.winner is None:
        return _("No verdict.")
    if each.winner == "tie":
        if each.first != each.second:
            return _("A tie: the two orders disagree.")
        return _("A tie.")
    return _("{name} is better, in both orders.").format(name=left if each.winner == "left" else right)
