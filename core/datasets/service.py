"""Datasets: `Services.datasets`. Whoever asks sees and changes only their own.

A dataset is a name for versions; a version is one file, which this program never changes. Files are read by processes of their own
(core/datasets/check_process.py): nothing of that runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from core.auth.principal import Principal
from core.datasets.editing import LONGEST_NAME, Editor, check_name, found, name_from, used_by, version_row
from core.datasets.home import Home
from core.datasets.jobs import Jobs, parquet_command
from core.datasets.layouts import info_entry
from core.datasets.looking import Looking
from core.datasets.places import Places
from core.datasets.types import (
    Dataset,
    DatasetPage,
    DatasetVersion,
    Folder,
    FoundFile,
    Histogram,
    Preview,
    ProblemPage,
    Sort,
    Statistics,
    UsedBy,
    VersionOrigin,
    WorkKind,
)
from core.datasets.views import arranged, dataset_view, version_view
from core.datasets.work import Work
from core.errors import Conflict, InvalidInput, NotFound
from core.events import DatasetsChanged, EventBus

if TYPE_CHECKING:
    from core.clock import Clock, Identifiers
    from core.files.service import UserFiles
    from core.persistence import Store
    from core.settings import Settings
    from core.supervisor import Supervisor
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
#: A question to the training environment: helper, arguments -> answer (core/training/environment.py).
CallEnvironment = Callable[..., Awaitable[Any]]
#: The interpreter of the training environment, None where there is none.
FindPython = Callable[[], Awaitable[Path | None]]
LONGEST_NOTE: Final = 2000
ID_LENGTH: Final = 32


class Datasets:
    """The datasets of all accounts. `call` and `python`: the training environment, asked when it is needed."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        clock: Clock,
        ids: Identifiers,
        events: EventBus,
        files: UserFiles,
        supervisor: Supervisor,
        call: CallEnvironment,
        python: FindPython,
    ) -> None:
        self._store, self._events = store, events
        self._places = Places(files, settings.training.dataset_folders)
        self._model_folders = settings.training.model_folders

        async def parquet() -> list[str]:
            return parquet_command(await python())

        self._jobs = Jobs(settings.data_dir, files, self._places, supervisor, served=settings.served, parquet=parquet)
        self._looking = Looking(self._jobs, self._places, call)
        self._home = Home(settings.data_dir)
        self._editor = Editor(clock, ids, self._home)

    # Looking -------------------------------------------------------------------------------------------------------

    async def datasets(
        self, principal: Principal, *, query: str = "", sort: Sort = "updated", limit: int = 100, offset: int = 0
    ) -> DatasetPage:
        """Those that have every word of `query` in name, note, format or path."""
        owner = principal.require_user("dataset.list")
        items = await self._store.read(lambda uow: [dataset_view(row, self._home) for row in uow.datasets.all(owner)])
        kept = arranged(items, query, sort)
        return DatasetPage(tuple(kept[offset : offset + limit]), len(kept))

    async def dataset(self, principal: Principal, dataset_id: str) -> Dataset:
        """By id or, failing that, by name. Raises NotFound(kind="dataset") for unknown ones and other people's."""
        owner = principal.require_user("dataset.list")
        return await self._store.read(lambda uow: dataset_view(found(uow, owner, dataset_id), self._home))

    async def versions(self, principal: Principal, dataset_id: str) -> tuple[DatasetVersion, ...]:
        """Every version, the newest first."""
        owner = principal.require_user("dataset.list")

        def work(uow: UnitOfWork) -> tuple[DatasetVersion, ...]:
            row = found(uow, owner, dataset_id)
            return tuple(version_view(each, self._home) for each in uow.datasets.versions_of(owner, row.id))

        return await self._store.read(work)

    async def used_by(self, principal: Principal, *dataset_ids: str) -> UsedBy:
        """What would miss these datasets."""
        owner = principal.require_user("dataset.list")
        return await self._store.read(lambda uow: used_by(uow, owner, [found(uow, owner, each).id for each in dataset_ids], self._home))

    async def problems(
        self, principal: Principal, dataset_id: str, *, version: int | None = None, rule: str = "", offset: int = 0, limit: int = 100
    ) -> ProblemPage:
        """What the last check found, in the order of the file; of one rule only where `rule` is given."""
        of_it, _summary = await self._version(principal, dataset_id, version)
        return await self._looking.problems(of_it, rule, offset, limit)

    async def statistics(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> Statistics | None:
        """Of the last check; None before one."""
        of_it, _summary = await self._version(principal, dataset_id, version)
        return of_it.summary.statistics if of_it.summary else None

    async def token_lengths(
        self, principal: Principal, dataset_id: str, *, model: str, version: int | None = None, sample: int = 2000
    ) -> Histogram:
        """How many tokens the rows have with the tokenizer of `model` (a folder), from at most `sample` rows spread over the file.

        Raises EnvironmentProblem where there is no training environment or the tokenizer cannot be loaded, InvalidInput("model",
        "not_allowed") where somebody served names a folder that is not theirs, Conflict(what="dataset_unchecked").
        """
        of_it, summary = await self._version(principal, dataset_id, version)
        if principal.served and not await asyncio.to_thread(self._may_use_model, principal, model):
            raise InvalidInput("model", "not_allowed", value=model)
        return await self._looking.token_lengths(principal, of_it, summary, model, sample)

    async def preview(
        self, principal: Principal, dataset_id: str, *, version: int | None = None, start: int = 0, count: int = 20
    ) -> Preview:
        """`count` rows from row `start` on, from a file of any size. Before a check only as far as is quickly reached from the start.

        Raises NotFound(kind="dataset_file"), Conflict(what="dataset_unreadable").
        """
        of_it, summary = await self._version(principal, dataset_id, version)
        return await self._looking.page(principal, of_it, summary, start, count)

    async def rows(self, principal: Principal, dataset_id: str, *, version: int | None = None, count: int = 100) -> tuple[Any, ...]:
        """At most `count` rows, parsed, spread evenly over the checked file. Raises Conflict(what="dataset_unchecked")."""
        of_it, summary = await self._version(principal, dataset_id, version)
        return tuple(value for _row, value in await self._looking.sample(principal, of_it, summary, count))

    async def info_entry(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> dict[str, Any]:
        """The entry of dataset_info.json that makes LLaMA-Factory load exactly this version, with an absolute `file_name`.

        Before a check the file is looked at for it. Raises Conflict(what="dataset_unusable") for an unknown format, and
        NotFound(kind="dataset_file") if the file is gone or may not be used any more.
        """
        of_it, _summary = await self._version(principal, dataset_id, version)
        if of_it.missing or not await asyncio.to_thread(self._places.allowed, principal, of_it.path):
            raise NotFound(kind="dataset_file", reference=of_it.path)
        layout = of_it.summary.layout if of_it.summary and not of_it.stale else await self._looking.layout(principal, of_it)
        if layout.format == "unknown":
            raise Conflict(what="dataset_unusable", rule="unknown_format")
        return info_entry(layout, of_it.path)

    async def sample_for_template(self, principal: Principal, dataset_id: str, *, count: int = 20) -> Mapping[str, Any]:
        """What the template view needs: {"entry": of dataset_info.json, "rows": values, "numbers": of the rows, "total": in the file}."""
        of_it, summary = await self._version(principal, dataset_id, None)
        entry = await self.info_entry(principal, dataset_id)
        sampled = await self._looking.sample(principal, of_it, summary, count)
        total = of_it.summary.rows if of_it.summary else 0
        return {"entry": entry, "rows": [value for _row, value in sampled], "numbers": [row for row, _value in sampled], "total": total}

    async def ids_of(self, principal: Principal, paths: Iterable[str]) -> dict[str, str]:
        """The ids of those of the own datasets that have a version in one of these files, by path."""
        added = await self._added(principal.require_user("dataset.list"))
        return {path: added[path] for path in paths if path in added}

    # Adding --------------------------------------------------------------------------------------------------------

    async def browse(self, principal: Principal, path: str = "") -> Folder:
        """A folder to choose from; "" is where this person begins. A served person sees the own datasets folder and the named ones."""
        owner = principal.require_user("dataset.add")
        added = await self._added(owner)
        return await asyncio.to_thread(self._places.browse, principal, path, added)

    async def inbox(self, principal: Principal) -> tuple[FoundFile, ...]:
        """Files of the own datasets folder (where sftp puts them) that are no dataset yet; the newest first."""
        owner = principal.require_user("dataset.add")
        added = await self._added(owner)
        return await asyncio.to_thread(self._places.inbox, principal, added)

    async def _added(self, owner: str) -> dict[str, str]:
        kept = await self._store.read(lambda uow: uow.datasets.paths(owner))
        return {self._home.whole(path): dataset_id for path, dataset_id in kept.items()}

    async def add(self, principal: Principal, path: str, name: str | None = None, *, copy: bool = False) -> Dataset:
        """Make a dataset of a file. It is used where it lies unless `copy`, which puts a copy into the own datasets folder.

        Raises NotFound(kind="dataset_file"), InvalidInput("path" | "name", ...), Conflict(what="dataset_name"), QuotaExceeded, DiskFull.
        """
        wanted = check_name(name) if name is not None else None
        real = await self._brought(principal, path, copy)
        title = wanted or name_from(real)

        def work(uow: UnitOfWork, owner: str) -> str:
            return self._editor.add(uow, owner, title, exact=wanted is not None, path=real, origin="added", linked=not copy)

        dataset_id = await self._write(principal, work)
        return await self.dataset(principal, dataset_id)

    async def add_file(self, principal: Principal, dataset_id: str, path: str, *, copy: bool = False) -> Dataset:
        """A file as the next version of a dataset. Raises as `add`."""
        await self.dataset(principal, dataset_id)
        real = await self._brought(principal, path, copy)

        def work(uow: UnitOfWork, owner: str) -> None:
            self._editor.next_version(uow, owner, found(uow, owner, dataset_id).id, path=real, origin="added", linked=not copy)

        await self._write(principal, work)
        return await self.dataset(principal, dataset_id)

    async def _brought(self, principal: Principal, path: str, copy: bool) -> Path:
        principal.require_user("dataset.add")
        real = await asyncio.to_thread(self._places.find, principal, path)
        return await asyncio.to_thread(self._jobs.copy_in, principal, real) if copy else real

    # Changing ------------------------------------------------------------------------------------------------------

    async def rename(self, principal: Principal, dataset_id: str, name: str, *, note: str | None = None) -> Dataset:
        """Raises InvalidInput("name", ...), Conflict(what="dataset_name")."""
        wanted = check_name(name)

        def work(uow: UnitOfWork, owner: str) -> None:
            row = found(uow, owner, dataset_id)
            if uow.datasets.names(owner).get(wanted, row.id) != row.id:
                raise Conflict(what="dataset_name", name=wanted)
            uow.datasets.change(owner, row.id, name=wanted, **({} if note is None else {"note": note[:LONGEST_NOTE]}))

        await self._write(principal, work)
        return await self.dataset(principal, dataset_id if len(dataset_id) == ID_LENGTH else wanted)

    async def use_version(self, principal: Principal, dataset_id: str, version: int) -> Dataset:
        """Put another version in force. Raises NotFound(kind="dataset_version")."""

        def work(uow: UnitOfWork, owner: str) -> None:
            row = version_row(uow, owner, dataset_id, version)
            uow.datasets.change(owner, row.dataset_id, version=version)

        await self._write(principal, work)
        return await self.dataset(principal, dataset_id)

    async def remove(self, principal: Principal, dataset_ids: Iterable[str], *, files: bool = True) -> int:
        """Forget datasets; how many. `files`: with the files that this program wrote; a linked file always stays.

        All of them or, if one is unknown (NotFound), none. Raises Conflict(what="dataset_in_use") while a run that is not over needs one.
        """
        wanted = tuple(dataset_ids)

        def work(uow: UnitOfWork, owner: str) -> tuple[int, list[tuple[str, str, bool]]]:
            ids = list(dict.fromkeys(found(uow, owner, each).id for each in wanted))
            if runs := used_by(uow, owner, ids, self._home).runs:
                raise Conflict(what="dataset_in_use", runs=", ".join(runs[:5]))
            rows = [(row.id, self._home.whole(row.path), row.linked) for each in ids for row in uow.datasets.versions_of(owner, each)]
            return uow.datasets.remove(owner, ids) if ids else 0, rows

        count, gone = await self._write(principal, work)
        for work_of in self._jobs.of(principal.user_id):
            if work_of.dataset_id in wanted:
                work_of.cancel()
        await asyncio.to_thread(self._jobs.forget, [version_id for version_id, _path, _linked in gone])
        if files:
            await asyncio.to_thread(self._jobs.remove_files, principal, [path for _id, path, linked in gone if not linked])
        return count

    # Long work -----------------------------------------------------------------------------------------------------

    async def check(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> Work:
        """Begin to check, or join the check that runs. See core/datasets/work.py for progress, waiting and cancelling."""
        item, of_it = await self._both(principal, dataset_id, version)
        if running := self._jobs.running(principal.user_id, item.id, "check"):
            return running

        async def doing(work: Work) -> tuple[Dataset, ...]:
            return (await self._checked(principal, item.id, of_it, work),)

        return self._jobs.begin(Work("check", principal.user_id, item.id, item.name, version=of_it.version), doing)

    async def repair(self, principal: Principal, dataset_id: str) -> Work:
        """Write a new version without what is mechanically wrong, and check that. Its result is the dataset with that version in force."""
        item, of_it = await self._both(principal, dataset_id, None)
        without = await self._jobs.unsteady_columns(of_it)
        return self._rewriting(principal, "repair", item, of_it, "repaired", without=without)

    async def deduplicate(self, principal: Principal, dataset_id: str) -> Work:
        """Write a new version in which every row is there once (the first stays), and check it."""
        item, of_it = await self._both(principal, dataset_id, None)
        return self._rewriting(principal, "deduplicate", item, of_it, "deduplicated")

    def _rewriting(
        self, principal: Principal, kind: WorkKind, item: Dataset, of_it: DatasetVersion, origin: VersionOrigin, **asked: Any
    ) -> Work:
        if running := self._jobs.running(principal.user_id, item.id, kind):
            return running

        async def doing(work: Work) -> tuple[Dataset, ...]:
            name = f"{Path(of_it.path).stem[:150]}-{origin}"
            [made] = await self._jobs.rewrite(principal, of_it, work, [name], **asked)

            def save(uow: UnitOfWork, owner: str) -> int:
                return self._editor.next_version(uow, owner, item.id, path=made.path, origin=origin, linked=False, changes=made.changes)

            number = await self._saved(principal, save, [made.path])
            new, _summary = await self._version(principal, item.id, number)
            return (await self._checked(principal, item.id, new, work),)

        return self._jobs.begin(Work(kind, principal.user_id, item.id, item.name, version=of_it.version), doing)

    async def split(self, principal: Principal, dataset_id: str, *, validation: float, seed: int = 42, name: str | None = None) -> Work:
        """Write two new datasets, NAME-train and NAME-validation. `validation`: a share below 1, or a number of rows.

        The same seed and file give the same split, whatever the machine. Raises InvalidInput("validation", "out_of_range").
        """
        if not 0 < validation < 1e12 or (validation >= 1 and validation != int(validation)):
            raise InvalidInput("validation", "out_of_range")
        item, of_it = await self._both(principal, dataset_id, None)
        title = check_name(name) if name else item.name[: LONGEST_NAME - 12]
        if running := self._jobs.running(principal.user_id, item.id, "split"):
            return running

        async def doing(work: Work) -> tuple[Dataset, ...]:
            stem = Path(of_it.path).stem[:150]
            names = [f"{stem}-train", f"{stem}-validation"]
            made = await self._jobs.rewrite(principal, of_it, work, names, validation=validation, seed=seed)

            def save(uow: UnitOfWork, owner: str) -> list[str]:
                return [
                    self._editor.add(
                        uow, owner, f"{title}-{part}", exact=False, path=each.path, origin="split", linked=False, changes=each.changes
                    )
                    for part, each in zip(("train", "validation"), made, strict=True)
                ]

            ids = await self._saved(principal, save, [each.path for each in made])
            results = []
            for each in ids:
                new, _summary = await self._version(principal, each, None)
                results.append(await self._checked(principal, each, new, work))
            return tuple(results)

        return self._jobs.begin(Work("split", principal.user_id, item.id, item.name, version=of_it.version), doing)

    def work(self, principal: Principal) -> tuple[Work, ...]:
        """What runs for this person in this process, or ended a moment ago."""
        return self._jobs.of(principal.require_user("dataset.list"))

    # Inside --------------------------------------------------------------------------------------------------------

    async def _both(self, principal: Principal, dataset_id: str, version: int | None) -> tuple[Dataset, DatasetVersion]:
        item = await self.dataset(principal, dataset_id)
        of_it, _summary = await self._version(principal, item.id, version)
        return item, of_it

    async def _version(self, principal: Principal, dataset_id: str, version: int | None) -> tuple[DatasetVersion, str]:
        """A version with its summary as text. Raises NotFound."""
        owner = principal.require_user("dataset.list")

        def work(uow: UnitOfWork) -> tuple[DatasetVersion, str]:
            row = version_row(uow, owner, dataset_id, version)
            return version_view(row, self._home), row.summary

        return await self._store.read(work)

    async def _checked(self, principal: Principal, dataset_id: str, of_it: DatasetVersion, work: Work) -> Dataset:
        told = await self._jobs.check(principal, of_it, work)
        await self._write(principal, lambda uow, owner: self._editor.checked(uow, owner, dataset_id, of_it.id, told))
        return await self.dataset(principal, dataset_id)

    async def _saved(self, principal: Principal, save: Callable[[UnitOfWork, str], T], written: list[Path]) -> T:
        """Save what names new files; without that they are removed."""
        try:
            return await self._write(principal, save)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._jobs.remove_files, principal, [str(path) for path in written]))
            raise

    def _may_use_model(self, principal: Principal, model: str) -> bool:
        try:
            real = Path(model).resolve(strict=True)
        except OSError:
            return False
        return any(real.is_relative_to(folder.resolve()) for folder in self._model_folders)

    async def _write(self, principal: Principal, work: Callable[[UnitOfWork, str], T]) -> T:
        """Run `work(uow, owner_id)` while nobody else changes this owner's datasets, then tell who listens."""
        owner = principal.require_user("dataset.change")

        def locked(uow: UnitOfWork) -> T:
            if not uow.datasets.lock_owner(owner):
                raise NotFound(kind="user", reference=principal.email)
            return work(uow, owner)

        result = await self._store.write(locked)
        self._events.publish(DatasetsChanged(owner))
        return result
