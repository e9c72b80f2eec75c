"""Local models: what lies on this machine, serving it, merging adapters. Served models become model configurations of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.inference.types import BackendInfo, MergeOptions, ServeOptions, Target
from core.managed.types import Service

if TYPE_CHECKING:
    from core.training.types import Run


class Inference:
    """`services.inference`."""

    async def targets(self, principal: Principal, *, run_id: str | None = None, query: str = "") -> tuple[Target, ...]:
        """Models of the model folders, and what the principal's own runs brought; of one run with `run_id` (raises NotFound)."""
        raise NotImplementedError

    async def target(self, principal: Principal, reference: str) -> Target:
        """By id, path, name, or "RUN", "RUN@STEP". Raises NotFound(kind="local_model")."""
        raise NotImplementedError

    async def backends(self, principal: Principal) -> tuple[BackendInfo, ...]:
        """The ways to serve, with what the training environment has."""
        raise NotImplementedError

    async def serve(self, principal: Principal, target_id: str, options: ServeOptions | None = None) -> Service:
        """Start a server for it, or give back the one that runs already. Its model configuration is there once it is ready.

        Raises NotFound, Conflict(what="checkpoint_incomplete" | "backend_missing" | "gpus_busy"), EnvironmentProblem.
        """
        raise NotImplementedError

    async def ready(self, principal: Principal, service_id: str, *, within_s: float = 600.0) -> Service:
        """Wait until it answers (or failed, or the time is over): then its `configuration_id` can be chatted with."""
        raise NotImplementedError

    async def services(self, principal: Principal, *, active: bool = False) -> tuple[Service, ...]:
        """The principal's model servers, the newest first."""
        raise NotImplementedError

    async def stop(self, principal: Principal, service_id: str) -> Service:
        """End a model server with every process of its; its configuration is disabled."""
        raise NotImplementedError

    async def merge(self, principal: Principal, target_id: str, options: MergeOptions | None = None) -> Run:
        """Queue a run of the kind "export" that melts an adapter or checkpoint into its base. Raises NotFound, Conflict."""
        raise NotImplementedError

    async def set_note(self, principal: Principal, target_id: str, note: str) -> Target:
        """What the principal wants to remember about it; others do not see it."""
        raise NotImplementedError

    async def delete(self, principal: Principal, target_id: str) -> int:
        """Delete a checkpoint or merged model of an own run from the disk; bytes that became free.

        Raises NotFound, Forbidden (a base model, another's), Conflict(what="model_served" | "run_active").
        """
        raise NotImplementedError
