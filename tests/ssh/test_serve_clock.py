"""The clock of the machine is set by an hour under a served worker: nobody is thrown out, locks are neither shorter nor endless."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.clock import Clock
from core.settings import Settings
from tests.ssh.raw_client import FAILURE, raw_client
from tests.ssh.served import Served, serving_here
from tests.ssh.test_serve_faults import give, stored
from tests.ssh.test_serve_trouble import LONG, in_chat, questions, stop, streaming
from tests.ssh.test_sign_in import sessions_of

HOUR_S = 3600.0


@dataclass
class Wall:
    """A clock of the wall that can be set; `by`: seconds that it is off."""

    by: float = 0.0
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(wall=lambda: time.time() + self.by)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def timed(served_settings: Settings, client_folder: Path, wall: Wall) -> Iterator[Served]:
    """A worker with that clock."""
    with serving_here(served_settings, client_folder, clock=wall.clock) as here:
        yield here


def look(served: Served) -> None:
    served.call(lambda: served.context.watch.look())


@pytest.mark.parametrize("by", [HOUR_S, -HOUR_S, 48 * HOUR_S], ids=["forward", "back", "two days"])
def test_nobody_notices_that_the_clock_was_set(timed: Served, wall: Wall, by: float) -> None:
    data, before = timed.settings.data_dir, sessions_of(timed, "ann")  # the one of the installation
    timed.call(lambda: give(timed, "ann", LONG))
    with timed.terminal("ann", height=30) as ann, timed.terminal("bob", width=80, height=24) as bob:
        in_chat(ann)
        bob.until("Good to see you, bob.")
        ann.press("asked before", "enter")
        ann.until(streaming)
        wall.by = by
        look(timed)
        look(timed)
        stop(ann)
        ann.press("asked after", "enter")
        ann.until(streaming)
        stop(ann)
        # A lease that ran out by that counts again, and who comes now ends nobody's session.
        with timed.terminal("bob", width=80, height=24) as second:
            second.until("Ctrl+P")
            look(timed)
            assert sessions_of(timed, "bob") == 2
            assert sessions_of(timed, "ann") == before + 1
        wall.by = 0.0
        look(timed)
        bob.press("n")
        bob.until("> Ask")
        assert (ann.process.poll(), bob.process.poll()) == (None, None)
    assert questions(data) == ["asked before", "asked after"], "in the order in which they were asked"
    assert [state for state, _text in stored(data)] == ["stopped", "stopped"]
    timed.until(lambda reception: len(reception) == 0)
    look(timed)
    assert (sessions_of(timed, "ann"), sessions_of(timed, "bob")) == (before, 0)


def locked_minutes(served: Served) -> int:
    """For how many minutes bob's address and account are closed, as the client is told; 0: he is let in."""
    with raw_client(served) as probe:
        assert probe.transport.is_active()
    done = served.ssh("scp", "-f", "datasets/none", name="bob")
    found = re.search(rb"(\d+) minutes", done.stderr)
    assert (done.returncode == 255) is (found is not None), done.stderr
    return int(found[1]) if found is not None else 0


def test_a_lock_neither_ends_early_nor_lasts_for_ever(timed: Served, wall: Wall) -> None:
    for _guess in range(timed.settings.auth.failures_to_lock):
        with raw_client(timed) as client:
            assert client.ask(client.password("bob", "not the password")) == FAILURE
    assert 14 <= locked_minutes(timed) <= 15
    wall.by = -HOUR_S
    assert 14 <= locked_minutes(timed) <= 15, "not 75"
    wall.by = -HOUR_S + 16 * 60
    assert locked_minutes(timed) == 0
