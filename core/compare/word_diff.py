"""Where two answers differ, word by word; Chinese, Japanese and Korean character by character.

What both begin and end with is set aside. Then anchors: stretches of words that stand exactly once in both texts, in the order that
keeps most of them (as "patience diff" does with lines); then shorter stretches between those; then the longest common sequence in the
gaps that are small. So time grows with the length of the texts, not with its square. A large gap without any anchor is told as
changed as a whole.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

#: Characters of each text that are compared.
LIMIT = 200_000
#: Words of the stretches that are tried as anchors, the longest first: those are found in long texts, and rarely by chance.
_STRETCHES = (12, 4, 2, 1, 1)
#: The longest common sequence of a gap is looked for where it is at most so many pairs of words (a bit each: 8 MB).
_SMALL_GAP = 64_000_000
_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3\U00020000-\U0003134f"
_WORDS = re.compile(rf"[{_HAN}]|\n|[^\S\n]+|[^\W{_HAN}]+|.", re.DOTALL)

#: Places in words: of the left from, to; of the right from, to.
Gap = tuple[int, int, int, int]
#: Place in the left words, place in the right ones, how many words.
Match = tuple[int, int, int]

#: What is the same between two changes is not worth showing up to so many words of so many letters; letters only where both changes are
#: of so many words at least.
_CRUMB_WORDS, _CRUMB_LETTERS, _CRUMB_CHANGE = 3, 3, 4


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

    `alike`: 0.0 to 1.0, the share of words (blanks apart) that both have. `cut`: a text was longer than the limit; the rest is not
    compared.
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
    """What differs between two texts. Two answers of 200,000 characters may take two seconds: call it in a thread."""
    left_words, right_words = _WORDS.findall(left[:limit]), _WORDS.findall(right[:limit])
    numbers: dict[str, int] = {}
    a, b = ([numbers.setdefault(word, len(numbers)) for word in words] for words in (left_words, right_words))
    matches = _legible(_joined(_matches(a, b)), left_words, right_words)
    return WordDiff(_pieces(matches, left_words, right_words), _alike(matches, left_words, right_words), max(len(left), len(right)) > limit)


def _matches(a: Sequence[int], b: Sequence[int]) -> Iterator[Match]:
    """(place in a, place in b, length) of what both have, in order."""
    waiting: list[tuple[Gap, int]] = [((0, len(a), 0, len(b)), 0)]
    # What lies on the stack is done from the left to the right, so matches come in order.
    while waiting:
        (a0, a1, b0, b1), level = waiting.pop()
        head = _common(a, b, a0, b0, min(a1 - a0, b1 - b0), 1)
        if head:
            yield a0, b0, head
        a0, b0 = a0 + head, b0 + head
        tail = _common(a, b, a1 - 1, b1 - 1, min(a1 - a0, b1 - b0), -1)
        if tail:
            waiting.append(((a1 - tail, a1, b1 - tail, b1), level))
        a1, b1 = a1 - tail, b1 - tail
        if a0 == a1 or b0 == b1:
            continue
        if (a1 - a0) * (b1 - b0) <= _SMALL_GAP:
            yield from _longest_common(a, b, (a0, a1, b0, b1))
        elif level < len(_STRETCHES):
            waiting += [(gap, level + 1) for gap in reversed(_between_anchors(a, b, (a0, a1, b0, b1), _STRETCHES[level]))]


def _common(a: Sequence[int], b: Sequence[int], at_a: int, at_b: int, most: int, step: int) -> int:
    """How many words from there on, forwards or backwards, are equal."""
    count = 0
    while count < most and a[at_a + step * count] == b[at_b + step * count]:
        count += 1
    return count


def _between_anchors(a: Sequence[int], b: Sequence[int], gap: Gap, stretch: int) -> list[Gap]:
    """`gap` cut where anchors of `stretch` words begin; itself alone where there are none."""
    a0, a1, b0, b1 = gap
    in_a, in_b = _once(a, a0, a1, stretch), _once(b, b0, b1, stretch)
    pairs = [(place, in_b[name]) for name, place in in_a.items() if name in in_b]
    cuts = [(a0, b0), *_rising(pairs), (a1, b1)]
    return [(left, next_left, right, next_right) for (left, right), (next_left, next_right) in pairwise(cuts)]


def _once(words: Sequence[int], start: int, end: int, stretch: int) -> dict[int, int]:
    """Where each stretch of words stands that stands there exactly once, in their order; by its hash, as what it says is compared later."""
    found: dict[int, int] = {}
    for place, stretched in enumerate(
        zip(*(words[start + shift : end - stretch + 1 + shift] for shift in range(stretch)), strict=True), start
    ):
        name = hash(stretched)
        found[name] = -1 if name in found else place
    return {name: place for name, place in found.items() if place >= 0}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of `pairs` (sorted by the first number) in which the second rises, too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, right) in enumerate(pairs):
        length = bisect_left(ends, right)
        if length == len(ends):
            ends.append(right)
            last.append(index)
        else:
            ends[length], last[length] = right, index
        before.append(last[length - 1] if length else -1)
    kept = []
    index = last[-1] if last else -1
    while index >= 0:
        kept.append(pairs[index])
        index = before[index]
    return kept[::-1]


def _longest_common(a: Sequence[int], b: Sequence[int], gap: Gap) -> Iterator[Match]:
    """The matches of the longest common sequence."""
    from rapidfuzz.distance import LCSseq

    a0, a1, b0, b1 = gap
    for part in LCSseq.opcodes(a[a0:a1], b[b0:b1]):
        if part.tag == "equal":
            yield a0 + part.src_start, b0 + part.dest_start, part.src_end - part.src_start


def _joined(matches: Iterator[Match]) -> list[Match]:
    """Matches that follow each other without a gap in both texts become one."""
    joined: list[Match] = []
    for match in matches:
        if joined and joined[-1][0] + joined[-1][2] == match[0] and joined[-1][1] + joined[-1][2] == match[1]:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + match[2])
        else:
            joined.append(match)
    return joined


def _legible(matches: Sequence[Match], left_words: Sequence[str], right_words: Sequence[str]) -> list[Match]:
    """Without the crumbs between two changes: blanks, punctuation and, amid larger changes, a few letters that are the same by chance."""
    kept: list[Match] = []
    for index, match in enumerate(matches):
        following = matches[index + 1] if index + 1 < len(matches) else (len(left_words), len(right_words), 0)
        before = kept[-1] if kept else (0, 0, 0)
        change_before = max(match[0] - before[0] - before[2], match[1] - before[1] - before[2])
        change_after = max(following[0] - match[0] - match[2], following[1] - match[1] - match[2])
        letters = sum(len(word) for word in left_words[match[0] : match[0] + match[2]][:_CRUMB_WORDS] if word.isalnum())
        short = match[2] <= _CRUMB_WORDS and letters <= (_CRUMB_LETTERS if min(change_before, change_after) >= _CRUMB_CHANGE else 0)
        if not (short and change_before and change_after):
            kept.append(match)
    return kept


def _pieces(matches: Sequence[Match], left_words: Sequence[str], right_words: Sequence[str]) -> tuple[Piece, ...]:
    """Matches and what lies between them, in characters."""
    left, right = ([0, *accumulate(map(len, words))] for words in (left_words, right_words))
    pieces: list[Piece] = []
    a = b = 0
    for at_a, at_b, length in (*matches, (len(left_words), len(right_words), 0)):
        if at_a > a or at_b > b:
            pieces.append(Piece("changed", left[a], left[at_a], right[b], right[at_b]))
        a, b = at_a + length, at_b + length
        if length:
            pieces.append(Piece("same", left[at_a], left[a], right[at_b], right[b]))
    return tuple(pieces)


def _alike(matches: Sequence[Match], left_words: Sequence[str], right_words: Sequence[str]) -> float:
    words = sum(not word.isspace() for words in (left_words, right_words) for word in words)
    both = sum(not word.isspace() for at, _, length in matches for word in left_words[at : at + length])
    return 2 * both / words if words else 1.0
