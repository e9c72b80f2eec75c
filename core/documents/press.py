"""Prints paper in a process of its own: PDF takes 150 MB while it is made, and a program that many people use shall not keep them.

A **script** is what `Paper` is told to do, one call after the other, as plain values.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from core.documents.fonts import Fonts

#: One at a time in a program: many people may ask for reports at once.
_PRINTING: Final = threading.Lock()
#: Seconds that a document may take.
_LONGEST: Final = 300.0


@dataclass(slots=True)
class Script:
    """Call it as `Paper` is called: `script.add("heading", "Summary")`. `fonts`: None for the best of this machine."""

    title: str
    language: str
    made_at: datetime
    page_words: str
    fonts: Fonts | None = None
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def add(self, method: str, *values: Any, **options: Any) -> None:
        self.calls.append((method, values, options))


@dataclass(frozen=True, slots=True)
class Printed:
    """A PDF. `missing`: signs that no font had, shown as `stand_in`; `chinese`: whether a font with Chinese signs was found."""

    data: bytes
    missing: int
    stand_in: str
    chinese: bool


def printed(script: Script) -> Printed:
    """The script as PDF, by another process. Blocks. Raises OSError where none can be started, RuntimeError where it fails."""
    with _PRINTING:
        return _printed(script)


def _printed(script: Script) -> Printed:
    # -P: whatever lies in the folder that the program was started in is not imported.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.documents.press"], input=pickle.dumps(script), capture_output=True, timeout=_LONGEST, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"printing ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    found = pickle.loads(done.stdout)  # noqa: S301 - written by ourselves, over a pipe
    assert isinstance(found, Printed)
    return found


def run(script: Script) -> Printed:
    """The same in this process."""
    import io

    from core.documents.paper import Paper

    paper = Paper(script.title, script.language, script.made_at, script.page_words, script.fonts)
    for method, values, options in script.calls:
        getattr(paper, method)(*values, **options)
    file = io.BytesIO()
    paper.save(file)
    return Printed(file.getvalue(), paper.missing, paper.stand_in, paper.chinese)


#: What fpdf2 loads where it is there, for pictures, signatures and SVG: none of it is used here, and it takes 30 MB.
UNUSED: Final = ("numpy", "lxml", "cryptography")

if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(UNUSED))  # type: ignore[arg-type]
    from core.documents import press  # not as __main__: what is pickled has to be found again

    sys.stdout.buffer.write(pickle.dumps(press.run(pickle.load(sys.stdin.buffer))))  # noqa: S301 - from our own parent
