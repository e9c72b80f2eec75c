"""The server that bench_monitor.py measures: everybody who comes sees one run, live.

usage: python -m tests.bench.monitor_app DATA RUN_FOLDER. Writes its port; then for every line it reads, its CPU seconds so far.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.settings import AuthSettings, load_settings
from tests.bench.table import cpu_seconds
from tests.ssh.test_driver import served
from tests.tui.test_monitor import OneRun, make_run
from tui.screens.runs.monitor import MonitorScreen


async def main() -> None:
    settings = replace(load_settings(Path(sys.argv[1]), {}), auth=AuthSettings(bcrypt_cost=4))
    async with served(settings) as there:
        runs: Any = OneRun(make_run(Path(sys.argv[2])))
        there.services.runs = runs
        print(there.port, flush=True)
        shown: set[int] = set()
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "watch":
                for session in there.worker.sessions:
                    app = session._app
                    if app is not None and id(session) not in shown:
                        shown.add(id(session))
                        app.call_later(app.push_screen, MonitorScreen("run-1"))
            print(cpu_seconds(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
