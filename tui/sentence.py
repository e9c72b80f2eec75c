"""What sentences are made of: candidates with placeholders, and the three parts of an error in words."""

from __future__ import annotations

from dataclasses import dataclass

#: The most telling first; the first whose placeholders are all known is used.
Candidates = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """What happened, why, and what to do now."""

    title: Candidates
    why: Candidates = ()
    remedy: Candidates = ()
