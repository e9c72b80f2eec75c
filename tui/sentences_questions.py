"""Question sets in words: core's errors about them, and what is wrong in a file of questions (core/questions/rules.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.sentence import Candidates, Text
from tui.sentences_scoring import option_rule

if TYPE_CHECKING:
    from core.questions.types import Diff, FilePreview, Problem

#: NotFound by `kind`.
QUESTION_KINDS: dict[str, Candidates] = {
    "question_set": (N_("There is no question set “{reference}” of yours."), N_("There is no such question set.")),
    "question_set_version": (N_("There is no version {reference} of this set."), N_("There is no such version.")),
    "question": (N_("There is no question {reference} in this set."), N_("There is no such question.")),
    "question_file": (N_("There is no file {reference} that you can use."), N_("There is no such file.")),
    "question_example": (N_("There is no example “{reference}”."), N_("There is no such example.")),
}
#: Conflict by `what`.
QUESTION_CONFLICTS: dict[str, Text] = {
    "question_set_name": Text(
        (N_("There is a question set called “{name}” already."), N_("There is a question set of that name already.")),
        (),
        (N_("Choose another name."),),
    ),
    "question_set_changed": Text(
        (N_("“{name}” was changed in the meantime."), N_("The set was changed in the meantime.")),
        (),
        (N_("Look at it again, then repeat the change: nothing of either is lost."),),
    ),
    "question_file_changed": Text((N_("The file changed while it was read."),), (), (N_("Import it again when it is whole."),)),
}
#: InvalidInput by `rule`, whole.
QUESTION_INPUT: dict[str, Text] = {
    "problems_in_file": Text(
        (
            N_("No question could be made of {count} places in “{file}”; nothing was imported."),
            N_("No question could be made of some places; nothing was imported."),
        ),
        (),
        (N_("Mend them, or import the file without them."),),
    ),
    "no_questions": Text((N_("There is no question in the file."),), (), (N_("Look at what is in it, and whether it is the right one."),)),
}
#: InvalidInput by `rule`, short, for beside a field.
QUESTION_RULES: dict[str, Candidates] = {
    "no_questions": (N_("There is no question in it."),),
    "unknown_encoding": (N_("“{value}” is no encoding that is known here; try gb18030, utf-8 or utf-16."), N_("Not a known encoding.")),
    "too_large": (N_("Larger than {size}."), N_("Too large.")),
    "too_many_questions": (N_("More than {max} questions."), N_("Too many questions.")),
    "unknown_format": (N_("Not a format of question files: {formats}."), N_("Not a format of question files.")),
    "question_missing": (N_("The question is blank."),),
    "wrong_type": (N_("A {found} cannot stand here."), N_("Cannot stand here.")),
    "broken_text": (N_("Has characters that are broken."),),
    "bad_number": (N_("“{found}” is no number from 0 to 1,000,000."), N_("No number from 0 to 1,000,000.")),
    "bad_json": (N_("Not a JSON object."),),
    "not_texts": (N_("Only texts can stand here."),),
    "not_pairs": (N_("“{found}” is not name = value."), N_("Not name = value.")),
    "unknown_scorer": (N_("There is no scorer “{found}”."), N_("There is no such scorer.")),
    "bad_option": (N_("The option “{option}” does not fit this scorer."), N_("An option does not fit this scorer.")),
}
#: Words for the fields of a question.
QUESTION_FIELDS: dict[str, str] = {
    "question": N_("question"),
    "questions": N_("questions"),
    "expected": N_("expected answer"),
    "alternatives": N_("further accepted answers"),
    "type": N_("type"),
    "scorer": N_("scorer"),
    "weight": N_("weight"),
    "variables": N_("variables"),
    "system": N_("system prompt"),
    "options": N_("options"),
    "tags": N_("tags"),
    "encoding": N_("encoding"),
    "pattern": N_("pattern"),
    "schema": N_("JSON schema"),
    "rubric": N_("rubric"),
    "tolerance": N_("tolerance"),
}
#: What is wrong at a place of a file.
_PROBLEMS: dict[str, str] = {
    "question_missing": N_("there is no question: its cell or key is missing or blank"),
    "wrong_type": N_("“{field}” is a JSON {found}, and cannot be that"),
    "too_long": N_("“{field}” has more than {limit} characters"),
    "broken_text": N_("“{field}” has bytes that are no text in this encoding, or half a character"),
    "bad_number": N_("the weight “{found}” is no number from 0 to 1,000,000"),
    "bad_json": N_("“{field}” is no JSON object: {reason}"),
    "unknown_scorer": N_("there is no scorer “{found}”"),
    "bad_option": N_("the option “{option}” does not fit the scorer ({reason})"),
    "malformed": N_("this line is no JSON: {reason}"),
    "malformed_rest": N_("the file cannot be read from here on: {reason}"),
    "not_a_question": N_("a JSON {found} is no question: an object or a text is needed"),
    "extra_cells": N_("{found} cells where the heading has {expected}: put a text with separators into quotes"),
    "unclosed_quote": N_("a quote is opened here and never closed"),
    "no_question_column": N_("no column is called “question” (or 问题, prompt, text, …); there are: {columns}"),
    "no_questions": N_("there is no question in the file"),
    "empty_file": N_("the file is empty"),
    "not_text": N_("the file is no text"),
    "spreadsheet": N_("this is a spreadsheet: save it as CSV first"),
    "variable_missing": N_("no value is given for {names}; it is asked as it stands, in braces"),
    "duplicate": N_("the same question stands in line {line} already"),
}
#: Encodings, where to say how the text was read is worth it.
FORMAT_WORDS: dict[str, str] = {"txt": "TXT", "csv": "CSV", "json": "JSON", "jsonl": "JSONL"}
ORIGINS: dict[str, str] = {
    "typed": N_("typed here"),
    "imported": N_("from a file"),
    "example": N_("an example"),
    "edited": N_("changed by hand"),
    "restored": N_("an older version again"),
}
PARTS: dict[str, str] = {
    "text": N_("question"),
    "expected": N_("expected answer"),
    "type": N_("type"),
    "scorer": N_("scorer"),
    "weight": N_("weight"),
    "variables": N_("variables"),
    "system": N_("system prompt"),
    "options": N_("options"),
}


def problem_text(rule: str, fields: Mapping[str, Any]) -> str:
    """What is wrong, without where it is; safe to draw."""
    shown = {name: one_line(str(value), 120) for name, value in fields.items()}
    if "field" in shown and shown["field"] in QUESTION_FIELDS:
        shown["field"] = _(QUESTION_FIELDS[shown["field"]])
    if isinstance(fields.get("limit"), int):
        shown["limit"] = f"{fields['limit']:,}"
    if rule == "bad_option":
        shown["reason"] = option_rule(shown.get("reason", "")) or shown.get("reason", "")
    text = _PROBLEMS.get(rule)
    if text is None:
        return _("not allowed here ({rule})").format(rule=one_line(rule, 40))
    try:
        return _(text).format_map(shown)
    except KeyError:  # a field that is not said
        return _("not allowed here ({rule})").format(rule=one_line(rule, 40))


def problem_line(problem: Problem) -> str:
    """A problem with its place, in one line."""
    what = problem_text(problem.rule, problem.fields)
    return what if problem.line is None else _("line {line}: {problem}").format(line=problem.line, problem=what)


def preview_line(preview: FilePreview) -> str:
    """What a file would become, in one line."""
    parts = [
        FORMAT_WORDS[preview.format],
        *([preview.encoding] if preview.encoding else []),
        count_of(preview.count),
    ]
    if preview.left_out:
        parts.append(
            ngettext("{count} place cannot be used", "{count} places cannot be used", preview.left_out).format(count=preview.left_out)
        )
    if preview.remarks:
        parts.append(ngettext("{count} remark", "{count} remarks", preview.remarks).format(count=preview.remarks))
    return " · ".join(parts)


def count_of(count: int) -> str:
    """ "3 questions"."""
    return ngettext("{count} question", "{count} questions", count).format(count=f"{count:,}")


def diff_line(diff: Diff) -> str:
    """What differs, in words: "2 added, 1 changed, 97 the same"."""
    if not diff.any:
        return _("nothing differs")
    parts = []
    if diff.added:
        parts.append(ngettext("{count} added", "{count} added", diff.added).format(count=f"{diff.added:,}"))
    if diff.changed:
        parts.append(ngettext("{count} changed", "{count} changed", diff.changed).format(count=f"{diff.changed:,}"))
    if diff.removed:
        parts.append(ngettext("{count} removed", "{count} removed", diff.removed).format(count=f"{diff.removed:,}"))
    parts.append(ngettext("{count} the same", "{count} the same", diff.same).format(count=f"{diff.same:,}"))
    return ", ".join(parts)
