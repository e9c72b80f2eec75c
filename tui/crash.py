"""What to do with an error that nobody foresaw: a code to quote for the person, the places in the code for a log file.

The log holds types and places, never values: no locals, no messages of exceptions (they may quote a key or a question).
"""

from __future__ import annotations

import logging
import os
import secrets
import traceback
from datetime import UTC, datetime
from pathlib import Path

from core.errors import ModeltrainError
from tui.errors import INTERNAL, Problem
from tui.i18n import _

log = logging.getLogger(__name__)
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
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n".join(lines)


def record(error: BaseException, data_dir: Path) -> str:
    """Append `error` to the crash log (0600) of the data folder and return the code under which it stands there.

    A folder that cannot be written loses the details, never the code.
    """
    code = f"crash-{secrets.token_hex(3)}"
    entry = f"{datetime.now(UTC).isoformat(timespec='seconds')} {code}\n{places(error)}\n\n"
    try:
        handle = os.open(data_dir / CRASH_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as writer:
            writer.write(entry)
    except OSError:
        log.warning("the crash log cannot be written")
    return code


def describe_crash(error: BaseException, data_dir: Path) -> Problem:
    """The sorry sentence for `error`, recorded."""
    code = record(error, data_dir)
    return Problem(
        _("modeltrain came to an unexpected end. Sorry; what was saved is safe."),
        _("Its code is {code}.").format(code=code),
        _("Start it again. If it happens again, pass on the code and {file}.").format(file=data_dir / CRASH_LOG),
        INTERNAL,
    )
