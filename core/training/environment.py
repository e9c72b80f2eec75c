"""The training environment: another interpreter with LLaMA-Factory, called as a subprocess. This program never imports what is in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.audit import Actor, Audit
from core.auth.principal import Principal
from core.clock import Clock, Identifiers
from core.errors import Conflict, EnvironmentProblem, Forbidden, InvalidInput
from core.persistence import Store
from core.settings import Settings
from core.training.catalogue import Catalogues
from core.training.confinement import held
from core.training.environment_calls import Helpers
from core.training.environment_folder import BREAKING, Look, look_at, stamp_of, state_of
from core.training.environment_types import Catalogue, CheckResult, EnvironmentIssue, EnvironmentState, InstallProgress
from core.training.install import EXTRAS, Installer

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

__all__ = ["EXTRAS", "TrainingEnvironment"]

#: Of the stored setting that names an existing environment.
SETTING: Final = "training.environment"
#: Our own environment, and where installations keep their log, in the data folder.
OWN: Final = "training-env"
#: Seconds for which what an administrator named is believed without asking the database.
BELIEVED_S: Final = 5.0
CHECK_TIMEOUT_S: Final = 300.0


class TrainingEnvironment:
    """`services.environment`. One installation has one environment for everybody; only administrators and the operator change it."""

    def __init__(
        self, settings: Settings, store: Store, *, clock: Clock, ids: Identifiers, inherited: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._audit = Audit(clock, ids)
        self._helpers = Helpers(inherited)
        self._installer = Installer(settings.data_dir, settings.data_dir / OWN, clock, inherited)
        self._catalogues = Catalogues(settings.data_dir / "cache", self._ask)
        self._looks: dict[Path, Look] = {}
        self._named: tuple[float, str] | None = None

    # Looking -------------------------------------------------------------------------------------------------------

    async def state(self, principal: Principal) -> EnvironmentState:
        """Where it is and whether it is usable. Cheap: reads names of distributions, and that only when something changed."""
        del principal  # what everybody trains with, everybody may know
        return await self.current()

    async def current(self) -> EnvironmentState:
        """As `state`, for other services."""
        folder, own = await self._folder()
        return await asyncio.to_thread(self._look, folder, own)

    def _look(self, folder: Path, own: bool) -> EnvironmentState:
        known = self._looks.get(folder)
        if known is None or known.stamp != stamp_of(folder):
            known = self._looks[folder] = look_at(folder)
        return state_of(folder, known, own=own, installing=own and self._installer.is_running())

    async def _folder(self) -> tuple[Path, bool]:
        """The environment's folder and whether it is our own: the setting of this installation, else the stored one, else ours."""
        if self._settings.training.environment is not None:
            return self._settings.training.environment, False
        now = self._clock.monotonic()
        if self._named is None or now - self._named[0] > BELIEVED_S:
            found = await self._store.read(lambda uow: uow.settings.get(SETTING))
            self._named = (now, str(json.loads(found)) if found else "")
        named = self._named[1]
        return (Path(named), False) if named else (self._settings.data_dir / OWN, True)

    async def use(self, principal: Principal, folder: str) -> EnvironmentState:
        """Name an existing environment ("" for our own again). Administrators on the machine and the operator: its programs are run.

        Raises Forbidden, InvalidInput("folder", not_absolute | not_an_environment (problem)), Conflict(what="environment_from_variable").
        """
        principal.require_admin("environment.use")
        if principal.served and folder:
            raise Forbidden(action="environment.use")
        if self._settings.training.environment is not None:
            raise Conflict(what="environment_from_variable", variable="MODELTRAIN_TRAINING_ENV")
        named = _expanded(folder)
        if named:
            await self._must_be_usable(Path(named))
        moment = self._clock.now_ms()

        def work(uow: UnitOfWork) -> None:
            uow.settings.put(SETTING, json.dumps(named), moment=moment, by=principal.user_id)
            self._audit.note(uow, Actor.of(principal), "environment.named", ("training_environment", "environment"))

        await self._store.write(work)
        self._named = None
        return await self.current()

    async def _must_be_usable(self, folder: Path) -> None:
        if not folder.is_absolute():
            raise InvalidInput("folder", "not_absolute", value=str(folder))
        state = await asyncio.to_thread(self._look, folder, False)
        if broken := next((problem for problem in state.problems if problem.rule in BREAKING), None):
            raise InvalidInput("folder", "not_an_environment", value=str(folder), problem=broken.rule, **broken.fields)
        if not state.ready:
            raise InvalidInput("folder", "not_an_environment", value=str(folder), problem="missing")

    # Installing ----------------------------------------------------------------------------------------------------

    async def install(self, principal: Principal, *, cpu: bool = False, extras: Iterable[str] = ()) -> InstallProgress:
        """Start making our own environment, or go on where an installation ended; it outlives this program.

        Administrators and the operator. Raises Forbidden, InvalidInput("extra"), DiskFull, EnvironmentProblem,
        Conflict(what="installation_running" | "environment_in_use" | "environment_named").
        """
        principal.require_admin("environment.install")
        folder, own = await self._folder()
        if not own:
            raise Conflict(what="environment_named", path=str(folder))
        await self._nobody_trains()
        wanted = tuple(dict.fromkeys(extras))
        progress = await asyncio.to_thread(self._installer.start, cpu=cpu, extras=wanted)
        await self._note(principal, "environment.installed")
        return progress

    async def cancel(self, principal: Principal) -> InstallProgress:
        """Stop an installation with all of its processes; what is done stays done. Administrators and the operator."""
        principal.require_admin("environment.install")
        await self._installer.cancel()
        return await self.progress(principal)

    async def progress(self, principal: Principal) -> InstallProgress:
        """How far an installation is, whoever started it. Cheap: ask as often as a screen is drawn."""
        del principal
        return await asyncio.to_thread(self._installer.progress)

    async def remove(self, principal: Principal) -> EnvironmentState:
        """Delete our own environment. Administrators and the operator.

        Raises Forbidden, Conflict(what="installation_running" | "environment_in_use").
        """
        principal.require_admin("environment.install")
        await self._nobody_trains()
        await asyncio.to_thread(self._installer.remove)
        await self._note(principal, "environment.removed")
        return await self.current()

    async def _nobody_trains(self) -> None:
        """What is at work would lose the ground that it stands on."""
        if await self._store.read(lambda uow: bool(uow.runs.at_work())):
            raise Conflict(what="environment_in_use")

    async def check(self, principal: Principal) -> CheckResult:
        """Import everything for real (10-60 s). Administrators and the operator. Raises EnvironmentProblem as `call`."""
        principal.require_admin("environment.check")
        state = await self.current()
        started = self._clock.monotonic()
        found = await self._helpers.call(state, "check", {}, timeout_s=CHECK_TIMEOUT_S, gpus=True)
        problems = tuple(EnvironmentIssue("failed_check", dict(problem)) for problem in found["problems"])
        issues = tuple(problem for problem in state.problems if problem.rule in BREAKING)
        return CheckResult(
            ok=not problems and not issues,
            versions=dict(found["versions"]),
            problems=issues + problems,
            gpus=int(found["gpus"]),
            cuda=str(found["cuda"]),
            bf16=bool(found["bf16"]),
            seconds=self._clock.monotonic() - started,
        )

    # Asking --------------------------------------------------------------------------------------------------------

    async def call(
        self,
        helper: str,
        arguments: Mapping[str, Any],
        *,
        timeout_s: float = 120.0,
        gpus: bool = False,
        opened: tuple[Path | str, ...] | None = None,
    ) -> Any:
        """What core/training/helpers/`helper`.py answers: JSON in, JSON out, in the environment's Python. At most two run at a time.

        For other services, not for screens: there is no principal. `gpus`: whether it may see them. `opened`: all of the server's own
        files that it may reach besides those for everybody, None for any. Raises
        EnvironmentProblem(what="training_environment_missing" | "training_environment_broken" | "training_helper_failed" (rule, message) |
        "training_helper_timeout").
        """
        state = await self.current()
        if state.state == "broken":
            problem = next(each for each in state.problems if each.rule in BREAKING)
            raise EnvironmentProblem(what="training_environment_broken", path=str(state.folder), problem=problem.rule, **problem.fields)
        prefix = () if opened is None else held((), self._settings, (*opened, state.folder))
        return await self._helpers.call(state, helper, arguments, timeout_s=timeout_s, gpus=gpus, prefix=prefix)

    async def _ask(self, state: EnvironmentState, helper: str, arguments: Mapping[str, Any]) -> Any:
        return await self._helpers.call(state, helper, arguments, timeout_s=CHECK_TIMEOUT_S)

    async def catalogue(self, principal: Principal) -> Catalogue:
        """Models, templates, stages, methods and options of the installed version. At once; what takes time is read in the background
        and is there at a later call (Catalogue.source)."""
        del principal
        return await self._catalogues.get(await self.current())

    async def known_catalogue(self, principal: Principal) -> Catalogue:
        """As `catalogue`, and nothing is started for the options that are not known yet."""
        del principal
        return await self._catalogues.known(await self.current())

    async def whole_catalogue(self, principal: Principal) -> Catalogue:
        """As `catalogue`, after the options were read: for commands, which end before a background could."""
        del principal
        return await self._catalogues.whole(await self.current())

    async def close(self) -> None:
        """Stop what is read in the background."""
        await self._catalogues.close()

    async def _note(self, principal: Principal, action: str) -> None:
        def work(uow: UnitOfWork) -> None:
            self._audit.note(uow, Actor.of(principal), action, ("training_environment", "environment"))

        await self._store.write(work)


def _expanded(folder: str) -> str:
    return str(Path(folder.strip()).expanduser()) if folder.strip() else ""
