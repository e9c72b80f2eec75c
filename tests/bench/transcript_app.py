"""The program that bench_transcript.py measures: a transcript alone, fed with an answer, or opened with 10,000 messages.

usage: python -m tests.bench.transcript_app stream|open RESULT.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import monotonic, perf_counter

from textual.app import App, ComposeResult

from tests.bench.table import cpu_seconds
from tui import lean
from tui.themes import DEFAULT_THEME, THEMES, textual_theme
from tui.widgets.transcript import MessageView, Transcript

TOKENS = 2_000
RATE = 200
#: Seconds between two updates of the screen, as the chat screen has it.
INTERVAL = 0.15
END = "THEENDOFTHEANSWER"
_PARAGRAPH = "The loss stays flat when the learning rate reached its floor, or when the **data** is `shuffled` badly; see *below*. "
_SECTION = f"""## Causes, most likely first

{_PARAGRAPH * 2}

1. the learning rate is **too small** for the batch
   - look at `lr_scheduler`
   - compare with the first 100 steps
2. the labels are masked, 标签被屏蔽了
3. the data repeats

```python
def schedule(step: int, total: int) -> float:
    \"\"\"Cosine with warm-up.\"\"\"
    warm = min(1.0, step / 100)
    return warm * 0.5 * (1 + math.cos(math.pi * step / total))
```

| step | loss | rate |
|-----:|-----:|------|
| 100 | 2.31 | 4e-5 |
| 200 | 2.30 | 3e-5 |

> {_PARAGRAPH}

"""


def markdown(tokens: int) -> list[str]:
    """An answer of so many tokens of about four characters."""
    text = _SECTION * (tokens * 4 // len(_SECTION) + 1)
    return [text[place * 4 : place * 4 + 4] for place in range(tokens)]


class Host(App[None]):
    """Nothing but a transcript in our theme."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Transcript { width: 1fr; height: 1fr; background: $ground; color: $text; }"

    def __init__(self, result: Path) -> None:
        self.result = result
        super().__init__()
        self.animation_level = "none"
        for tokens in THEMES.values():
            self.register_theme(textual_theme(tokens))
        self.theme = DEFAULT_THEME

    def get_css_variables(self) -> dict[str, str]:
        return textual_theme(THEMES[DEFAULT_THEME]).variables | super().get_css_variables()

    def compose(self) -> ComposeResult:
        yield Transcript()

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)


class Streaming(Host):
    """Shows an answer as it comes, then stays idle for three seconds."""

    async def on_mount(self) -> None:
        self.run_worker(self._feed())

    async def _feed(self) -> None:
        pieces = [*markdown(TOKENS), f"\n\n{END}"]
        self.transcript.show([MessageView("q", "user", "ann", "Why?")])
        began, text, drawn = monotonic(), "", 0.0
        ready = cpu_seconds()
        for number, piece in enumerate(pieces):
            if (wait := began + number / RATE - monotonic()) > 0:
                await asyncio.sleep(wait)
            text += piece
            if monotonic() - drawn >= INTERVAL:
                drawn = monotonic()
                self.transcript.update(MessageView("a", "assistant", "model", text, live=True))
        last = monotonic()
        # What is left comes with the next update, as in the chat screen.
        await asyncio.sleep(max(0.0, drawn + INTERVAL - monotonic()))
        self.transcript.update(MessageView("a", "assistant", "model", text))
        await asyncio.sleep(0.5)
        busy = cpu_seconds()
        await asyncio.sleep(3)
        idle = cpu_seconds() - busy
        self.result.write_text(json.dumps({"last": last, "began": began, "cpu": busy, "ready": ready, "idle": idle / 3}))
        self.exit()


class Opening(Host):
    """Opens 10,000 messages and scrolls through them, page by page and from end to end."""

    MESSAGES = 10_000

    async def on_mount(self) -> None:
        self.call_after_refresh(self._measure)

    async def _measure(self) -> None:
        section = "".join(markdown(120))
        views = [
            MessageView(str(number), "assistant" if number % 2 else "user", "ann", f"{number} {section if number % 2 else 'Why is it so?'}")
            for number in range(self.MESSAGES)
        ]
        transcript = self.transcript
        began = perf_counter()
        transcript.show(views)
        transcript.render_lines(transcript.size.region)
        opened = (perf_counter() - began) * 1000
        pages = []
        for _page in range(300):
            began = perf_counter()
            transcript.action_page(-1)
            transcript.render_lines(transcript.size.region)
            pages.append((perf_counter() - began) * 1000)
            await asyncio.sleep(0)
        self.result.write_text(json.dumps({"opened_ms": opened, "pages_ms": pages}))
        self.exit()


def main() -> None:
    lean.apply()
    kind, result = sys.argv[1], Path(sys.argv[2])
    (Streaming if kind == "stream" else Opening)(result).run()


if __name__ == "__main__":
    main()
