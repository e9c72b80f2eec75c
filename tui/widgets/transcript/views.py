"""What a transcript is given: immutable views of messages. Texts are raw; the transcript sanitises them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """A marked line under a message: what happened, what to do. `keys`: pairs of a key's label and what it does."""

    kind: Literal["stopped", "warn", "bad"]
    text: str
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message as it is to be shown.

    `author`: who wrote it (a nickname, a model). `stamp`: the time, right in the head line where no figures are. `figures`: parts of
    the figures line, most important first; what does not fit is left out from the end. `reasoning_label`: the one line that stands
    for the reasoning ("" where there is none). `live`: still growing. `waiting`: what to say while nothing has come yet.
    """

    id: str
    role: Literal["user", "assistant"]
    author: str
    content: str
    reasoning: str = ""
    reasoning_label: str = ""
    live: bool = False
    waiting: str = ""
    stamp: str = ""
    figures: tuple[str, ...] = ()
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the cursor is on: a whole message, or the code block `code` (counted from 0) in it."""

    message_id: str
    code: int | None = None
