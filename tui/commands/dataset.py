"""modeltrain dataset: add, check, list, show, preview, repair, deduplicate, split and remove datasets from the shell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.dataset_check import check
from tui.commands.dataset_output import as_json, finish, preview_row, print_dataset, row, version_as_json
from tui.commands.files import is_served
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.datasets.work import Work

app = command_group(_("Datasets: what is trained on."))

Name = Annotated[str, typer.Argument(metavar="DATASET", help=_("The id or the name of a dataset."), show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="DATASET...", help=_("Ids or names of datasets."), show_default=False)]

app.command("check", help=_("Check a file or a dataset: each problem, where, what to do. Exit status 1 with problems, 2 unreadable."))(
    check
)


@app.command("add", help=_("Make a dataset of a file. It is used where it lies, and checked."))
def add(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help=_("JSON, JSONL, CSV, TXT or Parquet."), show_default=False)],
    name: Annotated[str, typer.Option(metavar="TEXT", help=_("What to call it (default: as the file)."), show_default=False)] = "",
    copy: Annotated[bool, typer.Option("--copy", help=_("Copy the file into your datasets folder and use the copy."))] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help=_("Do not check it now."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.datasets.add(principal, _absolute(path), name or None, copy=copy)
        if not no_check:
            item = (await finish(await services.datasets.check(principal, item.id), quiet=invocation.json))[0]
        if invocation.json:
            print_json(as_json(item))
        else:
            print_dataset(item)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("list", help=_("List your datasets, the last changed first."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in name, note or path."), show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 100,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
    inbox: Annotated[bool, typer.Option("--inbox", help=_("Files in your datasets folder that are no dataset yet."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if inbox:
            found = await services.datasets.inbox(principal)
            if invocation.json:
                print_json([{"path": each.path, "size": each.size, "kind": each.file_kind} for each in found])
            else:
                print_table((_("FILE"), _("KIND"), _("SIZE")), [(each.path, each.file_kind, f"{each.size:,}") for each in found])
            return 0
        page = await services.datasets.datasets(principal, query=query, limit=limit, offset=offset)
        if invocation.json:
            print_json([as_json(item) for item in page.items])
        elif not page.items:
            err(_("There is no dataset here. Add one with: modeltrain dataset add PATH"))
        else:
            headings = (_("ID"), _("NAME"), _("FORMAT"), _("ROWS"), _("USABLE"), _("VERDICT"), _("VERSION"), _("SIZE"))
            print_table(headings, [row(item) for item in page.items])
            if page.total > len(page.items):
                err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show a dataset: what a check found, its versions, what uses it."))
def show(context: typer.Context, dataset: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.datasets.dataset(principal, dataset)
        versions = await services.datasets.versions(principal, item.id)
        used = await services.datasets.used_by(principal, item.id)
        if invocation.json:
            uses = {"configurations": list(used.configurations), "runs": list(used.runs)}
            print_json(as_json(item) | {"all_versions": [version_as_json(each) for each in versions], "used_by": uses})
        else:
            print_dataset(item, versions, used)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("preview", help=_("Show rows as they stand in the file, from any place of it."))
def preview(
    context: typer.Context,
    dataset: Name,
    start: Annotated[int, typer.Option(min=0, help=_("The first row, counted from 0."))] = 0,
    count: Annotated[int, typer.Option(min=1, max=500, help=_("How many."))] = 5,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        page = await services.datasets.preview(principal, dataset, start=start, count=count)
        for each in page.rows:
            if invocation.json:
                print_json(
                    {"row": each.row, "line": each.line, "offset": each.offset, "value": each.value, "raw": each.raw, "cut": each.cut}
                )
            else:
                out(preview_row(each))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("repair", help=_("Write a new version in which what is mechanically wrong is put right, and check that."))
def repair(context: typer.Context, dataset: Name) -> None:
    _work(context, lambda services, principal: services.datasets.repair(principal, dataset))


@app.command("dedupe", help=_("Write a new version in which every row is there once, and check that."))
def dedupe(context: typer.Context, dataset: Name) -> None:
    _work(context, lambda services, principal: services.datasets.deduplicate(principal, dataset))


@app.command("split", help=_("Write two new datasets, one to train on and one to validate with."))
def split(
    context: typer.Context,
    dataset: Name,
    validation: Annotated[str, typer.Option(metavar="SHARE|ROWS", help=_("A share below 1, or a number of rows."))] = "0.1",
    seed: Annotated[int, typer.Option(help=_("The same seed gives the same split."))] = 42,
    name: Annotated[str, typer.Option(metavar="TEXT", help=_("What to call them (default: as the dataset)."), show_default=False)] = "",
) -> None:
    def begin(services: Services, principal: Principal) -> Awaitable[Work]:
        try:
            share = float(validation)
        except ValueError:
            raise InvalidInput("validation", "out_of_range") from None
        return services.datasets.split(principal, dataset, validation=share, seed=seed, name=name or None)

    _work(context, begin)


def _work(context: typer.Context, begin: Callable[[Services, Principal], Awaitable[Work]]) -> None:
    """Do long work to its end and show what came out."""
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        results = await finish(await begin(services, principal), quiet=invocation.json)
        if invocation.json:
            print_json([as_json(each) for each in results] if len(results) > 1 else as_json(results[0]))
        else:
            for each in results:
                print_dataset(each)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("remove", help=_("Forget datasets. Files that modeltrain wrote are deleted, your own stay where they are."))
def remove(
    context: typer.Context,
    datasets: Names,
    keep_files: Annotated[bool, typer.Option("--keep-files", help=_("Keep all files."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        used = await services.datasets.used_by(principal, *datasets)
        count = await services.datasets.remove(principal, datasets, files=not keep_files)
        if invocation.json:
            print_json({"removed": count, "configurations": list(used.configurations)})
            return 0
        out(ngettext("{count} dataset is removed.", "{count} datasets are removed.", count).format(count=count))
        if used.configurations:
            err(_("These training configurations named one: {names}").format(names=", ".join(used.configurations)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _absolute(path: str) -> str:
    """A path of this machine from where the command runs; of a served person as it was given."""
    from pathlib import Path

    return path if is_served() else str(Path(path).expanduser().absolute())
