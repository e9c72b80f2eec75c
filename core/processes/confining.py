"""Commands that are held to some files: see confine.py, which they are started through."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CONFINE: Final = Path(__file__).with_name("confine.py")


def confined(
    command: Iterable[str], *, hidden: Iterable[Path], opened: Iterable[Path | str], temporary: Path | str | None = None
) -> tuple[str, ...]:
    """`command` so that it cannot read or write below `hidden`, except below `opened`.

    `temporary`: a folder for temporary files, made where it is needed: where the usual ones lie beside what is hidden.
    """
    argv = [sys.executable, "-I", "-S", str(CONFINE)]
    for path in hidden:
        argv += ["--hide", str(path)]
    for place in opened:
        argv += ["--open", str(place)]
    if temporary is not None:
        argv += ["--tmp", str(temporary)]
    return (*argv, "--", *command)
