"""One attempt of a service: its folder, its files, its job. Blocks: run it in a thread."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from core.managed.types import ServiceSpec
from core.processes import Job, JobState, launch

#: Bytes of the log's beginning in which a service says which port it took.
_PORT_WITHIN = 256 * 1024


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with {name} replaced for each name of `values`; other braces stay."""
    return re.sub(r"\{(host|port|folder|key)\}", lambda found: values.get(found[1], found[0]), text)


def launch_attempt(folder: Path, spec: ServiceSpec, *, host: str, port: int, key: str) -> JobState:
    """Write the files of an attempt and start it. Raises EnvironmentProblem, DiskFull."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    open_values = {"host": host, "port": str(port), "folder": str(folder)}
    values = open_values | {"key": key}
    for name, text in spec.files.items():
        write_private(folder / name, filled(text, values))
    job = Job(
        folder=folder,
        argv=tuple(filled(each, open_values) for each in spec.argv),
        environment={name: filled(value, values) for name, value in spec.environment.items()},
        log_limit_bytes=spec.log_limit_bytes,
    )
    return launch(job)


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def told_port(log: Path, pattern: str) -> int:
    """The port that a service says it took (the last that it names), 0 while it says nothing."""
    try:
        with log.open("rb") as file:
            text = file.read(_PORT_WITHIN).decode("utf-8", "replace")
    except OSError:
        return 0
    found = re.findall(pattern, text)
    number = int(found[-1]) if found and str(found[-1]).isdigit() else 0
    return number if 0 < number < 65536 else 0
