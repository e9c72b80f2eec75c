"""Data: the datasets of this account, with what is said of the one in hand beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.datasets.types import Dataset, DatasetVersion, Problem, Sort, UsedBy
from core.datasets.work import Work
from core.events import DatasetsChanged, Event
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed, ScreenCommand
from tui.screens.data import lists, texts
from tui.screens.data.actions import DatasetActions
from tui.screens.data.detail import Known, detail_lines, summary_lines
from tui.screens.data.loading import first_problems, shown_place, upload_command, version_before
from tui.widgets.fields import Field
from tui.widgets.frame import Rule
from tui.widgets.rows import Rows
from tui.widgets.sheet import Line, Sheet
from tui.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from textual.events import Resize

_WIDE = 100
_MOST = 1000


class DataScreen(DatasetActions, inherit_bindings=False):
    """The list; the detail at the right where there is room, else by Enter."""

    AREA = N_("Data")
    HELP = N_(
        "A dataset is a file of examples that a model is trained on: JSON, JSONL, CSV, TXT or Parquet, in the formats Alpaca, ShareGPT, "
        "OpenAI messages, preference pairs, KTO or plain text. The format is found by looking.\n\n"
        "n adds a file. It is checked at once, row by row, in a process of its own; the line at the top shows how far it is, and it goes "
        "on when you leave.\n\n"
        "The verdict: usable; usable after repair, which R does into a new version; or unusable. p shows every problem with its line and "
        "what to do, v the rows as a person reads them, w the tokens as the model sees them, Enter everything about the dataset.\n\n"
        "t begins a run with a usable dataset. S sets rows aside to validate with, D takes duplicates out, x writes the problems into your "
        "exports, r gives another name or a note.\n\n"
        "Space marks rows; c checks and d deletes what is marked, after saying what uses it. Your own file is never changed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *DatasetActions.BINDINGS[:2],
        Binding("n", "add", N_("add"), id="data.add", tooltip=N_("Add a file as a dataset")),
        Binding("p", "open('problems')", N_("problems"), id="data.problems", tooltip=N_("Every problem with its place and remedy")),
        Binding("v", "open('preview')", N_("rows"), id="data.preview", tooltip=N_("The rows as a person reads them")),
        Binding("w", "open('seen')", N_("what the model sees"), id="data.seen", tooltip=N_("The tokens after the template")),
        Binding("V", "open('versions')", N_("versions"), id="data.versions", show=False, tooltip=N_("Its versions, and going back")),
        *DatasetActions.BINDINGS[2:],
        Binding("slash", "filter", N_("search"), id="data.filter", tooltip=N_("Search in name, note, format and file")),
        Binding("s", "sort", N_("sort"), id="data.sort", tooltip=N_("Sort by something else")),
        Binding("escape", "back", N_("home"), id="data.back", tooltip=N_("Stop what runs, clear marks and search, then home")),
        *Framed.BINDINGS,
    ]
    RANKS: ClassVar[dict[str, int]] = DatasetActions.RANKS | {"sort": 6, "filter": 5, "back": 10}

    _pages: tuple[Dataset, ...] = ()
    _total = 0
    _loaded = False
    _sort: Sort = "updated"
    _wanted: str | None = None
    _told_of = ""

    def compose_body(self) -> Iterable[Any]:
        yield WorkLine(id="data-work")
        yield Rule(id="data-rule")
        yield Field(hint=N_("search in name, note, format, file"), id="data-filter", classes="hidden")
        with Horizontal(id="data-body"):
            yield Rows(lists.DATASET_COLUMNS, markable=True, id="data-rows")
            yield Sheet(pad_x=2, id="data-detail")

    def on_mount(self) -> None:
        self._firsts: dict[tuple[str, int | None], tuple[Problem, ...]] = {}
        self._used: dict[str, UsedBy] = {}
        self._before: dict[str, DatasetVersion] = {}
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#data-rows", Rows)

    @property
    def narrow(self) -> bool:
        return self.has_class("narrow")

    @property
    def in_hand(self) -> Dataset | None:
        return next((item for item in self._pages if item.id == self.rows.current_id), None) if self.is_mounted else None

    @property
    def all_in_hand(self) -> Sequence[Dataset]:
        wanted = set(self.rows.selected_ids) if self.is_mounted else set()
        return [item for item in self._pages if item.id in wanted]

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.follow_works()
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, DatasetsChanged):
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self._draw_detail()

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew, beside the screen; then have `keep` in hand, also if another reading takes the place of this one."""
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        query = self.query_one("#data-filter", Field).value
        page = await self.services.datasets.datasets(self.principal, query=query, sort=self._sort, limit=_MOST)
        self._pages, self._total, self._loaded = page.items, page.total, True
        self._used.clear()
        keep, self._wanted = self._wanted, None
        self.follow_works()
        self.draw(keep)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if not self._loaded or self.gone:
            return
        signs, now, zone = glyphs(self.app), self.services.clock.now(), self.modeltrain.zone
        searched = bool(self.query_one("#data-filter", Field).value)
        empty = lists.no_datasets(searched=searched, command=upload_command(self.context))
        self.rows.show([lists.dataset_row(item, self.work_of(item.id), signs, now, zone) for item in self._pages], empty=empty, keep=keep)
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _draw_remark(self) -> None:
        rule, marked = self.query_one("#data-rule", Rule), len(self.rows.marked)
        if marked:
            rule.text = ngettext("{count} marked: c check, d delete", "{count} marked: c check, d delete", marked).format(count=marked)
            return
        count = ngettext("{count} dataset", "{count} datasets", self._total).format(count=self._total)
        query, order = one_line(self.query_one("#data-filter", Field).value), _(texts.SORTS[self._sort])
        parts = [count, f"“{query}”" if query else "", order if self._total > 1 else ""]
        rule.text = " · ".join(part for part in parts if part)

    def _draw_detail(self) -> None:
        item, sheet = self.in_hand, self.query_one("#data-detail", Sheet)
        sheet.display = item is not None
        if item is None:
            return
        sheet.show(partial(self._lines, item), keep=True)
        if self._key(item) not in self._firsts or item.id not in self._used:
            self.start(self._load_detail, item, group="detail")

    @staticmethod
    def _key(item: Dataset) -> tuple[str, int | None]:
        return item.current.id, item.current.checked_at

    def _lines(self, item: Dataset, width: int) -> list[Line]:
        known = Known(
            item,
            self._firsts.get(self._key(item), ()),
            self._used.get(item.id),
            before=self._before.get(item.current.id),
            working=self.work_of(item.id) is not None,
            place=shown_place(self.context, item.current.path),
        )
        if self.narrow:
            return summary_lines(known, width, glyphs(self.app))
        return detail_lines(known, width, glyphs(self.app), self.modeltrain.zone)

    async def _load_detail(self, item: Dataset) -> None:
        self._firsts[self._key(item)] = await first_problems(self.services, self.principal, item)
        if item.current.changes and (older := await version_before(self.services, self.principal, item)) is not None:
            self._before[item.current.id] = older
        self._used[item.id] = await self.services.datasets.used_by(self.principal, item.id)
        if self.in_hand is item and not self.gone:
            self._draw_detail()

    def on_rows_highlighted(self) -> None:
        if self._loaded:
            if self._told_of != self.rows.current_id:
                self._told_of = self.rows.current_id
                self.query_one("#data-detail", Sheet).top = 0
            self._draw_detail()
            self.draw_work()
            self.refresh_bindings()

    def on_rows_marked(self) -> None:
        self._draw_remark()
        self.refresh_bindings()

    def on_rows_chosen(self) -> None:
        self.action_open("overview")

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def work_moved(self) -> None:
        if self.is_current:
            self.draw()

    def work_ended(self, work: Work) -> None:
        self.say_end(work)
        if work.state == "done" and work.kind == "split" and work.results:
            self._wanted = work.results[0].id

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        field = self.query_one("#data-filter", Field)
        if field.has_focus:
            self._end_search()
        elif self.rows.clear_marks() or self.cancel_work():
            return
        elif not field.has_class("hidden"):
            self._end_search()
        else:
            self.leave_work()

    def leave_work(self) -> None:
        self.app.call_later(self.modeltrain.action_go, "home")

    def _end_search(self) -> None:
        field = self.query_one("#data-filter", Field)
        field.value = ""
        field.add_class("hidden")
        self.rows.focus()

    def action_filter(self) -> None:
        field = self.query_one("#data-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_sort(self) -> None:
        orders = list(texts.SORTS)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self.reload()

    def action_open(self, page: str) -> None:
        from tui.screens.data.pages import open_page

        if self.in_hand is not None:
            open_page(self.modeltrain, page, self.in_hand.id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            item = self.in_hand
            summary = item.current.summary if item is not None else None
            return item is not None and (parameters != ("problems",) or (summary is not None and bool(summary.rules)))
        return super().check_action(action, parameters)

    # Adding ----------------------------------------------------------------------------------------------------------

    def action_add(self) -> None:
        from tui.screens.data.add import AddScreen

        def added(dataset_id: str | None) -> None:
            if dataset_id:
                self._end_search()
                self.follow_works()
                self.reload(dataset_id)

        self.app.push_screen(AddScreen(), added)

    def commands(self) -> Iterable[ScreenCommand]:
        for item in self._pages[:50]:
            yield ScreenCommand(one_line(item.name), partial(self._open_named, item.id))

    def _open_named(self, dataset_id: str) -> None:
        from tui.screens.data.pages import open_page

        open_page(self.modeltrain, "overview", dataset_id)
