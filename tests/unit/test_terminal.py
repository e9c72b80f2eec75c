"""The terminal that other tests rely on."""

from __future__ import annotations

import sys

import pytest

from tests.terminal import NeverSeen, Terminal

ECHO = "import sys\nprint('ready', flush=True)\nfor line in sys.stdin: print('got', line.strip().upper(), flush=True)"


def test_it_types_and_sees() -> None:
    with Terminal([sys.executable, "-c", ECHO], width=40, height=10) as terminal:
        terminal.until("ready")
        terminal.press("abc", "enter")
        assert "got ABC" in terminal.until("got ABC")
        with pytest.raises(NeverSeen):
            terminal.until("nonsense", limit_s=0.2)
    assert terminal.process.returncode is not None
