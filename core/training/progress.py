"""How far a run is, how fast, and how long it will take: from the steps since it was started or resumed last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`seconds_per_step`, `time_left_s`: None until there is something to tell them from. `resumed_at`: the step where it went on, or None.

    `silent_s`: how long nothing was logged; `stalled`: that is more than max(5 x the time of a step, 60 s).
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
