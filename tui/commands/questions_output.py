"""Question sets as the shell prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from core.questions.writing import as_object
from core.sanitise import one_line, sanitise
from tui.commands.common import out, print_table
from tui.i18n import _
from tui.sentences_questions import ORIGINS, PARTS, count_of, preview_line, problem_line

if TYPE_CHECKING:
    from core.questions.types import Change, Diff, FilePreview, Question, QuestionSet, SetVersion


def set_as_json(item: QuestionSet) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "note": item.note,
        "tags": list(item.tags),
        "version": item.version,
        "count": item.count,
        "types": dict(item.types),
        "expected": item.expected,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def version_as_json(version: SetVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "count": version.count,
        "origin": version.origin,
        "source": version.source,
        "added": version.added,
        "changed": version.changed,
        "removed": version.removed,
        "created_at": version.created_at,
    }


def question_as_json(question: Question) -> dict[str, Any]:
    return {"id": question.id, "number": question.number, "line": question.source_line} | as_object(question)


def preview_as_json(preview: FilePreview) -> dict[str, Any]:
    return {
        "format": preview.format,
        "encoding": preview.encoding,
        "count": preview.count,
        "left_out": preview.left_out,
        "remarks": preview.remarks,
        "types": dict(preview.types),
        "problems": [
            {"line": each.line, "rule": each.rule, "fields": dict(each.fields), "left_out": each.left_out, "message": problem_line(each)}
            for each in preview.problems
        ],
    }


def diff_as_json(diff: Diff) -> dict[str, Any]:
    return {
        "old": diff.old,
        "new": diff.new,
        "added": diff.added,
        "changed": diff.changed,
        "removed": diff.removed,
        "same": diff.same,
        "changes": [
            {
                "kind": each.kind,
                "before": None if each.before is None else question_as_json(each.before),
                "after": None if each.after is None else question_as_json(each.after),
                "fields": list(each.fields),
            }
            for each in diff.changes
        ],
    }


def set_row(item: QuestionSet) -> Sequence[object]:
    return item.id, item.name, f"{item.count:,}", item.version, ", ".join(item.tags), item.updated_at.strftime("%Y-%m-%d %H:%M")


def print_set(item: QuestionSet) -> None:
    out(f"{one_line(item.name)}  {item.id}")
    parts = [count_of(item.count), _("version {version}").format(version=item.version), *(one_line(tag) for tag in item.tags)]
    out(" · ".join(parts))
    if item.note:
        out(one_line(item.note))


def print_question(question: Question) -> None:
    about = [one_line(part) for part in (question.type, question.scorer) if part]
    if question.weight != 1:
        about.append(_("weight {weight}").format(weight=f"{question.weight:g}"))
    out(f"— {question.number}" + (f"  {' · '.join(about)}" if about else ""))
    out(sanitise(question.text))
    for answer in question.accepted:
        out(f"  = {one_line(answer)}")


def print_preview(preview: FilePreview) -> None:
    out(preview_line(preview))
    for problem in preview.problems:
        out("  " + problem_line(problem))
    hidden = preview.left_out + preview.remarks - len(preview.problems)
    if hidden > 0:
        out("  " + _("and {count} more").format(count=f"{hidden:,}"))


def print_versions(versions: Iterable[SetVersion]) -> None:
    headings = (_("VERSION"), _("QUESTIONS"), _("ADDED"), _("CHANGED"), _("REMOVED"), _("FROM"), _("MADE"))
    rows = [
        (
            each.version, f"{each.count:,}", each.added, each.changed, each.removed,
            f"{_(ORIGINS[each.origin])}: {each.source}" if each.source else _(ORIGINS[each.origin]),
            each.created_at.strftime("%Y-%m-%d %H:%M"),
        )
        for each in versions
    ]  # fmt: skip
    print_table(headings, rows)


def change_line(change: Change) -> str:
    """One difference, in one line."""
    question = change.after or change.before
    number, text = (question.number, one_line(question.text, 100)) if question else (0, "")
    if change.kind == "added":
        return f"+ {number}  {text}"
    if change.kind == "removed":
        return f"- {number}  {text}"
    return f"~ {number}  {text}  ({', '.join(_(PARTS[name]) for name in change.fields)})"
