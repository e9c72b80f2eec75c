"""A whole conversation as lines, without a screen: which lines are in view, how far it is scrolled, what comes next.

Nothing is measured before it comes near the view: until then a message has the height that its length suggests. The view hangs
on a *place* (message, part, line), not on a line number, so nothing jumps when something above turns out higher than thought.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual.strip import Strip

from tui.widgets.markdown import CodeSpan
from tui.widgets.transcript.heights import Heights
from tui.widgets.transcript.layout import MessageLayout, estimate
from tui.widgets.transcript.paper import Paper
from tui.widgets.transcript.parts import Part
from tui.widgets.transcript.views import MessageView

#: Layouts that are kept, and characters of their messages; more would be memory for what nobody looks at.
_KEPT, _KEPT_CHARACTERS = 120, 50_000
#: Lines that stay drawn, in views. A drawn line takes a hundred times the memory of its text.
_DRAWN_VIEWS = 3


class Place(NamedTuple):
    """A line: which message, which of its parts, which line of that. Places sort from top to bottom."""

    message: int
    part: int
    line: int


@dataclass(slots=True)
class _Item:
    view: MessageView
    layout: MessageLayout | None = None
    opened: bool = False


class Row(NamedTuple):
    """A line in view."""

    place: Place
    strip: Strip


class Flow:
    """The model of a transcript. `paper` must be set before lines are asked for; `height` is that of the view in lines."""

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._index: dict[str, int] = {}
        self._heights = Heights()
        self._laid_out: OrderedDict[int, None] = OrderedDict()
        self._drawn: dict[Part, None] = {}
        self._paper: Paper | None = None
        self.height = 0
        self.top = Place(0, 0, 0)
        self.follow = True
        self.new_lines = 0
        self.show_reasoning = True
        self.show_figures = True

    # Data ------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._items)

    @property
    def paper(self) -> Paper:
        if self._paper is None:
            raise RuntimeError("a flow has no lines before it has paper")
        return self._paper

    @property
    def ready(self) -> bool:
        return self._paper is not None and self.height > 0

    def view_at(self, index: int) -> MessageView:
        return self._items[index].view

    def index_of(self, message_id: str) -> int | None:
        return self._index.get(message_id)

    def views(self) -> Iterator[MessageView]:
        return (item.view for item in self._items)

    def show(self, views: Iterable[MessageView]) -> None:
        """Another conversation: its end is in view."""
        self._items = [_Item(view) for view in views]
        self._laid_out.clear()
        self._drawn.clear()
        self.follow, self.new_lines, self.top = True, 0, Place(0, 0, 0)
        self._recount()

    def prepend(self, views: Sequence[MessageView]) -> None:
        """Earlier messages, without moving what is in view."""
        self._items[:0] = [_Item(view) for view in views]
        self._laid_out = OrderedDict((index + len(views), None) for index in self._laid_out)
        self.top = Place(self.top.message + len(views), self.top.part, self.top.line)
        self._recount()

    def append(self, view: MessageView) -> None:
        self._index[view.id] = len(self._items)
        self._items.append(_Item(view))
        height = estimate(view, self._width)
        self._heights.append(height)
        if not self.follow:
            self.new_lines += height

    def remove(self, message_id: str) -> None:
        """Take a message out."""
        index = self._index.get(message_id)
        if index is None:
            return
        del self._items[index]
        for item in self._items[index:]:
            item.layout = None
        self._laid_out = OrderedDict((known, None) for known in self._laid_out if known < index)
        if self.top.message >= index:
            self.top = Place(max(0, min(self.top.message, len(self._items) - 1)), 0, 0)
        self._recount()

    def update(self, view: MessageView) -> None:
        """The message of this id is now `view`."""
        index = self._index[view.id]
        item = self._items[index]
        item.view = view
        before = self._heights[index]
        if item.layout is None:
            after = estimate(view, self._width)
        else:
            anchor = self._anchor(index)
            if not item.layout.update(view):
                item.layout = self._lay_out(item)
            self._hold(index, anchor)
            after = item.layout.height
        self._heights.change(index, after)
        if not self.follow and after > before:
            self.new_lines += after - before

    def _recount(self) -> None:
        self._index = {item.view.id: index for index, item in enumerate(self._items)}
        width = self._width
        self._heights = Heights(item.layout.height if item.layout else estimate(item.view, width) for item in self._items)

    def set_paper(self, paper: Paper) -> None:
        """Draw on other paper; another width means other heights, and the line at the top stays there as nearly as can be."""
        narrower = self._paper is None or paper.width != self._paper.width
        self._paper = paper
        if narrower:
            self.lay_out_anew()

    def lay_out_anew(self) -> None:
        """Forget every layout and keep the place of reading."""
        share = self._share_of_top()
        for index in self._laid_out:
            self._items[index].layout = None
        self._laid_out.clear()
        self._recount()
        if self._items and self._paper is not None:
            message = min(self.top.message, len(self._items) - 1)
            parts = self._layout(message).parts
            part = min(self.top.part, len(parts) - 1)
            self._draw(message, part)
            self.top = Place(message, part, min(int(share * parts[part].height), parts[part].height - 1))

    def _share_of_top(self) -> float:
        """How far into its part the top line is, 0 to 1."""
        if self.top.message >= len(self._items):
            return 0.0
        layout = self._items[self.top.message].layout
        if layout is None or self.top.part >= len(layout.parts):
            return 0.0
        return self.top.line / max(1, layout.parts[self.top.part].height)

    # Layouts ---------------------------------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        return self._paper.text_width if self._paper is not None else 80

    def _lay_out(self, item: _Item) -> MessageLayout:
        return MessageLayout(item.view, self._width, opened=item.opened, show_reasoning=self.show_reasoning, show_figures=self.show_figures)

    def _layout(self, index: int) -> MessageLayout:
        item = self._items[index]
        if item.layout is None:
            item.layout = self._lay_out(item)
            self._heights.change(index, item.layout.height)
        self._laid_out[index] = None
        self._laid_out.move_to_end(index)
        return item.layout

    def parts(self, index: int) -> list[Part]:
        """The parts of a message."""
        return self._layout(index).parts

    def _draw(self, index: int, part: int) -> list[Strip]:
        layout, paper = self._layout(index), self.paper
        piece = layout.parts[part]
        self._drawn[piece] = None
        if piece.is_drawn_on(paper):
            return piece.drawn(paper)
        if layout.draw(part, paper):
            self._heights.change(index, layout.height)
        return piece.drawn(paper)

    def measured(self, index: int) -> list[Part]:
        """The parts of a message, all with their exact heights: those that never were are drawn."""
        parts = self.parts(index)
        for number, part in enumerate(parts):
            if not part.was_drawn:
                self._draw(index, number)
        return parts

    def codes(self, index: int) -> list[tuple[int, CodeSpan]]:
        """The code blocks of a message in order, each with the part it is in."""
        return [(number, code) for number, part in enumerate(self.measured(index)) for code in part.codes]

    def _give_back(self, rows: Sequence[Row]) -> None:
        """Forget what is not among `rows`, in view, where there is too much of it; all heights stay."""
        if sum(part.height for part in self._drawn) > _DRAWN_VIEWS * self.height:
            shown = dict.fromkeys(self._layout(message).parts[part] for message, part, _line in (row.place for row in rows))
            for part in self._drawn:
                if part not in shown:
                    part.forget()
            self._drawn = shown
        characters = sum(len(self._items[index].view.content) for index in self._laid_out)
        seen = {row.place.message for row in rows}
        for index in list(self._laid_out):
            if index in seen or (characters <= _KEPT_CHARACTERS and len(self._laid_out) <= _KEPT):
                break
            characters -= len(self._items[index].view.content)
            del self._laid_out[index]
            self._items[index].layout = None

    def _anchor(self, index: int) -> Part | None:
        """The part at the top of the view, if it belongs to this message."""
        layout = self._items[index].layout
        if self.top.message != index or layout is None or self.top.part >= len(layout.parts):
            return None
        return layout.parts[self.top.part]

    def _hold(self, index: int, anchor: Part | None) -> None:
        """After a change of this message: keep `anchor` at the top of the view."""
        layout = self._items[index].layout
        if anchor is None or layout is None:
            return
        parts = layout.parts
        part = parts.index(anchor) if anchor in parts else min(self.top.part, len(parts) - 1)
        self.top = Place(index, part, self.top.line)

    # Walking ---------------------------------------------------------------------------------------------------------

    def down(self, place: Place, lines: int) -> tuple[Place, int]:
        """The place `lines` further down, and how many lines that could not be gone."""
        message, part, line = place
        line += lines
        while True:
            height = len(self._draw(message, part))
            if line < height:
                return Place(message, part, line), 0
            line -= height
            if part + 1 < len(self._layout(message).parts):
                part += 1
            elif message + 1 < len(self._items):
                message, part = message + 1, 0
            else:
                return Place(message, part, max(0, height - 1)), line + 1

    def up(self, place: Place, lines: int) -> tuple[Place, int]:
        """The place `lines` further up, and how many lines that could not be gone."""
        message, part, line = place
        line -= lines
        while line < 0:
            if part:
                part -= 1
            elif message:
                message -= 1
                part = len(self._layout(message).parts) - 1
            else:
                return Place(0, 0, 0), -line
            line += len(self._draw(message, part))
        return Place(message, part, line), 0

    def end(self) -> Place:
        """The last line of all."""
        message = len(self._items) - 1
        part = len(self._layout(message).parts) - 1
        return Place(message, part, len(self._draw(message, part)) - 1)

    def rows(self) -> list[Row]:
        """The lines in view, at most `height`. Settles the view first: at the end while following, never past it."""
        if not self._items or not self.ready:
            return []
        if self.follow:
            self.top, _missing = self.up(self.end(), self.height - 1)
        rows = self._collect()
        if len(rows) < self.height:
            self.top, _missing = self.up(self.top, self.height - len(rows))
            rows = self._collect()
        if rows[-1].place == self.end():
            self.follow, self.new_lines = True, 0
        self._give_back(rows)
        return rows

    def _collect(self) -> list[Row]:
        rows: list[Row] = []
        message, part, line = self._valid(self.top)
        while len(rows) < self.height:
            strips = self._draw(message, part)
            last = min(len(strips), line + self.height - len(rows))
            rows.extend(Row(Place(message, part, number), strips[number]) for number in range(line, last))
            line = 0
            if part + 1 < len(self._layout(message).parts):
                part += 1
            elif message + 1 < len(self._items):
                message, part = message + 1, 0
            else:
                break
        return rows

    def _valid(self, place: Place) -> Place:
        message = min(place.message, len(self._items) - 1)
        part = min(place.part, len(self._layout(message).parts) - 1)
        return Place(message, part, min(place.line, max(0, len(self._draw(message, part)) - 1)))

    # Scrolling -------------------------------------------------------------------------------------------------------

    def scroll(self, lines: int) -> None:
        """Move the view by `lines`, down where positive."""
        if not self._items or not self.ready:
            return
        self.rows()
        if lines < 0:
            self.follow = False
            self.top, _missing = self.up(self.top, -lines)
        elif not self.follow:
            self.top, _missing = self.down(self.top, lines)

    def to_end(self) -> None:
        self.follow, self.new_lines = True, 0

    def to_start(self) -> None:
        self.follow, self.top = False, Place(0, 0, 0)

    def to_line(self, line: int) -> None:
        """Show the line with this number, as the scroll bar counts them."""
        if not self._items:
            return
        message, within = self._heights.at(line)
        self.follow = line >= self.total - self.height
        part = 0
        parts = self.parts(message)
        while part + 1 < len(parts) and within >= parts[part].height:
            within -= parts[part].height
            part += 1
        self.top = Place(message, part, within)

    def reveal(self, first: Place, lines: int) -> None:
        """Bring `lines` lines from `first` into view, moving as little as possible; the first line matters most."""
        rows = self.rows()
        if not rows:
            return
        if first < rows[0].place:
            self.follow, self.top = False, first
            return
        wanted = min(lines, self.height)
        shown = [row.place for row in rows]
        if first in shown and shown.index(first) + wanted <= len(rows):
            return
        last, _missing = self.down(first, wanted - 1)
        self.follow = False
        self.top, _missing = self.up(last, self.height - 1)

    def open_reasoning(self, index: int, opened: bool) -> None:
        """Show or fold the reasoning of a message. The head of the message stays where it is."""
        item = self._items[index]
        item.opened = opened
        anchor = self._anchor(index)
        item.layout = self._lay_out(item)
        self._heights.change(index, item.layout.height)
        if anchor is not None:
            kinds = [(part.kind, part.source) for part in item.layout.parts]
            key = (anchor.kind, anchor.source)
            self.top = Place(index, kinds.index(key), self.top.line) if key in kinds else Place(index, 0, 0)

    def opened(self, index: int) -> bool:
        return self._items[index].opened

    # Figures for the scroll bar ----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """Lines of everything, as far as is known."""
        return self._heights.total

    @property
    def offset(self) -> int:
        """Lines above the view, as far as is known."""
        if not self._items:
            return 0
        above = sum(part.height for part in self.parts(self.top.message)[: self.top.part])
        return self._heights.before(self.top.message) + above + self.top.line
