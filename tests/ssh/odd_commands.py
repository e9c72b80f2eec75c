"""Commands for tests of how commands are run: `odd WHAT`. `odd_commands()` puts them among the product's while it is entered."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from tui.commands.common import Invocation, command_group, out
from tui.commands.root import COMMANDS, Entry

app = command_group("Odd things.")


@contextlib.contextmanager
def odd_commands() -> Iterator[None]:
    """Spawners that are started meanwhile know `odd`."""
    COMMANDS["odd"] = Entry("tests.ssh.odd_commands", "Odd things", served=True)
    try:
        yield
    finally:
        del COMMANDS["odd"]


@app.command("wait")
def wait() -> None:
    """Say "ready", then read standard input to its end."""
    out("ready")
    sys.stdout.flush()
    sys.stdin.read()
    out("done")


@app.command("copy")
def copy() -> None:
    """Standard input to standard output, to the byte."""
    shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@app.command("both")
def both(count: int) -> None:
    """Write to both outputs, `count` bytes each, in turn."""
    for _turn in range(count // 1000):
        sys.stdout.write("o" * 1000)
        sys.stderr.write("e" * 1000)


@app.command("flood")
def flood() -> None:
    """Write for ever."""
    out("ready")
    while True:
        out("x" * 1000)


@app.command("deaf")
def deaf() -> None:
    """Wait for ever, and end for KILL only."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    out("ready")
    sys.stdout.flush()
    while True:
        signal.pause()


@app.command("boom")
def boom() -> None:
    """Fail as nobody foresaw."""
    raise ValueError("sk-secret")


@app.command("eat")
def eat(size: int) -> None:
    """Take `size` bytes of memory."""
    out(str(len(bytearray(size))))


@app.command("self")
def self_() -> None:
    """What this process knows and has."""
    descriptors = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder that is being read
            descriptors[entry.name] = str(entry.readlink())
    out(json.dumps({"environment": dict(os.environ), "descriptors": descriptors, "leads": os.getsid(0) == os.getpid()}))


@app.command("who")
def who(context: typer.Context) -> None:
    """For whom it runs."""
    invocation: Invocation = context.obj
    assert invocation.served is not None
    out(json.dumps({"email": invocation.served.principal.email, "served": invocation.settings().served}))
