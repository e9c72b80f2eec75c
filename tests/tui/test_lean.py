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


def test_typing_does_not_lay_out_the_screen() -> None:
    assert ScrollView.virtual_size._layout, "otherwise Field need not override it"  # type: ignore[attr-defined]
    assert not Field.value._layout  # type: ignore[attr-defined]
    assert not Field.virtual_size._layout  # type: ignore[attr-defined]
