"""modeltrain batch: plan, run, follow, judge and report batches of questions from the shell and from CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands import batch_reading as reading
from tui.commands.batch_input import Asked, make_draft
from tui.commands.batch_output import batch_as_json, plan_as_json, print_batch, print_plan, tell_end
from tui.commands.batch_running import finish, status_of
from tui.commands.common import Invocation, command_group, err, out, print_json, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.auth.principal import Principal
    from core.batches.types import Batch
    from core.bootstrap import Services

app = command_group(
    _(
        "Batches: many questions asked of several configurations, scored. Exit status of run, resume, retry and status: 0: every answer is "
        "there and the threshold holds; 1: it does not hold; 2: refused; 4: answers are missing; 130: paused with Ctrl+C."
    )
)

BatchId = Annotated[str, typer.Argument(metavar="ID", help=_("The id of a batch, the beginning of it, or its name."), show_default=False)]
Source = Annotated[
    str, typer.Argument(metavar="FILE|SET", help=_("A file of questions (TXT, CSV, JSON, JSONL), or a question set."), show_default=False)
]
Configurations = Annotated[
    list[str] | None,
    typer.Option("-c", "--config", metavar="NAME", help=_("Ask this configuration; may be given again."), show_default=False),
]
Name = Annotated[str, typer.Option(metavar="TEXT", help=_("What to call it (default: as the questions)."), show_default=False)]
Scorer = Annotated[
    str, typer.Option(metavar="NAME", help=_("For questions that name none: exact, contains, numeric, chrf, ..."), show_default=False)
]
Judge = Annotated[str, typer.Option(metavar="NAME", help=_("The configuration that judges the answers."), show_default=False)]
Rubric = Annotated[str, typer.Option(metavar="TEXT", help=_("What makes a good answer, for the judge."), show_default=False)]
Concurrency = Annotated[int, typer.Option(min=1, max=512, metavar="N", help=_("Requests at the same time at one provider at most."))]
PerMinute = Annotated[
    int | None, typer.Option("--per-minute", min=1, metavar="N", help=_("Requests a minute at one provider at most."), show_default=False)
]
Retries = Annotated[int, typer.Option(min=0, max=20, metavar="N", help=_("How often a request that brought nothing is sent again."))]
NoCache = Annotated[bool, typer.Option("--no-cache", help=_("Ask again what was answered before."))]
Times = Annotated[int, typer.Option("--times", min=1, max=100, metavar="N", help=_("Ask each question so often."))]
LeaveOut = Annotated[bool, typer.Option("--leave-out-bad", help=_("Leave out places of the file that no question can be made of."))]
FailUnder = Annotated[
    float | None,
    typer.Option(
        "--fail-under", min=0.0, max=1.0, metavar="SCORE", help=_("Exit status 1 if the score (0 to 1) is below this."), show_default=False
    ),
]
JUnit = Annotated[
    NamedFile | None,
    typer.Option("--junit", metavar="FILE", help=_("Write a JUnit report, for CI."), parser=NamedFile, show_default=False),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help=_("Leave the work to a modeltrain that runs already."))]


@app.command("plan", help=_("Say what a batch would take: requests, tokens, cost, time. Nothing is asked."))
def plan(
    context: typer.Context,
    source: Source,
    config: Configurations = None,
    scorer: Scorer = "",
    judge: Judge = "",
    rubric: Rubric = "",
    concurrency: Concurrency = 16,
    per_minute: PerMinute = None,
    no_cache: NoCache = False,
    times: Times = 1,
    leave_out_bad: LeaveOut = False,
) -> None:
    invocation: Invocation = context.obj
    asked = Asked(
        config or (), "", scorer, judge, rubric, concurrency, per_minute, cache=not no_cache, repetitions=times, leave_out_bad=leave_out_bad
    )

    async def action(services: Services, principal: Principal) -> int:
        found = await services.batches.plan(principal, await make_draft(services, principal, source, asked))
        if invocation.json:
            print_json(plan_as_json(found))
        else:
            print_plan(found)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("run", help=_("Ask and wait: questions of a file or a set, or a batch that was planned or paused, by its id."))
def run(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE|SET|ID", help=_("A file of questions, a question set, or a batch."), show_default=False)
    ],
    config: Configurations = None,
    name: Name = "",
    scorer: Scorer = "",
    judge: Judge = "",
    rubric: Rubric = "",
    concurrency: Concurrency = 16,
    per_minute: PerMinute = None,
    retries: Retries = 3,
    no_cache: NoCache = False,
    times: Times = 1,
    leave_out_bad: LeaveOut = False,
    fail_under: FailUnder = None,
    junit: JUnit = None,
) -> None:
    invocation: Invocation = context.obj
    asked = Asked(config or (), name, scorer, judge, rubric, concurrency, per_minute, retries, not no_cache, times, leave_out_bad)

    async def action(services: Services, principal: Principal) -> int:
        if config:
            made = await services.batches.create(principal, await make_draft(services, principal, source, asked))
            err(_("Batch {id}").format(id=made.id))
        else:
            made = await services.batches.batch(principal, source)
        await _go_on(services, principal, made)
        return await _to_the_end(services, principal, invocation, made.id, fail_under, junit)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("resume", help=_("Go on with a paused batch, and wait: what was answered is not asked again."))
def resume(context: typer.Context, batch: BatchId, fail_under: FailUnder = None, junit: JUnit = None, no_wait: NoWait = False) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.batches.batch(principal, batch)
        await _go_on(services, principal, item)
        if no_wait:
            return _told(invocation, await services.batches.batch(principal, item.id))
        return await _to_the_end(services, principal, invocation, item.id, fail_under, junit)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("retry", help=_("Ask the failed ones again, and nothing else; then as resume."))
def retry(
    context: typer.Context,
    batch: BatchId,
    config: Annotated[
        str, typer.Option("-c", "--config", metavar="NAME", help=_("Only those of this configuration."), show_default=False)
    ] = "",
    fail_under: FailUnder = None,
    junit: JUnit = None,
    no_wait: NoWait = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.batches.batch(principal, batch)
        only = reading.configuration_of(item, config) if config else None
        item = await services.batches.retry_failed(principal, item.id, configuration_id=only)
        if no_wait:
            return _told(invocation, item)
        return await _to_the_end(services, principal, invocation, item.id, fail_under, junit)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("pause", help=_("Ask nothing more; what is under way is awaited. “modeltrain batch resume” goes on."))
def pause(context: typer.Context, batch: BatchId) -> None:
    _change(context, batch, lambda services, principal, batch_id: services.batches.pause(principal, batch_id))


@app.command("cancel", help=_("End a batch for good; what was answered stays."))
def cancel(context: typer.Context, batch: BatchId) -> None:
    _change(context, batch, lambda services, principal, batch_id: services.batches.cancel(principal, batch_id))


@app.command("status", help=_("Say how far a batch is; with --fail-under the exit status says whether it holds."))
def status(context: typer.Context, batch: BatchId, fail_under: FailUnder = None) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.batches.batch(principal, batch)
        _told(invocation, item)
        if fail_under is None:
            return 0
        if not item.active:
            tell_end(item, fail_under)
        return status_of(item, fail_under)

    raise typer.Exit(run_with_services(invocation, action))


app.command("list", help=_("List your batches, the newest first."))(reading.list_)
app.command("answers", help=_("List the answers of a batch, or print one of them whole."))(reading.answers)
app.command("report", help=_("Write the report of a batch: XLSX, HTML, PDF, CSV, JSON or JUnit."))(reading.report)


@app.command("remove", help=_("Delete batches with their answers. Questions stay in the library."))
def remove(
    context: typer.Context,
    batches: Annotated[list[str], typer.Argument(metavar="ID...", help=_("Ids or names of batches."), show_default=False)],
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = [await services.batches.batch(principal, each) for each in batches]
        ids = list(dict.fromkeys(item.id for item in found))
        for batch_id in ids:
            await services.batches.delete(principal, batch_id)
        if invocation.json:
            print_json({"removed": ids})
        else:
            out(ngettext("{count} batch is removed.", "{count} batches are removed.", len(ids)).format(count=len(ids)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _change(context: typer.Context, batch: str, change: Callable[[Services, Principal, str], Awaitable[Batch]]) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        item = await services.batches.batch(principal, batch)
        return _told(invocation, await change(services, principal, item.id))

    raise typer.Exit(run_with_services(invocation, action))


def _told(invocation: Invocation, item: Batch) -> int:
    if invocation.json:
        print_json(batch_as_json(item))
    else:
        print_batch(item)
    return 0


async def _go_on(services: Services, principal: Principal, item: Batch) -> None:
    """Start what was only planned, go on with what is paused; what runs or is over is left as it is."""
    if item.state == "draft":
        await services.batches.start(principal, item.id)
    elif item.state in ("paused", "pausing"):
        await services.batches.resume(principal, item.id)


async def _to_the_end(
    services: Services, principal: Principal, invocation: Invocation, batch_id: str, fail_under: float | None, junit: NamedFile | None
) -> int:
    item, status = await finish(services, principal, invocation, batch_id, fail_under)
    if junit is not None:
        await reading.write_report(services, principal, item.id, "junit", junit)
    return status
