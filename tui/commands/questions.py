"""modeltrain questions: import, export, list, show, remove question sets, and take examples, from the shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import EnvironmentProblem, InvalidInput
from core.sanitise import json_safe, one_line, sanitise
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.files import STANDARD, is_served
from tui.commands.questions_output import (
    diff_as_json,
    preview_as_json,
    print_preview,
    print_question,
    print_set,
    print_versions,
    question_as_json,
    set_as_json,
    set_row,
    version_as_json,
)
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.questions.types import Diff, Format, Imported

app = command_group(_("Sets of test questions."))

Name = Annotated[str, typer.Argument(metavar="SET", help=_("The id or the name of a question set."), show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="SET...", help=_("Ids or names of question sets."), show_default=False)]
Version = Annotated[
    int | None, typer.Option("--version", metavar="N", min=1, help=_("Not the newest version but this one."), show_default=False)
]


@app.command("import", help=_("Make a question set of a file: TXT, CSV, JSON or JSONL. Exit status 2 if some of it cannot be used."))
def import_(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="FILE", help=_("The file; - for standard input."), show_default=False)],
    name: Annotated[str, typer.Option(metavar="TEXT", help=_("What to call the set (default: as the file)."), show_default=False)] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TEXT", help=_("A tag; may be given several times."))] = None,
    into: Annotated[
        str, typer.Option("--into", metavar="SET", help=_("The file is the next version of this set."), show_default=False)
    ] = "",
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="NAME", help=_("How the text is written (default: found out)."), show_default=False)
    ] = "",
    leave_out_bad: Annotated[
        bool, typer.Option("--leave-out-bad", help=_("Import what is good, and leave out what cannot be used."))
    ] = False,
    check: Annotated[bool, typer.Option("--check", help=_("Only say what is in the file and what is wrong in it."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.questions.types import NotReadable

        title, data = _source(path)
        if check:
            preview = await services.questions.look(principal, title, encoding=encoding or None, data=data)
            print_json(preview_as_json(preview)) if invocation.json else print_preview(preview)
            return 2 if preview.left_out or not preview.count else 0
        try:
            made = await services.questions.import_file(
                principal,
                title,
                name or None,
                tags=tag or (),
                into=into or None,
                encoding=encoding or None,
                leave_out_bad=leave_out_bad,
                data=data,
            )
        except NotReadable as error:
            if not invocation.json:
                print_preview(error.preview)
                err(_("To import the rest, add --leave-out-bad."))
            raise
        _say_imported(invocation, made)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _source(path: str) -> tuple[str, bytes | None]:
    """The path as core takes it; the bytes of standard input."""
    if path != STANDARD:
        return _absolute(path), None
    from core.questions.rules import LARGEST_FILE

    data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InvalidInput("path", "too_large", limit=LARGEST_FILE)
    return "questions", data


def _absolute(path: str) -> str:
    """A path of this machine from where the command runs; of a served person as it was given."""
    from pathlib import Path

    return path if is_served() else str(Path(path).expanduser().absolute())


def _say_imported(invocation: Invocation, made: Imported) -> None:
    if invocation.json:
        told = set_as_json(made.set) | {"file": preview_as_json(made.preview), "unchanged": made.unchanged}
        print_json(told | ({"diff": diff_as_json(made.diff)} if made.diff else {}))
        return
    print_set(made.set)
    if made.unchanged:
        out(_("The file holds what the set holds already: there is no new version."))
    elif made.diff is not None:
        from tui.sentences_questions import diff_line

        out(diff_line(made.diff))
    if made.preview.problems:
        print_preview(made.preview)


@app.command("list", help=_("List your question sets, the last changed first."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in name, note, tags or types."), show_default=False)] = "",
    tag: Annotated[str, typer.Option(metavar="TEXT", help=_("Only those with this tag."), show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 100,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        page = await services.questions.sets(principal, query=query, tag=tag, limit=limit, offset=offset)
        if invocation.json:
            print_json([set_as_json(item) for item in page.items])
        elif not page.items:
            err(_("There is no question set here. Import one with: modeltrain questions import FILE"))
        else:
            print_table((_("ID"), _("NAME"), _("QUESTIONS"), _("VERSION"), _("TAGS"), _("CHANGED")), [set_row(item) for item in page.items])
            if page.total > len(page.items):
                err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show the questions of a set, its versions, or what differs between two of them."))
def show(
    context: typer.Context,
    question_set: Name,
    version: Version = None,
    query: Annotated[str, typer.Option(metavar="TEXT", help=_("Only questions with this in them."), show_default=False)] = "",
    kind: Annotated[str | None, typer.Option("--type", metavar="TEXT", help=_("Only questions of this type."), show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help=_("How many at most."))] = 20,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
    versions: Annotated[bool, typer.Option("--versions", help=_("The versions instead."))] = False,
    since: Annotated[
        int | None, typer.Option("--since", metavar="N", min=1, help=_("What differs from version N instead."), show_default=False)
    ] = None,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.questions.get(principal, question_set)
        if versions:
            every = await services.questions.versions(principal, item.id)
            if invocation.json:
                print_json([version_as_json(each) for each in every])
            else:
                print_versions(every)
            return 0
        if since is not None:
            diff = await services.questions.diff(principal, item.id, since, version or item.version, limit=limit)
            if invocation.json:
                print_json(diff_as_json(diff))
            else:
                _print_diff(diff)
            return 0
        page = await services.questions.questions(principal, item.id, version, query=query, type=kind, offset=offset, limit=limit)
        if invocation.json:
            print_json(
                set_as_json(item) | {"shown_version": page.version, "total": page.total, "items": list(map(question_as_json, page.items))}
            )
            return 0
        print_set(item)
        for question in page.items:
            print_question(question)
        if page.total > len(page.items):
            err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("export", help=_("Write a question set as TXT, CSV, JSON or JSONL, to standard output or a file."))
def export(
    context: typer.Context,
    question_set: Name,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), show_default=False)] = "",
    form: Annotated[
        str, typer.Option("--format", metavar="jsonl|json|csv|txt", help=_("Default: as the file is called, or jsonl."), show_default=False)
    ] = "",
    version: Version = None,
    force: Annotated[bool, typer.Option("--force", help=_("Replace a file that is there."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.questions.writing import format_of

        if output in ("", STANDARD):
            kind = format_of("", form or "jsonl")
            async for piece in services.questions.exported(principal, question_set, kind, version):
                _write(piece, kind)
            return 0
        kind = format_of(output, form or None)
        size = await services.questions.export(principal, question_set, _absolute(output), kind, version, replace=force)
        if invocation.json:
            print_json({"path": output, "format": kind, "bytes": size})
        else:
            err(_("Written to {path}.").format(path=one_line(output)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _write(piece: str, kind: Format) -> None:
    """A part of an export. JSON writes what a terminal would act on as \\uXXXX, which loses nothing; CSV and TXT go as they are into a file
    or pipe of this machine, and without it to a terminal, which is what may be at the other end of ssh."""
    if kind in ("json", "jsonl"):
        piece = json_safe(piece)
    elif sys.stdout.isatty() or is_served():
        piece = sanitise(piece)
    try:
        sys.stdout.write(piece)
    except UnicodeEncodeError as error:
        raise EnvironmentProblem(what="file_not_writable", path=STANDARD, reason=str(sys.stdout.encoding)) from error


@app.command("remove", help=_("Delete question sets with all their versions."))
def remove(context: typer.Context, question_sets: Names) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        count = await services.questions.delete(principal, question_sets)
        if invocation.json:
            print_json({"removed": count})
        else:
            out(ngettext("{count} question set is removed.", "{count} question sets are removed.", count).format(count=count))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("examples", help=_("List the example sets that come with modeltrain, or add one to your own."))
def examples(
    context: typer.Context,
    example: Annotated[str, typer.Argument(metavar="EXAMPLE", help=_("The id of the one to add."), show_default=False)] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if example:
            made = await services.questions.add_example(principal, example)
            if invocation.json:
                print_json(set_as_json(made))
            else:
                print_set(made)
            return 0
        every = await services.questions.examples(principal)
        if invocation.json:
            print_json(
                [{"id": each.id, "name": each.name, "note": each.note, "language": each.language, "count": each.count} for each in every]
            )
        else:
            print_table((_("ID"), _("NAME"), _("QUESTIONS"), _("NOTE")), [(each.id, each.name, each.count, each.note) for each in every])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _print_diff(diff: Diff) -> None:
    from tui.commands.questions_output import change_line
    from tui.sentences_questions import diff_line

    out(_("version {new} against version {old}: {changes}").format(new=diff.new, old=diff.old, changes=diff_line(diff)))
    for change in diff.changes:
        out(change_line(change))
