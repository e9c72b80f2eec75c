"""Experiments in a tar.gz, and back again. Blocks: belongs into a thread.

An archive holds `experiments.json` (the rows, written by us) as its first member, then the folders of the experiments. Archives may have
been copied from anywhere: nothing in them is believed. Only plain files and folders below the folders that the list names are taken out.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

from core.errors import Conflict, DiskFull, EnvironmentProblem, NotFound
from core.swanlab import cleaning, database, directory
from core.swanlab.types import ArchiveInfo, Restored, RunTruths

FOLDER: Final = ".archives"
SUFFIX: Final = ".tar.gz"
_LIST: Final = "experiments.json"
_VERSION: Final = 1
_LARGEST_LIST: Final = 64 << 20
#: Files that one archive may hold, and bytes that they may take in all: beyond that it is a bomb, not an archive of curves.
MOST_FILES: Final = 200_000
MOST_BYTES: Final = 100 << 30
_RESERVE: Final = 256 << 20
_PART: Final = ".part-"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}\.tar\.gz")
_DAMAGED = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError)


def archive_path(root: Path, archive_id: str) -> Path:
    """The file of an archive of this account. Raises NotFound(kind="archive")."""
    path = root / FOLDER / archive_id
    if not _ID.fullmatch(archive_id) or path.is_symlink() or not path.is_file():
        raise NotFound(kind="archive", reference=archive_id)
    return path


def listed(root: Path) -> tuple[ArchiveInfo, ...]:
    """The archives of an account, the newest first."""
    try:
        names = sorted(path.name for path in (root / FOLDER).iterdir() if _ID.fullmatch(path.name) and path.is_file())
    except OSError:
        return ()
    return tuple(sorted((info(root, name) for name in names), key=lambda item: item.created_at, reverse=True))


def info(root: Path, archive_id: str) -> ArchiveInfo:
    path = archive_path(root, archive_id)
    size, changed = path.stat().st_size, int(path.stat().st_mtime * 1000)
    try:
        with tarfile.open(path, "r:gz") as tar:
            kept = _read_list(tar)
    except _DAMAGED:
        return ArchiveInfo(archive_id, "", "", (), (), size, changed, "damaged")
    rows = [item["experiment"][0] for item in kept["experiments"]]
    ids, names = tuple(str(row["run_id"]) for row in rows), tuple(str(row["name"]) for row in rows)
    return ArchiveInfo(archive_id, str(kept["project"]["name"]), str(kept["folder"]), ids, names, size, int(kept["created_at"]))


# Making ------------------------------------------------------------------------------------------------------------------


def make(root: Path, folder: Path, experiment_ids: Collection[str], truths: RunTruths, *, now_ms: int) -> ArchiveInfo:
    """Write an archive of experiments of one directory; whole or not at all. Running ones are refused: half of a curve is no archive.

    Raises NotFound(kind="experiment"), Conflict(what="experiment_running"), DiskFull, EnvironmentProblem.
    """
    kept = _kept(folder, experiment_ids, truths, now_ms)
    (root / FOLDER).mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_ms / 1000))
    name = f"{folder.name}-{stamp}-{os.urandom(3).hex()}{SUFFIX}"
    part = root / FOLDER / f"{_PART}{name}"
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _write(file, folder, kept)
            file.flush()
            os.fsync(file.fileno())
        part.rename(root / FOLDER / name)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _disk(error, root) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return info(root, name)


def _kept(folder: Path, experiment_ids: Collection[str], truths: RunTruths, now_ms: int) -> dict[str, Any]:
    found = {item.id: item for item in directory.experiments(folder, truths)}
    with database.reading(folder) as connection:
        experiments = []
        for experiment_id in experiment_ids:
            row = database.experiment_row(connection, experiment_id) if experiment_id in found else None
            if row is None:
                raise NotFound(kind="experiment", reference=experiment_id)
            if found[experiment_id].state == "running":
                raise Conflict(what="experiment_running", experiment=found[experiment_id].name)
            experiments.append(database.taken_out(connection, int(row["id"])))
        project = database.project_row(connection)
    return {"version": _VERSION, "created_at": now_ms, "folder": folder.name, "project": project, "experiments": experiments}


def _write(file: Any, folder: Path, kept: Mapping[str, Any]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
        text = json.dumps(kept, ensure_ascii=False).encode("utf-8", "surrogatepass")
        member = tarfile.TarInfo(_LIST)
        member.size, member.mode, member.mtime = len(text), 0o600, int(kept["created_at"]) // 1000
        tar.addfile(member, io.BytesIO(text))
        for item in kept["experiments"]:
            name = str(item["experiment"][0]["run_id"])
            if (folder / name).is_dir():
                tar.add(folder / name, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Plain files and folders, without names and numbers of this machine's accounts."""
    if not (member.isfile() or member.isdir()):
        return None  # SwanLab's links to media are made anew from the files that are there
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


# Restoring ---------------------------------------------------------------------------------------------------------------


def restore(root: Path, archive_id: str) -> Restored:
    """Put the experiments of an archive back into their project. All of them or none.

    Raises NotFound(kind="archive"), Conflict(what="archive_damaged" | "experiment_there"), DiskFull, EnvironmentProblem.
    """
    path = archive_path(root, archive_id)
    work = root / FOLDER / f"{_PART}{os.urandom(8).hex()}"
    try:
        work.mkdir(mode=0o700)
        try:
            kept = _take_out(path, work)
        except (DiskFull, Conflict):
            raise
        except _DAMAGED as error:
            if isinstance(error, OSError) and isinstance(problem := _disk(error, root), DiskFull):
                raise problem from error
            raise Conflict(what="archive_damaged", archive=archive_id) from error
        return _put_back(root, kept, work, archive_id)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _take_out(path: Path, work: Path) -> dict[str, Any]:
    """Take the folders out into `work`. Raises ValueError for whatever does not belong into an archive of ours."""
    with gzip.open(path) as whole, tarfile.open(fileobj=whole, mode="r:") as tar:
        kept = _read_list(tar)
        names = {str(item["experiment"][0]["run_id"]) for item in kept["experiments"]}
        files = taken = 0
        room = shutil.disk_usage(work).free - _RESERVE
        for member in tar:
            if member.name == _LIST and member.offset == 0:
                continue
            files, taken = files + 1, taken + max(0, member.size)
            if files > MOST_FILES or taken > MOST_BYTES:
                raise ValueError("too much in it")
            parts = PurePosixPath(member.name).parts
            if (
                not (member.isfile() or member.isdir())
                or member.issparse()
                or not parts
                or parts[0] not in names
                or ".." in parts
                or "\\" in member.name
            ):
                raise ValueError("a member that does not belong here")
            if taken > room:
                raise DiskFull()
            # The filter says no again to absolute names, links and whatever leads out, and takes rights and owners away.
            tar.extract(member, work, filter="data")
        while whole.read(1 << 20):  # to its end, where the sum over all of it is compared
            pass
    return kept


def _read_list(tar: tarfile.TarFile) -> dict[str, Any]:
    """The list at the beginning of an archive, checked. Raises ValueError, KeyError or TypeError."""
    member = tar.next()
    if member is None or member.name != _LIST or not member.isfile() or member.size > _LARGEST_LIST:
        raise ValueError("no list")
    reader = tar.extractfile(member)
    found = json.loads(reader.read()) if reader else None
    if not isinstance(found, dict) or found.get("version") != _VERSION or not found["experiments"]:
        raise ValueError("another kind of list")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", found["folder"]) or not isinstance(found["project"]["name"], str):
        raise ValueError("no project")
    int(found["created_at"])
    for item in found["experiments"]:
        _check_rows(item)
    return found


def _check_rows(item: Mapping[str, Any]) -> None:
    (row,) = item["experiment"]
    if not directory.is_name(row["run_id"]) or not re.fullmatch(r"run-[A-Za-z0-9_-]{1,100}", row["run_id"]):
        raise ValueError("no folder of SwanLab's")
    if not isinstance(row["name"], str) or row["status"] not in (-1, 0, 1):
        raise ValueError("no experiment")
    for table in ("tag", "chart", "namespace", "display", "source"):
        for inner in item[table]:
            if any(not isinstance(value, (str, int, float, type(None))) for value in inner.values()):
                raise ValueError("no plain value")
    for tag in item["tag"]:
        if tag["folder"] is not None and not directory.is_name(str(tag["folder"])):
            raise ValueError("no folder of a metric")


def _put_back(root: Path, kept: Mapping[str, Any], work: Path, archive_id: str) -> Restored:
    folder = root / str(kept["folder"])
    if not database.is_there(folder):  # the project was removed meanwhile
        folder.mkdir(mode=0o700, exist_ok=True)
        database.create(folder)
    cleaning.tidy(folder)
    placed: list[Path] = []
    names: dict[str, str] = {}
    try:
        with database.writing(folder) as connection:
            for experiment_id, old, new in _rows_put_back(connection, kept, archive_id):
                if (folder / experiment_id).exists():
                    raise Conflict(what="experiment_there", experiment=old)
                names[old] = new
                if (work / experiment_id).is_dir():
                    (work / experiment_id).rename(folder / experiment_id)
                    placed.append(folder / experiment_id)
    except BaseException:
        for path in placed:
            shutil.rmtree(path, ignore_errors=True)
        raise
    ids = tuple(str(item["experiment"][0]["run_id"]) for item in kept["experiments"])
    return Restored(folder.name, ids, tuple((old, new) for old, new in names.items() if old != new))


def _rows_put_back(connection: sqlite3.Connection, kept: Mapping[str, Any], archive_id: str) -> Iterator[tuple[str, str, str]]:
    """Put the rows of each experiment back; gives its folder's name, its old name and the free one that it has now."""
    restorer = database.Restorer(connection)
    taken = {str(row["name"]) for row in database.experiment_rows(connection)}
    try:
        project_id = restorer.project(kept["project"])
        for item in kept["experiments"]:
            experiment_id, old = str(item["experiment"][0]["run_id"]), str(item["experiment"][0]["name"])
            if database.experiment_row(connection, experiment_id) is not None:
                raise Conflict(what="experiment_there", experiment=old)
            new = _free(old, taken)
            taken.add(new)
            restorer.experiment(item, project_id, new)
            yield experiment_id, old, new
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, KeyError, TypeError, OverflowError) as error:
        raise Conflict(what="archive_damaged", archive=archive_id) from error


def _free(name: str, taken: Collection[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name[:90]}-{number}", number + 1
    return found


def delete(root: Path, archive_id: str) -> int:
    """Delete an archive; bytes that it took."""
    path = archive_path(root, archive_id)
    size = path.stat().st_size
    with suppress(FileNotFoundError):
        path.unlink()
    return size


def _disk(error: OSError, root: Path) -> Exception:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull()
    return EnvironmentProblem(what="folder_not_writable", path=str(root / FOLDER))
