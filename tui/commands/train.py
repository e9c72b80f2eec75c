"""modeltrain train: start, list, show, follow, pause, resume, stop and retry runs from the shell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from tui.commands import train_reading as reading
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.files import NamedFile
from tui.commands.train_input import dataset_ids, read_yaml_file
from tui.commands.train_output import attempt_as_json, headings, print_run, row, run_as_json, tell_state, warn_waiting
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.training.types import Run

app = command_group(_("Runs: training and exports, their queue and what they left."))

RunId = Annotated[str, typer.Argument(metavar="RUN", help=_("The id of a run, the beginning of it, or its name."), show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help=_("Wait until it is over; exit status 0 only if it went well."))]
#: Exit status of a run that was waited for and did not go well.
NOT_WELL = 1


@app.command("start", help=_("Queue a run of a LLaMA-Factory YAML of yours, or of a training configuration by name."))
def start(
    context: typer.Context,
    file: Annotated[
        NamedFile | None,
        typer.Argument(metavar="FILE.yaml", help=_("The YAML; “-” is standard input."), parser=NamedFile, show_default=False),
    ] = None,
    config: Annotated[
        str, typer.Option("-c", "--config", metavar="NAME", help=_("A saved training configuration instead."), show_default=False)
    ] = "",
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="ID", help=_("A dataset by id or name; may be given again."), show_default=False)
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(metavar="N", help=_("How many GPUs, 0 for the CPU (default: 1 where there is one)."), show_default=False)
    ] = None,
    gpu: Annotated[
        list[str] | None, typer.Option(metavar="UUID", help=_("Exactly this GPU; may be given again."), show_default=False)
    ] = None,
    processes: Annotated[int, typer.Option(metavar="N", help=_("Of a run on the CPU."))] = 1,
    name: Annotated[str, typer.Option(metavar="TEXT", help=_("What to call it."), show_default=False)] = "",
    priority: Annotated[int, typer.Option(metavar="N", help=_("-100..100, higher first; above 0 for administrators."))] = 0,
    wait: Wait = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.training.types import RunRequest

        if (file is None) == (not config):
            raise InvalidInput("file", "file_or_configuration")
        text, configuration, ids = None, None, tuple(dataset or ())
        if file is not None:
            text = read_yaml_file(file)
            ids = await dataset_ids(services, principal, file, text, list(ids))
        else:
            configuration = (await services.training.by_name(principal, config)).id
            ids = tuple([(await services.datasets.dataset(principal, each)).id for each in ids])
        request = RunRequest(
            name=name or (_stem(file) if file is not None else config),
            configuration_id=configuration,
            yaml_text=text,
            dataset_ids=ids,
            gpus=1 if gpus is None else gpus,
            gpu_uuids=tuple(gpu or ()),
            processes=processes,
            priority=priority,
        )
        run = await services.runs.start(principal, request)
        return await _finish(services, principal, invocation, run, wait=wait)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("list", help=_("List your runs: those at work, the queue, then the newest."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in the name."), show_default=False)] = "",
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=_("pending, running, paused, completed, failed, ..."), show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 50,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
    everyone: Annotated[bool, typer.Option("--all", help=_("Those of all accounts (administrators)."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.training.types import RunState

        known = {str(each) for each in RunState}
        for each in state or ():
            if each not in known:
                raise InvalidInput("state", "not_a_choice", choices=", ".join(sorted(known)))
        states = [RunState(each) for each in state or ()]
        page = await services.runs.runs(principal, states=states, query=query, limit=limit, offset=offset, everyone=everyone)
        if invocation.json:
            print_json([run_as_json(run) for run in page.items])
        elif not page.items:
            err(_("There is no run here. Queue one with: modeltrain train start FILE.yaml"))
        else:
            print_table(headings(), [row(run) for run in page.items])
            if page.total > len(page.items):
                err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show one run: state, step, why it waits or failed, where its files are."))
def show(
    context: typer.Context,
    run: RunId,
    attempts: Annotated[bool, typer.Option("--attempts", help=_("With all of its attempts (with --json)."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        await services.runs.scheduler.turn()  # what ended while nobody looked is said as it is now
        found = await services.runs.run(principal, run)
        if invocation.json:
            shown = run_as_json(found)
            if attempts:
                shown["attempts"] = [attempt_as_json(each) for each in await services.runs.attempts(principal, found.id)]
            print_json(shown)
        else:
            print_run(found)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


app.command("logs", help=_("Print the log of a run; -f goes on until it is over."))(reading.logs)
app.command("metrics", help=_("Print the metrics of a run as JSON lines: the step and its values."))(reading.metrics)
app.command("report", help=_("Write a report of a run: configuration, course, figures, results."))(reading.report)
app.command("gpus", help=_("List the GPUs of this machine and who holds them."))(reading.gpus)


@app.command("pause", help=_("Save a checkpoint and end; “modeltrain train resume” goes on from there."))
def pause(
    context: typer.Context, run: RunId, no_wait: Annotated[bool, typer.Option("--no-wait", help=_("Do not wait for it."))] = False
) -> None:
    async def ask(services: Services, principal: Principal) -> Run:
        asked = await services.runs.pause(principal, run)
        return asked if no_wait else await services.runs.settled(principal, asked.id)

    raise typer.Exit(_asked(context.obj, ask))


@app.command("resume", help=_("Queue a run again, to go on from its last whole checkpoint."))
def resume(context: typer.Context, run: RunId, wait: Wait = False) -> None:
    raise typer.Exit(_queued(context.obj, lambda services, principal: services.runs.resume(principal, run), wait=wait))


@app.command("stop", help=_("End a run with all of its processes; take a waiting or paused one out."))
def stop(context: typer.Context, run: RunId) -> None:
    async def ask(services: Services, principal: Principal) -> Run:
        asked = await services.runs.stop(principal, run)
        return await services.runs.settled(principal, asked.id)

    raise typer.Exit(_asked(context.obj, ask))


@app.command("retry", help=_("Queue a new attempt of a run from the beginning, with changes if wanted."))
def retry(
    context: typer.Context,
    run: RunId,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help=_("Another value; nothing after “=” takes it out."), show_default=False),
    ] = None,
    suggested: Annotated[bool, typer.Option("--suggested", help=_("With what the explanation of the failure suggests."))] = False,
    wait: Wait = False,
) -> None:
    async def ask(services: Services, principal: Principal) -> Run:
        changes = reading.changes(change or ())
        if suggested:
            failure = (await services.runs.run(principal, run)).failure
            remedy = next((each for each in failure.remedies if each.changes), None) if failure is not None else None
            if remedy is None:
                raise InvalidInput("suggested", "nothing_suggested")
            changes = {**remedy.changes, **changes}
        return await services.runs.retry(principal, run, changes)

    raise typer.Exit(_queued(context.obj, ask, wait=wait))


@app.command("priority", help=_("Let a waiting run go earlier or later: -100..100, above 0 for administrators."))
def priority(context: typer.Context, run: RunId, value: Annotated[int, typer.Argument(metavar="N")]) -> None:
    raise typer.Exit(_asked(context.obj, lambda services, principal: services.runs.set_priority(principal, run, value)))


@app.command("remove", help=_("Forget a run that is over, with its folder."))
def remove(
    context: typer.Context,
    run: RunId,
    keep_files: Annotated[bool, typer.Option("--keep-files", help=_("Leave its folder where it is."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.runs.run(principal, run)
        await services.runs.delete(principal, found.id, files=not keep_files)
        if invocation.json:
            print_json({"removed": found.id})
        else:
            out(_("The run is gone."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _asked(invocation: Invocation, ask: Callable[[Services, Principal], Awaitable[Run]]) -> int:
    """Do it and tell what became of the run."""

    async def action(services: Services, principal: Principal) -> int:
        run = await ask(services, principal)
        if invocation.json:
            print_json(run_as_json(run))
        else:
            tell_state(run)
        return 0

    return run_with_services(invocation, action)


def _queued(invocation: Invocation, ask: Callable[[Services, Principal], Awaitable[Run]], *, wait: bool) -> int:
    async def action(services: Services, principal: Principal) -> int:
        return await _finish(services, principal, invocation, await ask(services, principal), wait=wait)

    return run_with_services(invocation, action)


async def _finish(services: Services, principal: Principal, invocation: Invocation, run: Run, *, wait: bool) -> int:
    """Let it start if its turn has come, whoever lives; then tell of it, or wait for its end."""
    await services.runs.scheduler.turn()
    run = await services.runs.settled(principal, run.id) if wait else await services.runs.run(principal, run.id)
    if invocation.json:
        print_json(run_as_json(run))
    else:
        tell_state(run)
        warn_waiting(run)
        if wait and run.failure is not None:
            print_run(run)
    return NOT_WELL if wait and str(run.state) not in {"completed", "paused"} else 0


def _stem(file: NamedFile) -> str:
    from pathlib import PurePosixPath

    return "" if file.is_standard else PurePosixPath(str(file)).stem[:100]
