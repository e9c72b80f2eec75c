"""What a log file is made of: lines, levels, changes. Plain values; all text is from outside and unsafe until sanitised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

#: A line without an end is cut at multiples of this many bytes of the file, so that none is longer than twice it.
PIECE = 64 * 1024


class Level(IntEnum):
    """How bad a line is. PLAIN: it does not say."""

    DEBUG = 10
    PLAIN = 15
    INFO = 20
    WARNING = 30
    ERROR = 40


class Change(StrEnum):
    """What became of a file since it was looked at last. GONE: deleted (what was open can still be read); BACK: there (again).

    TRUNCATED and REPLACED: what was known of its lines is worth nothing any more.
    """

    NONE = "none"
    GREW = "grew"
    TRUNCATED = "truncated"
    REPLACED = "replaced"
    GONE = "gone"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Line:
    """The bytes `start`..`end` of the file (the line end included), or a hole of that size that was punched into it.

    `data`: without the line end. `begins`, `ends`: False where this is only a piece of a line longer than 64 KiB.
    """

    start: int
    end: int
    data: bytes = b""
    kind: Literal["text", "hole"] = "text"
    begins: bool = True
    ends: bool = True

    @property
    def left_out(self) -> int:
        """Bytes that a hole stands for."""
        return self.end - self.start if self.kind == "hole" else 0


@dataclass(frozen=True, slots=True)
class LineNumber:
    """From 1. `exact` is False where lines before it were not counted, or a hole hides how many there were."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """The last state of a progress bar: `text` as drawn, and what could be read of it (None where not)."""

    text: str
    percent: float | None = None
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as a person reads it: sanitised `text`; `bar` the last progress bar in it, `folded` how many states of bars were left out."""

    text: str
    level: Level
    bar: Bar | None = None
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. Literal text finds both cases unless it has a capital letter (smart case).

    `pattern`: `text` is a regular expression of Python's `re`, with the same smart case, held against each line.
    """

    text: str
    pattern: bool = False

    @property
    def ignores_case(self) -> bool:
        letters = re.sub(r"\\.", "", self.text, flags=re.DOTALL) if self.pattern else self.text  # the S of \S is no capital letter
        return letters == letters.lower()


@dataclass(frozen=True, slots=True)
class Hit:
    """`offset`, `end`: of the match in the file, in bytes; `line`: where its line begins."""

    offset: int
    end: int
    line: int
