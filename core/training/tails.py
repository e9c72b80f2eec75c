"""Files of runs that somebody looks at: one poller for each file and process, for all viewers; none when nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.logs.file import LogFile
    from core.training.metrics import MetricsFile


class Tails:
    """Belongs to one event loop; listeners are called in it. `close` ends the poller's thread."""

    def log(self, path: Path, listener: Callable[[], None]) -> tuple[LogFile, Callable[[], None]]:
        """The log at `path`, shared with its other viewers, and what to call when it is looked at no more."""
        raise NotImplementedError

    def metrics(self, paths: tuple[Path, ...], listener: Callable[[], None]) -> tuple[MetricsFile, Callable[[], None]]:
        """The same for metrics (trainer_log.jsonl of the attempts in order; trainer_state.json beside them is read too)."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
