"""modeltrain run: the application."""

from __future__ import annotations

import sys

import typer

from core.errors import EnvironmentProblem
from tui.commands.common import Invocation, command_group, guarded
from tui.i18n import _

app = command_group(_("The application."))


def run_application(invocation: Invocation) -> int:
    """Show the application on this terminal until it is left; the exit status."""
    return guarded(invocation, lambda: _run(invocation))


def _run(invocation: Invocation) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EnvironmentProblem(what="not_a_terminal")
    from tui.start import start

    return start(invocation.settings())


@app.command("run", help=_("Start the application."))
def run(context: typer.Context) -> None:
    raise typer.Exit(run_application(context.obj))
