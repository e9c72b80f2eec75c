"""Large pastes stand in the text as one character each, which is drawn as "[pasted 120 lines]" and becomes the paste when it is sent.

In a saved draft a paste stands whole between two marks, so that a restored draft is folded as it was and nothing is lost to
whoever reads it without knowing the marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.sanitise import sanitise

#: Pastes above either limit are folded.
LINES, CHARACTERS = 8, 2_000
_FIRST = 0xF0000
_MOST = 1_000
_OPEN, _CLOSE = "\uf8f0", "\uf8f1"
_RESERVED = re.compile(f"[{_OPEN}{_CLOSE}{chr(_FIRST)}-{chr(_FIRST + _MOST)}]")
_DRAFT = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")


def clean(text: str) -> str:
    """`text` from a keyboard or clipboard, without what a terminal acts on and without our own marks; tabs become blanks."""
    return _RESERVED.sub("", sanitise(text)).replace("\t", "    ")


def is_large(text: str) -> bool:
    return len(text) > CHARACTERS or text.count("\n") + 1 > LINES


@dataclass
class Pastes:
    """The folded pastes of one text, by the character that stands for each."""

    texts: dict[str, str] = field(default_factory=dict)

    def fold(self, text: str) -> str:
        """The character that stands for `text` (already clean) from now on; the text itself where there are too many."""
        if len(self.texts) >= _MOST:
            return text
        token = chr(_FIRST + len(self.texts))
        self.texts[token] = text
        return token

    def is_token(self, character: str) -> bool:
        return character in self.texts

    def lines(self, token: str) -> int:
        """How many lines the paste has."""
        return self.texts[token].rstrip("\n").count("\n") + 1

    def characters(self, token: str) -> int:
        return len(self.texts[token])

    def expand(self, text: str) -> str:
        """`text` with every paste in its place."""
        return "".join(self.texts.get(character, character) for character in text) if self.texts else text

    def to_draft(self, text: str) -> str:
        """`text` as it is saved."""
        if not self.texts:
            return text
        return "".join(f"{_OPEN}{self.texts[character]}{_CLOSE}" if character in self.texts else character for character in text)

    def from_draft(self, draft: str) -> str:
        """The text of a saved draft; its pastes are folded again."""
        self.texts.clear()
        pieces: list[str] = []
        place = 0
        for found in _DRAFT.finditer(draft):
            pieces += [clean(draft[place : found.start()]), self.fold(clean(found[1]))]
            place = found.end()
        return "".join([*pieces, clean(draft[place:])])
