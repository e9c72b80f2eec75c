"""The chat in a real terminal: what leaves the program as bytes, the keys as terminals send them, and what survives `kill -9`."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.shell import COMMAND, PASSWORD, Shell
from tests.terminal import Terminal

#: What the program itself sends: CSI sequences, the shape of the mouse pointer, and lines that scroll down in a part of the screen.
_OWN = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~](?:(?<=H)(?:\x1bM)+(?=\x1b\[r))?|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)")


@pytest.fixture
def data(data_dir: Path) -> Path:
    """An installation whose administrator is signed in for good and asks the simulator's hostile model."""
    shell = Shell(data_dir).user("ann@example.org", "ann", admin=True)
    shell.ok("config", "add", "rude", "--provider", "simulator", "--model", "sim-hostile@4000", "--default")
    Shell(data_dir).ok("sign-in", "ann@example.org", environment={"MODELTRAIN_PASSWORD": PASSWORD})
    return data_dir


def chat(data: Path) -> Terminal:
    terminal = Terminal([COMMAND, "--data", data])
    terminal.until("Areas")
    terminal.press("c")
    terminal.until("Enter send")
    return terminal


def test_no_sequence_of_a_hostile_model_reaches_the_terminal(data: Path) -> None:
    with chat(data) as terminal:
        terminal.until("A new conversation with rude.")
        terminal.write("[/bold] one")
        terminal.press("alt+enter")
        terminal.write("two")
        terminal.press("ctrl+j")
        terminal.paste("three\x1b[31m\x07\n" + "\n".join(["more"] * 30))
        terminal.until("[pasted 31 lines]")
        terminal.press("enter")
        terminal.until("to first")
        terminal.press("esc", "k", "k", "y")
        terminal.until_quiet()
        sent = terminal.received.decode("utf-8", "replace")
    clipboard = re.findall(r"\x1b\]52;c;[A-Za-z0-9+/=]*\x07", sent)
    assert len(clipboard) == 1, "only the copy that was asked for"
    left = _OWN.sub("", sent.replace(clipboard[0], ""))
    assert not re.findall(r"[\x1b\x07].{0,40}", left)
    assert not {hex(ord(character)) for character in left if ord(character) in {*range(9), 11, 12, *range(14, 32), *range(127, 160)}}
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", left)


def test_a_draft_survives_a_kill(data: Path) -> None:
    with chat(data) as terminal:
        terminal.until("A new conversation with rude.")
        terminal.write("never sent 中文")
        terminal.until("never sent 中文")
        terminal.until_quiet()
        terminal.pump(1.0)
        os.killpg(terminal.process.pid, signal.SIGKILL)
        terminal.wait()
    with chat(data) as terminal:
        terminal.until("never sent 中文")
