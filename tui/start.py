"""Starting the application on this terminal, and what is left to say when it has ended."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from core.settings import Settings
from tui import lean
from tui.i18n import Locale, from_environment
from tui.logs import log_to_file
from tui.session import terminal_of

if TYPE_CHECKING:
    from core.bootstrap import Services


async def _build(settings: Settings) -> Services:
    # The imports (database, models) take longer than the first frame: they are made in a thread beside it.
    import asyncio
    from importlib import import_module

    await asyncio.to_thread(import_module, "core.bootstrap")
    from core.bootstrap import build_services

    services = await build_services(settings)
    services.supervisor.start(services.look_after_runs, "runs: begin")
    return services


def start(settings: Settings) -> int:
    """Show the application until it is left; the exit status."""
    lean.apply()
    log_to_file(settings.data_dir)
    from tui.app import ModeltrainApp

    app = ModeltrainApp(settings, lambda: _build(settings), locale=Locale(from_environment()), terminal=terminal_of(os.environ))
    app.run()
    if app.problem is not None:
        from tui.commands.common import print_problem

        print_problem(app.problem)
        return app.return_code or 1
    sys.stdout.flush()
    return app.return_code or 0
