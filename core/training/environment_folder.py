"""A folder looked at as a training environment: interpreter and installed distributions, told from names and times, imports nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.training.environment_types import EnvironmentIssue, EnvironmentKind, EnvironmentState

#: What this program is written and tested for.
LLAMAFACTORY: Final = "0.9.5"
SWANLAB: Final = "0.10.3"
#: Without these nothing can be trained; `swanlab` is missed only by its dashboard.
NEEDED: Final = ("llamafactory", "torch", "transformers", "peft", "trl", "accelerate", "datasets")
#: Written by the installer when everything was checked.
MARKER: Final = "modeltrain.json"
#: Issues that keep it from being used; others are remarks.
BREAKING: Final = frozenset({"no_python", "missing_package", "damaged_package", "wrong_version", "unfinished", "not_a_folder"})
_DISTRIBUTION: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info\Z")


@dataclass(frozen=True, slots=True)
class Look:
    """What is in a folder. `stamp` changes whenever any of it does."""

    python: Path | None
    versions: Mapping[str, str]
    damaged: tuple[str, ...]
    finished: bool
    stamp: tuple[object, ...]


def normalised(name: str) -> str:
    """A distribution's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages_folder(folder: Path) -> Path | None:
    """Where distributions are installed."""
    try:
        with os.scandir(folder / "lib") as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith("python3."))
    except OSError:
        return None
    found = [folder / "lib" / name / "site-packages" for name in names]
    return next((path for path in reversed(found) if path.is_dir()), None)


def stamp_of(folder: Path) -> tuple[object, ...]:
    """Changes when distributions are installed, upgraded or removed, or the interpreter goes: some calls of stat."""
    paths = [folder, folder / "bin", folder / MARKER, folder / "bin" / "python", packages_folder(folder)]
    return tuple(None if path is None else _stat(path) for path in paths)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def look_at(folder: Path) -> Look:
    """Read the folder; about a millisecond."""
    stamp = stamp_of(folder)
    python = folder / "bin" / "python"
    usable = python.is_file() and os.access(python, os.X_OK)
    packages = packages_folder(folder)
    versions, damaged = ({}, ()) if packages is None else _distributions(packages)
    return Look(python if usable else None, versions, damaged, (folder / MARKER).is_file(), stamp)


def _distributions(packages: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    versions: dict[str, str] = {}
    damaged = []
    with os.scandir(packages) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name.startswith("~"):  # what pip leaves of an upgrade that was cut off
            continue
        if found := _DISTRIBUTION.match(name):
            distribution = normalised(found["name"])
            versions[distribution] = found["version"]
            if distribution in NEEDED and not (packages / name / "METADATA").is_file():
                damaged.append(distribution)
    return versions, tuple(damaged)


def state_of(folder: Path, look: Look, *, own: bool, installing: bool = False) -> EnvironmentState:
    """What can be said about it."""
    problems = tuple(_issues(folder, look, own=own))
    kind: EnvironmentKind
    if installing:
        kind = "installing"
    elif look.python is None and not look.versions and not folder.exists():
        kind, problems = "missing", ()
    else:
        kind = "broken" if any(problem.rule in BREAKING for problem in problems) else "ready"
    return EnvironmentState(folder, kind, look.python, look.versions, problems, own, fingerprint(look))


def _issues(folder: Path, look: Look, *, own: bool) -> list[EnvironmentIssue]:
    if folder.exists() and not folder.is_dir():
        return [EnvironmentIssue("not_a_folder")]
    issues = []
    if look.python is None:
        issues.append(EnvironmentIssue("no_python", {"path": str(folder / "bin" / "python")}))
    if own and not look.finished:
        issues.append(EnvironmentIssue("unfinished"))
    issues += [EnvironmentIssue("missing_package", {"package": name}) for name in NEEDED if name not in look.versions]
    issues += [EnvironmentIssue("damaged_package", {"package": name}) for name in look.damaged]
    issues += _version_issues(look)
    if "swanlab" not in look.versions or "swanboard" not in look.versions:
        issues.append(EnvironmentIssue("no_dashboard", {"package": "swanlab[dashboard]"}))
    if " " in str(folder):
        issues.append(EnvironmentIssue("blank_in_path", {"path": str(folder)}))
    return issues


def _version_issues(look: Look) -> list[EnvironmentIssue]:
    found = look.versions.get("llamafactory")
    if found is None or found == LLAMAFACTORY:
        return []
    fields = {"package": "llamafactory", "found": found, "wanted": LLAMAFACTORY}
    same_line = found.split(".")[:2] == LLAMAFACTORY.split(".")[:2]
    return [EnvironmentIssue("other_version" if same_line else "wrong_version", fields)]


def fingerprint(look: Look) -> str:
    """One word for what is installed: what is read from it is cached under this."""
    text = json.dumps([str(look.python), sorted(look.versions.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
