"""What was asked, whatever the wire format, and what is answered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from core.llm.simulator.names import Asked

#: A Han, kana or hangul character is a token of its own; everything else goes by words, each with the blanks before it.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"\s*(?:[{_CJK}]|[^\s{_CJK}]+)|\s+")
_CJK_CHARACTER = re.compile(f"[{_CJK}]")
_LETTER = re.compile(r"[^\W\d_]")


def tokens_of(text: str) -> list[str]:
    """`text` cut into the simulator's tokens; joined they are `text` again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens the simulator counts in `text`."""
    return len(_TOKEN.findall(text))


def is_chinese(text: str) -> bool:
    """Whether a good part of the letters of `text` are Han characters, so that the answer should be Chinese."""
    sample = text[:2000]
    return len(_CJK_CHARACTER.findall(sample)) * 4 > len(_LETTER.findall(sample))


Finish = Literal["stop", "length", "content_filter"]


class Refused(Exception):
    """The request is refused. `kind`: a word for the error's type where the format has one."""

    def __init__(self, status: int, message: str, kind: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.headers = headers


@dataclass(slots=True)
class Question:
    """`turns`: (role, text) in order, without the system prompt. `parameters`: everything else of the body, as it came.

    `seen`: what the images of the last message that has some show (sight.py), read for models that see.
    """

    name: str
    asked: Asked
    turns: list[tuple[str, str]]
    system: str
    stream: bool
    max_tokens: int | None
    seed: int
    stop: tuple[str, ...]
    include_usage: bool
    parameters: dict[str, Any] = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The last thing the user said."""
        return next((text for role, text in reversed(self.turns) if role == "user"), "")


class Piece(NamedTuple):
    """One token of an answer."""

    is_reasoning: bool
    text: str


@dataclass(slots=True)
class Plan:
    """A whole answer before it is sent. Each piece is one delta and counts as one token. `stopped_by`: the stop sequence found."""

    pieces: list[Piece]
    finish: Finish
    input_tokens: int
    reasoning_tokens: int
    stopped_by: str | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces if not piece.is_reasoning)

    @property
    def reasoning(self) -> str:
        return "".join(piece.text for piece in self.pieces if piece.is_reasoning)
