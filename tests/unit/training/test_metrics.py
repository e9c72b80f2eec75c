"""Metrics read while they grow, progress, and the poller that all viewers share."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.training.gpus import Gpu
from core.training.metrics import MetricsFile, parse_elapsed
from core.training.progress import STALL_S, line_interval_s, progress_of, seconds_per_step, stall_limit_s
from core.training.tails import Tails, newest_state
from core.training.tails_resources import Resources


def line(step: int, **values: object) -> str:
    return json.dumps({"current_steps": step, "total_steps": 20, **values}) + "\n"


def points(metrics: MetricsFile, name: str) -> list[tuple[int, float]]:
    steps, values = metrics.series(name)
    return list(zip(steps.tolist(), values.tolist(), strict=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trainer_log.jsonl"


class TestReading:
    def test_values_come_as_they_are_written(self, path: Path) -> None:
        metrics = MetricsFile(path)
        assert not metrics.read_new() and not metrics.names and points(metrics, "loss") == []
        path.write_text(line(1, loss=2.5, lr=1e-5, epoch=0.1, elapsed_time="0:00:01") + line(2, loss=2, lr=9e-6)[:-5])
        assert metrics.read_new() and points(metrics, "loss") == [(1, 2.5)], "a line without its end waits for the rest"
        path.write_text(path.read_text() + line(2, loss=2, lr=9e-6)[-5:] + line(2, eval_loss=3.5))
        read = [metrics.read_new(), metrics.read_new()]
        assert read == [True, False]
        assert points(metrics, "loss") == [(1, 2.5), (2, 2.0)] and points(metrics, "eval_loss") == [(2, 3.5)]
        assert metrics.names == ("loss", "eval_loss", "lr") and metrics.latest.values["lr"] == (2, 9e-6)
        assert (metrics.latest.step, metrics.latest.total_steps, metrics.latest.epoch) == (2, 20, 0.1)

    def test_nan_and_infinity_are_kept_and_broken_lines_counted(self, path: Path) -> None:
        path.write_text(
            '{"current_steps": 1, "loss": NaN}\n{"current_steps": 2, "loss": Infinity}\n{"current_st{"current_steps": 3, "loss": 1}\n'
            '[1]\nnull\n{"loss": 1}\n{"current_steps": "4", "loss": 1}\n{"current_steps": true}\n\n'
            + '{"current_steps": 5, "loss": "1.0", "lr": true, "x": null, "y": 1e999}\n'
            + "[" * 100_000 + "\n"
        )  # fmt: skip
        metrics = MetricsFile(path)
        metrics.read_new()
        (_one, nan), (_two, infinite) = points(metrics, "loss")
        assert math.isnan(nan) and infinite == math.inf and metrics.broken == 7 and metrics.names == ("loss", "y")

    def test_what_was_logged_beyond_a_resume_is_void(self, path: Path) -> None:
        path.write_text("".join(line(step, loss=float(step), elapsed_time=f"0:00:{step:02d}") for step in range(1, 11)))
        metrics = MetricsFile(path)
        metrics.read_new()
        before, rewound = metrics.series("loss"), metrics.rewound("loss")
        with path.open("a") as file:
            file.write(line(6, loss=60.0, elapsed_time="0:00:02") + line(8, loss=80.0, elapsed_time="0:00:05"))
        metrics.read_new()
        assert points(metrics, "loss") == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0), (6, 60.0), (8, 80.0)]
        assert before[1].tolist() == [float(step) for step in range(1, 11)], "what was given never changes"
        assert metrics.rewound("loss") > rewound and metrics.timings == ((6, 2.0), (8, 5.0)) and metrics.latest.step == 8

    def test_attempts_with_files_of_their_own_are_one_curve(self, tmp_path: Path) -> None:
        first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
        first.write_text("".join(line(step, loss=1.0) for step in range(1, 6)))
        second.write_text("".join(line(step, loss=2.0) for step in range(4, 8)))
        metrics = MetricsFile(first, second)
        metrics.read_new()
        assert points(metrics, "loss") == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0), (6, 2.0), (7, 2.0)]
        later = MetricsFile(first)
        later.read_new()
        later.add(second)
        later.read_new()
        assert points(later, "loss") == points(metrics, "loss")

    def test_a_file_that_was_written_anew_is_read_anew(self, path: Path) -> None:
        path.write_text(line(1, loss=1.0) + line(2, loss=2.0))
        metrics = MetricsFile(path)
        metrics.read_new()
        path.write_text(line(1, loss=9.0))
        assert metrics.read_new() and points(metrics, "loss") == [(1, 9.0)]
        path.unlink()
        assert not metrics.read_new() and points(metrics, "loss") == [(1, 9.0)], "what was read stays"

    def test_gradient_norms_come_from_the_state(self, path: Path) -> None:
        path.write_text(line(1, loss=1.0, lr=1.0))
        metrics = MetricsFile(path)
        metrics.read_new()
        state = path.with_name("trainer_state.json")
        state.write_text('{"log_history": [{"step"')
        assert not metrics.read_state(state), "half written"
        entries = [{"step": 1, "loss": 7.0, "learning_rate": 1.0, "grad_norm": 0.5, "epoch": 0.1, "train_runtime": 3.0}, {"step": 2}, "x"]
        state.write_text(json.dumps({"log_history": entries}))
        assert metrics.read_state(state) and not metrics.read_state(state)
        assert (
            metrics.names == ("loss", "lr", "grad_norm")
            and points(metrics, "grad_norm") == [(1, 0.5)]
            and points(metrics, "loss") == [(1, 1.0)]
        )

    @given(st.lists(st.tuples(st.integers(1, 30), st.floats(-1e3, 1e3)), max_size=60), st.lists(st.integers(1, 40), max_size=20))
    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_in_any_parts_it_is_the_same_as_at_once(self, path: Path, values: list[tuple[int, float]], cuts: list[int]) -> None:
        data = "".join(line(step, loss=value) for step, value in values).encode()
        kept: list[tuple[int, float]] = []
        for step, value in values:
            kept = [point for point in kept if point[0] < step] + [(step, value)]
        path.write_bytes(b"")
        metrics, at = MetricsFile(path), 0
        for cut in [*cuts, len(data)]:
            with path.open("ab") as file:
                file.write(data[at : at + cut])
            at += cut
            metrics.read_new()
        assert points(metrics, "loss") == kept and metrics.broken == 0

    def test_times_of_the_trainer(self) -> None:
        assert parse_elapsed("0:00:08") == 8 and parse_elapsed("1 day, 2:03:04") == 93784 and parse_elapsed("11 days, 0:00:01") == 950401
        assert parse_elapsed("soon") is None and parse_elapsed("") is None and parse_elapsed("1:2") is None


class TestProgress:
    def test_right_after_a_resume(self) -> None:
        progress = progress_of([(110, 40.0)], step=110, total_steps=200, resumed_at=100)
        assert progress.seconds_per_step == 4.0 and progress.time_left_s == 360.0 and progress.fraction == 0.55

    def test_neither_an_evaluation_nor_whole_seconds_move_the_speed(self) -> None:
        timings = [(step, float(int(step * 0.4) + (300 if step > 30 else 0))) for step in range(1, 48)]
        assert abs((seconds_per_step(timings) or 0) - 0.4) < 0.05

    def test_nothing_to_tell_it_from(self) -> None:
        progress = progress_of([], step=0, total_steps=None)
        assert (progress.seconds_per_step, progress.time_left_s, progress.fraction, progress.stalled) == (None, None, None, False)

    def test_silence(self) -> None:
        timings = [(step, step * 30.0) for step in range(1, 20)]
        assert line_interval_s(timings) == 30 and stall_limit_s(timings) == 150 and stall_limit_s([(1, 1.0), (2, 2.0)]) == STALL_S
        assert not progress_of(timings, step=19, total_steps=100, silent_s=149).stalled
        stalled = progress_of(timings, step=19, total_steps=100, silent_s=151)
        assert stalled.stalled and stalled.time_left_s is None
        assert not progress_of(timings, step=19, total_steps=100, silent_s=9999, running=False).stalled
        assert not progress_of([], step=0, total_steps=100, silent_s=500).stalled, "a model may be loaded for minutes"

    def test_time_goes_on_between_two_lines(self) -> None:
        timings = [(step, step * 10.0) for step in range(1, 11)]
        assert progress_of(timings, step=10, total_steps=20, silent_s=4).time_left_s == 96
        assert progress_of(timings, step=10, total_steps=20, silent_s=40).time_left_s == 90, (
            "no more than the steps made since may have taken"
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)


class TestTails:
    async def test_one_poller_for_all_viewers_and_none_for_nobody(self, tmp_path: Path) -> None:
        path, tails, told = tmp_path / "log.txt", Tails(), [0, 0]

        def listener(which: int) -> Callable[[], None]:
            def tell() -> None:
                told[which] += 1
                assert threading.current_thread() is threading.main_thread()

            return tell

        first, stop_first = tails.log(path, listener(0))
        second, stop_second = tails.log(path, listener(1))
        assert first is second and tails.watched == 1 and tails.is_at_work
        path.write_text("a\n")
        await until(lambda: told[0] > 0 and told[1] > 0)
        assert first.size == 2
        stop_first()
        before = told[0]
        path.write_text("a\nb\n")
        await until(lambda: told[1] > 1)
        assert told[0] == before and tails.watched == 1
        stop_second()
        await until(lambda: not tails.is_at_work)
        assert tails.watched == 0
        _again, stop = tails.log(path, listener(0))
        assert tails.is_at_work
        stop()
        tails.close()

    async def test_each_viewer_is_told_in_its_own_context(self, tmp_path: Path) -> None:
        path, tails, told = tmp_path / "log.txt", Tails(), list[str]()
        language: ContextVar[str] = ContextVar("language", default="none")

        async def watch(spoken: str) -> Callable[[], None]:
            language.set(spoken)
            return tails.log(path, lambda: told.append(language.get()))[1]

        stops = [await asyncio.create_task(watch(spoken)) for spoken in ("zh_CN", "en")]
        path.write_text("a\n")
        await until(lambda: len(told) >= 2)
        assert set(told) == {"zh_CN", "en"}
        for stop in stops:
            stop()
        await asyncio.to_thread(tails.close)

    async def test_a_viewer_that_fails_harms_no_other(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path, tails, told = tmp_path / "log.txt", Tails(), asyncio.Event()

        def fails() -> None:
            raise ValueError("a viewer")

        _log, stop_one = tails.log(path, fails)
        _log, stop_two = tails.log(path, told.set)
        path.write_text("a\n")
        await asyncio.wait_for(told.wait(), 30)
        assert "a viewer of a run's file failed" in caplog.text
        stop_one()
        stop_two()
        await asyncio.to_thread(tails.close)

    async def test_metrics_and_the_state_beside_them(self, tmp_path: Path) -> None:
        path, tails = tmp_path / "trainer_log.jsonl", Tails()
        metrics, stop = tails.metrics((path,), lambda: None)
        path.write_text(line(1, loss=1.0))
        await until(lambda: metrics.names == ("loss",))
        for number in (2, 10):
            (tmp_path / f"checkpoint-{number}").mkdir()
            history = [{"step": step, "grad_norm": float(number)} for step in range(1, number + 1)]
            (tmp_path / f"checkpoint-{number}" / "trainer_state.json").write_text(json.dumps({"log_history": history}))
            await until(lambda number=number: metrics.latest.values.get("grad_norm") == (number, float(number)))  # type: ignore[misc]
        assert newest_state(tmp_path) == tmp_path / "checkpoint-10" / "trainer_state.json"
        stop()
        await asyncio.to_thread(tails.close)


class OneGpu:
    problem = ""

    def read(self) -> tuple[Gpu, ...]:
        return (Gpu("GPU-a", 0, "H", 40, 20, 98, 71), Gpu("GPU-b", 1, "H", 40, 0))


class TestResources:
    def test_only_the_gpus_of_the_run_and_nobody_is_no_error(self, tmp_path: Path) -> None:
        resources = Resources(tmp_path, ("GPU-a",), OneGpu())
        assert resources.look() and resources.sample.processes == 0 and resources.sample.memory_total > 0
        assert [gpu.uuid for gpu in resources.sample.gpus] == ["GPU-a"]
