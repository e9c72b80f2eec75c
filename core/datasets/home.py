"""How files of datasets are kept: below the data folder by their place in it, so that they move with it; others by their whole path."""

from __future__ import annotations

import os
from pathlib import Path


class Home:
    """The data folder. Blocks once, to follow links."""

    def __init__(self, data_dir: Path) -> None:
        self._root = str(data_dir.resolve()).rstrip("/") + "/"

    def kept(self, path: Path) -> str:
        """What is written into the database for an absolute path."""
        return str(path).removeprefix(self._root)

    def whole(self, kept: str) -> str:
        """The absolute path of what was written."""
        return os.path.join(self._root, kept)  # noqa: PTH118 - no more than is needed, for a list of many
