"""Example sets that come with the program: core/questions/examples/*.json, written as `modeltrain questions export` writes them.

Their questions were written for this program; each right answer was worked out or looked up, and none depends on the day it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
    """All of them, by language and id. Blocks for some milliseconds, once."""
    return tuple(example for example, _questions in _every())


def load(example_id: str) -> tuple[Example, list[QuestionDraft]]:
    """One with its questions. Raises NotFound(kind="question_example")."""
    for example, questions in _every():
        if example.id == example_id:
            return example, questions
    raise NotFound(kind="question_example", reference=example_id)


def _every() -> Iterator[tuple[Example, list[QuestionDraft]]]:
    paths = [path for path in FOLDER.iterdir() if path.suffix == ".json" and path.stem.rpartition("-")[2] in LANGUAGES]
    for path in sorted(paths, key=lambda each: (each.stem.rpartition("-")[2], each.stem)):
        with read_questions(path) as read:
            questions = [item for item in read if isinstance(item, QuestionDraft)]
        types = Counter(question.type for question in questions)
        language = path.stem.rpartition("-")[2]
        yield Example(path.stem, read.name, read.note, language, len(questions), dict(types), read.tags), questions
