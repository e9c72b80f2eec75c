"""What is looked for in the log view, and what is said of it in the line below."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from textual.containers import Vertical

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
#: Seconds between the last key typed and the count of what was typed.
_PAUSE_S = 0.25


class SearchedLog(Vertical):
    """The part of LogView that searches and filters."""

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

    def _count_lines(self, *, asked: bool = False) -> None:
        """Count the lines before what is in view."""
        raise NotImplementedError
