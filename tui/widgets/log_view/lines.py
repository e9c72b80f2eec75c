"""LogLines: the lines of a log that are in view, and one line below that says where one is. Draws only what changed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.app import RenderResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.logs.file import LogFile
from core.logs.text import show
from core.logs.types import Bar, Hit, LineNumber, Query
from tui.i18n import _
from tui.widgets.direct import show_lines
from tui.widgets.lines import Part, fit, wrap
from tui.widgets.log_view.paint import Paper, number_text
from tui.widgets.log_view.pane import Pane, Row
from tui.widgets.log_view.source import Filtered, Source, Whole

_WHEEL = 3
#: Cells that left and right move an unwrapped line.
_SIDEWAYS = 16


class LogLines(Widget, can_focus=True):
    """Data in (`open`, `look`), messages out. `in_hand`: where the line begins that the cursor is on, None for the last one in view."""

    @dataclass
    class Moved(Message):
        """Another line is in hand, or other lines are in view."""

        lines: LogLines

        @property
        def control(self) -> LogLines:
            return self.lines

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.log_file: LogFile | None = None
        self.pane: Pane | None = None
        self.in_hand: int | None = None
        self.left = 0
        self.numbers = False
        self.query_shown: Query | None = None
        #: The match that was jumped to: of a regular expression only this one is marked.
        self.hit: Hit | None = None
        #: The progress bar that is being drawn at the end.
        self.live: Bar | None = None
        #: What to say at the left of the line below, with its token; and without a log, or with an empty one.
        self.remark: tuple[str, str] = ("", "dim")
        self.empty: tuple[tuple[str, str], ...] = ()
        self._paper: Paper | None = None
        self._rows: list[Row] = []
        self._strips: list[Strip] = []
        self._made: dict[tuple[object, ...], Strip] = {}

    # Data ------------------------------------------------------------------------------------------------------------

    def open(self, log: LogFile | None, offset: int | None = None) -> None:
        """Another log, at its end, or at the line that holds `offset`."""
        self.log_file, self.in_hand, self.left, self.hit = log, None, 0, None
        self.pane = Pane(Whole(log)) if log is not None else None
        if log is not None and self.pane is not None and offset is not None:
            found = log.forward(min(offset, max(0, log.size - 1)), 1)
            if found:
                self.pane.height, self.in_hand = max(1, self.size.height - 1), found[0].start
                self.pane.follow, self.pane.top = False, (found[0].start, 0)
                self.pane.reveal_around(found[0].start)
        self.look()

    def use(self, source: Source) -> None:
        """Show other lines of the same log, at the same place."""
        if self.pane is not None:
            place = self.current
            self.pane.show(source)
            if not self.pane.follow and place is not None:
                self.pane.top = (place, 0)
            self.look()

    def look(self) -> None:
        """The file may have grown: bring what is in view up to date."""
        if self.pane is not None and self.log_file is not None and isinstance(self.pane.source, Whole):
            last = self.log_file.tail(1)
            self.live, self.pane.source.end = None, self.log_file.size
            if last and last[0].kind == "text" and last[0].end - last[0].start == len(last[0].data):
                shown = show(last[0])
                self.live = shown.bar
                if shown.bar is not None and shown.text == shown.bar.text:
                    self.pane.source.end = last[0].start
        self.draw()

    @property
    def current(self) -> int | None:
        """Where the line in hand begins: that of the cursor, or the last one in view."""
        if self.in_hand is not None:
            return self.in_hand
        return self._rows[-1].line.start if self._rows else None

    def text_in_hand(self) -> str:
        """The whole line in hand, sanitised."""
        current = self.current
        if self.pane is None or current is None or self.log_file is None:
            return ""
        found = self.log_file.forward(current, 1)
        return show(found[0]).text if found else ""

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring the screen up to date: only lines that changed are painted again."""
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return
        before = self._strips
        self._compose_lines()
        if len(before) != len(self._strips):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, self._strips, strict=True)) if old is not new and old != new]
        if changed and not show_lines(self, changed[0], self._strips[changed[0] : changed[-1] + 1]):
            self.refresh(Region(0, changed[0], width, changed[-1] - changed[0] + 1))

    def _compose_lines(self) -> None:
        height = self.size.height
        paper = Paper.of(self, left=self.left, numbers=self.numbers, query=self.query_shown)
        if paper != self._paper:
            self._paper, self._made = paper, {}
        paper = self._paper or paper
        self._rows = []
        if self.pane is not None:
            self.pane.width, self.pane.height = paper.text_width, max(1, height - 1)
            self._rows = self.pane.rows()
        strips = self._row_strips(paper) if self._rows else self._nothing(paper)
        strips += [paper.line([])] * (height - 1 - len(strips))
        self._strips = [*strips[: height - 1], self._foot(paper)]

    def _row_strips(self, paper: Paper) -> list[Strip]:
        strips: list[Strip] = []
        made: dict[tuple[object, ...], Strip] = {}
        number = self._first_number() if self.numbers else None
        for index, row in enumerate(self._rows):
            if number is not None and index and row.part == 0 and row.line.begins:
                between = isinstance(self.pane.source, Filtered) if self.pane is not None else False
                number = self._number(row) if between else LineNumber(number.value + 1, number.exact)
            shown = number if row.part == 0 and row.line.begins else None
            in_hand = self.has_focus and self.in_hand == row.line.start
            span = self._span(row)
            key = (row.line.start, row.line.end, row.part, row.text, shown, in_hand, span)
            strip = self._made.get(key) or paper.row(row, shown, in_hand=in_hand, span=span)
            made[key] = strip
            strips.append(strip)
        self._made = made
        return strips

    def _first_number(self) -> LineNumber | None:
        return self._number(self._rows[0]) if self._rows else None

    def _number(self, row: Row) -> LineNumber | None:
        return self.log_file.number(row.line.start) if self.log_file is not None else None

    def _span(self, row: Row) -> tuple[int, int] | None:
        """The match of a regular expression in `row`, in characters."""
        hit, line = self.hit, row.line
        if hit is None or self.query_shown is None or not self.query_shown.pattern or not line.start <= hit.offset < line.end or row.part:
            return None
        low, high = (
            len(line.data[: edge - line.start].decode("utf-8", "replace").expandtabs()) for edge in (hit.offset, max(hit.offset, hit.end))
        )
        return (low, high) if low < high <= len(row.text) and not self.left else None

    def _nothing(self, paper: Paper) -> list[Strip]:
        colours = paper.colours
        lines = [(text, token) for part, token in self.empty for text in wrap(part, paper.text_width - 2)]
        above = min(self.size.height // 3, max(0, self.size.height - 1 - len(lines)))
        return [paper.line([])] * above + [paper.line([("  ", Style()), (text, getattr(colours, token))]) for text, token in lines]

    def _foot(self, paper: Paper) -> Strip:
        """Where one is, at the right; at the left what is looked for, or the progress bar at the end."""
        colours, signs = paper.colours, paper.glyphs
        right: list[Part] = []
        pane, log = self.pane, self.log_file
        if pane is not None and log is not None and self._rows:
            row = next((row for row in self._rows if row.line.start == self.in_hand), self._rows[-1])
            right.append((_("line {number}").format(number=number_text(self._number(row))), colours.dim))
            if pane.follow:
                right.append((f" {signs.running} " + _("following"), colours.good))
            else:
                right.append((f" {min(100, 100 * row.line.end // max(1, log.size))} %", colours.dim))
        text, token = self.remark
        left = (text, getattr(colours, token)) if text else (self.live.text if self.live is not None else "", colours.accent)
        room = paper.width - sum(cell_len(part) for part, _style in right) - 3
        shown = fit(left[0], max(0, room), signs.ellipsis)
        gap = " " * max(1, room - cell_len(shown) + 1)
        return paper.line([(" ", Style()), (shown, left[1]), (gap, Style()), *right, (" ", Style())])

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.size
        if len(self._strips) != height or (self._strips and self._strips[0].cell_length != width):
            self._compose_lines()
        strips = [self.render_line(y) for y in crop.line_range]
        return strips if crop.column_span == (0, width) else [strip.crop(*crop.column_span) for strip in strips]

    def on_resize(self) -> None:
        self.draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips, self._paper = [], None
        self.call_next(self.draw)

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    # Moving ----------------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        self.draw()
        self.post_message(self.Moved(self))

    def move(self, by: int) -> None:
        """The cursor by lines; the view goes along where it must."""
        if self.pane is None or not self._rows:
            return
        starts = list(dict.fromkeys(row.line.start for row in self._rows))
        if self.in_hand not in starts:
            self.in_hand = starts[-1] if by < 0 or self.pane.follow else starts[0]
            self.pane.follow = self.pane.follow and by > 0
            self._moved()
            return
        index = starts.index(self.in_hand) + by
        if not 0 <= index < len(starts):
            source, size = self.pane.source, abs(by)
            lines = source.backward(self.in_hand, size) if by < 0 else source.forward(self.in_hand, size + 1)[1:]
            if lines:
                self.in_hand = lines[0 if by < 0 else -1].start
                self.pane.follow = False
                self._bring_in(by)
            elif by > 0:
                self.to_end()
                return
        else:
            self.in_hand = starts[index]
            self.pane.follow = self.pane.follow and by > 0
        self._moved()

    def _bring_in(self, by: int) -> None:
        """Scroll until the line in hand is in view, by no more than needed."""
        assert self.pane is not None
        for _turn in range(200):
            if any(row.line.start == self.in_hand for row in self.pane.rows()):
                return
            self.pane.scroll(1 if by > 0 else -1)
        if self.in_hand is not None:
            self.pane.reveal(self.in_hand)

    def scroll(self, by: int) -> None:
        """The view by rows; the cursor stays in it."""
        if self.pane is None:
            return
        self.pane.scroll(by)
        rows = self.pane.rows()
        if self.in_hand is not None and rows and not any(row.line.start == self.in_hand for row in rows):
            self.in_hand = rows[0 if by > 0 else -1].line.start
        if self.pane.follow:
            self.in_hand = None
        self._moved()

    def sideways(self, by: int) -> None:
        """Unwrapped lines to the left or right."""
        left = max(0, self.left + by * _SIDEWAYS)
        if self.pane is not None and not self.pane.wrap and left != self.left:
            self.left = left
            self._moved()

    def to_start(self) -> None:
        if self.pane is not None:
            self.pane.to_start()
            rows = self.pane.rows()
            self.in_hand = rows[0].line.start if rows else None
            self._moved()

    def to_end(self) -> None:
        """To the end, and stay there when lines are added."""
        if self.pane is not None:
            self.pane.to_end()
            self.in_hand = None
            self._moved()

    def reveal(self, offset: int, hit: Hit | None = None) -> None:
        """Put the cursor on the line that begins at `offset`; of an unwrapped one show the part with the match."""
        if self.pane is None or self.log_file is None:
            return
        self.pane.follow = False
        self.in_hand, self.hit = offset, hit
        self.pane.reveal(offset)
        if hit is not None and not self.pane.wrap and self._paper is not None:
            before = self.log_file.forward(offset, 1)
            cells = cell_len(before[0].data[: hit.end - offset].decode("utf-8", "replace").expandtabs()) if before else 0
            self.left = 0 if cells < self._paper.text_width else cells - self._paper.text_width // 2
        self.draw()

    # Mouse -----------------------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll(-_WHEEL)

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._rows) and self.pane is not None:
            self.pane.follow = False
            self.in_hand = self._rows[event.y].line.start
            self._moved()
        elif event.y == self.size.height - 1:
            self.to_end()
