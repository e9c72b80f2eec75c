"""Questions: the library of question sets, with what is in the one in hand beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.events import Event, QuestionsChanged
from core.questions.types import Question, QuestionSet, Sort
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed, ScreenCommand
from tui.screens.compare.questions import lists, texts
from tui.screens.compare.questions.actions import SetActions
from tui.screens.compare.tabs import QUESTIONS, CompareTab
from tui.widgets.fields import Field
from tui.widgets.rows import Rows
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.events import Resize

_WIDE = 100
_MOST = 1000
_FIRST = 30


class QuestionsScreen(SetActions, CompareTab, inherit_bindings=False):
    """The list of sets; its first questions at the right where there is room, else below."""

    TAB = QUESTIONS
    HELP = N_(
        "A question set is a list of questions to try models on, with expected answers, types, scorers and weights where there are some. "
        "A batch asks all of them of the models you choose.\n\n"
        "n makes a set: from a file (TXT, CSV, JSON, JSONL, in any encoding), by writing or pasting it, or from the examples in English "
        "and Chinese. Before anything is imported you see what is in the file and what is wrong in it.\n\n"
        "Enter shows the questions of the set in hand, to be read, searched and edited. Every change makes a version; v shows the versions "
        "and what differs, and brings an older one back. u updates a set from a file.\n\n"
        "t begins a batch with the set. x writes it into a file that can be imported again. r gives it a name, a note and tags; o shows "
        "only sets with one tag. Space marks sets; d deletes them, after asking."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new"), id="questions.new", tooltip=N_("A set from a file, written here, or an example")),
        *SetActions.SET_BINDINGS,
        Binding("d", "delete", N_("delete"), id="questions.delete", tooltip=N_("Delete what is marked, or the set in hand")),
        Binding("slash", "filter", N_("search"), id="questions.filter", tooltip=N_("Search in names, notes, tags and types")),
        Binding("o", "tag", N_("tag"), id="questions.tag", tooltip=N_("Only sets with one tag")),
        Binding("s", "sort", N_("sort"), id="questions.sort", show=False, tooltip=N_("Sort by something else")),
        Binding("escape", "back", N_("home"), id="questions.back", tooltip=N_("Clear marks, tag and search, then home")),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]

    _sets: tuple[QuestionSet, ...] = ()
    _loaded = False
    _sort: Sort = "updated"
    _tag = ""
    _wanted: str | None = None

    def compose_tab(self) -> Iterable[Any]:
        yield Field(hint=N_("search in names, notes, tags and types"), id="questions-filter", classes="hidden")
        with Horizontal(id="questions-body"):
            yield Rows(lists.SET_COLUMNS, markable=True, id="questions-rows")
            yield Sheet(pad_x=2, still=True, id="questions-detail")

    def on_mount(self) -> None:
        self._firsts: dict[tuple[str, int], tuple[Question, ...]] = {}
        self._tags: dict[str, int] = {}
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#questions-rows", Rows)

    @property
    def current_set(self) -> QuestionSet | None:
        if not self.is_mounted:
            return None
        return next((item for item in self._sets if item.id == self.rows.current_id), None)

    @property
    def current_sets(self) -> Sequence[QuestionSet]:
        """What is marked, or the one in hand."""
        wanted = set(self.rows.selected_ids)
        return [item for item in self._sets if item.id in wanted]

    @property
    def query_text(self) -> str:
        return self.query_one("#questions-filter", Field).value.strip()

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, QuestionsChanged) and self.is_current:
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")

    def reload(self, keep: str | None = None) -> None:
        """Read the list anew, beside the screen; then have `keep` in hand."""
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        found = await self.services.questions.sets(self.principal, query=self.query_text, tag=self._tag, sort=self._sort, limit=_MOST)
        self._sets, self._tags, self._loaded = found.items, dict(found.tags), True
        if self._tag not in self._tags:
            self._tag = ""
        self.tabs.count(QUESTIONS, found.total)
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if not self._loaded or self.gone:
            return
        now, zone = self.services.clock.now(), self.modeltrain.zone
        empty = lists.no_sets(searched=bool(self.query_text or self._tag))
        self.rows.show([lists.set_row(item, now, zone) for item in self._sets], empty=empty, keep=keep)
        self._draw_remark()
        self._draw_detail()

    def _draw_remark(self) -> None:
        marked = len(self.rows.marked)
        said = [
            ngettext("{count} marked", "{count} marked", marked).format(count=marked) if marked else "",
            one_line(self._tag, 24),
            f"“{one_line(self.query_text, 24)}”" if self.query_text else "",
            _(texts.SORTS[self._sort]) if self._sort != "updated" else "",
        ]
        self.tabs.remark = ", ".join(word for word in said if word)

    def _draw_detail(self) -> None:
        item, sheet = self.current_set, self.query_one("#questions-detail", Sheet)
        sheet.display = item is not None
        self.refresh_bindings()
        if item is None:
            return
        key = (item.id, item.version)
        signs, zone = glyphs(self.app), self.modeltrain.zone
        sheet.show(lambda width: texts.set_lines(item, self._firsts.get(key, ()), width, signs, zone))
        if key not in self._firsts:
            self.start(self._load_first, item, group="detail")

    async def _load_first(self, item: QuestionSet) -> None:
        found = await self.services.questions.questions(self.principal, item.id, item.version, limit=_FIRST)
        self._firsts[item.id, item.version] = found.items
        if not self.gone and self.current_set is item:
            self._draw_detail()

    def on_rows_highlighted(self) -> None:
        if self._loaded:
            self._draw_detail()

    def on_rows_marked(self) -> None:
        self._draw_remark()
        self.refresh_bindings()

    def on_rows_chosen(self) -> None:
        self.action_questions()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "tag":
            return bool(self._tags) if self.is_mounted else False
        return self.may(action)

    def action_filter(self) -> None:
        field = self.query_one("#questions-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_tag(self) -> None:
        """The next tag, after the last all sets."""
        order = ["", *self._tags]
        self._tag = order[(order.index(self._tag) + 1) % len(order)] if self._tag in order else ""
        self.reload()

    def action_sort(self) -> None:
        orders = list(texts.SORTS)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]  # type: ignore[assignment]
        self.reload()

    def action_back(self) -> None:
        field = self.query_one("#questions-filter", Field)
        if self.rows.clear_marks():
            return
        if not field.has_class("hidden"):
            field.value = ""
            field.add_class("hidden")
            self.rows.focus()
        elif self._tag:
            self._tag = ""
            self.reload()
        else:
            self.app.call_later(self.modeltrain.action_go, "home")

    def commands(self) -> Iterable[ScreenCommand]:
        for item in self._sets[:50]:
            yield ScreenCommand(one_line(item.name), partial(self.open_set, item.id))
