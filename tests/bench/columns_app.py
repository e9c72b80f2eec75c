"""The program that bench_columns.py measures: three columns of the side-by-side screen, or one column of the same total rate.

usage: python -m tests.bench.columns_app COLUMNS RESULT.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen

from core.chat.types import AnswerUpdate
from tests.bench.table import cpu_seconds
from tests.bench.transcript_app import END, INTERVAL, Host, markdown
from tui import lean
from tui.screens.chat.views import LiveAnswer
from tui.screens.compare.heads import Head, Heads, widths
from tui.screens.compare.pulse import Pulse, pace
from tui.screens.compare.texts import live_state
from tui.widgets.transcript import MessageView, Transcript

#: Tokens a second of all columns together, and for how long.
RATE, SECONDS = 300, 10


class Columns(Host):
    """Heads and transcripts as the screen has them, fed with answers through what the screen folds and paces them with."""

    CSS = Host.CSS + "Heads { height: auto; } Horizontal { height: 1fr; }"

    def __init__(self, count: int, result: Path) -> None:
        super().__init__(result)
        self.count = count
        self.lives = [LiveAnswer(f"a{index}", "model") for index in range(count)]

    def compose(self) -> ComposeResult:
        yield Heads(id="heads")
        with Horizontal():
            for index in range(self.count):
                yield Transcript(id=f"column-{index}")

    def on_mount(self) -> None:
        screen: Screen[object] = self.screen
        self.pulse = Pulse(screen, self._draw, lambda: pace(INTERVAL, self.count), monotonic)
        for index, width in enumerate(widths(self.size.width, self.count)):
            self.query_one(f"#column-{index}").styles.width = width
        self.run_worker(self._measure())

    def _draw(self) -> None:
        for index, live in enumerate(self.lives):
            if live.undrawn:
                live.undrawn = False
                self.query_one(f"#column-{index}", Transcript).update(live.view())
        heads = [Head(label, "model", "running", "accent", live_state(live)) for label, live in zip("ABC", self.lives, strict=False)]
        self.query_one(Heads).show(heads, 0, single=False)

    async def _feed(self, index: int, began: float) -> None:
        """One answer, which comes in updates as `Chat.watch` gives them."""
        live, rate = self.lives[index], RATE // self.count
        pieces = [*markdown(rate * SECONDS), f"\n\n{END}{index}"]
        place = 0
        while place < len(pieces):
            await asyncio.sleep(INTERVAL)
            until = min(len(pieces), round((monotonic() - began) * rate))
            live.take(AnswerUpdate(live.id, "generating", "".join(pieces[place:until]), elapsed_ms=round((monotonic() - began) * 1000)))
            live.undrawn, place = True, until
            self.pulse.touch()
        # The saved message takes the place of the growing one, at once.
        live.undrawn = False
        self.query_one(f"#column-{index}", Transcript).update(replace(live.view(), live=False))

    async def _measure(self) -> None:
        for index in range(self.count):
            self.query_one(f"#column-{index}", Transcript).show([MessageView("q", "user", "ann", "Why?")])
        await asyncio.sleep(0.5)
        ready, began = cpu_seconds(), monotonic()
        await asyncio.gather(*(self._feed(index, began) for index in range(self.count)))
        last = monotonic()
        await asyncio.sleep(1.0)
        self.result.write_text(json.dumps({"last": last, "cpu": cpu_seconds() - ready}))
        self.exit()


def main() -> None:
    lean.apply()
    Columns(int(sys.argv[1]), Path(sys.argv[2])).run()


if __name__ == "__main__":
    main()
