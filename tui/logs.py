"""Where warnings and errors of the program go: a file in the data folder, never the terminal."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

LOG = "modeltrain.log"


class Formatter(logging.Formatter):
    """Of errors only their kinds and the places they came from: what they say may quote a key, a question or an address."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as the library calls it
        from tui.crash import places

        return places(ei[1]) if ei[1] is not None else ""


def log_to_file(data_dir: Path) -> None:
    """Warnings and errors go to a file (0600) in the data folder: the terminal belongs to the interface."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written (a full disk) is not worth a traceback on the screen
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        root.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(os.fdopen(handle, "a", encoding="utf-8"))
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
