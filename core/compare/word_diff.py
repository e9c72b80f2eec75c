"""Where two answers differ, word by word; Chinese, Japanese and Korean character by character.

Anchors first (stretches of words that stand exactly once in both texts, in the order that keeps most of them), then the longest common
sequence in the small gaps between them: so time grows with the length of the texts, not with its square. A large gap without any
anchor is told as replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Characters of each text that are compared.
LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Piece:
    """left[left_start:left_end] stands where right[right_start:right_end] does; offsets in characters.

    same: both are equal. changed: one was written instead of the other; either may be empty (only in the other text).
    """

    kind: Literal["same", "changed"]
    left_start: int
    left_end: int
    right_start: int
    right_end: int


@dataclass(frozen=True, slots=True)
class WordDiff:
    """`pieces` follow each other without gaps, same and changed by turns, from the start of both texts to where comparing ended.

    `alike`: 0.0 to 1.0, the share of words (blanks apart) that both have. `cut`: a text was longer than LIMIT; the rest is not compared.
    """

    pieces: tuple[Piece, ...]
    alike: float
    cut: bool

    def changed_left(self) -> tuple[tuple[int, int], ...]:
        """(start, end) of what only the left text has."""
        return tuple((p.left_start, p.left_end) for p in self.pieces if p.kind == "changed" and p.left_end > p.left_start)

    def changed_right(self) -> tuple[tuple[int, int], ...]:
        """(start, end) of what only the right text has."""
        return tuple((p.right_start, p.right_end) for p in self.pieces if p.kind == "changed" and p.right_end > p.right_start)


def word_diff(left: str, right: str, *, limit: int = LIMIT) -> WordDiff:
    """What differs between two texts. Two answers of 200,000 characters take up to about a second: call it in a thread."""
    raise NotImplementedError
