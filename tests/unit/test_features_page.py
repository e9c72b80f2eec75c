"""docs/features.md says what is built. This keeps it true: every ID has its row, every state its form, every named test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([A-J]\d+) \| (.+?) \| (.+?) \| (.*?) \|$", re.MULTILINE)
COUNTS = {"A": 8, "B": 6, "C": 12, "D": 9, "E": 6, "F": 12, "G": 4, "H": 2, "I": 8, "J": 10}
EXPECTED = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]
STATE = re.compile(r"yes|not yet|partly: \S.*")


def rows() -> list[tuple[str, str, str, list[str]]]:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    return [(key, what, state, re.findall(r"`([^`]+)`", tests)) for key, what, state, tests in ROW.findall(text)]


def test_every_feature_has_one_row_in_order() -> None:
    assert [key for key, *_ in rows()] == EXPECTED


@pytest.mark.parametrize(("key", "what", "state", "tests"), rows(), ids=[row[0] for row in rows()])
def test_the_row_is_well_formed_and_its_tests_exist(key: str, what: str, state: str, tests: list[str]) -> None:
    assert what.strip()
    assert STATE.fullmatch(state), f"{key}: the state is yes, not yet, or partly: what is missing"
    assert bool(tests) == (state != "not yet"), f"{key}: what works names the tests that show it, what does not names none"
    for test in tests:
        assert exists(test), f"{key}: there is no test {test}"


def exists(reference: str) -> bool:
    """Whether `tests/path.py::name` (or `tests/path.py`) is there, by reading the source."""
    path, _, name = reference.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    if not name:
        return "def test_" in file.read_text(encoding="utf-8")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    return all(part in found for part in name.split("::"))
