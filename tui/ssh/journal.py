"""The log of the server: workers send their records to the front desk, which alone writes the file and turns it over.

So no line is torn or lost when several processes log at once. Each line is sanitised: names and addresses come from outside. Where the
front desk is gone, a worker appends to the file itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from core.sanitise import one_line, sanitise
from tui.logs import LOG, Formatter
from tui.ssh.desk_link import DeskLink

#: The file is turned over at so many bytes; so many old ones are kept, modeltrain.log.1 the newest.
TURN_OVER_BYTES = 10 * 1024 * 1024
KEPT = 5
#: Characters of one message, with its traceback; and where they take more bytes on their way than so many (a Chinese one takes six).
_LONGEST, _LONGEST_DENSE = 8000, 2000
_DENSE_BYTES = 24 * 1024
_FORMAT = Formatter()


def message_of(record: logging.LogRecord) -> dict[str, Any]:
    """A record as it travels: text only."""
    try:
        text = record.getMessage()
    except Exception:  # whatever it is about, it must not be told instead
        text = str(record.msg)
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + _FORMAT.formatException(record.exc_info)
    text = _shortened(text, _LONGEST)
    if len(json.dumps(text)) > _DENSE_BYTES:
        text = _shortened(text, _LONGEST_DENSE)
    return {"is": "log", "at": record.created, "level": record.levelname, "name": record.name, "text": text}


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}\n...\n{text[-most // 2 :]}"


def line_of(message: dict[str, Any], who: str) -> str:
    """The line (or lines, with two blanks before each further one) of a message."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S%z", time.localtime(float(message["at"])))
    text = sanitise(str(message["text"])).replace("\n", "\n  ")
    level, name = (one_line(str(message[part]), 100) for part in ("level", "name"))
    lost = f" ({int(message['lost'])} messages before this one were lost)" if message.get("lost") else ""
    return f"{moment} {level} {who} {name}: {text}{lost}\n".encode("utf-8", "replace").decode()


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


class Journal(logging.Handler):
    """Writes for all processes. `echo`: a descriptor that gets every line, too (standard error: for whoever looks, and for systemd)."""

    def __init__(self, data_dir: Path, *, echo: int | None = None, turn_over_bytes: int = TURN_OVER_BYTES) -> None:
        super().__init__()
        self._path = data_dir / LOG
        self._echo = echo
        self._turn_over_bytes = turn_over_bytes
        self._descriptor = -1
        self._size = 0
        self.reopen()

    def emit(self, record: logging.LogRecord) -> None:
        self.write(message_of(record), "front desk")

    def write(self, message: dict[str, Any], who: str) -> None:
        """Add a message of `who`. A file that cannot be written stops nobody."""
        data = line_of(message, who).encode()
        if self._echo is not None:
            with contextlib.suppress(OSError):
                os.write(self._echo, data)
        if self._size + len(data) > self._turn_over_bytes and self._size:
            self._turn_over()
        try:
            if self._descriptor < 0:
                self.reopen()
            if self._descriptor >= 0:
                written = os.write(self._descriptor, data)
                self._size += written
                if written < len(data):  # the disk is full: half a line would run into the next one
                    self._size = os.fstat(self._descriptor).st_size - written
                    os.ftruncate(self._descriptor, self._size)
        except OSError:
            return

    def reopen(self) -> None:
        """Open the file anew: somebody may have moved it away (logrotate)."""
        self.let_go()
        with contextlib.suppress(OSError):
            self._descriptor = _open(self._path)
            self._size = os.fstat(self._descriptor).st_size

    def let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _turn_over(self) -> None:
        self.let_go()
        for number in range(KEPT, 0, -1):
            older = self._path.with_name(f"{LOG}.{number}")
            newer = self._path.with_name(f"{LOG}.{number - 1}") if number > 1 else self._path
            with contextlib.suppress(OSError):
                newer.replace(older)
        self.reopen()


class ToTheDesk(logging.Handler):
    """A worker's handler."""

    def __init__(self, link: DeskLink, data_dir: Path, who: str) -> None:
        super().__init__()
        self._link, self._path, self._who = link, data_dir / LOG, who

    def emit(self, record: logging.LogRecord) -> None:
        message = message_of(record)
        if self._link.log(message):
            return
        with contextlib.suppress(OSError):
            descriptor = _open(self._path)
            try:
                os.write(descriptor, line_of(message, self._who).encode())
            finally:
                os.close(descriptor)


def use(handler: logging.Handler, level: str) -> None:
    """Let `handler` alone have what this process logs. Libraries tell of every request at "info": only their warnings are taken."""
    root = logging.getLogger()
    for other in tuple(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for ours in ("core", "storage", "tui"):
        logging.getLogger(ours).setLevel(level)
    logging.captureWarnings(True)
    logging.raiseExceptions = False


def standard_error() -> int | None:
    """The descriptor of standard error, None where it is closed."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return None
