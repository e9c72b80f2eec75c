"""Rows of the database as plain values."""

from __future__ import annotations

import os
from typing import Any

from core.datasets.home import Home
from core.datasets.records import read_summary, told_of
from core.datasets.types import Dataset, DatasetVersion, Sort


def dataset_view(row: Any, home: Home) -> Dataset:
    """A row of the repository with its version in force. Looks at the file: call it outside the event loop's thread."""
    return Dataset(row.id, row.name, row.note, version_view(row, home, "v_"), row.versions, row.created_at, row.updated_at)


def version_view(row: Any, home: Home, prefix: str = "") -> DatasetVersion:
    """A row of a version; `prefix` of its columns."""

    def get(name: str) -> Any:
        return getattr(row, prefix + name)

    path = home.whole(get("path"))
    missing, stale = look_at(path, get("size"), get("mtime_ns"))
    return DatasetVersion(
        id=get("id"),
        dataset_id=get("dataset_id"),
        version=get("version"),
        path=path,
        file_kind=get("file_kind"),
        format=get("format"),
        origin=get("origin"),
        linked=get("linked"),
        size=get("size"),
        verdict="unchecked" if stale else get("verdict"),
        summary=read_summary(get("summary")),
        changes=told_of(get("changes")),
        created_at=get("created_at"),
        checked_at=get("checked_at"),
        missing=missing,
        stale=stale,
    )


def look_at(path: str, size: int, mtime_ns: int) -> tuple[bool, bool]:
    """Whether the file is gone, and whether it is another one than that."""
    try:
        info = os.stat(path)  # noqa: PTH116 - no more than is needed, for a list of many
    except OSError:
        return True, False
    return False, (info.st_size, info.st_mtime_ns) != (size, mtime_ns)


def arranged(items: list[Dataset], query: str, sort: Sort) -> list[Dataset]:
    """Those with every word of `query`, in order."""
    words = query.casefold().split()
    kept = [item for item in items if all(word in _said(item) for word in words)]
    keys: dict[Sort, Any] = {
        "name": lambda item: (item.name.casefold(), item.name),
        "updated": lambda item: -item.updated_at,
        "created": lambda item: -item.created_at,
        "rows": lambda item: -(item.current.summary.rows if item.current.summary else 0),
        "size": lambda item: -item.current.size,
    }
    return sorted(kept, key=keys[sort])


def _said(item: Dataset) -> str:
    return f"{item.name}\n{item.note}\n{item.format}\n{item.current.path}".casefold()
