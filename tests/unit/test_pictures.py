"""docs/screens.md shows every picture that tools/screenshots.py makes, and every screen in both languages and a light and a dark theme."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from screenshots import ALL_LOOKS, EVERYWHERE, LOOKS, SIZES, Look  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
PAGE = (ROOT / "docs" / "screens.md").read_text(encoding="utf-8")
LIMIT = 8_000_000
TOOLS = ("screenshots.py", "walk_compare.py", "walk_training.py")


def made() -> dict[str, Look]:
    """The pictures that the tool makes: file name -> look."""
    trees = [ast.parse((ROOT / "tools" / name).read_text(encoding="utf-8")) for name in TOOLS]
    nodes = (node for tree in trees for node in ast.walk(tree))
    calls = (node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "shoot")
    names = [ast.literal_eval(call.args[0]) for call in calls]
    assert len(set(names)) == len(names) > 30
    return {f"{name}-{look}.png": look for name in names for look in (ALL_LOOKS if name in EVERYWHERE else LOOKS)}


def test_the_looks_are_of_both_languages_and_themes_and_sizes() -> None:
    for part in ("language", "theme", "size"):
        assert len({getattr(look, part) for look in LOOKS}) == 2


def test_every_picture_is_there_and_no_other() -> None:
    assert {path.name for path in PICTURES.iterdir()} == made().keys()


def test_every_picture_is_on_the_page_once() -> None:
    assert sorted(re.findall(r"\]\(pictures/([^)]+)\)", PAGE)) == sorted(made())


def test_the_pictures_of_the_other_pages_are_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for name in re.findall(r"\]\(((?:docs/)?pictures/[^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), f"{page.name}: {name}"


def test_together_they_are_small() -> None:
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < LIMIT


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_those_that_the_names_say(size: str) -> None:
    columns, lines = SIZES[size]
    shapes = set()
    for path in PICTURES.glob(f"*-{size}-*.png"):
        with Image.open(path) as picture:
            shapes.add(picture.size)
    assert shapes == {(columns * 9, lines * 19)}
