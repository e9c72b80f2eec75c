"""Compile the gettext catalogues: a hatch build hook for `pip install`, a script for `make`.

Both turn every tui/locales/*/LC_MESSAGES/*.po into the .mo file beside it, so that a wheel, an editable install and a working
tree read the same thing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, where only Babel is needed
    BuildHookInterface = object  # type: ignore[assignment, misc]


def compile_all(root: Path) -> list[Path]:
    """Write the .mo beside every .po below `root`/tui/locales and return the paths written."""
    written = []
    for source in sorted((root / "tui" / "locales").glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        with source.open("rb") as reader:
            catalogue = read_po(reader, locale=source.parts[-3])
        with target.open("wb") as writer:
            write_mo(writer, catalogue)
        written.append(target)
    return written


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """What hatchling calls before it builds a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compile_all(Path(self.root))


if __name__ == "__main__":
    for path in compile_all(Path(__file__).resolve().parent.parent):
        sys.stdout.write(f"{path}\n")
