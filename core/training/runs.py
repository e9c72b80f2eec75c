"""Runs: asked for, queued, looked at, paused, resumed, stopped, retried. Whoever asks sees and changes only their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from core.auth.principal import Principal
from core.training.gpus import Gpu
from core.training.types import Attempt, QueueState, Run, RunPage, RunRequest, RunState


class Runs:
    """Raises NotFound(kind="run") for unknown ids and other people's, Conflict(what="run_...") where the state does not allow it."""

    async def start(self, principal: Principal, request: RunRequest) -> Run:
        """Check and resolve the request (services.training.resolve) and queue it. It begins when its turn comes, whoever lives then.

        Raises InvalidInput, NotFound, Forbidden.
        """
        raise NotImplementedError

    async def runs(
        self,
        principal: Principal,
        *,
        states: Collection[RunState] = (),
        query: str = "",
        limit: int = 50,
        offset: int = 0,
        everyone: bool = False,
    ) -> RunPage:
        """Runs, those at work first, then the queue in its order, then the newest. `everyone`: an administrator sees all accounts'."""
        raise NotImplementedError

    async def run(self, principal: Principal, run_id: str) -> Run:
        """By id, or by the beginning of one (at least 6 digits) where it is the only one, or by name."""
        raise NotImplementedError

    async def attempts(self, principal: Principal, run_id: str) -> tuple[Attempt, ...]:
        """The newest first."""
        raise NotImplementedError

    async def pause(self, principal: Principal, run_id: str) -> Run:
        """Ask for a checkpoint and the end: the state is `pausing` until it is there. Raises Conflict(what="run_not_running")."""
        raise NotImplementedError

    async def resume(self, principal: Principal, run_id: str) -> Run:
        """Queue a new attempt that goes on from the last whole checkpoint. Raises Conflict(what="run_not_resumable" | "run_finished")."""
        raise NotImplementedError

    async def stop(self, principal: Principal, run_id: str) -> Run:
        """End it: gracefully, then every process. A pending one is cancelled. Raises Conflict(what="run_over")."""
        raise NotImplementedError

    async def cancel(self, principal: Principal, run_id: str) -> Run:
        """Take a pending or paused run out. Raises Conflict(what="run_not_pending")."""
        raise NotImplementedError

    async def retry(self, principal: Principal, run_id: str, changes: Mapping[str, Any] | None = None) -> Run:
        """Queue a new attempt from the beginning, with options changed (None removes one). Raises Conflict(what="run_active")."""
        raise NotImplementedError

    async def set_priority(self, principal: Principal, run_id: str, priority: int) -> Run:
        """-100..100; above 0 is for administrators. Raises Conflict(what="run_not_pending"), Forbidden."""
        raise NotImplementedError

    async def move(self, principal: Principal, run_id: str, places: int) -> Run:
        """Move a pending run among one's own of the same priority: -1 is one earlier."""
        raise NotImplementedError

    async def rename(self, principal: Principal, run_id: str, name: str) -> Run:
        raise NotImplementedError

    async def delete(self, principal: Principal, run_id: str, *, files: bool = True) -> None:
        """Forget a run that is not at work, with its folder unless `files` is False. Raises Conflict(what="run_active" | "run_used")."""
        raise NotImplementedError

    async def log_path(self, principal: Principal, run_id: str, *, attempt: int | None = None) -> Path:
        """The log of an attempt, by default the current one; the file need not be there yet. Raises Conflict(what="run_not_started")."""
        raise NotImplementedError

    async def metrics_path(self, principal: Principal, run_id: str) -> Path:
        """`trainer_log.jsonl` of the output folder; need not be there yet. Raises Conflict(what="run_not_started")."""
        raise NotImplementedError

    async def gpus(self, principal: Principal) -> tuple[tuple[Gpu, Run | None], ...]:
        """Every GPU with the run that holds it (None: nobody, or somebody else's: then the Run has only state and times)."""
        raise NotImplementedError

    async def queue(self, principal: Principal) -> QueueState:
        raise NotImplementedError

    async def set_queue_paused(self, principal: Principal, paused: bool) -> QueueState:
        """Administrators and the operator: nothing new is started until it is taken back."""
        raise NotImplementedError

    async def settled(self, principal: Principal, run_id: str, *, wanted: Collection[RunState] = ()) -> Run:
        """Wait until the run is over, or in one of `wanted`; meanwhile this process does a scheduler's work if nobody else does."""
        raise NotImplementedError

    async def start_following(self, principal: Principal) -> None:
        """What changes for this account from now on is told by `follow`: call it before the first list is read."""
        raise NotImplementedError

    async def follow(self, user_ids: Collection[str]) -> None:
        """Publish what other processes changed for these accounts since the last call (core/events.py, RunsChanged)."""
        raise NotImplementedError
