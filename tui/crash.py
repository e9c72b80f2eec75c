"""What to do with an error that nobody foresaw: a code to quote for the person, the places in the code for a log file.

The log holds types and places, never values: no locals, no messages of exceptions (they may quote a key or a question).
"""

from __future__ import annotations

import os
import secrets
import tempfile
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.errors import INTERNAL, Problem
from tui.i18n import _

CRASH_LOG = "crash.log"


def places(error: BaseException) -> str:
    """Where `error` came from, innermost last, with the errors that led to it."""
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        # Our own errors are made of plain fields without secrets; of others only the kind is known to be harmless.
        lines.append(str(current) if isinstance(current, ModeltrainError) else type(current).__qualname__)
        lines += [f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(current.__traceback__)]
        current = current.__cause__ or _inner(current) or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def _inner(error: BaseException) -> BaseException | None:
    """What a worker of Textual failed with: its own error says nothing of the place."""
    inner = getattr(error, "error", None)
    return inner if isinstance(inner, BaseException) else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Under which code an error stands in which file; None where no file could be written."""

    code: str
    file: Path | None


def record(error: BaseException, data_dir: Path) -> Recorded:
    """Append `error` to the crash log (0600) of the data folder, or put it into a file of its own among the temporary ones.

    The data folder may not be there yet, or be what is wrong. Where nothing can be written the details are lost, never the code.
    """
    code = f"crash-{secrets.token_hex(3)}"
    entry = f"{datetime.now(UTC).isoformat(timespec='seconds')} {code}\n{places(error)}\n\n"
    for open_file in (_in_data_folder, _among_temporary_files):
        try:
            handle, file = open_file(data_dir, code)
            with os.fdopen(handle, "w", encoding="utf-8") as writer:
                writer.write(entry)
        except OSError:
            continue
        return Recorded(code, file)
    return Recorded(code, None)


def _in_data_folder(data_dir: Path, _code: str) -> tuple[int, Path]:
    file = data_dir / CRASH_LOG
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), file


def _among_temporary_files(_data_dir: Path, code: str) -> tuple[int, Path]:
    handle, name = tempfile.mkstemp(prefix=f"modeltrain-{code}-", suffix=".log")  # 0600, a name that nobody can foresee
    return handle, Path(name)


def describe_crash(error: BaseException, data_dir: Path, *, name_file: bool = True) -> Problem:
    """The sorry sentence for `error`, recorded. `name_file`: say where; not to people who have no access to this machine's files."""
    recorded = record(error, data_dir)
    remedy = _("Start it again. If it happens again, pass on the code.")
    if name_file and recorded.file is not None:
        remedy = _("Start it again. If it happens again, pass on the code and {file}.").format(file=one_line(str(recorded.file), 300))
    return Problem(
        _("modeltrain came to an unexpected end. Sorry; what was saved is safe."),
        _("Its code is {code}.").format(code=recorded.code),
        remedy,
        INTERNAL,
    )
