"""The printer: a process of its own that gives back what it took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.documents.fonts import Fonts
from core.documents.press import UNUSED, Script, printed
from tests.unit.reports.world import BEGAN


def script(*calls: str) -> Script:
    made = Script("t", "en", BEGAN, "{page}/{pages}", Fonts(None, None, chinese=False))
    for text in calls:
        made.add("text", text)
    return made


def test_what_fails_in_the_printer_is_said_and_not_swallowed() -> None:
    made = script("fine")
    made.add("nonsense")
    with pytest.raises(RuntimeError, match="nonsense"):
        printed(made)


def test_this_process_does_not_load_what_only_the_printer_needs() -> None:
    code = (
        "import sys, core.documents.press, core.batches.reports.pdf, core.batches.reports.xlsx, core.batches.reports.html, core.bootstrap\n"
        "print(sorted({'fpdf', 'fontTools', 'PIL', 'xlsxwriter', 'jinja2', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_of_the_folder_that_it_is_started_in_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "fpdf.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert printed(script("hello")).data.startswith(b"%PDF-")
    assert UNUSED
