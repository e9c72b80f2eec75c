"""Lines by their place against a plain reading of the whole file, for any bytes; growth, truncation, deletion, replacement, holes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.logs.file import LogFile
from core.logs.types import PIECE, Change, Line

#: Short lines, endless ones, all kinds of ends; sizes around those at which endless lines are cut.
_PIECES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"line\n", b"\xff\xfe", "中文\n".encode(), b"\x00"]), max_size=40).map(b"".join),
    st.tuples(st.sampled_from([b"x", b"\r 5%|a| 1/20"]), st.integers(PIECE - 3, 3 * PIECE + 3)).map(lambda made: made[0] * made[1]),
    st.tuples(st.sampled_from([b"y", b"\n", b"z\n"]), st.integers(0, 5000)).map(lambda made: made[0] * made[1]),
)
FILES = st.lists(_PIECES, max_size=6).map(b"".join)
_SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def plain(data: bytes) -> list[tuple[int, int]]:
    """Where lines begin and end, from the whole file: the rule of core/logs/lines.py told the slow way."""
    found, start, place = [], 0, 0
    while start < len(data):
        cut = (-(-start // PIECE) + 1) * PIECE
        place = data.find(b"\n", start, cut)
        end = place + 1 if place >= 0 else min(cut, len(data))
        found.append((start, end))
        start = end
    return found


def written(folder: Path, data: bytes) -> LogFile:
    path = folder / "log.txt"
    path.write_bytes(data)
    return LogFile(path)


def spans(lines: list[Line]) -> list[tuple[int, int]]:
    return [(line.start, line.end) for line in lines]


class TestAnyBytes:
    @given(data=FILES, places=st.lists(st.integers(0, 1 << 20), min_size=1, max_size=6), count=st.integers(1, 60))
    @example(data=b"x" * PIECE, places=[0, PIECE - 1, PIECE], count=3)
    @example(data=b"a\n" + b"x" * (2 * PIECE - 2) + b"\nb", places=[1, 2, PIECE, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 1], count=3)
    @_SETTINGS
    def test_lines_are_those_of_a_plain_reading(self, tmp_path: Path, data: bytes, places: list[int], count: int) -> None:
        log, expected = written(tmp_path, data), plain(data)
        for place in places:
            offset = place % (len(data) + 1)
            index = next((at for at, (start, end) in enumerate(expected) if start <= offset < end), len(expected))
            forward, backward = log.forward(offset, count), log.backward(offset, count)
            assert spans(forward) == expected[index : index + count]
            assert spans(backward) == expected[max(0, index - count) : index]
            for line in forward + backward:
                whole = data[line.start : line.end]
                assert line.data == whole or line.data in (whole.removesuffix(b"\n"), whole.removesuffix(b"\r\n"))
                assert line.begins == (line.start == 0 or data[line.start - 1 : line.start] == b"\n")

    @given(data=FILES, place=st.integers(0, 1 << 20), counted=st.booleans())
    @_SETTINGS
    def test_line_numbers_are_those_of_a_plain_reading(self, tmp_path: Path, data: bytes, place: int, counted: bool) -> None:
        log = written(tmp_path, data)
        offset = place % (len(data) + 1)
        if counted:
            assert log.count_to(log.size)
        number = log.number(offset)
        assert number.exact and number.value == data.count(b"\n", 0, offset) + 1

    @given(data=FILES, more=FILES)
    @_SETTINGS
    def test_what_is_appended_is_seen(self, tmp_path: Path, data: bytes, more: bytes) -> None:
        log = written(tmp_path, data)
        log.number(log.size)
        with log.path.open("ab") as file:
            file.write(more)
        assert log.refresh() is (Change.GREW if more else Change.NONE)
        assert spans(log.forward(0, 1 << 20)) == plain(data + more)
        assert log.number(log.size).value == (data + more).count(b"\n") + 1


class TestLarge:
    def test_a_number_is_estimated_until_it_was_counted(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"0123456789\n" * 2_000_000)
        guess = log.number(log.size - 1)
        assert not guess.exact and 0 < log.uncounted(log.size) < log.size
        assert abs(guess.value - 2_000_000) < 20_000
        assert not log.count_to(log.size, lambda: True), "counting can be ended"
        assert log.count_to(log.size)
        assert log.number(log.size - 1).exact and log.number(log.size - 1).value == 2_000_000 and not log.uncounted(log.size)

    def test_a_line_of_200_mb_comes_in_pieces(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        with path.open("wb") as file:
            for _turn in range(200):
                file.write(b"x" * 1_000_000)
            file.write(b"\nend\n")
        log = LogFile(path)
        (last_piece, end) = log.tail(2)
        assert end.data == b"end" and not last_piece.begins and len(last_piece.data) <= 2 * PIECE
        first = log.forward(0, 1)[0]
        assert first.begins and not first.ends and len(first.data) <= 2 * PIECE
        assert log.number(end.start).value == 2 or not log.number(end.start).exact


class TestWhatHappensToFiles:
    def test_missing_then_there(self, tmp_path: Path) -> None:
        log = LogFile(tmp_path / "log.txt")
        assert log.size == 0 and log.forward(0, 5) == [] and log.tail(5) == [] and log.refresh() is Change.NONE
        log.path.write_bytes(b"a\n")
        assert log.refresh() is Change.BACK and [line.data for line in log.tail(5)] == [b"a"]
        assert log.refresh() is Change.NONE

    def test_truncated(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"old line\n" * 100)
        os.truncate(log.path, 9)
        assert log.refresh() is Change.TRUNCATED and log.version == 1 and len(log.tail(50)) == 1

    def test_truncated_and_grown_beyond_its_old_size(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"old\n" * 10)
        os.truncate(log.path, 0)
        with log.path.open("ab") as file:
            file.write(b"a newer line\n" * 100)
        assert log.refresh() is Change.TRUNCATED and log.version == 1
        assert log.forward(0, 1)[0].data == b"a newer line"

    def test_replaced(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"old\n" * 10)
        (tmp_path / "new").write_bytes(b"old\n" * 10 + b"x\n")
        (tmp_path / "new").rename(log.path)
        assert log.refresh() is Change.REPLACED and log.version == 1 and log.tail(1)[0].data == b"x"

    def test_deleted_but_still_written(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"one\n")
        with log.path.open("ab") as file:
            log.path.unlink()
            assert log.refresh() is Change.GONE and log.gone
            file.write(b"two\n")
            file.flush()
            assert log.refresh() is Change.GREW
        assert [line.data for line in log.tail(5)] == [b"one", b"two"]
        assert log.refresh() is Change.NONE
        log.path.write_bytes(b"three\n")
        assert log.refresh() is Change.REPLACED and not log.gone

    @pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.mkdir()], ids=["fifo", "folder"])
    def test_what_is_no_file_is_not_waited_for(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "log.txt")
        log = LogFile(tmp_path / "log.txt")
        assert log.problem == "not_a_file" and log.tail(1) == [] and log.size == 0

    def test_nothing_stays_open(self, tmp_path: Path) -> None:
        before = set(Path("/proc/self/fd").iterdir())
        log = written(tmp_path, b"a\n")
        log.close()
        assert set(Path("/proc/self/fd").iterdir()) <= before


class TestHoles:
    @pytest.fixture
    def holed(self, tmp_path: Path) -> LogFile:
        """Head and tail as the shim leaves them, with a hole of 8 MiB."""
        path = tmp_path / "log.txt"
        with path.open("wb") as file:
            file.write(b"head\n" * 1000)
            file.seek(9 << 20)
            file.write(b" of a cut line\n" + b"tail\n" * 1000)
        log = LogFile(path)
        if not log.holes:
            pytest.skip("this file system keeps no holes")
        return log

    def test_a_hole_is_one_line_that_says_how_much(self, holed: LogFile) -> None:
        ((low, high),) = holed.holes
        middle = holed.forward(low, 2)
        assert middle[0].kind == "hole" and middle[0].left_out == high - low > 7 << 20
        assert not middle[1].begins and b"of a cut line" in middle[1].data
        back = holed.backward(middle[1].start, 2)
        assert back[-1].kind == "hole" and back[0].start < low
        assert not holed.number(middle[1].end).exact, "nobody knows how many lines were in it"
        assert holed.number(4999).exact

    def test_going_through_from_both_ends_gives_the_same(self, holed: LogFile) -> None:
        forward = holed.forward(0, 10_000)
        backward = holed.backward(holed.size, 10_000)
        assert forward == backward and sum(line.kind == "hole" for line in forward) == 1
        assert [(line.start, line.end) for line in forward] == sorted((line.start, line.end) for line in forward)
