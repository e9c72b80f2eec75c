"""Where somebody was: the area, the conversation, the line that was at the top. Kept for each account, as JSON in one row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

#: Conversations whose place is remembered, the last left last; and characters of the JSON.
SPOTS = 50
_LIMIT = 32 * 1024


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of a conversation, so told that it is found again at another width: the `number`th part of its `kind` in the message
    (counted from 0), and the line in it, of `height` lines that it had then."""

    message_id: str
    kind: str = ""
    number: int = 0
    line: int = 0
    height: int = 1

    def line_of(self, height: int) -> int:
        """The line, where the part has `height` lines now."""
        if height == self.height:
            return min(self.line, height - 1)
        return max(0, min(round(self.line * height / max(1, self.height)), height - 1))


@dataclass(frozen=True, slots=True)
class ReadingPlace:
    """`left`: the person left, so the next sign-in begins at home. `spots`: by conversation; one read to its end has none."""

    area: str = ""
    conversation_id: str = ""
    left: bool = True
    spots: Mapping[str, Spot] = field(default_factory=dict)


def encoded(place: ReadingPlace) -> str:
    """The JSON of `place`, with the last spots only."""
    spots = {conversation_id: list(asdict(spot).values()) for conversation_id, spot in list(place.spots.items())[-SPOTS:]}
    values = {"area": place.area, "conversation": place.conversation_id, "left": place.left, "spots": spots}
    return json.dumps(values, separators=(",", ":"))[:_LIMIT]


def decoded(text: str) -> ReadingPlace:
    """The place in `text`; the default one where it is damaged."""
    try:
        values = json.loads(text or "{}")
        spots = {str(each): _spot(spot) for each, spot in dict(values.get("spots") or {}).items()}
        return ReadingPlace(str(values.get("area") or ""), str(values.get("conversation") or ""), bool(values.get("left", True)), spots)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ReadingPlace()


def _spot(values: Any) -> Spot:
    message_id, kind, *numbers = values
    if len(numbers) != len(fields(Spot)) - 2:
        raise ValueError(values)
    number, line, height = (max(0, min(int(each), 1_000_000)) for each in numbers)
    return Spot(str(message_id), str(kind), number, line, max(1, height))
