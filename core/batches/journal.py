"""The journal of a batch: what came, written down at once, before anything else is asked.

One file for each time that a process takes a batch over: `<data folder>/batches/<batch>.<epoch>.jsonl`, one line of JSON for each answer,
appended by a single write, so that it outlives the process from then on (and the machine from the next group that is saved on). The
database gets the same answers a moment later, in groups. Whoever takes the batch over merges what is left of earlier journals first.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FOLDER = "batches"
#: A journal whose answers are all in the database is emptied once it is larger.
_LARGE = 4 << 20


class Journal:
    """Blocks; a line takes some ten microseconds. Raises OSError (a full disk): then the answer is only in memory."""

    def __init__(self, folder: Path, batch_id: str, epoch: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{batch_id}.{epoch}.jsonl"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size
        self._torn = False

    def write(self, entry: dict[str, Any]) -> None:
        """One answer. A line that only half went in is closed by the next one, and is not read."""
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        if self._torn:
            line = b"\n" + line
        self._torn = True
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        self._torn = False
        self._size += len(line)

    def sync(self) -> None:
        """What was written outlives the machine."""
        os.fdatasync(self._file)

    def saved(self) -> None:
        """Everything in it is in the database: let it not grow for ever."""
        if self._size > _LARGE:
            os.ftruncate(self._file, 0)
            self._size = 0

    def close(self, *, remove: bool) -> None:
        """`remove`: everything in it is in the database."""
        os.close(self._file)
        if remove:
            self.path.unlink(missing_ok=True)


def journals(folder: Path, batch_id: str) -> list[Path]:
    """What earlier processes left of a batch, the oldest first."""
    found = ((path, path.name.split(".")[1]) for path in folder.glob(f"{batch_id}.*.jsonl"))
    return [path for path, epoch in sorted(found, key=lambda pair: int(pair[1]) if pair[1].isdigit() else 0)]


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal. A line that was cut off by the end of its process is no answer that was received whole."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # whoever wrote it has everything in the database by now
        return
    with file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                if line.strip():
                    log.warning("a line of the journal %s is not whole", path.name)
                continue
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                yield entry


def forget(folder: Path, batch_id: str) -> None:
    """Remove what is left of a batch that is deleted."""
    for path in folder.glob(f"{batch_id}.*.jsonl"):
        path.unlink(missing_ok=True)
