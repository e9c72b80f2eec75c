"""Why a run ended badly: rules over its log, its exit and the machine, each with the lines that prove it and what to change.

`gather` reads the evidence of an attempt's folder (a few pread calls), `explain` is pure and fast: tens of milliseconds at most.
"""

from core.training.failures.explain import explain, warnings_of
from core.training.failures.gather import gather
from core.training.failures.types import Evidence, Failure, LogExcerpt, Remedy

__all__ = ["Evidence", "Failure", "LogExcerpt", "Remedy", "explain", "gather", "warnings_of"]
