"""What the cursor of a transcript can be on: messages and the code blocks in them."""

from __future__ import annotations

from typing import NamedTuple

from tui.widgets.transcript.flow import Flow, Place
from tui.widgets.transcript.views import Target


class Extent(NamedTuple):
    """Where a target lies: its first line and how many lines it has."""

    first: Place
    lines: int


def extent(flow: Flow, target: Target) -> Extent | None:
    """Where `target` lies now; None if it is not there any more."""
    index = flow.index_of(target.message_id)
    if index is None:
        return None
    if target.code is None:
        # Without the blank line at its end.
        return Extent(Place(index, 0, 0), sum(part.height for part in flow.parts(index)) - 1)
    codes = flow.codes(index)
    if target.code >= len(codes):
        return None
    part, code = codes[target.code]
    return Extent(Place(index, part, code.first), code.end - code.first)


def covers(flow: Flow, target: Target, place: Place) -> bool:
    """Whether the line at `place` belongs to `target`."""
    index = flow.index_of(target.message_id)
    if index is None or place.message != index:
        return False
    if target.code is None:
        return place.part < len(flow.parts(index)) - 1
    codes = flow.codes(index)
    if target.code >= len(codes):
        return False
    part, code = codes[target.code]
    return place.part == part and code.first <= place.line < code.end


def beside(flow: Flow, target: Target, step: int) -> Target | None:
    """The next target (`step` 1) or the one before (-1); None at the ends."""
    index = flow.index_of(target.message_id)
    if index is None:
        return None
    here = -1 if target.code is None else target.code
    if step > 0:
        if here + 1 < len(flow.codes(index)):
            return Target(target.message_id, here + 1)
        return Target(flow.view_at(index + 1).id) if index + 1 < len(flow) else None
    if here > 0:
        return Target(target.message_id, here - 1)
    if here == 0:
        return Target(target.message_id)
    if index == 0:
        return None
    codes = len(flow.codes(index - 1))
    return Target(flow.view_at(index - 1).id, codes - 1 if codes else None)


def at(flow: Flow, place: Place) -> Target:
    """The target that the line at `place` belongs to."""
    message_id = flow.view_at(place.message).id
    for number, (part, code) in enumerate(flow.codes(place.message)):
        if part == place.part and code.first <= place.line < code.end:
            return Target(message_id, number)
    return Target(message_id)
