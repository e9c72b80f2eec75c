"""Where runs are logged to SwanLab: each account has a folder of its own, and in it one log directory for each project.

SwanLab knows one project a directory: a second name is filed under the first without a word. So a project is a directory here.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

DEFAULT_PROJECT: Final = "modeltrain"
#: As long as SwanLab's own column.
LONGEST_PROJECT: Final = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def project_folder_name(project: str) -> str:
    """The folder of a project: its own name where that is a safe one, else what is safe of it with a mark that tells it from others."""
    safe = _UNSAFE.sub("-", project).strip("-")[:40]
    if safe and safe == project:
        return safe
    mark = hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{mark}" if safe else f"project-{mark}"


def swanlab_root(data_dir: Path, owner_id: str) -> Path:
    """Everything that an account logged to SwanLab. Raises ValueError for an id that is none."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", owner_id):
        raise ValueError("not an account's id")
    return data_dir / "swanlab" / owner_id


def swanlab_folder(data_dir: Path, owner_id: str, project: str = DEFAULT_PROJECT) -> Path:
    """The absolute log directory (`swanlab_logdir`) of an account's project."""
    return (swanlab_root(data_dir, owner_id) / project_folder_name(project[:LONGEST_PROJECT])).absolute()
