"""Applies the rules, the most telling first."""

from __future__ import annotations

from core.training.failures.types import Evidence, Failure


def explain(evidence: Evidence) -> Failure:
    """Why this run ended badly: the first rule that fits, else "unknown" with the last line that was said. Never raises."""
    raise NotImplementedError


def warnings_of(evidence: Evidence) -> tuple[Failure, ...]:
    """What a run that ended well (status 0) still should be told: skipped rows, a loss of zero. Of the severity "warning"."""
    raise NotImplementedError
