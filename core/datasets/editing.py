"""What changes rows of datasets, inside a unit of work."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.datasets.home import Home
from core.datasets.reading import ENDINGS
from core.datasets.types import UsedBy, VersionOrigin
from core.errors import Conflict, InvalidInput, NotFound
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.clock import Clock, Identifiers
    from storage.unit_of_work import UnitOfWork

LONGEST_NAME: Final = 100
#: States of runs that still need their data (core/training/types.py).
OPEN_STATES: Final = ("pending", "running", "pausing", "paused")


def check_name(name: str) -> str:
    """The name as it is kept. Raises InvalidInput("name", "required" | "too_long" | "control_characters")."""
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean:
        raise InvalidInput("name", "required")
    if len(clean) > LONGEST_NAME:
        raise InvalidInput("name", "too_long", limit=LONGEST_NAME)
    if one_line(clean) != clean:
        raise InvalidInput("name", "control_characters")
    return clean


def name_from(path: Path) -> str:
    """A name for the dataset in a file."""
    return one_line(path.stem)[:LONGEST_NAME].strip() or "dataset"


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or the first of `wanted 2`, `wanted 3` ... that is free."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted[: LONGEST_NAME - 8]} {number}"
    return name


def found(uow: UnitOfWork, owner: str, reference: str) -> Any:
    """The row of a dataset by id or, failing that, by name. Raises NotFound."""
    row = uow.datasets.get(owner, reference) or uow.datasets.by_name(owner, reference)
    if row is None:
        raise NotFound(kind="dataset", reference=reference)
    return row


def version_row(uow: UnitOfWork, owner: str, reference: str, version: int | None) -> Any:
    """The row of a version (of the one in force). Raises NotFound."""
    row = found(uow, owner, reference)
    of_it = uow.datasets.version(owner, row.id, row.version if version is None else version)
    if of_it is None:
        raise NotFound(kind="dataset_version", reference=str(version))
    return of_it


class Editor:
    """Adds and changes; the caller holds the owner's lock."""

    def __init__(self, clock: Clock, ids: Identifiers, home: Home) -> None:
        self._clock, self._ids, self._home = clock, ids, home

    def add(self, uow: UnitOfWork, owner: str, name: str, *, exact: bool, **version: Any) -> str:
        """A new dataset with its first version; its id. Not `exact`: under the next free name. Raises Conflict(what="dataset_name")."""
        taken = uow.datasets.names(owner)
        if exact and name in taken:
            raise Conflict(what="dataset_name", name=name)
        dataset_id, now = self._ids.new(), self._clock.now_ms()
        uow.datasets.add(
            id=dataset_id, owner_id=owner, name=free_name(name, taken), note="", version=1, newest=1, created_at=now, updated_at=now
        )
        self._version(uow, owner, dataset_id, 1, **version)
        return dataset_id

    def next_version(self, uow: UnitOfWork, owner: str, dataset_id: str, **version: Any) -> int:
        """A new version, in force from now on; its number."""
        number = int(found(uow, owner, dataset_id).newest) + 1
        self._version(uow, owner, dataset_id, number, **version)
        uow.datasets.change(owner, dataset_id, version=number, newest=number, updated_at=self._clock.now_ms())
        return number

    def _version(
        self, uow: UnitOfWork, owner: str, dataset_id: str, number: int, *, path: Path, origin: VersionOrigin, linked: bool,
        changes: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        info = path.stat()
        uow.datasets.add_version(
            id=self._ids.new(),
            dataset_id=dataset_id,
            version=number,
            path=self._home.kept(path),
            file_kind=ENDINGS.get(path.suffix.lower(), "unknown"),
            origin=origin,
            linked=linked,
            size=info.st_size,
            mtime_ns=info.st_mtime_ns,
            changes=json.dumps(dict(changes or {})),
            created_at=self._clock.now_ms(),
            created_by=owner,
        )

    def checked(self, uow: UnitOfWork, owner: str, dataset_id: str, version_id: str, told: Mapping[str, Any]) -> None:
        """Keep what a check found."""
        uow.datasets.change_version(
            owner,
            version_id,
            file_kind=told["file_kind"],
            format=told["format"],
            size=told["size"],
            mtime_ns=told["mtime_ns"],
            verdict=told["verdict"],
            row_count=told["rows"],
            summary=json.dumps(told, ensure_ascii=True),
            checked_at=self._clock.now_ms(),
        )
        uow.datasets.change(owner, dataset_id, updated_at=self._clock.now_ms())


def used_by(uow: UnitOfWork, owner: str, ids: Iterable[str], home: Home) -> UsedBy:
    """Names of configurations and of runs that are not over which use one of the datasets."""
    configurations: dict[str, None] = {}
    runs: dict[str, None] = {}
    open_runs = uow.datasets.open_runs(owner, OPEN_STATES)
    for dataset_id in ids:
        configurations |= dict.fromkeys(uow.datasets.configurations_naming(owner, dataset_id))
        paths = {
            json.dumps(home.whole(row.path), ensure_ascii=ascii_only)
            for row in uow.datasets.versions_of(owner, dataset_id)
            for ascii_only in (True, False)
        }
        runs |= dict.fromkeys(name for name, resolved in open_runs if any(path in resolved for path in paths))
    return UsedBy(tuple(configurations), tuple(runs))
