"""How hard a password is to guess: an estimate in bits, made by the cheapest way to put it together from what people use.

The way of thinking is zxcvbn's (Wheeler, USENIX Security 2016): common passwords and words, keyboard rows, sequences, repetitions, years,
what is known of the owner; anything else costs by the character. The word list is small, so letters that are no known word are still
taken for part of a word (3 bits each, not 4.7). It is a hint while somebody types, not a proof.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import pairwise

#: Only so much is looked at; whatever is longer is strong or a repetition.
_LOOKED_AT = 64
_LONGEST_WORD = 20
_LEET = str.maketrans("013457@$!8+", "oleastasibt")
_ROWS = ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "!@#$%^&*()_+")
_ROWS_BOTH_WAYS = tuple(row for each in _ROWS for row in (each, each[::-1]))
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)?\d\d")
_REPEATED = re.compile(r"(.+?)\1+")
_WORDS_OF_OWNER = re.compile(r"[^\W_]{3,}")


def guess_bits(password: str, hints: Iterable[str] = ()) -> float:
    """The base-2 logarithm of the guesses an attacker needs. `hints`: the owner's e-mail and names."""
    text = password[:_LOOKED_AT]
    lower = text.lower()
    own = frozenset(word for hint in hints for word in _WORDS_OF_OWNER.findall(hint.lower()))
    best = [0.0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        best[end] = best[end - 1] + _character_bits(text, end - 1)
        for start in range(max(0, end - _LONGEST_WORD), end - 2):
            bits = _piece_bits(text[start:end], lower[start:end], own)
            if bits is not None:
                best[end] = min(best[end], best[start] + bits)
        for start in range(end - 2):
            bits = _repetition_bits(text[start:end])
            if bits is not None:
                best[end] = min(best[end], best[start] + bits)
    return best[-1]


def _character_bits(text: str, index: int) -> float:
    character = text[index]
    if character.isdigit():
        bits = 3.3
    elif ord(character) > 0x2E7F:
        bits = 6.0
    elif character.isalpha():
        bits = 3.0
    else:
        bits = 4.5
    if index and _kind(text[index - 1]) != _kind(character):
        bits += 1.5  # kinds that take turns are what a generator makes, and hardly a person
    return bits


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "other"


def _piece_bits(piece: str, lower: str, own: frozenset[str]) -> float | None:
    """The bits of a piece of 3 or more characters that is a word, a row of keys, a sequence or a date; None if it is none."""
    found = [bits for bits in (_word_bits(piece, lower, own), _row_bits(lower), _sequence_bits(lower)) if bits is not None]
    if len(piece) == 4 and _YEAR.fullmatch(piece):
        found.append(7.0)
    if len(piece) in {6, 8} and _DATE.fullmatch(piece):
        found.append(15.0)
    return min(found, default=None)


def _word_bits(piece: str, lower: str, own: frozenset[str]) -> float | None:
    plain = lower.translate(_LEET)
    for word, price in ((lower, 0.0), (plain, 1.5)):
        rank = 1 if word in own else _ranks().get(word)
        if rank is not None:
            return math.log2(rank + 1) + price + _capital_bits(piece)
    return None


def _capital_bits(piece: str) -> float:
    if piece == piece.lower():
        return 0.0
    return 1.0 if piece == piece.upper() or piece == piece.capitalize() else 3.0


def _row_bits(lower: str) -> float | None:
    if any(lower in row for row in _ROWS_BOTH_WAYS):
        return 4.0 + math.log2(len(lower))
    return None


def _sequence_bits(lower: str) -> float | None:
    step = ord(lower[1]) - ord(lower[0])
    if step in {1, -1} and all(ord(after) - ord(before) == step for before, after in pairwise(lower)):
        return 4.0 + math.log2(len(lower))
    return None


def _repetition_bits(piece: str) -> float | None:
    found = _REPEATED.fullmatch(piece)
    if found is None:
        return None
    block = found.group(1)
    return sum(_character_bits(block, index) for index in range(len(block))) + math.log2(len(piece) / len(block))


@cache
def _ranks() -> dict[str, int]:
    """The common passwords and words, the most common first. Lines that start with # are remarks."""
    lines = resources.files("core.auth").joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return {word: rank for rank, word in reversed(list(enumerate(words, start=1)))}
