"""What is written in the log about transfers: who, into or out of which folder, how many files and bytes, how long. No names of files."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from core.auth.principal import Principal
from core.files.names import FilePath
from core.sanitise import one_line

_log = logging.getLogger(__name__)
_NAME_LIMIT = 50


@dataclass
class _Sum:
    files: int = 0
    bytes: int = 0
    broken: int = 0


@dataclass
class Figures:
    """What one session moved, by direction and folder."""

    sums: dict[tuple[str, str], _Sum] = field(default_factory=dict)

    def count(self, path: FilePath, size: int, *, writes: bool, whole: bool) -> None:
        """Add a file that was closed after `size` bytes; `whole`: by the client, not by the end of the link."""
        if not path:
            return
        total = self.sums.setdefault(("in" if writes else "out", path[0]), _Sum())
        total.files += 1
        total.bytes += size
        total.broken += not whole

    def write(self, kind: str, principal: Principal, seconds: float) -> None:
        """One line for each direction and folder."""
        for (direction, folder), total in sorted(self.sums.items()):
            _log.info(
                "%s: %s (%s) %s %s: %d files, %d not whole, %d bytes, %.1f s",
                kind, one_line(principal.nickname, _NAME_LIMIT), principal.user_id, direction, folder,
                total.files, total.broken, total.bytes, seconds,
            )  # fmt: skip
