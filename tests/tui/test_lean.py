"""The private parts of Textual that are relied on: these fail when an upgrade changes them."""

from __future__ import annotations

import subprocess
import sys

import textual.app
import textual.strip
from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView

from tui import lean
from tui.widgets.fields import Field


def test_strips_work_with_the_null_cache() -> None:
    script = (
        "from tui import lean; lean.apply()\n"
        "from textual.strip import Strip; from rich.segment import Segment; from rich.style import Style\n"
        "s = Strip([Segment('ab'), Segment('宽', Style(bold=True))])\n"
        "assert s._crop_cache is s._style_cache is lean._NULL\n"
        "assert s.crop(0, 2).text == 'ab' and s.crop(0, 2).text == 'ab'\n"
        "assert [p.text for p in s.divide([2, 4])] == ['ab', '宽']\n"
        "assert s.adjust_cell_length(6).cell_length == 6 and s.crop_extend(1, 5, None).cell_length == 4\n"
        "assert s.apply_style(Style(dim=True)).text == 'ab宽'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_the_names_that_are_replaced_exist() -> None:
    assert callable(textual.strip.FIFOCache)
    assert textual.app.redirect_stdout and textual.app.redirect_stderr
    null = lean.NullCache()
    null["a"] = 1
    assert null.get("a") is None and "a" not in null and len(null) == 0
    assert Segment("x", Style()).text == "x"


def test_several_applications_share_parsed_styles_and_light_events() -> None:
    script = (
        "import asyncio, threading\n"
        "from tui import lean; lean.apply(several=True)\n"
        "from textual.css.stylesheet import Stylesheet\n"
        "import textual._queue, textual.timer, textual.worker, textual.message_pump\n"
        "def parsed(colour):\n"
        "    sheet = Stylesheet(variables={'ink': colour}); sheet.add_source('Label { color: $ink; }', ('a', '')); sheet.parse()\n"
        "    return sheet.rules\n"
        "assert parsed('red')[0] is parsed('red')[0]\n"
        "assert parsed('red')[0].styles.color != parsed('blue')[0].styles.color\n"
        "for module in (textual._queue, textual.timer, textual.worker): assert module.Event is lean.LightEvent\n"
        "pump = textual.message_pump.MessagePump()\n"
        "assert type(pump._mounted_event) is lean.LightEvent\n"
        "async def wait():\n"
        "    event = lean.LightEvent()\n"
        "    tasks = [asyncio.create_task(event.wait()) for _ in range(3)]\n"
        "    await asyncio.sleep(0); tasks[1].cancel(); await asyncio.sleep(0); event.set()\n"
        "    assert await tasks[0] and await tasks[2] and event.is_set() and not event._waiters\n"
        "asyncio.run(wait())\n"
        "assert threading.active_count() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_typing_does_not_lay_out_the_screen() -> None:
    assert ScrollView.virtual_size._layout, "otherwise Field need not override it"  # type: ignore[attr-defined]
    assert not Field.value._layout  # type: ignore[attr-defined]
    assert not Field.virtual_size._layout  # type: ignore[attr-defined]
