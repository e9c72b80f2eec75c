"""Experiments of SwanLab for whoever logged them: listed, read, exported, pinned, cleaned up, archived. Everybody sees only their own."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from core.auth.principal import Principal
from core.clock import Clock
from core.errors import Conflict, EnvironmentProblem, NotFound
from core.swanlab import archives, cleaning, database, directory, export
from core.swanlab.config_file import configuration
from core.swanlab.metrics import MetricReader, summarise
from core.swanlab.types import (
    ArchiveInfo,
    Cleaned,
    CleanPreview,
    CleanRule,
    Experiment,
    ExperimentDetail,
    Project,
    Restored,
    RunTruths,
    Series,
)
from core.training.swanlab_place import swanlab_root

T = TypeVar("T")
#: What is known of somebody's runs, by output folder.
Truths = Callable[[Principal], Awaitable[RunTruths]]
#: Metrics that are kept as far as they were read.
_KEPT_READERS: Final = 64


class Experiments:
    """NotFound(kind="project" | "experiment" | "archive") for unknown ones and other people's; EnvironmentProblem(what="swanlab_...")."""

    def __init__(self, data_dir: Path, *, clock: Clock, truths: Truths) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._truths = truths
        self._readers: OrderedDict[Path, MetricReader] = OrderedDict()
        self._lock = threading.Lock()

    # Looking -------------------------------------------------------------------------------------------------------

    async def projects(self, principal: Principal) -> tuple[Project, ...]:
        """All projects by name; one that cannot be read says why."""
        owner = principal.require_user("swanlab.list")
        truths = await self._truths(principal)
        return await self._thread(lambda: tuple(directory.project(folder, truths) for folder in self._folders(owner)))

    async def experiments(self, principal: Principal, project_id: str | None = None, *, query: str = "") -> tuple[Experiment, ...]:
        """Those of a project (None: of all that can be read), the newest first, with every word of `query` in name or run."""
        owner = principal.require_user("swanlab.list")
        truths = await self._truths(principal)
        words = query.casefold().split()

        def work() -> tuple[Experiment, ...]:
            found = [item for group in self._groups(owner, project_id, truths) for item in group]
            found = [item for item in found if all(word in f"{item.name} {item.run_name} {item.id}".casefold() for word in words)]
            return tuple(sorted(found, key=lambda item: item.created_at or 0, reverse=True))

        return await self._thread(work)

    async def experiment(self, principal: Principal, experiment_id: str) -> ExperimentDetail:
        """One with its configuration and the figures of its metrics. By id, or by name where one experiment only has it."""
        owner = principal.require_user("swanlab.read")
        truths = await self._truths(principal)

        def work() -> ExperimentDetail:
            item = self._one(owner, experiment_id, truths)
            config, problem = configuration(self._own(owner, item))
            metrics = tuple(summarise(series) for series in self._read(owner, item, item.tags))
            return ExperimentDetail(item, config, metrics, problem)

        return await self._thread(work)

    async def series(self, principal: Principal, experiment_id: str, names: Sequence[str] = ()) -> tuple[Series, ...]:
        """Metrics of an experiment as far as they are written now, in SwanLab's order (`names`: only these; unknown ones are left out)."""
        owner = principal.require_user("swanlab.read")

        def work() -> tuple[Series, ...]:
            item = self._one(owner, experiment_id, {})
            return self._read(owner, item, [tag for tag in item.tags if not names or tag in names])

        return await self._thread(work)

    async def export(self, principal: Principal, experiment_id: str, form: Literal["csv", "json"]) -> str:
        """The metrics as CSV (a column each), or everything as JSON (core/swanlab/export.py)."""
        principal.require_user("swanlab.read")
        detail = await self.experiment(principal, experiment_id)
        series = await self.series(principal, detail.experiment.id)
        return await self._thread(lambda: export.as_csv(series) if form == "csv" else export.as_json(detail, series))

    # Changing ------------------------------------------------------------------------------------------------------

    async def pin(self, principal: Principal, experiment_id: str, pinned: bool) -> None:
        """A pinned experiment is never removed until it is let go again."""
        owner = principal.require_user("swanlab.change")

        def work() -> None:
            cleaning.pin(self._own(owner, self._one(owner, experiment_id, {})), pinned)

        await self._thread(work)

    async def preview(self, principal: Principal, rule: CleanRule) -> CleanPreview:
        """What `rule` would remove, with sizes, and what it would spare; changes nothing. Raises NotFound for what is not there."""
        owner = principal.require_user("swanlab.list")
        truths = await self._truths(principal)

        def work() -> CleanPreview:
            groups = list(self._groups(owner, rule.project_id, truths))
            there = [item for group in groups for item in group]
            ids = tuple(_meant(there, reference).id for reference in rule.experiment_ids)
            return cleaning.preview(replace(rule, experiment_ids=ids), groups, now_ms=self._clock.now_ms())

        return await self._thread(work)

    async def remove(self, principal: Principal, experiment_ids: Sequence[str]) -> Cleaned:
        """Remove these for good: of each project all or none. Raises Conflict(what="experiment_running" | "experiment_pinned")."""
        owner = principal.require_user("swanlab.change")
        truths = await self._truths(principal)

        def work() -> Cleaned:
            done = [cleaning.remove(folder, ids, truths) for folder, ids in self._by_folder(owner, experiment_ids, truths, free=True)]
            self._forget()
            return Cleaned(tuple(name for part in done for name in part.removed), sum(part.bytes for part in done))

        return await self._thread(work)

    async def remove_project(self, principal: Principal, project_id: str) -> int:
        """Remove a project's directory whole, bytes that it took: one without experiments, or one that cannot be read as SwanLab's.

        Raises Conflict(what="project_not_empty").
        """
        owner = principal.require_user("swanlab.change")
        truths = await self._truths(principal)

        def work() -> int:
            import shutil

            folder = self._folder(owner, project_id)
            found = directory.project(folder, truths)
            if found.experiments or found.problem in ("busy", "unreadable"):
                raise Conflict(what="project_not_empty", project=found.name)
            shutil.rmtree(folder)
            return found.bytes

        return await self._thread(work)

    # Archives ------------------------------------------------------------------------------------------------------

    async def archives(self, principal: Principal) -> tuple[ArchiveInfo, ...]:
        """The archives of this account, the newest first."""
        owner = principal.require_user("swanlab.list")
        return await self._thread(lambda: archives.listed(swanlab_root(self._data_dir, owner)))

    async def archive(self, principal: Principal, experiment_ids: Sequence[str], *, remove: bool = False) -> tuple[ArchiveInfo, ...]:
        """Put experiments into a tar.gz for each project and, with `remove`, remove them once that is written.

        Raises Conflict(what="experiment_running"), with `remove` also "experiment_pinned"; DiskFull.
        """
        owner = principal.require_user("swanlab.change")
        truths = await self._truths(principal)
        root = swanlab_root(self._data_dir, owner)

        def work() -> tuple[ArchiveInfo, ...]:
            made = []
            for folder, ids in self._by_folder(owner, experiment_ids, truths, free=remove):
                made.append(archives.make(root, folder, ids, truths, now_ms=self._clock.now_ms()))
                if remove:
                    cleaning.remove(folder, ids, truths)
            self._forget()
            return tuple(made)

        return await self._thread(work)

    async def restore(self, principal: Principal, archive_id: str) -> Restored:
        """Bring the experiments of an archive back; the archive stays. Raises Conflict(what="archive_damaged" | "experiment_there")."""
        owner = principal.require_user("swanlab.change")
        return await self._thread(lambda: archives.restore(swanlab_root(self._data_dir, owner), archive_id))

    async def delete_archive(self, principal: Principal, archive_id: str) -> int:
        """Delete an archive for good; bytes that it took."""
        owner = principal.require_user("swanlab.change")
        return await self._thread(lambda: archives.delete(swanlab_root(self._data_dir, owner), archive_id))

    # Inside --------------------------------------------------------------------------------------------------------

    @staticmethod
    async def _thread(work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    def _folders(self, owner: str) -> list[Path]:
        """The project directories of an account."""
        root = swanlab_root(self._data_dir, owner)
        try:
            found = [path for path in root.iterdir() if not path.name.startswith(".") and path.is_dir() and not path.is_symlink()]
        except OSError:
            return []
        return sorted(found, key=lambda path: path.name.casefold())

    def _folder(self, owner: str, project_id: str) -> Path:
        for folder in self._folders(owner):
            if folder.name == project_id:
                return folder
        raise NotFound(kind="project", reference=project_id)

    def _own(self, owner: str, item: Experiment) -> Path:
        return directory.experiment_folder(self._folder(owner, item.project_id), item.id)

    def _groups(self, owner: str, project_id: str | None, truths: RunTruths) -> Iterator[tuple[Experiment, ...]]:
        """The experiments by project. What is wrong with a project that is named is raised; others that cannot be read are left out."""
        if project_id is not None:
            yield directory.experiments(self._folder(owner, project_id), truths)
            return
        for folder in self._folders(owner):
            try:
                yield directory.experiments(folder, truths)
            except EnvironmentProblem:
                continue

    def _one(self, owner: str, reference: str, truths: RunTruths) -> Experiment:
        return _meant([item for group in self._groups(owner, None, truths) for item in group], reference)

    def _by_folder(self, owner: str, ids: Sequence[str], truths: RunTruths, *, free: bool) -> list[tuple[Path, list[str]]]:
        """Experiments by directory. Raises before anything is changed; `free`: also for those that may not be removed."""
        found = {item.id: item for group in self._groups(owner, None, truths) for item in group}
        by_folder: dict[str, list[str]] = {}
        for experiment_id in dict.fromkeys(_meant(list(found.values()), reference).id for reference in ids):
            if free:
                cleaning.checked(found, experiment_id)
            by_folder.setdefault(found[experiment_id].project_id, []).append(experiment_id)
        return [(self._folder(owner, project_id), chosen) for project_id, chosen in by_folder.items()]

    def _read(self, owner: str, item: Experiment, names: Sequence[str]) -> tuple[Series, ...]:
        own = self._own(owner, item)
        with database.reading(own.parent) as connection:
            row = database.experiment_row(connection, item.id)
            tags = database.tag_rows(connection).get(row["id"], []) if row else []
        folders = {str(tag["name"]): str(tag.get("folder") or tag["name"]) for tag in tags if tag["type"] == "line"}
        wanted = [name for name in names if directory.is_name(folders.get(name, ""))]
        with self._lock:
            return tuple(self._reader(name, own / "logs" / folders[name]).read() for name in wanted)

    def _reader(self, name: str, folder: Path) -> MetricReader:
        reader = self._readers.pop(folder, None) or MetricReader(name, folder)
        self._readers[folder] = reader
        while len(self._readers) > _KEPT_READERS:
            self._readers.popitem(last=False)
        return reader

    def _forget(self) -> None:
        """What was removed is not kept in memory either."""
        with self._lock:
            self._readers.clear()


def _meant(found: Sequence[Experiment], reference: str) -> Experiment:
    """The experiment of this id, or the only one of this name. Raises NotFound."""
    for item in found:
        if item.id == reference:
            return item
    named = [item for item in found if item.name == reference]
    if len(named) != 1:
        raise NotFound(kind="experiment", reference=reference)
    return named[0]
