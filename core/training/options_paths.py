"""Which files and folders an option may name. A served person is not the operator: only what is theirs or meant for everybody."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import InvalidInput
from core.training.options import PATHS

#: "name" or "organisation/name", as hubs have them.
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
#: Options that may name several, separated by commas.
_SEVERAL: Final = frozenset({"adapter_name_or_path"})


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody's options may name. `home`: the account's own folder, to which relative paths belong; None for whoever has none.

    `folders`: what everybody may use. `runs`: the folder of all runs, of which `owns_run(run_id)` ones are theirs. `anywhere`: a local
    person or an administrator. `offline`: nothing can be fetched from a hub (but may be in its cache).
    """

    home: Path | None
    folders: tuple[Path, ...]
    runs: Path
    owns_run: Callable[[str], bool]
    anywhere: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What an option's text stands for: a real path, or a name at a hub."""

    path: Path | None
    hub: str = ""

    @property
    def text(self) -> str:
        return str(self.path) if self.path is not None else self.hub


def find(text: str, reach: Reach, *, key: str, hub: bool = True) -> Named:
    """What `text` names, with every link resolved. Touches the disk.

    Raises InvalidInput(key, rule): empty, not_there (value), path_not_allowed (value), not_absolute (value).
    """
    text = text.strip()
    if not text:
        raise InvalidInput(key, "empty")
    if "\x00" in text or "${" in text:
        raise InvalidInput(key, "path_not_allowed", value=text[:200])
    path = _candidate(text, reach)
    if path is None or (not os.path.lexists(path) and _looks_like_hub(text)):
        if hub and _looks_like_hub(text):
            return Named(None, text)
        raise InvalidInput(key, "not_absolute" if path is None else "not_there", value=text[:200])
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        # The same answer for what is not there and what is somebody else's.
        raise InvalidInput(key, "not_there" if reach.anywhere else "path_not_allowed", value=text[:200]) from None
    if not allowed(real, reach):
        raise InvalidInput(key, "path_not_allowed", value=text[:200])
    return Named(real)


def _candidate(text: str, reach: Reach) -> Path | None:
    path = Path(text)
    if text.startswith("~"):
        try:
            return path.expanduser() if reach.anywhere else None
        except RuntimeError:
            return None
    if path.is_absolute():
        return path
    if reach.home is not None and not reach.anywhere:
        return reach.home / path
    return path.absolute() if reach.anywhere else None


def _looks_like_hub(text: str) -> bool:
    return _HUB_NAME.fullmatch(text) is not None and ".." not in text


def allowed(real: Path, reach: Reach) -> bool:
    """Whether a path without links may be used."""
    if reach.anywhere:
        return True
    roots = [*reach.folders, *([reach.home] if reach.home is not None else [])]
    if any(real.is_relative_to(_real(root)) for root in roots):
        return True
    runs = _real(reach.runs)
    if not real.is_relative_to(runs):
        return False
    parts = real.relative_to(runs).parts
    return bool(parts) and _RUN_ID.fullmatch(parts[0]) is not None and reach.owns_run(parts[0])


def _real(path: Path) -> Path:
    return path.resolve()


def resolve_options(options: dict[str, Any], reach: Reach) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options with every path made real, and those paths. Raises InvalidInput as `find`, with the option as its field."""
    resolved, paths = dict(options), []
    for key, hub in PATHS.items():
        value = resolved.get(key)
        if not value:
            continue
        texts = str(value).split(",") if key in _SEVERAL else [str(value)]
        found = [find(text, reach, key=key, hub=hub) for text in texts]
        paths += [str(each.path) for each in found if each.path is not None]
        resolved[key] = ",".join(each.text for each in found)
    return resolved, tuple(dict.fromkeys(paths))


def still_themselves(paths: tuple[str, ...]) -> str | None:
    """The first of `paths` that is not there any more, or leads elsewhere now."""
    for text in paths:
        try:
            if str(Path(text).resolve(strict=True)) != text:
                return text
        except (OSError, RuntimeError):
            return text
    return None
