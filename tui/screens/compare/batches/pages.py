"""The pages of one batch: progress, answers, report. Left and right turn them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.errors import NotFound
from core.events import BatchesChanged, Event
from tui import batch_words as words
from tui.glyphs import glyphs
from tui.i18n import N_
from tui.screens.base import Framed
from tui.screens.compare.batches.actions import BATCH_BINDINGS, BatchActions
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from textual.events import Resize
    from textual.screen import Screen

    from core.batches.types import Batch
    from tui.app import ModeltrainApp

#: From so many cells on there is a detail beside a list.
WIDE = 100
#: Seconds between two looks at a batch that nobody works on: somebody else may have started it.
_EVERY_S = 2.0
#: Name -> (title, where its screen lives).
PAGES: dict[str, tuple[str, str]] = {
    "progress": (N_("Progress"), "tui.screens.compare.batches.progress:ProgressPage"),
    "answers": (N_("Answers"), "tui.screens.compare.batches.answers:AnswersPage"),
    "report": (N_("Report"), "tui.screens.compare.batches.report:ReportPage"),
}
TURNING: list[BindingType] = [
    Binding("right", "turn(1)", N_("next page"), show=False),
    Binding("left", "turn(-1)", N_("page before"), show=False),
    Binding("escape", "close", N_("back"), id="batch.close", tooltip=N_("Back to the list")),
]


def make_page(name: str, batch_id: str, **options: Any) -> Screen[Any]:
    """The page `name` of a batch; imported when first shown."""
    module, _colon, kind = PAGES[name][1].partition(":")
    made: Callable[..., Screen[Any]] = getattr(import_module(module), kind)
    return made(batch_id, **options)


def open_page(app: ModeltrainApp, name: str, batch_id: str) -> None:
    """Show a page of a batch over the screen in sight; Esc leads back."""
    app.push_screen(make_page(name, batch_id))


def page_bindings(*own: BindingType, acting: bool = True) -> list[BindingType]:
    """The bindings of a page: its own first, then what is done with a batch (if `acting`), and the way back last."""
    return [*own, *(BATCH_BINDINGS if acting else ()), *TURNING, *Framed.BINDINGS]


class BatchPage(BatchActions, inherit_bindings=False):
    """A page of one batch. Subclasses give PAGE, `compose_page`, `load` and `draw`."""

    AREA = N_("Compare")
    PAGE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = page_bindings()

    def __init__(self, batch_id: str) -> None:
        super().__init__()
        self._batch_id = batch_id
        self.item: Batch | None = None

    def compose_body(self) -> Iterable[Any]:
        line = TabLine({name: title for name, (title, _place) in PAGES.items()}, id="page-tabs")
        line.set_reactive(TabLine.active, self.PAGE)
        yield line
        yield from self.compose_page()

    def compose_page(self) -> Iterable[Any]:
        """The widgets of the page."""
        return ()

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_EVERY_S, self._tick)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#page-tabs", TabLine)

    @property
    def in_hand(self) -> Batch | None:
        return self.item

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, BatchesChanged) and self.is_current and self.idle:
            self.reload()

    @property
    def idle(self) -> bool:
        """Whether nothing keeps the page up to date by itself."""
        return True

    def _tick(self) -> None:
        if self.is_current and not self.gone and self.idle and self.item is not None and not self.item.ended:
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < WIDE, "narrow")

    def reload(self, keep: str | None = None) -> None:
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        try:
            item = await self.services.batches.batch(self.principal, self._batch_id)
        except NotFound:
            self.action_close()  # deleted elsewhere
            raise
        await self.load(item)
        self.take(item)

    async def load(self, item: Batch) -> None:
        """Read what the page shows beside the batch itself."""

    def take(self, item: Batch) -> None:
        """From now on the batch is so."""
        if self.gone:
            return
        self.item = item
        self.draw_frame(item)
        self.draw(item)
        self.refresh_bindings()

    def draw(self, item: Batch) -> None:
        """Show what was read."""

    def draw_frame(self, item: Batch) -> None:
        """The title line and the tabs."""
        self.set_opened(item.name)
        self.tabs.count("answers", item.answered + item.failed)
        state, _token = words.batch_state(item.state, glyphs(self.app))
        self.tabs.remark = f"{state} {words.fraction(item):.0%}" if item.state != "completed" else state

    def retranslate(self) -> None:
        super().retranslate()
        if self.item is not None:
            self.take(self.item)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        known = self.may(action)
        return True if known is None else known

    # Turning the pages -----------------------------------------------------------------------------------------------

    def action_turn(self, step: int) -> None:
        names = list(PAGES)
        self.turn_to(names[(names.index(self.PAGE) + step) % len(names)])

    def turn_to(self, name: str, **options: Any) -> None:
        """Show another page of the same batch in the place of this one."""
        if name != self.PAGE and self.is_current:
            self.app.switch_screen(make_page(name, self._batch_id, **options))

    def on_tab_line_changed(self, event: TabLine.Changed) -> None:
        event.stop()
        self.turn_to(event.name)

    def batch_gone(self, batch_id: str) -> None:
        self.action_close()

    def action_close(self) -> None:
        if not self.gone:
            self.dismiss(None)
