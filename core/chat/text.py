"""The door for text: what is typed is made storable here, once, and everything behind may rely on it.

Two things cannot be kept in every database: NUL (PostgreSQL refuses it) and lone surrogates (they have no UTF-8). Both become
U+FFFD, so that a person sees that something was there. All else is kept as it came, escape sequences included: what is drawn
or printed is sanitised there (core/sanitise.py), and what is copied or exported is what was said. Models' text is mended where it
comes in (core/llm/answer.py, TextMender, which knows chunks); it passes here once more, because one bad character would keep a
whole answer from being saved.
"""

from __future__ import annotations

import re

from core.errors import InvalidInput
from core.sanitise import one_line

#: Characters of a question, a draft and a system prompt; larger texts are attachments.
TEXT_LIMIT = 2_000_000
#: Characters of a title, as the column allows.
TITLE_LIMIT = 200
REPLACEMENT = "\ufffd"
_BAD = re.compile("[\x00\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def storable(text: str) -> str:
    """`text` with surrogate pairs joined, and lone surrogates and NUL replaced by U+FFFD."""
    if (text.isascii() and "\x00" not in text) or not _BAD.search(text):
        return text
    return _BAD.sub(REPLACEMENT, _PAIR.sub(_join, text))


def _join(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16", "surrogatepass").decode("utf-16")


def question(text: str) -> str:
    """A question that can be sent. Raises InvalidInput (empty, too_long)."""
    if not text.strip():
        raise InvalidInput("question", "empty")
    return within("question", text)


def within(field: str, text: str) -> str:
    """`text` storable, or InvalidInput (too_long)."""
    if len(text) > TEXT_LIMIT:
        raise InvalidInput(field, "too_long", maximum=TEXT_LIMIT)
    return storable(text)


def title(text: str) -> str:
    """A person's title: one line. Raises InvalidInput (empty, too_long)."""
    line = one_line(text)
    if not line:
        raise InvalidInput("title", "empty")
    if len(line) > TITLE_LIMIT:
        raise InvalidInput("title", "too_long", maximum=TITLE_LIMIT)
    return line
