"""A question and a set in lines, everything from outside sanitised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from core.questions.types import ACCEPTED, FilePreview, Question, QuestionDraft, QuestionSet, SetVersion
from core.sanitise import one_line, sanitise
from tui import moments
from tui.batch_words import scorer_word
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.sentences_questions import ORIGINS, count_of, preview_line, problem_line
from tui.widgets.sheet import Line, wrapped

#: Characters of one text that are laid out.
LONGEST = 20_000
SORTS: dict[str, str] = {"updated": N_("last changed first"), "name": N_("by name"), "count": N_("most questions first")}
#: Problems of a file, and first questions of a set, that are shown.
_PROBLEMS, _FIRST = 30, 30


def origin(version: SetVersion) -> str:
    """How a version came to be."""
    word = _(ORIGINS[version.origin])
    if version.origin == "restored":
        return f"{word}: {version.source}"
    return f"{word}: {one_line(version.source, 80)}" if version.source and version.origin == "imported" else word


def types_line(types: Mapping[str, int]) -> str:
    """ "geography 12, history 3": questions by type, the most first; "" where none has one."""
    named = sorted(((count, name) for name, count in types.items() if name), key=lambda each: (-each[0], each[1]))
    shown = [f"{one_line(name, 40)} {count:,}" for count, name in named[:8]]
    if len(named) > len(shown):
        shown.append(_("and {count} more").format(count=len(named) - len(shown)))
    return ", ".join(shown)


def set_lines(item: QuestionSet, first: Sequence[Question], width: int, signs: Glyphs, zone: tzinfo | None) -> list[Line]:
    """A set: its figures, and its first questions."""
    lines = [*wrapped(one_line(item.name), "bold", width)]
    answered = _("{count} with an expected answer").format(count=f"{item.expected:,}")
    facts = [count_of(item.count), answered, _("version {version}").format(version=item.version)]
    lines += wrapped(f" {signs.bullet} ".join(facts), "text", width)
    if item.note:
        lines += wrapped(one_line(item.note), "text", width)
    if item.tags:
        lines += wrapped(", ".join(one_line(tag) for tag in item.tags), "accent", width)
    if types := types_line(item.types):
        lines += wrapped(types, "dim", width)
    lines += wrapped(_("changed {moment}").format(moment=moments.full(item.updated_at, zone)), "dim", width)
    lines.append(())
    lines += first_lines(first, width)
    return lines


def first_lines(questions: Sequence[Question], width: int) -> list[Line]:
    """Questions in a line or two each, as a preview."""
    lines: list[Line] = []
    for question in questions[:_FIRST]:
        ready = question.filled()
        text = one_line(ready.text, 160)
        lines += wrapped(f"{question.number}  {text}", "text", width)
        if ready.expected:
            lines += wrapped(f"= {one_line(ready.expected, 100)}", "good", width, "   ")
    return lines


def question_lines(question: Question, width: int) -> list[Line]:
    """One question whole: as it is asked, and as it is scored."""
    ready = question.filled()
    lines = wrapped(_("Question {number}").format(number=f"{question.number:,}"), "bold", width)
    lines += wrapped(_shown(ready.text), "text", width)
    if missing := question.missing_variables:
        lines += wrapped(_("no value is given for {names}").format(names=", ".join(one_line(name) for name in missing)), "warn", width)
    for answer in ready.accepted:
        lines += [(), *wrapped(f"= {_shown(answer)}", "good", width)]
    if ready.system:
        lines += [(), *wrapped(_("System prompt"), "dim", width), *wrapped(_shown(ready.system), "text", width)]
    lines.append(())
    for name, value in facts_of(ready):
        lines += wrapped(f"{name}: {value}", "dim", width)
    return lines


def facts_of(question: Question | QuestionDraft) -> list[tuple[str, str]]:
    """What is to be said of a question besides its texts: name and value, in words."""
    facts: list[tuple[str, str]] = []
    if question.type:
        facts.append((_("type"), one_line(question.type)))
    facts.append((_("scorer"), scorer_word(question.scorer)))
    if question.weight != 1:
        facts.append((_("weight"), f"{question.weight:g}"))
    facts += [(one_line(name), _value(value)) for name, value in question.options.items() if name != ACCEPTED]
    if question.variables:
        pairs = ", ".join(f"{one_line(name)} = {one_line(value, 60)}" for name, value in question.variables.items())
        facts.append((_("variables"), pairs))
    if question.source_line is not None:
        facts.append((_("line in its file"), f"{question.source_line:,}"))
    return facts


def _value(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 300)


def _shown(text: str) -> str:
    if len(text) <= LONGEST:
        return sanitise(text)
    return sanitise(text[:LONGEST]) + "\n" + _("… and {count} more characters").format(count=f"{len(text) - LONGEST:,}")


def preview_lines(preview: FilePreview, width: int) -> list[Line]:
    """What a file would become: figures, what is wrong with it, its first questions."""
    lines = wrapped(preview_line(preview), "bold", width)
    if types := types_line(preview.types):
        lines += wrapped(types, "dim", width)
    for problem in preview.problems[:_PROBLEMS]:
        lines += wrapped(problem_line(problem), "bad" if problem.left_out else "warn", width)
    hidden = preview.left_out + preview.remarks - min(len(preview.problems), _PROBLEMS)
    if hidden > 0:
        lines += wrapped(_("and {count} more").format(count=f"{hidden:,}"), "dim", width)
    if preview.questions:
        lines += [(), *first_lines(preview.questions, width)]
    return lines
