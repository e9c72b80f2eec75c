"""Names, notes and tags of sets, as they are kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from pathlib import PurePath

from core.errors import InvalidInput
from core.questions.rules import LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from core.sanitise import one_line


def check_name(name: str) -> str:
    """Raises InvalidInput("name", "required" | "too_long" | "control_characters")."""
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean:
        raise InvalidInput("name", "required")
    if len(clean) > LONGEST_NAME:
        raise InvalidInput("name", "too_long", limit=LONGEST_NAME)
    if one_line(clean) != clean:
        raise InvalidInput("name", "control_characters")
    return clean


def name_from(path: str) -> str:
    """A name for what is in a file."""
    return one_line(PurePath(path).stem)[:LONGEST_NAME].strip() or "questions"


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or the first of `wanted 2`, `wanted 3` ... that is free."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted[: LONGEST_NAME - 8].rstrip()} {number}"
    return name


def check_note(note: str) -> str:
    """Raises InvalidInput("note", "too_long")."""
    clean = one_line(note)
    if len(clean) > LONGEST_NOTE:
        raise InvalidInput("note", "too_long", limit=LONGEST_NOTE)
    return clean


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order given. Raises InvalidInput("tags", "too_long" | "too_many")."""
    clean = tuple(dict.fromkeys(tag for each in tags if (tag := one_line(unicodedata.normalize("NFC", each)))))
    if any(len(tag) > LONGEST_TAG for tag in clean):
        raise InvalidInput("tags", "too_long", limit=LONGEST_TAG)
    if len(clean) > MOST_TAGS:
        raise InvalidInput("tags", "too_many", limit=MOST_TAGS)
    return clean


def split_tags(text: str) -> tuple[str, ...]:
    """Tags as people type them: with commas between them, Chinese ones as well."""
    for comma in ("，", "、", ";", "；"):
        text = text.replace(comma, ",")
    return tuple(tag for part in text.split(",") if (tag := one_line(part)))
