"""What is laid over the lines of the transcript: the mark of the cursor, the scroll bar, "n new lines"."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tui.i18n import ngettext
from tui.widgets.markdown import wrap
from tui.widgets.transcript import targets
from tui.widgets.transcript.flow import Flow, Row
from tui.widgets.transcript.paper import Paper
from tui.widgets.transcript.views import Target


class Decorator:
    """Makes the strips that are shown. The same line with the same things over it is the same object, so that it is not painted twice."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, bool, bool, str], tuple[Strip, Strip]] = {}
        self._hint = (-1, 0)
        self._blank: Strip | None = None
        self._empty_of: tuple[Sequence[tuple[str, str]], int] | None = None
        self._nothing: list[Strip] = []

    def lines(self, flow: Flow, rows: Sequence[Row], target: Target | None, height: int) -> list[Strip]:
        """The strips of the whole view, `height` of them."""
        if not flow.ready:
            return []
        paper = flow.paper
        first, last = thumb(flow.total, flow.offset, height)
        marked = [target is not None and targets.covers(flow, target, row.place) for row in rows]
        hint = self._hint_text(flow, paper, height)
        made: dict[tuple[int, bool, bool, str], tuple[Strip, Strip]] = {}
        strips: list[Strip] = []
        for y, row in enumerate(rows):
            key = (id(row.strip), marked[y], first <= y < last, hint if y == height - 1 else "")
            if key[1:] == (False, False, ""):
                strips.append(row.strip)
                continue
            # The line itself is kept beside what was made of it, so that its id cannot be given to another.
            known = self._made.get(key) or (row.strip, _decorated(row.strip, paper, *key[1:]))
            made[key] = known
            strips.append(known[1])
        self._made = made
        if len(strips) < height:
            self._blank = self._blank or paper.line([])
            strips += [self._blank] * (height - len(strips))
        return strips

    def nothing(self, paper: Paper, empty: Sequence[tuple[str, str]], height: int) -> list[Strip]:
        """The view of a conversation without messages: what belongs here and how to begin, a third down."""
        if self._empty_of != (empty, height):
            style = {token: paper.style(getattr(paper.colours, token)) for _text, token in empty}
            lines = [paper.line(part) for text, token in empty for part in wrap([(text, style[token])], paper.text_width)]
            above = min(height // 3, max(0, height - len(lines)))
            blank = paper.line([])
            self._nothing = ([blank] * above + lines + [blank] * height)[:height]
            self._empty_of = (tuple(empty), height)
        return self._nothing

    def _hint_text(self, flow: Flow, paper: Paper, height: int) -> str:
        self._hint = (-1, 0)
        if flow.follow or flow.new_lines <= 0:
            return ""
        count = ngettext("{count} new line", "{count} new lines", flow.new_lines).format(count=flow.new_lines)
        text = f" {paper.glyphs.down} {count} "
        self._hint = (height - 1, max(0, paper.width - 2 - cell_len(text)))
        return text

    def is_on_hint(self, x: int, y: int) -> bool:
        """Whether this point of the view is on "n new lines"."""
        return y == self._hint[0] and x >= self._hint[1]


def thumb(total: int, offset: int, height: int) -> tuple[int, int]:
    """The rows (from, to) of the scroll bar's thumb; none where everything is in view."""
    if total <= height or height <= 0:
        return 0, 0
    size = max(1, round(height * height / total))
    place = round(min(offset, total - height) / (total - height) * (height - size))
    return place, place + size


def _decorated(strip: Strip, paper: Paper, marked: bool, thumbed: bool, hint: str) -> Strip:
    colours, width = paper.colours, paper.width
    front = [Segment(paper.glyphs.pointer, paper.style(colours.accent))] if marked else []
    back = [Segment("▐" if not paper.glyphs.ascii else "#", paper.style(colours.rule))] if thumbed else []
    middle = list(strip.crop(1 if marked else 0, width - 1 if thumbed else width))
    if hint:
        room = width - len(back) - 1 - cell_len(hint)
        middle = list(strip.crop(1 if marked else 0, room))
        middle += [
            Segment(hint, paper.style(colours.raised + colours.accent + colours.bold)),
            Segment(" " * (1 if back else 2), paper.base),
        ]
    segments = [*front, *middle, *back]
    extra = [*front, *back]
    if paper.filters and extra:
        for line_filter in paper.filters:
            segments = line_filter.apply(segments, paper.background)
    return Strip(segments, width)
