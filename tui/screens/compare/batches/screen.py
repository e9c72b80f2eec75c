"""Batches: what was asked of many, how far it is and how good it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.events import BatchesChanged, Event
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.base import Framed
from tui.screens.compare.batches import lists, texts
from tui.screens.compare.batches.actions import BATCH_BINDINGS, BatchActions
from tui.screens.compare.tabs import BATCHES, CompareTab
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.batches.types import Batch, BatchState

_EVERY_S = 1.0
#: Batches that are read at a time; more are found by searching.
_MOST = 500
#: Which are shown, in turn: what that is called, and their states.
_WHICH: tuple[tuple[str, tuple[BatchState, ...]], ...] = (
    ("", ()),
    (N_("at work"), ("running", "pausing", "paused", "draft")),
    (N_("ended"), ("completed", "cancelled", "failed")),
)


class BatchesScreen(CompareTab, BatchActions, inherit_bindings=False):
    """The list, what is in hand below it."""

    TAB = BATCHES
    HELP = N_(
        "A batch asks every question of a set of every configuration you choose, scores the answers and compares the configurations. It "
        "goes on when you leave, and after a restart; what was answered is never asked again.\n\n"
        "n makes one: choose questions, or a file of them, and configurations; a plan with requests, tokens, cost and time is shown before "
        "it starts. Enter opens one: its progress, its answers, its report. p starts, pauses and goes on; s ends it for good; R asks the "
        "failed ones again; x saves a report.\n\n"
        "States: ● running, ○ not started, ‖ paused, ✓ completed, ✗ failed, ■ cancelled."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", N_("new"), id="batches.new", tooltip=N_("Choose questions and configurations")),
        *BATCH_BINDINGS,
        Binding("c", "copy", N_("copy"), id="batches.copy", show=False, tooltip=N_("Make another like it")),
        Binding("d", "delete", N_("delete"), id="batches.delete", tooltip=N_("Delete it with its answers")),
        Binding("slash", "filter", N_("search"), id="batches.filter", tooltip=N_("Search in names, question sets and models")),
        Binding("o", "which", N_("which"), id="batches.which", show=False, tooltip=N_("All, at work, or ended ones")),
        Binding("escape", "back", N_("home"), id="batches.back", tooltip=N_("Clear the search, then home")),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]

    _batches: tuple[Batch, ...] = ()
    _which = 0
    _loaded = False
    _wanted: str | None = None

    def compose_tab(self) -> Iterable[Any]:
        yield Field(hint=N_("search in names, question sets and models"), id="batches-filter", classes="hidden")
        yield Rows(lists.BATCH_COLUMNS, id="batches-rows")
        yield Paragraphs(id="batches-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()
        self.set_interval(_EVERY_S, self._tick)

    @property
    def rows(self) -> Rows:
        return self.query_one("#batches-rows", Rows)

    @property
    def in_hand(self) -> Batch | None:
        return next((item for item in self._batches if item.id == self.rows.current_id), None)

    @property
    def query_text(self) -> str:
        return self.query_one("#batches-filter", Field).value.strip()

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, BatchesChanged) and self.is_current:
            self.reload()

    def _tick(self) -> None:
        """Once a second, only where something moves and somebody looks."""
        if self.is_current and not self.gone and any(item.active for item in self._batches):
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        states = _WHICH[self._which][1]
        page = await self.services.batches.batches(self.principal, query=self.query_text, states=states, limit=_MOST)
        self._batches, self._loaded = page.items, True
        self.tabs.count(BATCHES, page.total)
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if not self._loaded:
            return
        signs, now, zone = glyphs(self.app), self.services.clock.now(), self.modeltrain.zone
        empty = lists.no_batches(searched=bool(self.query_text or self._which))
        self.rows.show([lists.batch_row(item, signs, now, zone) for item in self._batches], empty=empty, keep=keep)
        said = [_(_WHICH[self._which][0]) if self._which else "", f"“{one_line(self.query_text)}”" if self.query_text else ""]
        self.tabs.remark = ", ".join(word for word in said if word)
        self._draw_detail()
        self.refresh_bindings()

    def _draw_detail(self) -> None:
        item, detail = self.in_hand, self.query_one("#batches-detail", Paragraphs)
        detail.show(*(texts.batch_details(item, glyphs(self.app), self.modeltrain.zone) if item is not None else ()))
        detail.display = item is not None

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "copy":
            return self.in_hand is not None
        known = self.may(action)
        return True if known is None else known

    def on_rows_highlighted(self) -> None:
        self._draw_detail()
        self.refresh_bindings()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        from tui.screens.compare.batches.pages import open_page

        item = self.in_hand
        if item is not None:
            open_page(self.modeltrain, "progress", item.id)

    def action_new(self) -> None:
        from tui.screens.compare.batches.new import open_new_batch

        open_new_batch(self.modeltrain)

    def action_copy(self) -> None:
        from tui.screens.compare.batches.new import open_new_batch

        if self.in_hand is not None:
            open_new_batch(self.modeltrain, draft=self.in_hand.draft)

    def action_which(self) -> None:
        self._which = (self._which + 1) % len(_WHICH)
        self.reload()

    def action_filter(self) -> None:
        field = self.query_one("#batches-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_back(self) -> None:
        field = self.query_one("#batches-filter", Field)
        if not field.has_class("hidden"):
            field.value = ""
            field.add_class("hidden")
            self.rows.focus()
        elif self._which:
            self._which = 0
            self.reload()
        else:
            self.app.call_later(self.modeltrain.action_go, "home")
