"""Who may come in, and the log of several processes: counted and written without any process."""

from __future__ import annotations

import io
import logging
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.settings import ServeSettings
from tui.logs import Formatter
from tui.ssh.journal import KEPT, Journal, line_of, message_of
from tui.ssh.reception import Reception

LIMITS = ServeSettings(connections=8, connections_an_address=4, unauthenticated=5, unauthenticated_an_address=3)


def filled(*addresses: str, limits: ServeSettings = LIMITS) -> tuple[Reception, list[int]]:
    reception = Reception(limits)
    return reception, [reception.let_in(address, 1) for address in addresses]


def test_each_limit_is_exact() -> None:
    reception, numbers = filled("10.0.0.1", "10.0.0.1")
    assert reception.refusal("10.0.0.1") is None
    numbers.append(reception.let_in("10.0.0.1", 1))
    assert reception.refusal("10.0.0.1") == "unauthenticated_an_address"
    reception.signed_in(numbers[0])
    assert reception.refusal("10.0.0.1") is None
    reception.let_in("10.0.0.1", 1)
    assert reception.refusal("10.0.0.1") == "connections_an_address"
    assert reception.refusal("10.0.0.2") is None
    others = [reception.let_in(f"10.0.1.{each}", 2) for each in range(2)]
    assert reception.refusal("10.0.0.9") == "unauthenticated"
    for number in others:
        reception.signed_in(number)
    for each in range(2):
        reception.signed_in(reception.let_in(f"10.0.2.{each}", 2))
    assert reception.refusal("10.0.0.9") == "connections"
    assert reception.refused.total() == 4


def test_the_neighbours_of_one_ipv6_subscriber_are_one_address() -> None:
    reception, _ = filled(*(f"2001:db8:1:2::{each}" for each in range(3)))
    assert reception.refusal("2001:db8:1:2:ffff::1") == "unauthenticated_an_address"
    assert reception.refusal("2001:db8:1:3::1") is None
    assert reception.addresses == 1
    mapped, _ = filled("::ffff:192.0.2.1", "192.0.2.1")
    assert mapped.addresses == 1


def test_a_dead_worker_takes_its_connections_along() -> None:
    reception = Reception(LIMITS)
    for worker in (1, 2, 1):
        reception.let_in("10.0.0.1", worker)
    assert (reception.load(1), reception.load(2)) == (2, 1)
    assert reception.worker_gone(1) == 2
    assert (len(reception), reception.unauthenticated, reception.load(1), reception.load(2)) == (1, 1, 0, 1)


def test_the_largest_crowd_makes_room() -> None:
    reception, numbers = filled("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2")
    assert reception.crowd("10.0.0.3") == numbers[0]
    assert reception.crowd("10.0.0.2") == numbers[0]
    assert reception.crowd("10.0.0.1") is None
    alone, _ = filled("10.0.0.1")
    assert alone.crowd("10.0.0.2") is None, "one who is signing in is no crowd"


@given(st.lists(st.tuples(st.sampled_from(["in", "sign", "close", "gone"]), st.integers(0, 5))))
def test_the_counts_are_those_of_who_is_there(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order, twice or too late, the counts agree with a plain list of guests."""
    reception = Reception(LIMITS)
    there: dict[int, tuple[str, int, bool]] = {}
    for step, which in steps:
        address = f"10.0.0.{which}"
        numbers = [*there, 10_000]
        number = numbers[which % len(numbers)]
        if step == "in" and reception.refusal(address) is None:
            there[reception.let_in(address, which % 2)] = (address, which % 2, False)
        elif step == "sign":
            reception.signed_in(number)
            if number in there:
                there[number] = (*there[number][:2], True)
        elif step == "close":
            reception.closed(number)
            there.pop(number, None)
        elif step == "gone":
            reception.worker_gone(which % 2)
            there = {key: guest for key, guest in there.items() if guest[1] != which % 2}
        assert len(reception) == len(there)
        assert reception.unauthenticated == sum(not signed for _, _, signed in there.values())
        assert reception.addresses == len({address for address, _, _ in there.values()})
        assert [reception.load(worker) for worker in (0, 1)] == [Counter(guest[1] for guest in there.values())[worker] for worker in (0, 1)]


# The log -----------------------------------------------------------------------------------------------------------------------


def entry(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("tui.ssh.worker", logging.INFO, __file__, 1, text, arguments, None)


def test_a_line_of_the_log_is_one_line_and_harmless() -> None:
    line = line_of(message_of(entry("%s signed in\nfrom\x1b]0;owned\x07 %s", "e\x1b[2Jve", "::1")), "worker 1")
    assert line.count("\n") == 2
    assert "\x1b" not in line
    assert line.endswith("INFO worker 1 tui.ssh.worker: eve signed in\n  from ::1\n")


def test_of_an_error_the_log_tells_where_and_not_what(tmp_path: Path) -> None:
    try:
        try:
            raise ValueError("sk-the-key-of-somebody")
        except ValueError as error:
            raise RuntimeError("What is my illness?") from error
    except RuntimeError:
        record = logging.LogRecord("core.supervisor", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())
    text = line_of(message_of(record), "worker 1")
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(Formatter())
    for told in (text, handler.format(record)):
        assert "RuntimeError" in told and "ValueError" in told and "test_serve_reception.py" in told
        assert "sk-" not in told and "illness" not in told


def test_the_log_is_turned_over_and_loses_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, turn_over_bytes=2000)
    for number in range(120):
        journal.write(message_of(entry("line %d", number)), "worker 1")
    journal.let_go()
    files = sorted(tmp_path.glob("modeltrain.log*"), key=lambda path: path.suffix if path.suffix != ".log" else "", reverse=True)
    assert 2 < len(files) <= KEPT + 1
    assert all(path.stat().st_size <= 2000 for path in files)
    text = "".join(path.read_text() for path in files)
    assert [int(line.rsplit(" ", 1)[1]) for line in text.splitlines()] == list(range(120))
    assert (tmp_path / "modeltrain.log").stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not there")
    journal.write(message_of(entry("lost")), "worker 1")
    (tmp_path / "not there").mkdir()
    journal.write(message_of(entry("found")), "worker 1")
    journal.let_go()
    assert (tmp_path / "not there" / "modeltrain.log").read_text().endswith(": found\n")


@pytest.mark.parametrize("size", [7_999, 8_001, 1_000_000])
def test_a_long_message_is_cut_in_its_middle(size: int) -> None:
    text = message_of(entry("a" * (size - 1) + "z"))["text"]
    assert len(text) <= 8_010
    assert text.endswith("z")
