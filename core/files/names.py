"""Names and paths as people give them. A path here is a tuple of names below the account's root; () is the root itself.

"datasets/a.jsonl", "/datasets/a.jsonl" and "~/datasets/a.jsonl" are the same: there is nothing above the root. ".." is resolved on
the names alone, which is right since no link is ever followed.
"""

from __future__ import annotations

import unicodedata

from core.errors import InvalidInput

FilePath = tuple[str, ...]

#: The folders at the root. Nothing else is there, and they stay.
FOLDERS = ("datasets", "images", "exports")
#: Where uploads grow until they are whole: beside the folders, so that renaming is all that is left to do, and never seen.
PARTS = ".parts"
LONGEST_NAME_BYTES = 255
LONGEST_PATH_BYTES = 4096
#: The most names in a path; also the most open folders that one look-up needs.
DEEPEST = 32
#: Endings of names that say that the file is not whole (ours and WinSCP's): such a file may be written where it is.
UNFINISHED = (".part", ".filepart")
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}


def parse(path: str | bytes) -> FilePath:
    """The names of `path`. Raises InvalidInput (field "path": not_utf8, too_long, too_deep, control_characters)."""
    text = _decoded(path)
    names: list[str] = []
    if text == "~" or text.startswith("~/"):
        text = text[1:]
    for name in text.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(checked(name))
    if len(names) > DEEPEST:
        raise InvalidInput("path", "too_deep")
    return tuple(names)


def _decoded(path: str | bytes) -> str:
    try:
        raw = path if isinstance(path, bytes) else path.encode("utf-8")
        text = raw.decode("utf-8")
    except UnicodeError:
        raise InvalidInput("path", "not_utf8") from None
    if len(raw) > LONGEST_PATH_BYTES:
        raise InvalidInput("path", "too_long", limit=LONGEST_PATH_BYTES)
    return text


def checked(name: str) -> str:
    """`name`, if a file may be called so. Raises InvalidInput."""
    if len(name.encode("utf-8")) > LONGEST_NAME_BYTES:
        raise InvalidInput("path", "too_long", limit=LONGEST_NAME_BYTES)
    if any(unicodedata.category(character) in _CONTROLS for character in name):
        raise InvalidInput("path", "control_characters")
    return name


def acceptable(name: str) -> bool:
    """Whether a name found on the disk is one that could have been given: others are not shown."""
    try:
        checked(name)
    except (InvalidInput, UnicodeError):
        return False
    return True


def shown(path: FilePath) -> str:
    """`path` as people write it, from the root on."""
    return "/" + "/".join(path)


def is_unfinished(name: str) -> bool:
    return name.endswith(UNFINISHED) and not name.startswith(".")
