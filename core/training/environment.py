"""The training environment: another interpreter with LLaMA-Factory, called as a subprocess. This program never imports what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.auth.principal import Principal
from core.clock import Clock
from core.persistence import Store
from core.settings import Settings
from core.training.environment_types import Catalogue, CheckResult, EnvironmentState, InstallProgress

#: What `install` may be asked for beside the base.
EXTRAS = ("deepspeed", "bitsandbytes", "vllm", "sglang", "liger-kernel", "metrics")


class TrainingEnvironment:
    """`services.environment`. One installation has one environment for everybody; only administrators and the operator change it."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock

    async def state(self, principal: Principal) -> EnvironmentState:
        """Where it is and whether it is usable. Cheap: reads metadata of distributions, and that only when something changed."""
        raise NotImplementedError

    async def use(self, principal: Principal, folder: str) -> EnvironmentState:
        """Name an existing environment ("" for our own again). Administrators and the operator. Raises InvalidInput, Forbidden."""
        raise NotImplementedError

    async def install(self, principal: Principal, *, cpu: bool = False, extras: Iterable[str] = ()) -> InstallProgress:
        """Start making our own environment, or go on where an installation ended; it outlives this program.

        Administrators and the operator. Raises Forbidden, Conflict(what="installation_running" | "environment_in_use"),
        InvalidInput("extra"), DiskFull, EnvironmentProblem.
        """
        raise NotImplementedError

    async def cancel(self, principal: Principal) -> InstallProgress:
        """Stop an installation with all of its processes; what is done stays done. Administrators and the operator."""
        raise NotImplementedError

    async def progress(self, principal: Principal) -> InstallProgress:
        """How far an installation is, whoever started it. Cheap: ask as often as a screen is drawn."""
        raise NotImplementedError

    async def check(self, principal: Principal) -> CheckResult:
        """Import everything for real (10-60 s). Administrators and the operator."""
        raise NotImplementedError

    async def call(self, helper: str, arguments: Mapping[str, Any], *, timeout_s: float = 120.0) -> Any:
        """What core/training/helpers/`helper`.py answers: JSON in, JSON out, in the environment's Python. At most two run at a time.

        For other services, not for screens: there is no principal. Raises EnvironmentProblem(what="training_environment_missing" |
        "training_helper_failed" (rule, message) | "training_helper_timeout").
        """
        raise NotImplementedError

    async def catalogue(self, principal: Principal) -> Catalogue:
        """Models, templates, stages, methods and options of the installed version. At once; what takes time is read in the background
        and is there at a later call (Catalogue.source)."""
        raise NotImplementedError
