"""modeltrain swanlab: what runs logged to SwanLab, its clean-up and archives, and its dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from core.swanlab.types import CleanRule
from core.training.swanlab_place import DEFAULT_PROJECT
from tui.commands import swanlab_output as output
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

app = command_group(_("Experiments that runs logged to SwanLab, and its dashboard."))

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help=_("Experiments; see “modeltrain swanlab experiments”."))]
Project = Annotated[str, typer.Option("--project", "-p", metavar="PROJECT", help=_("The project; see “modeltrain swanlab projects”."))]
Host = Annotated[str, typer.Option("--host", help=_("The address to listen on; others than loopback are for administrators."))]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help=_("The port; 0 for any that is free."))]


# The dashboard -----------------------------------------------------------------------------------------------------------


@app.command("start", help=_("Start SwanLab's dashboard of a project, and wait until it answers."))
def start(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help=_("The project."))] = DEFAULT_PROJECT,
    host: Host = "127.0.0.1",
    port: Port = 0,
    directory: Annotated[
        str, typer.Option("--directory", metavar="DIR", help=_("Any log directory of this machine instead, for administrators."))
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="EMAIL", help=_("Somebody else's project, for administrators."))] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        owner = await output.owner_id(services, principal, user)
        begun = await services.swanlab.start(principal, project, host=host, port=port, owner_id=owner, directory=directory)
        return output.print_started(invocation, await services.swanlab.wait(principal, begun.id))

    raise typer.Exit(run_with_services(invocation, action))


@app.command("stop", help=_("Stop dashboards: of a project, or all of yours."))
def stop(
    context: typer.Context, project: Annotated[str, typer.Argument(help=_("The project, or the id of a service."), show_default=False)] = ""
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        running = [item for item in await services.swanlab.status(principal) if item.active]
        chosen = [item for item in running if project in ("", item.id, item.name)]
        stopped = [await services.swanlab.stop(principal, item.id) for item in chosen]
        return output.print_stopped(invocation, stopped)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("restart", help=_("Stop a dashboard and start it again."))
def restart(
    context: typer.Context, project: Annotated[str, typer.Argument(help=_("The project, or the id of a service."))] = DEFAULT_PROJECT
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        service = output.named(await services.swanlab.status(principal), project)
        begun = await services.swanlab.restart(principal, service.id)
        return output.print_started(invocation, await services.swanlab.wait(principal, begun.id))

    raise typer.Exit(run_with_services(invocation, action))


@app.command("status", help=_("How your dashboards are: asked over HTTP. Exit status 1 where none answers."))
def status(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        return output.print_services(invocation, await services.swanlab.status(principal, ask=True))

    raise typer.Exit(run_with_services(invocation, action))


# Looking -----------------------------------------------------------------------------------------------------------------


@app.command("projects", help=_("Your projects, with experiments and disk use."))
def projects(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.swanlab.projects(principal)
        if invocation.json:
            print_json([output.project_as_json(item) for item in found])
        elif not found:
            err(_("Nothing was logged to SwanLab yet: every run does it by itself where SwanLab is installed."))
        else:
            headings = (_("PROJECT"), _("NAME"), _("EXPERIMENTS"), _("RUNNING"), _("PINNED"), _("SIZE"), _("REMARK"))
            print_table(headings, [output.project_row(item) for item in found])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("experiments", help=_("Your experiments, the newest first."))
def experiments(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in the name or the run."), show_default=False)] = "",
    project: Project = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.swanlab.experiments(principal, project or None, query=query)
        if invocation.json:
            print_json([output.experiment_as_json(item) for item in found])
        elif not found:
            err(_("There is no experiment here."))
        else:
            print_table(output.experiment_headings(), [output.experiment_row(item) for item in found])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("One experiment: its metrics with last and best values."))
def show(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(metavar="ID", help=_("Its id, or its name if no other has it."))],
    config: Annotated[bool, typer.Option("--config", help=_("With the configuration that it was started with."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        detail = await services.swanlab.experiment(principal, experiment)
        if invocation.json:
            print_json(output.detail_as_json(detail))
        else:
            output.print_detail(detail, config=config)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("export", help=_("Write the curves of an experiment as CSV, or all of it as JSON."))
def export(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(metavar="ID", help=_("Its id, or its name if no other has it."))],
    to: Annotated[
        NamedFile | None, typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), parser=NamedFile)
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="csv|json", help=_("The form of the export."))] = "csv",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if form not in ("csv", "json"):
            raise InvalidInput("format", "unknown", value=form)
        text = await services.swanlab.export(principal, experiment, "json" if form == "json" or invocation.json else "csv")
        if to is None or to.is_standard:
            out(output.printable(text))
        else:
            to.write_text(text + "\n")
            err(_("Written to {path}.").format(path=to))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


# Cleaning up -------------------------------------------------------------------------------------------------------------


@app.command("clean", help=_("Remove experiments by a rule. Without --yes nothing goes: it says what would."))
def clean(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help=_("These experiments."), show_default=False)] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=0, help=_("All but the newest so many of each project."), show_default=False)
    ] = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", min=0, metavar="DAYS", help=_("What is older than so many days."), show_default=False)
    ] = None,
    project: Project = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Remove them for good."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if not ids and keep is None and older_than is None:
            raise InvalidInput("rule", "clean_rule")
        rule = CleanRule(tuple(ids or ()), project or None, keep, older_than)
        preview = await services.swanlab.preview(principal, rule)
        done = await services.swanlab.remove(principal, [item.id for item in preview.going]) if yes and preview.going else None
        output.print_clean(invocation, preview, done)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("pin", help=_("Pin experiments, so that they are never removed."))
def pin(context: typer.Context, ids: Ids, off: Annotated[bool, typer.Option("--off", help=_("Let them go again."))] = False) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        for experiment_id in ids:
            await services.swanlab.pin(principal, experiment_id, not off)
        if invocation.json:
            print_json({"pinned": not off, "experiments": ids})
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("archive", help=_("Put experiments into a tar.gz, from which they can be brought back."))
def archive(
    context: typer.Context,
    ids: Ids,
    remove: Annotated[bool, typer.Option("--remove", help=_("Remove them once they are in the archive."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        made = await services.swanlab.archive(principal, ids, remove=remove)
        if invocation.json:
            print_json([output.archive_as_json(item) for item in made])
        else:
            for item in made:
                out(item.id)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("archives", help=_("Your archives, the newest first."))
def archives(
    context: typer.Context,
    delete: Annotated[str, typer.Option("--delete", metavar="ARCHIVE", help=_("Delete this one for good."), show_default=False)] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if delete:
            freed = await services.swanlab.delete_archive(principal, delete)
            if invocation.json:
                print_json({"deleted": delete, "bytes": freed})
            return 0
        output.print_archives(invocation, await services.swanlab.archives(principal))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("restore", help=_("Bring the experiments of an archive back; it stays."))
def restore(
    context: typer.Context,
    archive: Annotated[str, typer.Argument(metavar="ARCHIVE", help=_("See “modeltrain swanlab archives”."))],
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        done = await services.swanlab.restore(principal, archive)
        if invocation.json:
            print_json({"project": done.project_id, "experiments": done.experiments, "renamed": dict(done.renamed)})
        else:
            count = len(done.experiments)
            out(ngettext("{count} experiment is back.", "{count} experiments are back.", count).format(count=count))
            for old, new in done.renamed:
                out(output.renamed(old, new))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("remove-project", help=_("Remove a project that has no experiments any more, with its folder."))
def remove_project(context: typer.Context, project: Annotated[str, typer.Argument(metavar="PROJECT")]) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        freed = await services.swanlab.remove_project(principal, project)
        if invocation.json:
            print_json({"removed": project, "bytes": freed})
        return 0

    raise typer.Exit(run_with_services(invocation, action))
