"""modeltrain model: models on this machine: list, show, serve, stop, merge, note, delete."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import Conflict, InvalidInput, NotFound
from core.sanitise import one_line
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.model_output import failure_lines, print_target, service_as_json, service_row, target_as_json, target_row
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.inference.types import ServeOptions
    from core.managed.types import Service

app = command_group(_("Models on this machine: what there is, and serving it."))
#: Exit status of `serve` for a server that did not become ready.
NOT_READY = 1

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help=_("Its id, name or path; see “modeltrain model list”. RUN@STEP is a checkpoint."))
]


@app.command("list", help=_("List base models, adapters, checkpoints and merged models."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in name, path or base."), show_default=False)] = "",
    run: Annotated[str, typer.Option("--run", metavar="RUN", help=_("Only what this run brought."), show_default=False)] = "",
    servers: Annotated[bool, typer.Option("--servers", help=_("The model servers instead."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if servers:
            found = await services.inference.services(principal)
            if invocation.json:
                print_json([service_as_json(each) for each in found])
            elif found:
                print_table((_("ID"), _("NAME"), _("STATE"), _("ADDRESS"), _("WITH")), [service_row(each) for each in found])
            else:
                err(_("No model is served. Serve one with: modeltrain model serve MODEL"))
            return 0
        targets = await services.inference.targets(principal, run_id=run or None, query=query)
        if invocation.json:
            print_json([target_as_json(each) for each in targets])
        elif targets:
            heads = (_("ID"), _("NAME"), _("KIND"), _("STEP"), _("SIZE"), _("PARAMETERS"), _("SERVER"))
            print_table(heads, [target_row(each) for each in targets])
        else:
            err(_("No models here. What runs bring appears by itself; MODELTRAIN_MODEL_FOLDERS names folders of base models."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show a model with its server."))
def show(context: typer.Context, model: Model) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        target = await services.inference.target(principal, model)
        if invocation.json:
            print_json(target_as_json(target))
        else:
            print_target(target)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("serve", help=_("Serve a model on this machine, for yourself only; it goes on until you stop it."))
def serve(
    context: typer.Context,
    model: Model,
    backend: Annotated[str, typer.Option("--with", metavar="api|vllm|sglang", help=_("The server program."))] = "api",
    gpu: Annotated[
        list[str] | None, typer.Option("--gpu", metavar="UUID", help=_("A GPU to use; may be given again."), show_default=False)
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help=_("On the CPU although there are GPUs."))] = False,
    port: Annotated[int, typer.Option("--port", help=_("Default: a free one."), show_default=False)] = 0,
    template: Annotated[str, typer.Option("--template", help=_("Default: that of its run."), show_default=False)] = "",
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help=_("How long to wait until it answers."))] = 900.0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        options = _options(backend, tuple(gpu or ()), cpu, port, template)
        target = await services.inference.target(principal, model)
        service = await services.inference.serve(principal, target.id, options)
        service = await _wait(services, principal, service, wait)
        if invocation.json:
            print_json(service_as_json(service))
        elif service.state == "ready":
            configuration = await services.configurations.get(principal, service.configuration_id)
            out(_("“{name}” is served at {url}.").format(name=one_line(service.name), url=service.url))
            out(_("Ask it with: modeltrain chat -c “{configuration}” TEXT").format(configuration=one_line(configuration.name)))
        else:
            for line in failure_lines(service):
                err(line)
        return 0 if service.state == "ready" or not wait else NOT_READY

    raise typer.Exit(run_with_services(invocation, action))


def _options(backend: str, gpus: tuple[str, ...], cpu: bool, port: int, template: str) -> ServeOptions:
    from core.inference.types import ServeOptions

    if backend == "api":
        return ServeOptions("api", gpus, cpu, port, template)
    if backend == "vllm":
        return ServeOptions("vllm", gpus, cpu, port, template)
    if backend == "sglang":
        return ServeOptions("sglang", gpus, cpu, port, template)
    raise InvalidInput("with", "unknown", value=backend)


async def _wait(services: Services, principal: Principal, service: Service, seconds: float) -> Service:
    """Until it answers, with a sign of life on a terminal."""
    deadline = services.clock.monotonic() + seconds
    told = False
    while service.state == "starting" and services.clock.monotonic() < deadline:
        if not told and sys.stderr.isatty():
            err(_("It is starting; that takes a while."))
            told = True
        left = min(5.0, deadline - services.clock.monotonic())
        service = await services.inference.ready(principal, service.id, within_s=max(0.1, left))
    return service


@app.command("stop", help=_("Stop the server of a model, with every process of it."))
def stop(context: typer.Context, model: Model) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        service = await _served(services, principal, model)
        service = await services.inference.stop(principal, service.id)
        if invocation.json:
            print_json(service_as_json(service))
        else:
            out(_("The server of “{name}” has stopped.").format(name=one_line(service.name)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


async def _served(services: Services, principal: Principal, reference: str) -> Service:
    """The server of that id, or of the model. Raises NotFound, Conflict(what="model_not_served")."""
    known = await services.inference.services(principal)
    if found := next((each for each in known if each.id == reference), None):
        return found
    try:
        target = await services.inference.target(principal, reference)
    except NotFound:
        # The model may be gone while its server runs.
        if found := next((each for each in known if each.active and each.name == reference), None):
            return found
        raise
    if target.service is None:
        raise Conflict(what="model_not_served", model=target.name)
    return target.service


@app.command("merge", help=_("Melt an adapter or checkpoint into its base, as a run in the queue."))
def merge(
    context: typer.Context,
    model: Model,
    name: Annotated[str, typer.Option("--name", help=_("What the merged model is called."), show_default=False)] = "",
    shard: Annotated[int, typer.Option("--shard", metavar="GB", help=_("Size of one file of weights."))] = 5,
    gpu: Annotated[bool, typer.Option("--on-gpu", help=_("On a GPU instead of the CPU."))] = False,
    wait: Annotated[bool, typer.Option("--wait", help=_("Until it is done."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.inference.types import MergeOptions
        from tui.commands.train_output import print_run, run_as_json

        target = await services.inference.target(principal, model)
        options = MergeOptions(name, shard, "auto" if gpu else "cpu")
        run = await services.inference.merge(principal, target.id, options)
        if wait:
            run = await services.runs.settled(principal, run.id)
        if invocation.json:
            print_json(run_as_json(run))
        else:
            print_run(run)
        return 0 if not wait or run.state.value == "completed" else 1

    raise typer.Exit(run_with_services(invocation, action))


@app.command("note", help=_("Write down something about a model; without a text, forget it."))
def note(context: typer.Context, model: Model, text: Annotated[str, typer.Argument(metavar="TEXT")] = "") -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        target = await services.inference.target(principal, model)
        changed = await services.inference.set_note(principal, target.id, text)
        if invocation.json:
            print_json(target_as_json(changed))
        else:
            out(_("Noted.") if changed.note else _("The note is gone."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("delete", help=_("Delete a checkpoint or a merged model from the disk."))
def delete(
    context: typer.Context,
    model: Model,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        target = await services.inference.target(principal, model)
        if not yes:
            if not sys.stdin.isatty():
                raise InvalidInput("yes", "confirmation_needed")
            question = _("Delete {path}?").format(path=one_line(target.path))
            if not await asyncio.to_thread(typer.confirm, question):
                return 1
        freed = await services.inference.delete(principal, target.id)
        if invocation.json:
            print_json({"deleted": target.path, "bytes": freed})
        else:
            out(_("Deleted {path}.").format(path=one_line(target.path)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


__all__: list[Any] = ["app"]
