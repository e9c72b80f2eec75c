"""Example sets that come with the program: core/questions/examples/*.json, written as `modeltrain questions export` writes them.

Their questions were written for this program; each right answer was worked out or looked up, and none depends on the day it is asked.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from core.errors import NotFound
from core.questions.reading import read_questions
from core.questions.types import Example, QuestionDraft

FOLDER: Final = Path(__file__).parent / "examples"
LANGUAGES: Final = ("en", "zh")


@lru_cache(maxsize=1)
def examples() -> tuple[Example, ...]:
    """All of them, by language and id. Blocks for some milliseconds, once. The questions themselves are not looked at here."""
    return tuple(_about(path) for path in _paths())


def load(example_id: str) -> tuple[Example, list[QuestionDraft]]:
    """One with its questions. Raises NotFound(kind="question_example")."""
    for path in _paths():
        if path.stem == example_id:
            with read_questions(path) as read:
                return _about(path), [replace(item, source_line=None) for item in read if isinstance(item, QuestionDraft)]
    raise NotFound(kind="question_example", reference=example_id)


def _paths() -> list[Path]:
    """The language is the end of the name: "tasks-en.json"."""
    paths = [path for path in FOLDER.iterdir() if path.suffix == ".json" and _language(path) in LANGUAGES]
    return sorted(paths, key=lambda path: (_language(path), path.stem))


def _language(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def _about(path: Path) -> Example:
    told = json.loads(path.read_text(encoding="utf-8"))
    types = Counter(question.get("type", "") for question in told["questions"])
    count = len(told["questions"])
    return Example(path.stem, told["name"], told["note"], _language(path), count, dict(types), tuple(told["tags"]))
