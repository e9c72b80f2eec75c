"""What Textual renders of a screen when a part of it changed: only what is in sight there.

Textual renders every widget that overlaps the part, wholly, then lays the ones in front over those behind. A line of an answer lies on
six containers, so that most of the work is for what nobody sees. Here a widget is asked only for lines in which something of it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip

#: A line in pieces: the column each begins at; None where nothing is known yet.
Chops = dict[int, Strip | None]


def render_chops(compositor: Compositor, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
    """Stands for `Compositor._render_chops`: the pieces of the lines for which `is_rendered_line` in `crop`; others may be None."""
    cuts = compositor.cuts
    chops: list[Chops] = [dict.fromkeys(line[:-1]) for line in cuts]
    for widget, (region, clip) in compositor.visible_widgets.items():  # from front to back
        seen = region.intersection(clip)
        part = seen.intersection(crop)
        missing = [y for y in part.line_range if is_rendered_line(y) and _lacks(chops[y], cuts[y], *part.column_span)] if part else []
        if not missing:
            continue
        top, end = missing[0], missing[-1] + 1
        strips = widget.render_lines(Region(seen.x - region.x, top - region.y, seen.width, end - top))
        for y in missing:
            _fill(chops[y], cuts[y], strips[y - top], *seen.column_span)
    return cast("Sequence[Mapping[int, Strip]]", chops)


def _lacks(chops: Chops, cuts: Sequence[int], first: int, last: int) -> bool:
    """Whether a piece of a line between the columns is not known yet."""
    return any(chops[start] is None and start < last and end > first for start, end in pairwise(cuts))


def _fill(chops: Chops, cuts: Sequence[int], strip: Strip, first: int, last: int) -> None:
    """Put the pieces of `strip`, which goes from `first` to `last`, where nothing in front is."""
    within = [cut for cut in cuts if first <= cut <= last]
    for start, piece in zip(within, strip.divide([cut - first for cut in within[1:]]), strict=False):
        if chops.get(start) is None:
            chops[start] = piece
