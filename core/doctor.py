"""Looks an installation over and says what it finds, as data; changes nothing. tui/commands/doctor.py writes the sentences."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from core.settings import Settings
from storage.files import is_there

OLDEST_PYTHON = (3, 11)
LOW_DISK_BYTES = 1 << 30
NO_DISK_BYTES = 64 << 20
SMALLEST_TERMINAL = (80, 24)


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `about`: python, package, data_folder, ...; `finding`: ok, missing, ...; `fields` fill the sentence."""

    about: str
    finding: str
    state: State = State.OK
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is asked of the terminal. `encoding`: of standard output; `size`: columns and rows."""

    environment: Mapping[str, str]
    is_terminal: bool
    encoding: str
    size: tuple[int, int]


def examine(settings: Settings, surroundings: Surroundings) -> tuple[Check, ...]:
    """Everything, in the order in which it should be mended. Blocks for as long as reading the database through takes."""
    parts: tuple[Callable[[], Iterator[Check]], ...] = (
        _python,
        _packages,
        lambda: _data_folder(settings.data_dir),
        lambda: _disk(settings.data_dir),
        lambda: _kept(settings),
        lambda: _terminal(surroundings),
        _confinement,
    )
    return tuple(check for part in parts for check in part())


def _python() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    good = sys.version_info[:2] >= OLDEST_PYTHON
    yield Check("python", "ok" if good else "too_old", State.OK if good else State.PROBLEM, {"found": found, "wanted": wanted})


# Packages -------------------------------------------------------------------------------------------------------------


def _packages() -> Iterator[Check]:
    try:
        requirements = metadata.requires("modeltrain") or []
    except metadata.PackageNotFoundError:
        yield Check("packages", "not_installed", State.WARNING)
        return
    wrong = [check for text in requirements if "extra ==" not in text for check in _requirement(text)]
    yield from wrong
    if not wrong:
        yield Check("packages", "ok")


def _requirement(text: str) -> Iterator[Check]:
    match = re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*(==|>=)\s*([\d.]+)", text)
    if match is None:
        return
    name, relation, wanted = match.groups()
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        yield Check("package", "missing", State.PROBLEM, {"name": name, "wanted": wanted})
        return
    good = found == wanted if relation == "==" else _numbers(found) >= _numbers(wanted)
    if not good:
        finding = "wrong_version" if relation == "==" else "too_old"
        yield Check("package", finding, State.PROBLEM, {"name": name, "found": found, "wanted": wanted})


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


# Data folder and disk -------------------------------------------------------------------------------------------------


def _data_folder(folder: Path) -> Iterator[Check]:
    fields = {"path": str(folder)}
    if not is_there(folder):
        parent = _first_that_exists(folder)
        writable = os.access(parent, os.W_OK | os.X_OK)
        yield Check("data_folder", "absent" if writable else "cannot_be_made", State.OK if writable else State.PROBLEM, fields)
    elif not folder.is_dir():
        yield Check("data_folder", "not_a_folder", State.PROBLEM, fields)
    elif not os.access(folder, os.W_OK | os.X_OK | os.R_OK):
        yield Check("data_folder", "not_writable", State.PROBLEM, fields)
    else:
        yield from _permissions(folder)


def _permissions(folder: Path) -> Iterator[Check]:
    from storage.files import exposure

    loose = [path for path in (folder, *_own_files(folder)) if exposure(path)]
    for path in loose:
        right = "0700" if path.is_dir() else "0600"
        yield Check(
            "permissions", "exposed", State.WARNING, {"path": str(path), "mode": f"{path.stat().st_mode & 0o777:04o}", "right": right}
        )
    if not loose:
        yield Check("data_folder", "ok", State.OK, {"path": str(folder)})


def _own_files(folder: Path) -> list[Path]:
    # The key is looked at with the keys: one that is exposed stops the program.
    return sorted([*folder.glob("modeltrain.db*"), *folder.glob("session.json")])


def _first_that_exists(path: Path) -> Path:
    return next((each for each in path.parents if is_there(each)), Path("/"))


def _disk(folder: Path) -> Iterator[Check]:
    usage = shutil.disk_usage(folder if is_there(folder) else _first_that_exists(folder))
    fields = {"free": usage.free, "path": str(folder)}
    if usage.free < NO_DISK_BYTES:
        yield Check("disk", "full", State.PROBLEM, fields)
    elif usage.free < LOW_DISK_BYTES:
        yield Check("disk", "low", State.WARNING, fields)
    else:
        yield Check("disk", "ok", State.OK, fields)


# Database and keys ----------------------------------------------------------------------------------------------------


def _kept(settings: Settings) -> Iterator[Check]:
    """The database and what is sealed in it. Storage's errors are the findings."""
    from storage.db import sqlite_path
    from storage.errors import StorageProblem

    file = sqlite_path(settings.database_url) if settings.is_sqlite else None
    if file is not None and not is_there(file):
        hidden = is_there(file.parent) and not os.access(file.parent, os.X_OK)
        if hidden:
            yield Check("database", "database_unreachable", State.PROBLEM, {"reason": "cannot_open", "path": str(file)})
        else:
            yield Check("database", "absent", State.OK, {"path": str(file)})
        return
    from core.secrets import make_box
    from storage.unit_of_work import Storage

    try:
        storage = Storage(settings.database_url, reader_threads=1, box=make_box(settings), busy_timeout_s=2)
    except StorageProblem as problem:
        yield Check("database", problem.code, State.PROBLEM, dict(problem.fields))
        return
    try:
        yield from _database(storage)
    finally:
        storage.close()


def _database(storage: Any) -> Iterator[Check]:
    from storage import health
    from storage.errors import StorageProblem

    try:
        found = health.examine(storage)
    except StorageProblem as problem:
        yield Check("database", problem.code, State.PROBLEM, dict(problem.fields))
        return
    fields = {"kind": found.kind, "version": found.version, "revision": found.revision, "newest": found.newest, "damage": found.damage}
    if found.damage:
        yield Check("database", "database_damaged", State.PROBLEM, fields)
    elif found.revision is None:
        yield Check("database", "empty", State.OK, fields)
    elif found.revision != found.newest:
        yield Check("database", "old" if found.known else "database_too_new", State.WARNING if found.known else State.PROBLEM, fields)
    else:
        yield Check("database", "ok", State.OK, fields)
        yield from _keys(storage)


def _keys(storage: Any) -> Iterator[Check]:
    from storage.errors import KeyMissing
    from storage.rotation import examine_keys

    try:
        state = examine_keys(storage)
    except KeyMissing as problem:
        yield Check("master_key", str(problem.fields["reason"]), State.PROBLEM, dict(problem.fields))
        return
    fields = {"source": state.source, "secrets": state.secrets, "id": state.master_key_id}
    if state.unfinished:
        yield Check("master_key", "unfinished", State.WARNING, fields)
    else:
        yield Check("master_key", "ok", State.OK, fields)
    if state.unreadable:
        yield Check("secrets", "unreadable", State.WARNING, {"rows": ", ".join(state.unreadable), "count": len(state.unreadable)})


# Terminal -------------------------------------------------------------------------------------------------------------


def _terminal(surroundings: Surroundings) -> Iterator[Check]:
    term = surroundings.environment.get("TERM", "")
    columns, rows = surroundings.size
    fields = {
        "term": term,
        "columns": columns,
        "rows": rows,
        "encoding": surroundings.encoding,
        "colours": colours(surroundings.environment),
    }
    if surroundings.encoding.lower().replace("-", "") != "utf8":
        yield Check("locale", "not_utf8", State.WARNING, fields)
    if not surroundings.is_terminal:
        yield Check("terminal", "none", State.OK, fields)
    elif term in ("", "dumb"):
        yield Check("terminal", "dumb", State.PROBLEM, fields)
    elif columns < SMALLEST_TERMINAL[0] or rows < SMALLEST_TERMINAL[1]:
        yield Check("terminal", "small", State.WARNING, fields)
    else:
        yield Check("terminal", "ok", State.OK, fields)


def colours(environment: Mapping[str, str]) -> str:
    """How many colours the terminal says it has: none, 16, 256 or truecolor."""
    term = environment.get("TERM", "")
    if environment.get("NO_COLOR") or term in ("", "dumb"):
        return "none"
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in term:
        return "truecolor"
    return "256" if "256" in term else "16"


# Trainings of served people ---------------------------------------------------------------------------------------------


def _confinement() -> Iterator[Check]:
    """Whether what served people train can be held to their own files (core/processes/confine.py)."""
    from core.processes import confine

    held = confine.version() >= confine.OLDEST
    yield Check("confinement", "ok" if held else "missing", State.OK if held else State.WARNING)
