"""modeltrain simulate: the simulator of model providers as a server of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands.common import command_group, err, guarded, print_json
from tui.i18n import _

if TYPE_CHECKING:
    from core.llm.simulator.server import Simulator

LOOPBACK = "127.0.0.1"

app = command_group(_("The simulator of model providers."))


@app.command("simulate", help=_("Serve simulated models in three wire formats until stopped. Prints one line of JSON."))
def simulate(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=_("The port to listen on; 0 takes a free one."))] = 0,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", show_default=False, help=_("The address to listen on, if not loopback."))
    ] = None,
) -> None:
    raise typer.Exit(guarded(context.obj, lambda: asyncio.run(_serve(host, port))))


async def _serve(host: str | None, port: int) -> int:
    """Serve until SIGINT or SIGTERM; 0. Raises EnvironmentProblem."""
    from core.llm.simulator.server import Simulator

    simulator = Simulator()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await simulator.start(host or LOOPBACK, port, beyond_loopback=host is not None)
    try:
        if simulator.reachable_by_others:
            err(_("Other machines can reach {address}. The simulator has no sign-in, and it shows what it was asked.").format(address=host))
        announce(simulator)
        await stopping.wait()
    finally:
        await simulator.stop()
    return 0


def announce(simulator: Simulator) -> None:
    """The one line that scripts wait for: where to ask, and for what."""
    print_json(
        {
            "simulator": True,
            "host": simulator.host,
            "port": simulator.port,
            "base_urls": simulator.base_urls,
            "models": list(simulator.models),
        }
    )
    sys.stdout.flush()
