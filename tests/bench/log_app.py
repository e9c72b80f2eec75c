"""The program that bench_logs.py measures: the log view alone in our theme, in a real terminal.

usage: python -m tests.bench.log_app open|follow LOG RESULT.json [SECONDS]
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import monotonic, perf_counter

import psutil
from textual.app import App, ComposeResult

from core.logs.search import Bound, find_next, matcher_of
from core.logs.types import Query
from core.training.tails import Tails
from tests.bench.table import cpu_seconds
from tui import lean
from tui.themes import DEFAULT_THEME, THEMES, textual_theme
from tui.widgets.log_view import LogView


class Host(App[None]):
    """Nothing but a log view."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "LogView, LogLines { width: 1fr; height: 1fr; background: $ground; color: $text; }"

    def __init__(self, log: Path, result: Path) -> None:
        self.path, self.result = log, result
        super().__init__()
        self.animation_level = "none"
        for tokens in THEMES.values():
            self.register_theme(textual_theme(tokens))
        self.theme = DEFAULT_THEME

    def get_css_variables(self) -> dict[str, str]:
        return textual_theme(THEMES[DEFAULT_THEME]).variables | super().get_css_variables()

    def compose(self) -> ComposeResult:
        yield LogView()

    async def on_mount(self) -> None:
        self.tails, self.view = Tails(), self.query_one(LogView)
        self.run_worker(self.work())

    async def work(self) -> None:
        raise NotImplementedError

    def finish(self, **figures: float) -> None:
        self.result.write_text(json.dumps(figures))
        self.exit()


class Opening(Host):
    """Opens the log at its beginning, goes to its end, looks for a word there."""

    async def work(self) -> None:
        view = self.view
        await asyncio.sleep(0.3)
        before = psutil.Process().memory_info().rss
        began = perf_counter()
        log, _stop = self.tails.log(self.path, view.changed)
        view.open(log, offset=0)
        first = perf_counter()
        view.lines.to_end()
        end = perf_counter()
        await asyncio.sleep(1)  # lines are counted in a thread
        assert log.opened is not None
        opened = log.opened
        word = perf_counter()
        hit = await asyncio.to_thread(lambda: find_next(opened, matcher_of(Query("needle in the haystack")), -1, Bound()))
        found = perf_counter()
        assert hit is not None
        view.lines.reveal(hit.line, hit)
        memory = psutil.Process().memory_info().rss
        figures = {"first": (first - began) * 1000, "end": (end - first) * 1000, "word": found - word}
        self.finish(**figures, memory=memory / 1e6, added=(memory - before) / 1e6)


class Following(Host):
    """Follows a log that grows for so many seconds."""

    async def work(self) -> None:
        log, _stop = self.tails.log(self.path, self.view.changed)
        self.view.open(log)
        await asyncio.sleep(1.0)
        seconds = float(sys.argv[4])
        before, began = cpu_seconds(), monotonic()
        await asyncio.sleep(seconds)
        self.finish(cpu=(cpu_seconds() - before) / (monotonic() - began) * 100)


if __name__ == "__main__":
    lean.apply()
    kind = {"open": Opening, "follow": Following}[sys.argv[1]]
    kind(Path(sys.argv[2]), Path(sys.argv[3])).run()
