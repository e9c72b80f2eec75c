"""What is looked at before another attempt of a run: as before any start, with what is different this time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tui.screens.runs.preflight import PreflightScreen

if TYPE_CHECKING:
    from core.training.preflight_types import Preflight
    from core.training.types import Run, RunRequest


class RetryChecks(PreflightScreen):
    """Returns as PreflightScreen does. `changes`: options that differ; what a remedy here changes comes on top."""

    def __init__(self, run_id: str, changes: Mapping[str, Any]) -> None:
        self._run_id, self._changes = run_id, dict(changes)
        super().__init__(self._never, self._changes.update)

    async def _never(self) -> RunRequest:
        raise AssertionError("another attempt is no new request")

    async def _look(self) -> Preflight:
        return await self.services.runs.preflight_again(self.principal, self._run_id, self._changes)

    async def _queue(self) -> Run:
        return await self.services.runs.retry(self.principal, self._run_id, self._changes or None)
