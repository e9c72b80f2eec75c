"""Checks, repairs, splits: begun once, followed by whoever looks, saved when they are through."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.auth.principal import Principal
from core.datasets.places import OWN, Places
from core.datasets.records import problems_in
from core.datasets.running import CHECK, REWRITE, run_process
from core.datasets.types import Dataset, DatasetVersion, WorkKind
from core.datasets.work import Work
from core.errors import Conflict, DiskFull, EnvironmentProblem, ModeltrainError, NotFound
from storage.files import private_folder

if TYPE_CHECKING:
    from core.files.service import UserFiles
    from core.supervisor import Supervisor

#: Processes that read datasets at a time in this process; those of others wait.
AT_A_TIME: Final = 2
#: Ended work that `Jobs.of` still tells of.
_REMEMBERED: Final = 20
_REFUSALS: Final = {"disk_full": DiskFull}


@dataclass(frozen=True)
class Written:
    """A file that a process wrote, now in the owner's datasets folder. `rows` it has, `changes` by rule."""

    path: Path
    kind: str
    rows: int
    changes: dict[str, int]


class Jobs:
    """`parquet`: the command that reads Parquet files, [] where there is none. Belongs to one event loop."""

    def __init__(
        self,
        data_dir: Path,
        files: UserFiles,
        places: Places,
        supervisor: Supervisor,
        *,
        served: bool,
        parquet: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._records, self._files, self._places, self._supervisor = data_dir / "datasets", files, places, supervisor
        self._served, self._parquet = served, parquet
        self._free = asyncio.Semaphore(AT_A_TIME)
        self._works: list[Work] = []

    def records(self, version_id: str) -> Path:
        """Where what was found about a version is kept."""
        return self._records / version_id

    def of(self, owner_id: str) -> tuple[Work, ...]:
        return tuple(work for work in self._works if work.owner_id == owner_id)

    def running(self, owner_id: str, dataset_id: str, kind: WorkKind) -> Work | None:
        """What is under way already."""
        found = (work for work in self.of(owner_id) if work.dataset_id == dataset_id and work.kind == kind and work.state == "running")
        return next(found, None)

    def begin(self, work: Work, doing: Callable[[Work], Awaitable[tuple[Dataset, ...]]]) -> Work:
        """Do it in the background. Whatever goes wrong is in `work.error`."""

        async def do() -> None:
            try:
                async with self._free:
                    results = await doing(work)
                work.end("done", results=results)
            except asyncio.CancelledError:
                work.end("cancelled")
            except ModeltrainError as error:
                work.end("failed", error=error)
            except Exception:
                work.end("failed", error=EnvironmentProblem(what="dataset_process_failed", reason=""))
                raise

        self._works = [each for each in self._works if each.state == "running"] + [each for each in self._works if each.state != "running"][
            -_REMEMBERED:
        ]
        self._works.append(work)
        task = self._supervisor.start(do, f"dataset-{work.kind}-{work.dataset_id}")
        work.cancel_by(task.cancel)
        task.add_done_callback(lambda _task: work.end("cancelled") if work.state == "running" else None)  # cancelled before it began
        return work

    # Processes -------------------------------------------------------------------------------------------------------

    async def check(self, principal: Principal, version: DatasetVersion, work: Work) -> dict[str, Any]:
        """The summary of a version's file (core/datasets/check_process.py); its problems and its index are kept."""
        folder = self.records(version.id)
        growing = folder.with_name(f"{folder.name}.new")
        await asyncio.to_thread(_fresh, growing)
        try:
            request = await self._request(principal, version.path, growing)
            told = (await run_process(CHECK, request, work.tell))["summary"]
            await asyncio.to_thread(_replace, growing, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, growing, ignore_errors=True)
        return dict(told)

    async def rewrite(self, principal: Principal, version: DatasetVersion, work: Work, names: list[str], **asked: Any) -> list[Written]:
        """Write a version anew into files `names` (without ending) of the own datasets folder.

        Raises Conflict(what="dataset_nothing_left" | "dataset_unusable" | "dataset_too_small"), QuotaExceeded, DiskFull.
        """
        folder = self._records / f"{version.id}.{work.kind}"
        await asyncio.to_thread(_fresh, folder)
        try:
            request = await self._request(principal, version.path, folder) | {"kind": work.kind} | asked
            told = await run_process(REWRITE, request, work.tell)
            if "refused" in told:
                raise _refusal(*told["refused"])
            done = told["done"]
            written = []
            for name, source, rows in zip(names, ("first", "second"), done["rows"], strict=False):
                path = await asyncio.to_thread(self._keep, principal, folder / source, f"{name}.{done['kind']}")
                written.append(Written(path, done["kind"], rows, done["changes"]))
            return written
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _request(self, principal: Principal, path: str, out: Path) -> dict[str, Any]:
        """Raises NotFound(kind="dataset_file") for a file that may not, or no more, be used."""
        if not await asyncio.to_thread(self._places.allowed, principal, path):
            raise NotFound(kind="dataset_file", reference=path)
        parquet = await self._parquet() if path.endswith(".parquet") else []
        within = await asyncio.to_thread(self._places.within, principal)
        return {"path": path, "out": str(out), "within": within, "processes": 1 if self._served else 0, "parquet": parquet}

    def _keep(self, principal: Principal, source: Path, name: str) -> Path:
        """Put a file into the own datasets folder under the first free name like `name`. Blocks; raises QuotaExceeded, DiskFull."""
        stem, ending = Path(name).stem, Path(name).suffix
        for number in range(1, 1000):
            path = (OWN, name if number == 1 else f"{stem}-{number}{ending}")
            if (self._places.own(principal) / path[1]).exists():
                continue
            try:
                upload = self._files.open_writing(principal, path, replace=False)
            except Conflict as error:
                if error.fields.get("what") == "file_exists":
                    continue
                raise
            try:
                with source.open("rb") as reading:
                    upload.fill_from(reading.fileno())
                upload.commit()
            except BaseException:
                upload.discard()
                raise
            return self._places.own(principal) / path[1]
        raise Conflict(what="file_exists")

    def copy_in(self, principal: Principal, source: Path) -> Path:
        """A copy of `source` in the own datasets folder. Blocks."""
        return self._keep(principal, source, source.name)

    def remove_files(self, principal: Principal, paths: list[str]) -> None:
        """Remove files that this program wrote into the own datasets folder. Blocks; what is not there any more is no matter."""
        own = self._places.own(principal)
        for path in map(Path, paths):
            if path.parent == own:
                with contextlib.suppress(ModeltrainError, OSError):
                    self._files.area(principal).remove((OWN, path.name))

    async def unsteady_columns(self, version: DatasetVersion) -> list[str]:
        """Columns that repair leaves out: their type changes, or they come too late in the file."""

        def read() -> list[str]:
            found = problems_in(self.records(version.id), version.path)
            wanted = {problem.fields.get("key") for problem in found if problem.rule in ("column_type", "late_column")}
            return sorted(key for key in wanted if isinstance(key, str))

        return await asyncio.to_thread(read)

    def forget(self, version_ids: list[str]) -> None:
        """Remove what is kept about versions. Blocks."""
        for version_id in version_ids:
            shutil.rmtree(self.records(version_id), ignore_errors=True)


def _refusal(rule: str, fields: dict[str, Any]) -> ModeltrainError:
    if rule in _REFUSALS:
        return _REFUSALS[rule]()
    if rule == "nothing_left":
        return Conflict(what="dataset_nothing_left")
    if rule == "too_few_rows":
        return Conflict(what="dataset_too_small", rows=fields.get("rows"), wanted=fields.get("wanted"))
    return Conflict(what="dataset_unusable", rule=rule)


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder.parent)
    folder.mkdir(mode=0o700)


def _replace(growing: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.rename(growing, folder)  # noqa: PTH104


def parquet_command(python: Path | None) -> list[str]:
    """How rows of a Parquet file are read by the training environment's Python."""
    helper = Path(__file__).parent.parent / "training" / "helpers" / "parquet_rows.py"
    return [str(python), "-I", str(helper)] if python is not None else []
