"""Search, hits and levels against a plain reading of the file, for any bytes."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.logs import windows
from core.logs.file import LogFile
from core.logs.levels import level_of
from core.logs.search import Bound, Hits, SearchFailed, find_next, find_previous, matcher_of
from core.logs.text import show
from core.logs.threads import in_thread
from core.logs.types import Level, Line, Query
from tests.unit.logs.test_log_file import plain, written

_WORDS = ["loss", "Loss", "LOSS", "Error", "error", "中文", "é", "É", "a", "[x]", "@", "`", "step 1", "\x7f"]
_TEXTS = st.lists(
    st.sampled_from([*(word.encode() for word in _WORDS), b"\n", b"\n", b"\r\n", b" ", b"\xff", b"ERROR: x\n", b"padding " * 20]),
    max_size=60,
).map(b"".join)
_SETTINGS = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def lines_with(data: bytes, query: Query) -> list[int]:
    """Where lines begin that have `query`."""
    fold = query.ignores_case
    found = []
    for start, end in plain(data):
        line = data[start:end].removesuffix(b"\n")
        if query.pattern:
            flags = re.IGNORECASE if fold else 0
            wanted = re.search(query.text, line.removesuffix(b"\r").decode("utf-8", "replace"), flags) is not None
        else:
            wanted = (query.text.encode().lower() in line.lower()) if fold else query.text.encode() in line
        if wanted:
            found.append(start)
    return found


class TestAnyBytes:
    @given(data=_TEXTS, word=st.sampled_from(_WORDS), small=st.booleans())
    @example(data=b"`" * 10 + b"\n@loss\n", word="@", small=True)
    @_SETTINGS
    def test_hits_both_ways_and_counted(self, tmp_path: Path, data: bytes, word: str, small: bool) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "SIZE", 16 if small else 1 << 20)
            log, query = written(tmp_path, data), Query(word)
            expected, matcher = lines_with(data, query), matcher_of(query)
            opened = log.opened
            assert opened is not None
            onward, offset = [], -1
            while (hit := find_next(opened, matcher, offset, Bound())) is not None:
                assert data[hit.offset : hit.end].lower() == word.encode().lower() and hit.line <= hit.offset
                assert word.encode().lower() not in data[hit.line : hit.offset].lower() or not query.ignores_case
                onward.append(hit.line)
                offset = hit.line
            back, offset = [], log.size
            while (hit := find_previous(opened, matcher, offset, Bound())) is not None:
                back.append(hit.line)
                offset = hit.line
            assert onward == expected and back == expected[::-1]
            hits = Hits(matcher)
            hits.extend(opened, Bound())
            whole = [start for start in expected if data.find(b"\n", start) >= 0]
            assert list(hits.offsets) == whole and [hits.rank(start) for start in whole] == list(range(1, len(whole) + 1))

    @given(data=_TEXTS)
    @_SETTINGS
    def test_errors_are_the_lines_that_are_shown_as_errors(self, tmp_path: Path, data: bytes) -> None:
        log = written(tmp_path, data)
        opened = log.opened
        assert opened is not None
        for level in (Level.WARNING, Level.ERROR):
            hits = Hits(matcher_of(None, level))
            hits.extend(opened, Bound())
            lines = [line for line in log.forward(0, 10_000) if line.end - line.start > len(line.data)]
            assert list(hits.offsets) == [line.start for line in lines if show(line).level >= level]


class TestPatterns:
    DATA = "step 1 loss 2.5\nError: no\nstep 22 loss 0.5\r\n中文 Fehler\n\xe9\nstep 3\n".encode() + b"\xff\xfe broken 77\n" + b"last 9"

    @pytest.mark.parametrize(
        "text",
        [r"loss \d", r"^step \d+$", r"error", r"Error", r"\d{2}", r"中.", r"^$", r"(loss|broken)", r"\S+ 77", r"x*", r"9$", r"(?i)FEHLER"],
    )
    def test_both_ways(self, tmp_path: Path, text: str) -> None:
        log, query = written(tmp_path, self.DATA), Query(text, pattern=True)
        expected, matcher, opened = lines_with(self.DATA, query), matcher_of(query), log.opened
        assert opened is not None
        assert [hit.line for hit in matcher.scan(opened, 0, opened.size, Bound())] == expected
        back, offset = [], log.size
        while (hit := find_previous(opened, matcher, offset, Bound())) is not None:
            back.append(hit.line)
            offset = hit.line
        assert back == expected[::-1]

    def test_the_match_is_told_in_bytes(self, tmp_path: Path) -> None:
        data = "中文 loss 1\n".encode() + b"\xff loss 2\n"
        opened = written(tmp_path, data).opened
        assert opened is not None
        hits = list(matcher_of(Query(r"loss \d", pattern=True)).scan(opened, 0, len(data), Bound()))
        assert [data[hit.offset : hit.end] for hit in hits] == [b"loss 1", b"loss 2"]

    def test_an_expression_that_never_ends_is_ended(self, tmp_path: Path) -> None:
        opened = written(tmp_path, b"a" * 40 + b"!\n").opened
        assert opened is not None
        began = time.monotonic()
        with pytest.raises(SearchFailed, match="time"):
            find_next(opened, matcher_of(Query("(a+)+$", pattern=True)), -1, Bound(limit_s=1.0))
        assert time.monotonic() - began < 20

    async def test_it_holds_up_nobody_and_can_be_ended(self, tmp_path: Path) -> None:
        opened = written(tmp_path, b"a" * 40 + b"!\n").opened
        assert opened is not None
        bound = Bound()
        task = asyncio.create_task(in_thread(lambda: find_next(opened, matcher_of(Query("(a+)+$", pattern=True)), -1, bound), bound))
        for _turn in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bound.cancelled

    @pytest.mark.parametrize("text", ["(", "[a", "*", "(?P<x>a)(?P<x>b)", "a" * 1001])
    def test_what_is_no_expression_is_refused(self, text: str) -> None:
        with pytest.raises(SearchFailed, match="pattern"):
            matcher_of(Query(text, pattern=True))


class TestBounds:
    def test_a_search_is_cancelled(self, tmp_path: Path) -> None:
        opened = written(tmp_path, b"nothing here\n" * 1000).opened
        assert opened is not None
        bound = Bound()
        bound.cancel()
        with pytest.raises(SearchFailed, match="cancelled"):
            find_next(opened, matcher_of(Query("loss")), -1, bound)

    def test_too_many_hits_are_not_counted_on(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from core.logs import search

        monkeypatch.setattr(search, "MAX_HITS", 10)
        opened = written(tmp_path, b"loss\n" * 100).opened
        assert opened is not None
        hits = Hits(matcher_of(Query("loss")))
        hits.extend(opened, Bound())
        assert hits.full and len(hits.offsets) == 10

    def test_what_is_added_is_found_later(self, tmp_path: Path) -> None:
        log = written(tmp_path, b"loss 1\nloss")
        hits = Hits(matcher_of(Query("loss")))
        assert log.opened is not None
        hits.extend(log.opened, Bound())
        assert list(hits.offsets) == [0], "a line without its end may still change"
        with log.path.open("ab") as file:
            file.write(b" 2\nother\nloss 3\n")
        log.refresh()
        hits.extend(log.opened, Bound())
        assert list(hits.offsets) == [0, 7, 20]

    def test_holes_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        with path.open("wb") as file:
            file.write(b"needle 1\n" + b"x\n" * 5000)
            file.seek(1 << 32)
            file.write(b"\nneedle 2\n")
        log = LogFile(path)
        if not log.holes or log.opened is None:
            pytest.skip("this file system keeps no holes")
        hits = Hits(matcher_of(Query("needle")))
        began = time.monotonic()
        hits.extend(log.opened, Bound())
        assert len(hits.offsets) == 2 and time.monotonic() - began < 5, "four GiB of nothing are not read"


class TestLevels:
    @pytest.mark.parametrize(
        ("text", "level"),
        [
            ("[INFO|2026-01-01 12:00:00] llamafactory.hparams.parser:423 >> Process rank: 0", Level.INFO),
            ("[WARNING|trainer.py:816] 2026-01-01 12:00:00,123 >> x", Level.WARNING),
            ("[ERROR|2026-01-01 12:00:00] x", Level.ERROR),
            ("Traceback (most recent call last):", Level.ERROR),
            ("[rank0]: Traceback (most recent call last):", Level.ERROR),
            ("[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", Level.ERROR),
            ("ValueError: Undefined dataset nope in dataset_info.json.", Level.ERROR),
            ("KeyError: 'nope'", Level.ERROR),
            ("KeyboardInterrupt", Level.ERROR),
            ("E1121 08:00:00.000000 123 torch/distributed/elastic/multiprocessing/api.py:984] failed (exitcode: 1)", Level.ERROR),
            ("W1121 08:00:00.000000 123 torch/distributed/run.py:793]", Level.WARNING),
            ("2026-01-01 12:00:00,123 - CRITICAL - x", Level.ERROR),
            ("/x/y.py:3: FutureWarning: `z` is old", Level.WARNING),
            ("WARNING:root:careful", Level.WARNING),
            ("DEBUG:x:y", Level.DEBUG),
            ("Killed", Level.ERROR),
            ("{'loss': '0.8213', 'errors': 0, 'grad_norm': '1.2'}", Level.PLAIN),
            ("no errors were found; terror", Level.PLAIN),
            ('  File "x.py", line 3, in <module>', Level.PLAIN),
        ],
    )
    def test_of_lines_that_training_writes(self, text: str, level: Level) -> None:
        assert level_of(text) is level


class TestShown:
    def shown(self, data: bytes) -> tuple[str, str | None, int]:
        made = show(Line(0, len(data), data))
        return made.text, made.bar.text if made.bar else None, made.folded

    def test_a_bar_is_folded_to_its_last_state(self) -> None:
        data = b"\r  0%|          | 0/20 [00:00<?, ?it/s]\r 10%|x         | 2/20 [00:08<01:14,  4.12s/it]"
        assert self.shown(data) == ("10%|x         | 2/20 [00:08<01:14,  4.12s/it]",) * 2 + (1,)
        bar = show(Line(0, 1, data)).bar
        assert bar is not None and (bar.percent, bar.done, bar.total) == (10.0, 2, 20)

    def test_what_is_printed_between_is_what_counts(self) -> None:
        data = b"\r 10%|x    | 2/20 [00:08<01:14,  4.12s/it]{'loss': '6.2'}"
        assert self.shown(data)[0] == "{'loss': '6.2'}" and self.shown(data)[1] is not None
        blanked = b"\r              \r{'loss': '6.2'}"
        assert self.shown(blanked) == ("{'loss': '6.2'}", None, 0)

    def test_an_error_that_was_drawn_over_is_shown_all_the_same(self) -> None:
        assert self.shown(b"ValueError: no\r  9%|x | 1/9 [00:01<00:08,  1.0it/s]\rmore")[0] == "ValueError: no"

    @given(st.binary(max_size=300))
    @settings(deadline=None)
    def test_any_bytes_are_harmless(self, data: bytes) -> None:
        text = show(Line(0, len(data), data)).text
        assert not any((ord(character) < 32 and character != "\t") or 127 <= ord(character) < 160 for character in text)
