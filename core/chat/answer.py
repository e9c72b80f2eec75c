"""The text of an answer while it grows: kept in pieces, so that saving and watching cost as much as is new, not as much as there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["text", "reasoning"]
#: Characters after which a piece is closed. A closed piece is saved once; an open one is saved again as it grows.
PIECE = 16_384


class SavedPiece(NamedTuple):
    """What goes into a row of message_parts."""

    ordinal: int
    kind: str
    content: str


@dataclass(slots=True)
class _Piece:
    """`start`: where it begins in all the text of its kind, in characters."""

    kind: Kind
    start: int
    length: int = 0
    chunks: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        if len(self.chunks) > 1:
            self.chunks = ["".join(self.chunks)]
        return self.chunks[0] if self.chunks else ""


class AnswerText:
    """Answer and reasoning, in the order they came. `epoch` changes when what came before was regrouped: then begin anew."""

    def __init__(self, saved: Iterable[tuple[str, str]] = ()) -> None:
        """`saved`: kind and content of the pieces that are in the database already (an answer that is continued)."""
        self._pieces: list[_Piece] = []
        self._length: dict[Kind, int] = {"text": 0, "reasoning": 0}
        self._clean = 0  # pieces before this one are saved and closed
        self.epoch = 0
        self.bytes = 0
        self.dirty = False
        for kind, content in saved:
            self._add("text" if kind == "text" else "reasoning", content, fresh=True)
        self._clean = len(self._pieces)
        self.dirty = False

    def append(self, kind: Kind, text: str) -> None:
        self._add(kind, text)

    def _add(self, kind: Kind, text: str, *, fresh: bool = False) -> None:
        if not text:
            return
        self.dirty = True
        self.bytes += len(text.encode())
        size = len(text) if fresh else PIECE
        for begin in range(0, len(text), size):
            chunk = text[begin : begin + size]
            last = self._pieces[-1] if len(self._pieces) > self._clean else None
            if fresh or last is None or last.kind != kind or last.length + len(chunk) > PIECE:
                last = _Piece(kind, self._length[kind])
                self._pieces.append(last)
            last.chunks.append(chunk)
            last.length += len(chunk)
            self._length[kind] += len(chunk)

    def regroup(self, keep: int, text: str) -> None:
        """The answer text from the character `keep` on was reasoning: it becomes `text`, after the reasoning there is."""
        content, reasoning = self.content[:keep], self.reasoning + text
        self._pieces, self._length, self._clean, self.bytes = [], {"text": 0, "reasoning": 0}, 0, 0
        self.epoch += 1
        self._add("text", content)
        self._add("reasoning", reasoning)
        self.dirty = True

    @property
    def content(self) -> str:
        return self.since("text", 0)

    @property
    def reasoning(self) -> str:
        return self.since("reasoning", 0)

    def length(self, kind: Kind) -> int:
        """Characters of this kind so far."""
        return self._length[kind]

    def since(self, kind: Kind, position: int) -> str:
        """The text of `kind` from the character `position` on."""
        if position >= self._length[kind]:
            return ""
        found: list[str] = []
        for piece in reversed(self._pieces):
            if piece.kind != kind:
                continue
            if piece.start + piece.length <= position:
                break
            found.append(piece.content[max(0, position - piece.start) :])
        return "".join(reversed(found))

    def unsaved(self) -> tuple[int, list[SavedPiece]]:
        """The first ordinal that is not saved as it is, and all pieces from it on. Call `saved` when they are in the database."""
        self.dirty = False
        pieces = self._pieces[self._clean :]
        return self._clean, [SavedPiece(self._clean + i, piece.kind, piece.content) for i, piece in enumerate(pieces)]

    def saved(self, first: int, pieces: list[SavedPiece], epoch: int) -> None:
        """These pieces are in the database. All but the last are closed for good."""
        if epoch == self.epoch and pieces:
            self._clean = max(self._clean, first + len(pieces) - 1)

    def not_saved(self) -> None:
        """They are not: try again."""
        self.dirty = True
