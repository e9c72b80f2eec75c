"""Records: what was compared before, with its verdicts; search and filters; what is in hand beside or below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.compare.types import Comparison, ComparisonSummary
from core.errors import NotFound
from core.events import ComparisonsChanged, Event
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed, ScreenCommand
from tui.screens.compare import record_lists as lists
from tui.screens.compare.record_actions import RecordActions
from tui.screens.compare.record_filter import FilterRecords, day_of
from tui.screens.compare.record_lists import Filter
from tui.screens.compare.tabs import RECORDS, SIDE, CompareTab, open_tab
from tui.widgets.fields import Field
from tui.widgets.rows import Rows
from tui.widgets.sheet import Line, Sheet

if TYPE_CHECKING:
    from textual.events import Resize

_WIDE = 100
#: Comparisons that are read at a time, and how near to the end of them the cursor comes before more are.
_PAGE, _NEAR = 200, 30
#: Details that are kept while the cursor moves about.
_KEPT = 50


class RecordsScreen(RecordActions, inherit_bindings=False):
    """The list; the detail at the right where there is room, else below."""

    TAB = RECORDS
    HELP = N_(
        "Every comparison is kept as its answers are written: a crash loses nothing. Enter opens one side by side, where it goes on.\n\n"
        "/ searches in titles and questions; all words must be there. f narrows the list by model, verdict, type and day. Esc takes the "
        "filter off again.\n\n"
        "R asks the same questions of the same configurations once more. a shows how a question was answered over time, with a chart. "
        "r gives another title, x saves as Markdown or JSON, d deletes for good. Space marks several for x and d.\n\n"
        "Names of a blind comparison stay hidden here until you have voted."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new"), id="records.new", tooltip=N_("Ask two or three models the same")),
        *RecordActions.BINDINGS,
        Binding("slash", "search", N_("search"), id="records.search", tooltip=N_("Search in titles and questions")),
        Binding("f", "filter", N_("filter"), id="records.filter", tooltip=N_("By model, verdict, type and day")),
        Binding("escape", "back", N_("home"), id="records.back", tooltip=N_("Clear marks, search and filter, then home")),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]
    RANKS: ClassVar[dict[str, int]] = {
        "export": 9,
        "rename": 8,
        "delete": 7,
        "back": 10,
        "filter": 3,
        "search": 2,
        "similar": 4,
        "again": 5,
    }

    def __init__(self, narrowed: Filter | None = None) -> None:
        """`narrowed`: the filter that it begins with."""
        super().__init__()
        self._filter = narrowed or Filter()
        self._items: tuple[ComparisonSummary, ...] = ()
        self._total = 0
        self._loaded = self._loading_more = False
        self._wanted: str | None = None
        self._details: dict[str, Comparison] = {}
        #: Details that may be other by now: shown until they are read anew.
        self._stale: set[str] = set()

    def compose_tab(self) -> Iterable[Any]:
        yield Field(hint=N_("search in titles and questions"), id="records-search", classes="hidden")
        with Horizontal(id="records-body"):
            yield Rows(lists.COLUMNS, markable=True, id="records-rows")
            yield Sheet(pad_x=2, still=True, id="records-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#records-rows", Rows)

    @property
    def detail(self) -> Sheet:
        return self.query_one("#records-detail", Sheet)

    @property
    def search(self) -> Field:
        return self.query_one("#records-search", Field)

    @property
    def in_hand(self) -> ComparisonSummary | None:
        return next((item for item in self._items if item.id == self.rows.current_id), None) if self.is_mounted else None

    @property
    def all_in_hand(self) -> Sequence[ComparisonSummary]:
        wanted = set(self.rows.selected_ids) if self.is_mounted else set()
        return [item for item in self._items if item.id in wanted]

    # Loading ---------------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, ComparisonsChanged) and self.is_current:
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew, beside the screen; then have `keep` in hand, also if another reading takes the place of this one."""
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        await self._read(max(_PAGE, len(self._items)), 0)
        self._loaded, self._stale = True, set(self._details)
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    async def _read(self, limit: int, offset: int) -> None:
        chosen = self._filter
        page = await self.services.comparisons.records(
            self.principal,
            query=self.search.value.strip(),
            model=chosen.model,
            type=chosen.type,
            verdict=chosen.verdict,
            since=self._day(chosen.since),
            until=self._day(chosen.until, after=1),
            limit=limit,
            offset=offset,
        )
        self._items, self._total = (*self._items[:offset], *page.items), page.total

    def _day(self, text: str, after: int = 0) -> datetime | None:
        """The beginning of a day in the reader's time zone, or so many days later."""
        found = day_of(text) if text else None
        if found is None:
            return None
        found += timedelta(days=after)
        zone = self.modeltrain.zone
        return found.replace(tzinfo=zone) if zone is not None else found.astimezone()

    async def _more(self) -> None:
        try:
            await self._read(_PAGE, len(self._items))
            self.draw()
        finally:
            self._loading_more = False

    # Drawing ---------------------------------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if not self._loaded or self.gone:
            return
        signs, now, zone = glyphs(self.app), self.services.clock.now(), self.modeltrain.zone
        narrowed = self._filter.on or bool(self.search.value.strip())
        self.rows.show([lists.record_row(item, signs, now, zone) for item in self._items], empty=lists.empty(narrowed=narrowed), keep=keep)
        if not narrowed:
            self.tabs.count(RECORDS, self._total)
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _draw_remark(self) -> None:
        marked, query = len(self.rows.marked), one_line(self.search.value, 30)
        if marked:
            text = ngettext("{count} marked: x export, d delete", "{count} marked: x export, d delete", marked)
            self.tell(text.format(count=marked))
            return
        parts = [*self._filter.words(), *([f"“{query}”"] if query else [])]
        if parts:
            parts.append(_("{count} found").format(count=f"{self._total:,}"))
        self.tell(" · ".join(parts))

    def _draw_detail(self) -> None:
        item = self.in_hand
        self.detail.display = item is not None
        if item is None:
            return
        self.detail.show(partial(self._lines, item))
        if item.id not in self._details or item.id in self._stale:
            self.start(self._load_detail, item, group="detail")

    def _lines(self, item: ComparisonSummary, width: int) -> list[Line]:
        read, dense = self._details.get(item.id), self.has_class("narrow")
        return lists.detail_lines(item, read, width, glyphs(self.app), self.modeltrain.zone, dense=dense)

    async def _load_detail(self, item: ComparisonSummary) -> None:
        try:
            found = await self.services.comparisons.get(self.principal, item.id, tail=1)
        except NotFound:
            return  # it was deleted elsewhere; the next reading of the list shows that
        if len(self._details) >= _KEPT:
            self._details.clear()
        self._details[item.id] = found
        self._stale.discard(item.id)
        if (now := self.in_hand) is not None and now.id == item.id and not self.gone:
            self.detail.show(partial(self._lines, now))

    def on_rows_highlighted(self) -> None:
        if not self._loaded:
            return
        self._draw_detail()
        self.refresh_bindings()
        if self.rows.cursor >= len(self._items) - _NEAR and len(self._items) < self._total and not self._loading_more:
            self._loading_more = True
            self.start(self._more, group="more")

    def on_rows_marked(self) -> None:
        self._draw_remark()
        self.refresh_bindings()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.open(event.row_id)

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("again", "similar", "rename"):
            return self.in_hand is not None
        if action in ("export", "delete"):
            return bool(self.all_in_hand)
        return True

    def key_rank(self, action: str) -> int:
        return self.RANKS.get(action, 0)

    def action_new(self) -> None:
        self.app.call_later(open_tab, self.modeltrain, SIDE)

    def action_search(self) -> None:
        self.search.remove_class("hidden")
        self.search.focus()

    def on_input_changed(self) -> None:
        self._items = ()
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_filter(self) -> None:
        self.start(self._ask_filter, group="filter")

    async def _ask_filter(self) -> None:
        models, types = await self.services.comparisons.models(self.principal), await self.services.comparisons.types(self.principal)

        def decided(chosen: Filter | None) -> None:
            if chosen is not None:
                self._narrow(chosen)

        self.app.push_screen(FilterRecords(self._filter, models, types), decided)

    def _narrow(self, chosen: Filter) -> None:
        self._filter, self._items = chosen, ()
        self.reload()

    def action_back(self) -> None:
        if self.rows.clear_marks():
            return
        if not self.search.has_class("hidden"):
            self.search.value = ""
            self.search.add_class("hidden")
            self.rows.focus()
            self.reload()
        elif self._filter.on:
            self._narrow(Filter())
        else:
            self.app.call_later(self.modeltrain.action_go, "home")

    def commands(self) -> Iterable[ScreenCommand]:
        for item in self._items[:50]:
            yield ScreenCommand(one_line(item.title) or N_("(no title)"), partial(self.open, item.id))
