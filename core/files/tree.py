"""How deep a folder goes: what is moved must stay within the depth that a path may have."""

from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def height(parent: int, name: str, most: int) -> int:
    """Levels below the folder `name` of the open folder `parent`: 0 if it is empty; at most `most` + 1. Follows no link."""
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        with os.scandir(folder) as found:
            inner = [entry.name if entry.is_dir(follow_symlinks=False) else "" for entry in found]
        if not inner or most < 0:
            return min(len(inner), 1)
        return 1 + max((height(folder, child, most - 1) if child else 0) for child in inner)
    finally:
        os.close(folder)
