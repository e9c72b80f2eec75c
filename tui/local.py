"""What this installation's local interface remembers before anybody signed in: language, theme, signs. A small file, never a secret."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

FILE = "interface.json"


@dataclass(frozen=True, slots=True)
class LocalPreferences:
    """Empty texts mean "not chosen": the environment and the default theme decide. `email`: the last one signed in with here."""

    language: str = ""
    theme: str = ""
    ascii: bool = False
    email: str = ""


def load(data_dir: Path) -> LocalPreferences:
    """The preferences kept in `data_dir`; defaults where there are none or the file is damaged."""
    try:
        values = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return LocalPreferences()
    if not isinstance(values, dict):
        return LocalPreferences()
    default = LocalPreferences()
    known = {name: value for name, value in values.items() if name in asdict(default) and isinstance(value, type(getattr(default, name)))}
    return replace(default, **known)


def save(data_dir: Path, **changes: Any) -> LocalPreferences:
    """Keep `changes` beside what is kept already. A folder that is not there yet, or full, loses only this convenience."""
    kept = replace(load(data_dir), **changes)
    whole = data_dir / f".{FILE}.{os.getpid()}"
    with contextlib.suppress(OSError):
        handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as writer:
            json.dump(asdict(kept), writer)
        whole.replace(data_dir / FILE)
    return kept
