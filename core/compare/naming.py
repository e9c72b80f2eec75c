"""The texts that a comparison is found by: its title, the words that are searched, its type."""

from __future__ import annotations

from collections.abc import Iterable

from core.chat.titles import fallback
from core.compare.similarity import prepared
from core.errors import InvalidInput
from core.sanitise import one_line

#: Characters of a type, and of what is searched, as their columns allow (storage/tables/comparisons.py).
TYPE_LIMIT = 80
SEARCHED = 500


def title_of(question: str) -> str:
    """The title of a comparison that nobody named: the beginning of its first question."""
    return fallback(question)


def type_of(text: str) -> str:
    """A type as it is stored: one line; "" for none. Raises InvalidInput (type: too_long)."""
    line = one_line(text)
    if len(line) > TYPE_LIMIT:
        raise InvalidInput("type", "too_long", max=TYPE_LIMIT)
    return line


def searched(known: str, texts: Iterable[str]) -> tuple[str, bool]:
    """`known` with the words of `texts` (as `prepared` gave them) that it does not have, and whether there was no room for some."""
    words = dict.fromkeys(known.split())
    room = SEARCHED - len(known)
    cut = False
    for word in (word for text in texts for word in text.split()):
        if word in words:
            continue
        if len(word) + 1 > room:
            cut = True
            continue
        words[word] = None
        room -= len(word) + 1
    return " ".join(words), cut


def wanted_words(query: str) -> tuple[str, ...] | None:
    """The words of a search, folded as what is searched. () for no search, None for one that nothing can have."""
    words = tuple(dict.fromkeys(word for part in query.split() for word in prepared(part).split()))
    return None if query.strip() and not words else words
