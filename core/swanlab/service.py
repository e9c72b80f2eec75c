"""SwanLab for whoever is signed in: experiments that their runs logged, and the dashboard over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.auth.principal import Principal
from core.clock import Clock
from core.swanlab.dashboards import Dashboards
from core.swanlab.experiments import Experiments
from core.swanlab.types import ExperimentState, RunTruth, RunTruths
from core.training.types import RunPage, RunState

if TYPE_CHECKING:
    from core.managed.service import ManagedServices
    from core.training.environment import TrainingEnvironment

#: Runs that are asked for to say how experiments ended.
MOST_RUNS: Final = 5000
_STATES: Final[Mapping[RunState, ExperimentState]] = {
    RunState.PENDING: "paused",  # it has an output folder: it is queued to go on
    RunState.STARTING: "running",
    RunState.RUNNING: "running",
    RunState.PAUSING: "running",
    RunState.PAUSED: "paused",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
    RunState.LOST: "lost",
}


class Swanlab(Experiments, Dashboards):
    """`runs(principal, limit=...)`: the page of a person's runs (services.runs.runs)."""

    def __init__(
        self,
        data_dir: Path,
        *,
        clock: Clock,
        managed: ManagedServices,
        environment: TrainingEnvironment,
        runs: Callable[..., Awaitable[RunPage]],
    ) -> None:
        async def truths(principal: Principal) -> RunTruths:
            return truths_of(await runs(principal, limit=MOST_RUNS))

        Experiments.__init__(self, data_dir, clock=clock, truths=truths)
        Dashboards.__init__(self, data_dir, managed, environment)


def truths_of(page: RunPage) -> RunTruths:
    """What experiments have to know of runs, by output folder."""
    return {str(run.output_dir): RunTruth(run.id, run.name, _STATES[run.state]) for run in page.items if run.output_dir is not None}
