"""modeltrain webui: LLaMA-Factory's own web interface, for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands import swanlab_output as output
from tui.commands.common import Invocation, command_group, run_with_services
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

app = command_group(_("LLaMA-Factory's own web interface, for administrators."))


@app.command("start", help=_("Start it, and wait until it answers. It has no sign-in: see docs/swanlab.md."))
def start(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help=_("The address to listen on."))] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=_("The port; 0 for any that is free."))] = 0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        begun = await services.webui.start(principal, host=host, port=port)
        return output.print_started(invocation, await services.webui.wait(principal, begun.id))

    raise typer.Exit(run_with_services(invocation, action))


@app.command("stop", help=_("Stop it, with everything that was started in it."))
def stop(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        running = [item for item in await services.webui.status(principal) if item.active]
        return output.print_stopped(invocation, [await services.webui.stop(principal, item.id) for item in running])

    raise typer.Exit(run_with_services(invocation, action))


@app.command("status", help=_("Whether it runs and where: asked over HTTP. Exit status 1 where it does not answer."))
def status(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        return output.print_services(invocation, await services.webui.status(principal, ask=True))

    raise typer.Exit(run_with_services(invocation, action))
