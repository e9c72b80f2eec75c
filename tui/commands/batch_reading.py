"""modeltrain batch list, answers and report: what there is, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from core.errors import InvalidInput
from tui.commands.batch_output import answer_as_json, answer_headings, answer_row, batch_as_json, headings, print_answer, row
from tui.commands.common import Invocation, err, print_json, print_table, run_with_services
from tui.commands.files import NamedFile
from tui.commands.train_reading import local_zone
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.batches.types import AnswerSort, AnswerState, Batch, BatchState
    from core.bootstrap import Services

BatchId = Annotated[str, typer.Argument(metavar="ID", help=_("The id of a batch, the beginning of it, or its name."), show_default=False)]
_STATES = ("draft", "running", "pausing", "paused", "completed", "cancelled", "failed")
_ANSWER_STATES = ("waiting", "asking", "answered", "failed")
_SORTS = ("number", "score", "-score", "total", "-total", "ttft", "-ttft", "cost", "-cost", "stars", "-stars", "-number")
#: Ending of a file -> form of a report.
_ENDINGS = {"xlsx": "xlsx", "html": "html", "htm": "html", "pdf": "pdf", "csv": "csv", "json": "json", "xml": "junit"}


def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words of the name, the question set or a model."), show_default=False)] = "",
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=_("draft, running, paused, completed, cancelled, failed"), show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 50,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        states = cast("list[BatchState]", [_one_of("state", each, _STATES) for each in state or ()])
        page = await services.batches.batches(principal, query=query, states=states, limit=limit, offset=offset)
        if invocation.json:
            print_json([batch_as_json(item) for item in page.items])
        elif not page.items:
            err(_("There is no batch here. Make one with: modeltrain batch run FILE -c NAME"))
        else:
            print_table(headings(), [row(item) for item in page.items])
            _tell_rest(len(page.items), page.total)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def answers(
    context: typer.Context,
    batch: BatchId,
    number: Annotated[
        int | None, typer.Option("--number", "-n", min=1, metavar="N", help=_("Those to this question, whole."), show_default=False)
    ] = None,
    state: Annotated[str, typer.Option(metavar="STATE", help=_("waiting, asking, answered or failed"), show_default=False)] = "",
    config: Annotated[str, typer.Option("-c", "--config", metavar="NAME", help=_("Those of this configuration."), show_default=False)] = "",
    type_: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help=_("Those to questions of this type."), show_default=False)
    ] = None,
    query: Annotated[str, typer.Option(metavar="TEXT", help=_("Those with this in question or answer."), show_default=False)] = "",
    sort: Annotated[
        str, typer.Option(metavar="ORDER", help=_("number, score, total, ttft, cost or stars; with - in front turned around."))
    ] = "number",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=_("How many at most."))] = 100,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.batches.batch(principal, batch)
        wanted: dict[str, Any] = {
            "state": cast("AnswerState", _one_of("state", state, _ANSWER_STATES)) if state else None,
            "configuration_id": configuration_of(item, config) if config else None,
            "type": type_,
            "query": query,
            "sort": cast("AnswerSort", _one_of("sort", sort, _SORTS)),
        }
        if number is not None:
            each = len(item.configurations) if not config else 1
            first = (number - 1) * each * item.draft.repetitions
            page = await services.batches.answers(
                principal, item.id, configuration_id=wanted["configuration_id"], limit=each * item.draft.repetitions, offset=first
            )
        else:
            page = await services.batches.answers(principal, item.id, limit=limit, offset=offset, **wanted)
        if invocation.json:
            print_json([answer_as_json(each) for each in page.items])
        elif number is not None:
            for answer in page.items:
                print_answer(answer)
        elif not page.items:
            err(_("No answer is like that."))
        else:
            print_table(answer_headings(), [answer_row(each) for each in page.items])
            _tell_rest(len(page.items), page.total)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def report(
    context: typer.Context,
    batch: BatchId,
    output: Annotated[
        NamedFile | None, typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), parser=NamedFile)
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="xlsx|html|pdf|csv|json|junit", help=_("Default: by the name of the file, else JSON."), show_default=False
        ),
    ] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        ending = str(output).rpartition(".")[2].lower() if output is not None else ""
        chosen = form or ("json" if invocation.json else _ENDINGS.get(ending, "json"))
        item = await services.batches.batch(principal, batch)
        await write_report(services, principal, item.id, chosen, output or NamedFile("-"))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


async def write_report(services: Services, principal: Principal, batch_id: str, form: str, target: NamedFile) -> None:
    """Write the report of a batch. Raises InvalidInput("format", "unknown"), DiskFull, EnvironmentProblem(file_not_writable)."""
    from core.batches.reports.types import FORMS
    from tui import batch_reports

    if form not in FORMS:
        raise InvalidInput("format", "unknown", value=form)
    with target.writing() as file:
        written = await services.batches.report(principal, batch_id, form, batch_reports.words(local_zone()), cast("Any", file))
    for key, fields in written.notes:
        err(batch_reports.say(key, **fields))
    if not target.is_standard:
        err(_("Written to {path}.").format(path=target))


def configuration_of(item: Batch, name: str) -> str:
    """The configuration of the batch that `name` means: its name, its id, or its model. Raises InvalidInput."""
    for each in item.configurations:
        if name in (each.configuration_id, each.name, each.model):
            return each.configuration_id
    raise InvalidInput("configuration", "not_a_choice", choices=", ".join(each.name for each in item.configurations))


def _one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidInput(field, "not_a_choice", choices=", ".join(known))
    return value


def _tell_rest(shown: int, total: int) -> None:
    if total > shown:
        err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=shown, total=total))
