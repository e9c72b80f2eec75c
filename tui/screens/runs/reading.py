"""What the runs area reads: runs with their figures, configurations, the environment, and what a first run still lacks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from core.training.types import ACTIVE, RunState
from tui.i18n import N_, _
from tui.screens.runs import lists
from tui.screens.runs.actions import RunActions
from tui.screens.runs.configurations import ConfigurationActions
from tui.screens.runs.environment import EnvironmentActions
from tui.screens.runs.following import FiguresOfRuns
from tui.screens.runs.keys import RUNS
from tui.widgets.fields import Field

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingConfiguration
    from core.training.environment_types import EnvironmentState, InstallProgress
    from core.training.types import Run

#: What `o` goes through: which states are shown.
SHOWN: tuple[tuple[str, Collection[RunState]], ...] = (
    (N_("all"), ()),
    (N_("at work and waiting"), (*ACTIVE, RunState.PENDING)),
    (N_("ended"), (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.LOST, RunState.PAUSED)),
)
_LIMIT = 200


class Reading(RunActions, ConfigurationActions, EnvironmentActions):
    """The part of the runs screen that holds what was read."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[Run, ...] = ()
        self._total = 0
        self._any_run = False
        self._configurations: tuple[TrainingConfiguration, ...] = ()
        self._environment: EnvironmentState | None = None
        self._install: InstallProgress | None = None
        self._beginning = lists.Beginning(None)
        self._indexes: dict[str, int] = {}
        self._in_hand = ""
        self._loaded: set[str] = set()
        self._wanted: str | None = None
        self._everyone = False
        self._which = 0
        self._figures = FiguresOfRuns()

    @property
    def query_text(self) -> str:
        return self.query_one("#runs-filter", Field).value

    @property
    def on_the_way(self) -> bool:
        """Whether there is no run yet: then the list is the way to the first one."""
        return RUNS in self._loaded and not self._any_run and not self._everyone

    async def _load_runs(self) -> None:
        _word, states = SHOWN[self._which]
        page = await self.services.runs.runs(
            self.principal, states=states, query=self.query_text, limit=_LIMIT, everyone=self._everyone and self.is_admin
        )
        self._runs, self._total = page.items, page.total
        self._any_run = bool(page.total or sum(page.counts.values()))
        if not self._any_run:
            await self._load_beginning()
        gpus = await self.services.runs.gpus(self.principal)
        self._indexes = {gpu.uuid: gpu.index for gpu, _holder in gpus}
        busy = sum(holder is not None for _gpu, holder in gpus)
        self._in_hand = _("GPU: {busy} busy, {free} free").format(busy=busy, free=len(gpus) - busy) if gpus else ""
        await self._figures.read(self._runs)

    async def _load_beginning(self) -> None:
        environment = await self.services.environment.state(self.principal)
        datasets = await self.services.datasets.datasets(self.principal)
        configurations = await self.services.training.list(self.principal)
        usable = sum(dataset.verdict == "usable" for dataset in datasets.items)
        self._beginning = lists.Beginning(environment, datasets.total, usable, len(configurations))

    async def _load_configurations(self) -> None:
        self._configurations = await self.services.training.list(self.principal, query=self.query_text)

    async def _load_environment(self) -> None:
        self._environment = await self.services.environment.state(self.principal)
        self._install = await self.services.environment.progress(self.principal)
