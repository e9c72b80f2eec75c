"""LogView: shows a LogFile, follows it, searches and filters it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from core.logs.file import LogFile
from core.logs.search import Bound
from core.logs.threads import in_thread
from core.logs.types import Level
from tui.i18n import N_, _
from tui.widgets.log_view.finding import Finder
from tui.widgets.log_view.searching import SearchedLog

#: Lines before a place are counted for its exact number without being asked while they take so many bytes.
_COUNTED = 256 << 20


class LogView(SearchedLog):
    """`open` a log; call `changed` when the file may have grown (core.training.tails does). Nothing is drawn when nothing changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", N_("search"), id="log.search", tooltip=N_("Find words; begin with / for a regular expression")),
        Binding("n", "hit(1)", N_("next hit"), id="log.next", tooltip=N_("The next line with what is looked for")),
        Binding("N", "hit(-1)", N_("hit before"), id="log.previous", tooltip=N_("The line before with what is looked for"), show=False),
        Binding("f", "follow", N_("follow"), id="log.follow", tooltip=N_("To the end, and stay there while lines are added")),
        Binding("e", "error(1)", N_("next error"), id="log.error", tooltip=N_("The next error")),
        Binding("E", "error(-1)", N_("error before"), id="log.error_before", tooltip=N_("The error before"), show=False),
        Binding("l", "levels", N_("levels"), id="log.levels", tooltip=N_("Only warnings and errors, only errors, or all lines")),
        Binding("F", "filter", N_("filter"), id="log.filter", tooltip=N_("Show only lines with certain words"), show=False),
        Binding("w", "wrap", N_("wrap"), id="log.wrap", tooltip=N_("Wrap long lines, or cut them"), show=False),
        Binding(
            "number_sign", "numbers", N_("numbers"), id="log.numbers", tooltip=N_("Show line numbers, or hide them"), show=False,
            key_display="#",
        ),
        Binding("y", "copy", N_("copy"), id="log.copy", tooltip=N_("Copy the line in hand"), show=False),
        Binding("escape", "clear", N_("clear"), id="log.clear", tooltip=N_("Forget search and filter")),
        Binding("down,j", "move(1)", N_("down"), show=False),
        Binding("up,k", "move(-1)", N_("up a line"), show=False),
        Binding("pagedown,space,ctrl+f", "page(1)", N_("a page down"), show=False),
        Binding("pageup,ctrl+b", "page(-1)", N_("a page up"), show=False),
        Binding("ctrl+d", "half(1)", N_("half a page down"), show=False),
        Binding("ctrl+u", "half(-1)", N_("half a page up"), show=False),
        Binding("g,home", "end(0)", N_("first"), show=False),
        Binding("G,end", "end(1)", N_("last"), show=False),
        Binding("right", "sideways(1)", N_("to the right"), show=False),
        Binding("left", "sideways(-1)", N_("to the left"), show=False),
    ]  # fmt: skip

    @dataclass
    class CopyRequested(Message):
        """`text` (sanitised) is to be copied."""

        view: LogView
        text: str

        @property
        def control(self) -> LogView:
            return self.view

    def focus(self, scroll_visible: bool = True) -> LogView:
        self.lines.focus(scroll_visible)
        return self

    # Data ------------------------------------------------------------------------------------------------------------

    def open(self, log: LogFile | None, *, offset: int | None = None) -> None:
        """Show `log`, at its end and following, or at the line that holds `offset` (as a failure's proof)."""
        self._close()
        self.finder = Finder(log, self._found_more) if log is not None else None
        self._version, self._said = log.version if log is not None else -1, ""
        self.lines.query_shown = None
        self.lines.open(log, offset)
        self._draw_remark()
        self._count_lines()

    def say_when_empty(self, *parts: tuple[str, str]) -> None:
        """What to show while there is no line: translated (text, token) paragraphs."""
        if parts != self.lines.empty:
            self.lines.empty = parts
            self.lines.draw()

    def changed(self) -> None:
        """The file may have changed."""
        finder = self.finder
        if finder is None:
            return
        if finder.log.version != self._version:
            self._begin_anew(finder)
        self._extend()
        self._draw_remark(draw=False)
        self.lines.look()

    def _begin_anew(self, finder: Finder) -> None:
        """Places mean other bytes than before."""
        self._version = finder.log.version
        self._said = _("the file was emptied or replaced")
        query, level, words = finder.query, finder.level, finder.words
        finder.close()
        self.finder = fresh = Finder(finder.log, self._found_more)
        fresh.look_for(query)
        fresh.filter(level, words)
        numbers, wrap = self.lines.numbers, self.lines.pane is not None and self.lines.pane.wrap
        self.lines.open(fresh.log)
        self.lines.numbers = numbers
        if self.lines.pane is not None:
            self.lines.pane.wrap = wrap
        self._use_source()

    def go_to(self, offset: int) -> None:
        """Show the line that holds the byte `offset` and put the cursor on it."""
        finder = self.finder
        found = finder.log.forward(min(offset, max(0, finder.log.size - 1)), 1) if finder is not None else []
        if found:
            self.lines.reveal(found[0].start)
            self._count_lines()

    def on_unmount(self) -> None:
        self._close()

    def _close(self) -> None:
        if self.finder is not None:
            self.finder.close()

    # Moving and the rest ---------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        finder = self.finder
        if action == "clear":
            return bool(self._asking or (finder is not None and (finder.query is not None or finder.is_filtered)))
        if action == "hit":
            return finder is not None and finder.query is not None
        return True

    def action_clear(self) -> None:
        finder = self.finder
        if self._asking:
            self._close_field()
        elif finder is not None and finder.query is not None:
            self._set_query(None)
            self.lines.draw()
        elif finder is not None:
            self._set_filter(Level.DEBUG, None)
        self.refresh_bindings()

    def action_move(self, by: int) -> None:
        self.lines.move(by)

    def action_page(self, step: int) -> None:
        self.lines.scroll(step * max(1, self.lines.size.height - 3))

    def action_half(self, step: int) -> None:
        self.lines.scroll(step * max(1, self.lines.size.height // 2))

    def action_end(self, last: int) -> None:
        if last:
            self.lines.to_end()
        else:
            self.lines.to_start()

    def action_follow(self) -> None:
        pane = self.lines.pane
        if pane is not None and pane.follow:
            self.lines.move(-1)
        else:
            self.lines.to_end()

    def action_sideways(self, by: int) -> None:
        self.lines.sideways(by)

    def action_wrap(self) -> None:
        if self.lines.pane is not None:
            self.lines.pane.wrap, self.lines.left = not self.lines.pane.wrap, 0
            self.lines.draw()

    def action_numbers(self) -> None:
        self.lines.numbers = not self.lines.numbers
        self.lines.draw()
        self._count_lines(asked=True)

    def action_copy(self) -> None:
        if text := self.lines.text_in_hand():
            self.post_message(self.CopyRequested(self, text))

    def on_log_lines_moved(self) -> None:
        if self._said:
            self._say("")
        self._count_lines()

    def _count_lines(self, *, asked: bool = False) -> None:
        """Count the lines before what is in view where that is soon done, or was asked for: numbers are estimates until then."""
        finder, current = self.finder, self.lines.current
        if finder is not None and current is not None:
            wanted = finder.log.uncounted(current)
            if wanted and (asked or wanted <= _COUNTED):
                self.run_worker(self._count_to(finder.log, current), group="log-numbers", exclusive=False, exit_on_error=True)

    async def _count_to(self, log: LogFile, offset: int) -> None:
        bound = Bound()
        await in_thread(lambda: log.count_to(offset, lambda: bound.cancelled), bound)
        self.lines.draw()
