"""LogView: shows a LogFile, follows it, searches and filters it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from core.logs.file import LogFile
from core.logs.search import Matcher, SearchFailed, matcher_of
from core.logs.types import Hit, Level, Query
from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.widgets.fields import Field
from tui.widgets.log_view.finding import Finder
from tui.widgets.log_view.lines import LogLines
from tui.widgets.log_view.source import Filtered, Whole

#: Which lines `l` shows, one after the other.
_LEVELS = (Level.DEBUG, Level.WARNING, Level.ERROR)
#: Lines before a place are counted for its exact number without being asked while they take so many bytes.
_COUNTED = 256 << 20
#: Seconds between the last key typed and the count of what was typed.
_PAUSE_S = 0.25


class LogView(Vertical):
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

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.finder: Finder | None = None
        self._asking = ""
        self._version = -1
        self._said = ""

    def compose(self) -> Iterable[Any]:
        yield LogLines()
        field = Field(hint=N_("words, or / and a regular expression"))
        field.display = False
        yield field

    @property
    def lines(self) -> LogLines:
        return self.query_one(LogLines)

    @property
    def field(self) -> Field:
        return self.query_one(Field)

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

    # What is said below ----------------------------------------------------------------------------------------------

    def _found_more(self) -> None:
        """A count or a filter has more."""
        if self.is_attached and self.is_running:
            self._draw_remark(draw=False)
            self.lines.look()

    def _draw_remark(self, *, draw: bool = True) -> None:
        remark = self._remark()
        if remark != self.lines.remark:
            self.lines.remark = remark
            if draw:
                self.lines.draw()

    def _remark(self) -> tuple[str, str]:
        finder = self.finder
        if finder is None:
            return "", "dim"
        parts = [self._said] if self._said else []
        if finder.query is not None and finder.hits is not None:
            parts.append(self._search_words(finder))
        if finder.filtered is not None:
            parts.append(self._filter_words(finder))
        if finder.log.gone:
            parts.append(_("the file was deleted"))
        return " · ".join(parts), "warn" if self._said or finder.log.gone else "accent"

    @staticmethod
    def _counted(finder: Finder, count: int, full: bool) -> str:
        more = "+" if full or (finder.is_counting and not full) else ""
        return f"{count:,}{more}"

    def _search_words(self, finder: Finder) -> str:
        assert finder.query is not None and finder.hits is not None
        hits, current = finder.hits, self.lines.hit
        shown = one_line(finder.query.text, 24)
        total = self._counted(finder, len(hits.offsets), hits.full)
        rank = hits.rank(current.line) if current is not None else 0
        if current is not None and rank and hits.offsets[rank - 1] == current.line:
            return _("“{text}”: {rank} of {total}").format(text=shown, rank=f"{rank:,}", total=total)
        count = ngettext("“{text}”: {total} line", "“{text}”: {total} lines", len(hits.offsets))
        return count.format(text=shown, total=total)

    def _filter_words(self, finder: Finder) -> str:
        assert finder.filtered is not None
        what = {
            Level.WARNING: _("only warnings and errors"),
            Level.ERROR: _("only errors"),
        }.get(finder.level, "")
        if finder.words is not None:
            words = _("only with “{text}”").format(text=one_line(finder.words.text, 24))
            what = f"{what} · {words}" if what else words
        return f"{what}: {self._counted(finder, len(finder.filtered.offsets), finder.filtered.full)}"

    # Searching -------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._ask("search", self.finder.query if self.finder is not None else None)

    def action_filter(self) -> None:
        self._ask("filter", self.finder.words if self.finder is not None else None)

    def _ask(self, what: str, known: Query | None) -> None:
        if self.finder is None:
            return
        self._asking = what
        self.field.hint = N_("words, or / and a regular expression") if what == "search" else N_("only lines with these words")
        self.field.value = "" if known is None else f"/{known.text}" if known.pattern else known.text
        self.field.display = True
        self.field.focus()

    def _typed(self) -> Query | None:
        text = self.field.value
        if not text.strip() or text == "/":
            return None
        return Query(text[1:], pattern=True) if text.startswith("/") else Query(text)

    def on_input_changed(self, event: Field.Changed) -> None:
        event.stop()
        if self._asking == "search":
            self.run_worker(self._count_typed(), group="log-typed", exclusive=True, exit_on_error=True)

    async def _count_typed(self) -> None:
        """Count what is being typed, once the typing pauses."""
        await asyncio.sleep(_PAUSE_S)
        if self._asking == "search" and self._set_query(self._typed()):
            self.lines.draw()

    def on_input_submitted(self, event: Field.Submitted) -> None:
        event.stop()
        asked, query = self._asking, self._typed()
        if asked == "filter":
            if self._set_filter(self.finder.level if self.finder is not None else Level.DEBUG, query):
                self._close_field()
            return
        if not self._set_query(query):
            return
        self._close_field()
        if query is not None:
            pane = self.lines.pane
            at_end = pane is not None and pane.follow
            self._jump(-1 if at_end else 1, None, inclusive=True)

    def _set_query(self, query: Query | None) -> bool:
        finder = self.finder
        if finder is None:
            return False
        if query != finder.query:
            self._said = ""
            try:
                finder.look_for(query)
            except SearchFailed as error:
                self.field.say(_("not a regular expression: {detail}").format(detail=one_line(error.detail, 60)), wrong=True)
                return False
            self.field.say("")
            self.lines.query_shown, self.lines.hit = finder.query, None
            self._extend()
            self._draw_remark(draw=False)
            self.refresh_bindings()
        return True

    def _close_field(self) -> None:
        self._asking = ""
        self.field.display = False
        self.lines.focus()

    def _extend(self) -> None:
        """Count and filter what was added."""
        finder = self.finder
        if finder is None:
            return
        for which in (finder.hits, finder.filtered):
            if which is not None and not which.full and which.done_to < finder.log.size:
                self.run_worker(finder.extend(which), group=f"log-hits-{id(which)}", exclusive=False, exit_on_error=True)

    def action_hit(self, step: int) -> None:
        self._jump(step, None)

    def action_error(self, step: int) -> None:
        self._jump(step, matcher_of(None, Level.ERROR))

    def _jump(self, step: int, matcher: Matcher | None, *, inclusive: bool = False) -> None:
        self.run_worker(self._jump_to(step, matcher, inclusive), group="log-jump", exclusive=True, exit_on_error=True)

    async def _jump_to(self, step: int, matcher: Matcher | None, inclusive: bool) -> None:
        """To the next hit, round the end of the file if need be."""
        finder, lines = self.finder, self.lines
        if finder is None:
            return
        current = lines.current
        start = (finder.log.size if step < 0 else -1) if current is None else current
        if inclusive or (step < 0 and lines.in_hand is None):
            start = start - 1 if step > 0 else finder.log.size
        try:
            hit = await finder.jump(start, step, matcher)
            around = hit is None
            if around:
                hit = await finder.jump(-1 if step > 0 else finder.log.size, step, matcher)
        except SearchFailed as error:
            self._say(_("the search took too long and was ended") if error.why == "time" else _("the search was ended"))
            return
        if self.finder is finder:
            self._arrive(hit, step, around, is_error=matcher is not None)

    def _arrive(self, hit: Hit | None, step: int, around: bool, *, is_error: bool) -> None:
        if hit is None:
            self._say(_("no error") if is_error else _("not found"))
            return
        self._said = "" if not around else _("from the beginning again") if step > 0 else _("from the end again")
        self.lines.reveal(hit.line, None if is_error else hit)
        self._draw_remark()
        self._count_lines()

    def _say(self, text: str) -> None:
        self._said = text
        self._draw_remark()

    # Filters ---------------------------------------------------------------------------------------------------------

    def action_levels(self) -> None:
        if self.finder is not None:
            following = _LEVELS[(_LEVELS.index(self.finder.level) + 1) % len(_LEVELS)]
            self._set_filter(following, self.finder.words)

    def _set_filter(self, level: Level, words: Query | None) -> bool:
        if self.finder is None:
            return False
        try:
            self.finder.filter(level, words)
        except SearchFailed as error:
            self.field.say(_("not a regular expression: {detail}").format(detail=one_line(error.detail, 60)), wrong=True)
            return False
        self._use_source()
        return True

    def _use_source(self) -> None:
        finder = self.finder
        if finder is not None:
            self._extend()
            self.lines.use(Filtered(finder.log, finder.filtered) if finder.filtered is not None else Whole(finder.log))
            self._draw_remark()
            self.refresh_bindings()

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
        from core.logs.search import Bound
        from core.logs.threads import in_thread

        bound = Bound()
        await in_thread(lambda: log.count_to(offset, lambda: bound.cancelled), bound)
        self.lines.draw()
