"""How far a run is, how fast, and how long it will take: from the steps since it was started or resumed last.

The trainer's own time left divides the time since its start by all steps, also those of earlier attempts: wrong right after a resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

#: (step, seconds since the process began): elapsed_time of trainer_log.jsonl, in whole seconds.
Timing = tuple[int, float]
#: So many of the last lines tell the speed.
_RECENT = 48
#: Silence that is no stall, at least; and while a model is loaded and data are read, before there are steps.
STALL_S, STALL_AT_START_S = 60.0, 600.0
_STALL_TIMES = 5
#: A gap so many times as long as the median one is no training.
_USUAL = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """`seconds_per_step`, `time_left_s`: None until there is something to tell them from. `resumed_at`: the step where it went on, or None.

    `silent_s`: how long nothing was logged; `stalled`: that is more than max(5 x the time between two lines, 60 s).
    """

    step: int
    total_steps: int | None
    seconds_per_step: float | None
    time_left_s: float | None
    resumed_at: int | None
    silent_s: float | None = None
    stalled: bool = False

    @property
    def fraction(self) -> float | None:
        """0..1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else None

    @property
    def steps_per_second(self) -> float | None:
        return 1 / self.seconds_per_step if self.seconds_per_step else None


def seconds_per_step(timings: Sequence[Timing], resumed_at: int | None = None) -> float | None:
    """From the last lines: their time over their steps, without the gaps that are much longer than the median one (an evaluation, a
    checkpoint). A sum, since the trainer tells whole seconds. With one line: the time since the process began, over the steps since then.
    """
    recent = list(timings)[-_RECENT:]
    gaps = [(high - low, later - earlier) for (low, earlier), (high, later) in pairwise(recent) if high > low and later >= earlier]
    if gaps:
        longest = _USUAL * median(seconds for _steps, seconds in gaps) + 2.0
        usual = [(steps, seconds) for steps, seconds in gaps if seconds <= longest]
        if (taken := sum(seconds for _steps, seconds in usual)) > 0:
            return taken / sum(steps for steps, _seconds in usual)
    if recent:
        step, seconds = recent[-1]
        steps = step - (resumed_at or 0)
        if steps > 0 and seconds > 0:
            return seconds / steps
    return None


def line_interval_s(timings: Sequence[Timing]) -> float | None:
    """The usual time between two lines."""
    recent = list(timings)[-_RECENT:]
    gaps = [later - earlier for (_low, earlier), (_high, later) in pairwise(recent)]
    return median(gaps) if gaps else None


def progress_of(
    timings: Sequence[Timing],
    *,
    step: int,
    total_steps: int | None,
    resumed_at: int | None = None,
    silent_s: float | None = None,
    running: bool = True,
) -> Progress:
    """`timings`: of the current process. `silent_s`: since anything was written to log or metrics. `running`: whether it is at work."""
    pace = seconds_per_step(timings, resumed_at)
    left, stalled = None, False
    if running:
        stalled = silent_s is not None and silent_s > stall_limit_s(timings)
        if pace is not None and total_steps and not stalled:
            last_line = timings[-1][0] if timings else step
            # Between two lines time goes on, but no more than the steps that may have been made since.
            passed = min(silent_s or 0.0, (line_interval_s(timings) or 0.0)) if last_line == step else 0.0
            left = max(0.0, (total_steps - step) * pace - passed)
    return Progress(step, total_steps or None, pace, left, resumed_at, silent_s, stalled)


def stall_limit_s(timings: Sequence[Timing]) -> float:
    """How long a run may be silent."""
    interval = line_interval_s(timings)
    return STALL_AT_START_S if interval is None else max(_STALL_TIMES * interval, STALL_S)
