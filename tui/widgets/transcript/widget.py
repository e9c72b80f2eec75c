"""Transcript: a whole conversation in one widget. Data in (`show`, `append`, `update`), messages out.

It draws only the lines in view, and of those only the ones that changed; it has no timers. It is no ScrollView: that one lays out
the whole screen when its content grows, and keeps a second widget for the scroll bar, which is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.sanitise import sanitise
from tui.i18n import N_
from tui.widgets.direct import show_lines
from tui.widgets.transcript import targets
from tui.widgets.transcript.decorate import Decorator
from tui.widgets.transcript.flow import Flow, Row
from tui.widgets.transcript.paper import GUTTER, MARGIN, Paper
from tui.widgets.transcript.views import MessageView, Target

_WHEEL = 3


class Transcript(Widget, can_focus=True):
    """See the module. `earlier`: how many messages there are before the first one shown; nearing it posts `EarlierWanted`."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("down"), id="transcript.down", tooltip=N_("To the next message or code block"), show=False),
        Binding("up,k", "move(-1)", N_("up a line"), id="transcript.up", tooltip=N_("To the message or code block before"), show=False),
        Binding("y", "copy", N_("copy"), id="transcript.copy", tooltip=N_("Copy the message or code block in hand")),
        Binding("x", "save", N_("save to file"), id="transcript.save", tooltip=N_("Save the message or code block in hand to a file")),
        Binding(
            "t,enter", "reasoning", N_("reasoning"), id="transcript.reasoning", tooltip=N_("Show or fold the reasoning of the message")
        ),
        Binding(
            "T", "answers_only", N_("answers only"), id="transcript.answers", tooltip=N_("Hide all reasoning, or show it again"), show=False
        ),
        Binding("f", "figures", N_("figures"), id="transcript.figures", tooltip=N_("Show or hide times, tokens and cost"), show=False),
        Binding("pagedown,space,ctrl+f", "page(1)", N_("a page down"), show=False),
        Binding("pageup,ctrl+b", "page(-1)", N_("a page up"), show=False),
        Binding("ctrl+d", "half(1)", N_("half a page down"), show=False),
        Binding("ctrl+u", "half(-1)", N_("half a page up"), show=False),
        Binding("g,home", "start", N_("first"), id="transcript.first", show=False),
        Binding("G,end", "end", N_("last"), id="transcript.last", tooltip=N_("To the end; new text keeps it in view"), show=False),
    ]

    @dataclass
    class _Of(Message):
        transcript: Transcript

        @property
        def control(self) -> Transcript:
            return self.transcript

    @dataclass
    class CopyRequested(_Of):
        """`text` (raw but sanitised) is to be copied. `target` says whether it is a message or a code block."""

        text: str
        target: Target

    @dataclass
    class SaveRequested(CopyRequested):
        """The same, to a file. `language`: of the code block, "" for a message."""

        language: str

    @dataclass
    class Selected(_Of):
        """The cursor is on another target."""

        target: Target

    @dataclass
    class EarlierWanted(_Of):
        """The first message shown is near, and there are earlier ones. `all`: the person asked for the very first."""

        all: bool = False

    @dataclass
    class ViewChanged(_Of):
        """What is in view moved: by keys, wheel or scroll bar."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.flow = Flow()
        self.earlier = 0
        self.target: Target | None = None
        #: What to say while there is no message: (text, token of the palette) paragraphs, already translated.
        self.empty: tuple[tuple[str, str], ...] = ()
        self._rows: list[Row] = []
        self._strips: list[Strip] = []
        self._decorator = Decorator()
        self._asked_for_earlier = 0
        self._dragging = False

    # Data in ---------------------------------------------------------------------------------------------------------

    def show(self, views: Iterable[MessageView], *, earlier: int = 0) -> None:
        """Another conversation; its end is in view."""
        self.flow.show(views)
        self.earlier, self.target, self._asked_for_earlier = earlier, None, 0
        self.draw()

    def prepend(self, views: Sequence[MessageView], *, earlier: int) -> None:
        """Earlier messages; what is in view stays where it is."""
        self.flow.prepend(views)
        self.earlier = earlier
        self.draw()

    def append(self, view: MessageView) -> None:
        self.flow.append(view)
        self.draw()

    def update(self, view: MessageView) -> None:
        """The message of this id is now `view`; unknown ids are appended."""
        if self.flow.index_of(view.id) is None:
            self.flow.append(view)
        else:
            self.flow.update(view)
        self.draw()

    def remove_message(self, message_id: str) -> None:
        """Take one message out."""
        self.flow.remove(message_id)
        if self.target and self.target.message_id == message_id:
            self.target = None
        self.draw()

    def set_mode(self, *, reasoning: bool | None = None, figures: bool | None = None) -> None:
        """Show or hide reasoning ("answers only") and figures."""
        flow = self.flow
        wanted = (flow.show_reasoning if reasoning is None else reasoning, flow.show_figures if figures is None else figures)
        if wanted != (flow.show_reasoning, flow.show_figures):
            flow.show_reasoning, flow.show_figures = wanted
            flow.lay_out_anew()
            self.draw()

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring the screen up to date: only lines that changed are painted again."""
        if not self.is_mounted or not self.size.width or not self.size.height:
            return
        before = self._strips
        if self.has_focus and self.target is None:
            self._select_in_view(last=True)
        self._compose_lines()
        if len(before) != len(self._strips):
            self.refresh()
            return
        # A line that was drawn anew but looks the same is not painted again, and keeps what it was rendered to.
        changed = [y for y, (old, new) in enumerate(zip(before, self._strips, strict=True)) if old is not new and old != new]
        self._strips = [old if old == new else new for old, new in zip(before, self._strips, strict=True)]
        if changed and not show_lines(self, changed[0], self._strips[changed[0] : changed[-1] + 1]):
            self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))
        self._ask_for_earlier()

    def _compose_lines(self) -> None:
        """Make the strips of the view."""
        width, height = self.size
        paper = Paper.of(self, width)
        if not self.flow.ready or paper != self.flow.paper:
            self.flow.set_paper(paper)
            self._decorator = Decorator()
        paper = self.flow.paper
        self.flow.height = height
        self._rows = self.flow.rows()
        target = self.target if self.has_focus else None
        if self._rows:
            self._strips = self._decorator.lines(self.flow, self._rows, target, height)
        else:
            self._strips = self._decorator.nothing(paper, self.empty, height)

    def render(self) -> RenderResult:
        return ""

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.size
        if len(self._strips) != height or (self._strips and self._strips[0].cell_length != width):
            self._compose_lines()
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def on_resize(self) -> None:
        self.draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        # Theme, signs or language may be others: strips are made anew where that shows.
        self._strips = []
        self.call_next(self.draw)

    def on_focus(self) -> None:
        if self.target is None or self.flow.index_of(self.target.message_id) is None:
            self._select_in_view(last=True)
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    # The cursor ------------------------------------------------------------------------------------------------------

    def select(self, target: Target, *, reveal: bool = True) -> None:
        """Put the cursor on `target`."""
        self.target = target
        place = targets.extent(self.flow, target)
        if place is not None and reveal:
            self.flow.reveal(*place)
        self.post_message(self.Selected(self, target))
        self._moved()

    def _select_in_view(self, *, last: bool = False) -> None:
        """Put the cursor on a message in view: the last that begins there, or the one at the top."""
        if not len(self.flow) or not self.flow.ready:
            return
        rows = self.flow.rows()
        heads = [row.place.message for row in rows if row.place.part == 0]
        index = (heads or [rows[0].place.message])[-1 if last else 0]
        self.target = Target(self.flow.view_at(index).id)
        self.post_message(self.Selected(self, self.target))

    def _moved(self) -> None:
        self.draw()
        self.post_message(self.ViewChanged(self))

    def action_move(self, step: int) -> None:
        """To the next target if its first line is in view; else half a page towards it."""
        if not len(self.flow):
            return
        if self.target is None or self.flow.index_of(self.target.message_id) is None:
            self._select_in_view(last=step > 0)
            self._moved()
            return
        following = targets.beside(self.flow, self.target, step)
        if following is None or not self._begins_in_view(following):
            self.flow.scroll(step * max(1, self.size.height // 2))
        if following is not None and self._begins_in_view(following):
            self.select(following, reveal=False)
            return
        self._moved()

    def _begins_in_view(self, target: Target) -> bool:
        place = targets.extent(self.flow, target)
        return place is not None and any(row.place == place.first for row in self.flow.rows())

    def _scrolled(self) -> None:
        """After scrolling by pages the cursor follows into the view."""
        rows = self.flow.rows()
        if self.target is not None and rows and not any(targets.covers(self.flow, self.target, row.place) for row in rows):
            self._select_in_view()
        self._moved()

    def action_page(self, direction: int) -> None:
        self.flow.scroll(direction * max(1, self.size.height - 2))
        self._scrolled()

    def action_half(self, direction: int) -> None:
        self.flow.scroll(direction * max(1, self.size.height // 2))
        self._scrolled()

    def action_start(self) -> None:
        if self.earlier:
            self._asked_for_earlier = self.earlier
            self.post_message(self.EarlierWanted(self, all=True))
        self.flow.to_start()
        self._scrolled()

    def action_end(self) -> None:
        self.flow.to_end()
        self._select_in_view(last=True)
        self._moved()

    def _ask_for_earlier(self) -> None:
        near = self.earlier and not self.flow.follow and self.flow.offset < 3 * self.size.height
        if near and self._asked_for_earlier != self.earlier:
            self._asked_for_earlier = self.earlier
            self.post_message(self.EarlierWanted(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "reasoning":
            return True
        index = self.flow.index_of(self.target.message_id) if self.target is not None else None
        return index is not None and bool(self.flow.view_at(index).reasoning)

    # What can be done with it ----------------------------------------------------------------------------------------

    def text_of(self, target: Target) -> tuple[str, str]:
        """The raw text of `target`, sanitised, and the language of a code block."""
        index = self.flow.index_of(target.message_id)
        if index is None:
            return "", ""
        if target.code is not None:
            codes = self.flow.codes(index)
            if target.code < len(codes):
                code = codes[target.code][1]
                return code.text, code.language
        return sanitise(self.flow.view_at(index).content), ""

    def action_copy(self) -> None:
        if self.target is not None:
            self.post_message(self.CopyRequested(self, self.text_of(self.target)[0], self.target))

    def action_save(self) -> None:
        if self.target is not None:
            text, language = self.text_of(self.target)
            self.post_message(self.SaveRequested(self, text, self.target, language))

    def action_reasoning(self) -> None:
        if self.target is not None and (index := self.flow.index_of(self.target.message_id)) is not None:
            self.toggle_reasoning(index)

    def toggle_reasoning(self, index: int) -> None:
        """Show or fold the reasoning of the message at `index`."""
        if not self.flow.view_at(index).reasoning:
            return
        self.flow.open_reasoning(index, not self.flow.opened(index))
        self._moved()

    def action_answers_only(self) -> None:
        self.set_mode(reasoning=not self.flow.show_reasoning)

    def action_figures(self) -> None:
        self.set_mode(figures=not self.flow.show_figures)

    # Mouse -----------------------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.flow.scroll(_WHEEL)
        self._moved()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.flow.scroll(-_WHEEL)
        self._moved()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.x >= self.size.width - 1 and self.flow.total > self.size.height:
            self._dragging = True
            self.capture_mouse()
            self._drag(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            self._drag(event.y)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def _drag(self, y: int) -> None:
        last = max(1, self.size.height - 1)
        self.flow.to_line(round(min(max(y, 0), last) / last * max(0, self.flow.total - self.size.height)))
        self._moved()

    def on_click(self, event: events.Click) -> None:
        if event.y >= len(self._rows) or event.x >= self.size.width - 1:
            return
        if self._decorator.is_on_hint(event.x, event.y):
            self.action_end()
            return
        place = self._rows[event.y].place
        part = self.flow.parts(place.message)[place.part]
        target = targets.at(self.flow, place)
        self.select(target, reveal=False)
        if part.kind == "reasoning":
            self.toggle_reasoning(place.message)
        elif target.code is not None and self._on_copy_hint(target, place.line, event.x):
            self.action_copy()

    def _on_copy_hint(self, target: Target, line: int, x: int) -> bool:
        """Whether a click fell on "y copy" in the frame of a code block."""
        place = targets.extent(self.flow, target)
        hint = len(self.flow.paper.look.copy_hint) + 4
        return place is not None and line == place.first.line and x >= GUTTER + self.size.width - GUTTER - MARGIN - hint
