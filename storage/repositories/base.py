"""What every repository is: queries over one db session."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlmodel import Session

#: How many ids go into one IN (...): every database takes that many parameters.
IDS = 500
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def askable(text: str) -> str:
    """An id or a name that somebody typed, as a database can be asked for it: NUL and lone surrogates, which no column holds and
    some drivers refuse, become U+FFFD. So what cannot be is not there, like anything else that is unknown."""
    return text if text.isascii() and "\x00" not in text else _NO_TEXT.sub("\ufffd", text)


def batched(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """`ids` in batches for IN (...)."""
    for start in range(0, len(ids), IDS):
        yield ids[start : start + IDS]


class Repository:
    """Holds the db session of the unit of work it belongs to."""

    def __init__(self, session: Session) -> None:
        self.session = session
