"""The pages of one dataset: about it, problems, rows, what the model sees, versions. Left and right turn them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset
from core.errors import NotFound
from core.events import DatasetsChanged, Event
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.base import Framed
from tui.screens.data import texts
from tui.screens.data.actions import DatasetActions
from tui.widgets.tabs import TabLine
from tui.widgets.work_line import WorkLine

if TYPE_CHECKING:
    from textual.events import Resize
    from textual.screen import Screen

    from core.datasets.work import Work
    from tui.app import ModeltrainApp

_WIDE = 100
#: Name -> (title, where its screen lives).
PAGES: dict[str, tuple[str, str]] = {
    "overview": (N_("About"), "tui.screens.data.overview:OverviewPage"),
    "problems": (N_("Problems"), "tui.screens.data.problems:ProblemsPage"),
    "preview": (N_("Rows"), "tui.screens.data.preview:PreviewPage"),
    "seen": (N_("What the model sees"), "tui.screens.data.seen:SeenPage"),
    "versions": (N_("Versions"), "tui.screens.data.versions:VersionsPage"),
}


def make_page(name: str, dataset_id: str) -> Screen[Any]:
    """The page `name` of a dataset; imported when first shown."""
    module, _colon, kind = PAGES[name][1].partition(":")
    made: Callable[[str], Screen[Any]] = getattr(import_module(module), kind)
    return made(dataset_id)


def open_page(app: ModeltrainApp, name: str, dataset_id: str) -> None:
    """Show a page of a dataset over the screen in sight; Esc leads back."""
    app.push_screen(make_page(name, dataset_id))


def page_bindings(*own: BindingType) -> list[BindingType]:
    """The bindings of a page in the order of its key line: its own first, then what is done with a dataset, and the way back last."""
    return [*own, *DatasetActions.BINDINGS, *TURNING, CLOSE, *Framed.BINDINGS]


TURNING: list[BindingType] = [
    Binding("right", "turn(1)", N_("next page"), show=False),
    Binding("left", "turn(-1)", N_("page before"), show=False),
    Binding("p", "page('problems')", N_("problems"), id="data.page.problems", show=False),
    Binding("v", "page('preview')", N_("rows"), id="data.page.preview", show=False),
    Binding("w", "page('seen')", N_("what the model sees"), id="data.page.seen", show=False),
    Binding("V", "page('versions')", N_("versions"), id="data.page.versions", show=False),
]
CLOSE = Binding("escape", "close", N_("back"), id="data.page.close", tooltip=N_("Stop what runs, or go back to the list"))


class DatasetPage(DatasetActions, inherit_bindings=False):
    """A page of one dataset. Subclasses give PAGE, `compose_page`, `draw`, and `load` for what they read beside the dataset."""

    AREA = N_("Data")
    PAGE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = page_bindings()

    def __init__(self, dataset_id: str) -> None:
        super().__init__()
        self._dataset_id = dataset_id
        self.dataset: Dataset | None = None

    def compose_body(self) -> Iterable[Any]:
        yield TabLine({name: title for name, (title, _place) in PAGES.items()}, id="page-tabs")
        yield WorkLine(id="page-work")
        yield from self.compose_page()

    def compose_page(self) -> Iterable[Any]:
        """The widgets of the page."""
        return ()

    def on_mount(self) -> None:
        super().on_mount()
        self.tabs.set_reactive(TabLine.active, self.PAGE)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#page-tabs", TabLine)

    @property
    def in_hand(self) -> Dataset | None:
        return self.dataset

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.follow_works()
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, DatasetsChanged) and self.is_current:
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")

    def reload(self, keep: str | None = None) -> None:
        self.start(self._load, group="load")

    async def _load(self) -> None:
        try:
            self.dataset = await self.services.datasets.dataset(self.principal, self._dataset_id)
        except NotFound:
            self.leave_work()  # deleted elsewhere
            raise
        await self.load(self.dataset)
        if not self.gone:
            self._draw_frame(self.dataset)
            self.draw()
            self.refresh_bindings()

    async def load(self, item: Dataset) -> None:
        """Read what the page shows beside the dataset itself."""

    def draw(self) -> None:
        """Show what was read."""

    def _draw_frame(self, item: Dataset) -> None:
        summary, version = item.current.summary, item.current
        self.set_opened(item.name)
        self.set_in_hand(_("version {number}").format(number=version.version) if item.versions > 1 else "")
        if summary is not None:
            self.tabs.count("problems", summary.problems)
            self.tabs.count("preview", summary.rows)
        self.tabs.count("versions", item.versions)
        self.tabs.remark = _(texts.VERDICTS[item.verdict])
        self.draw_work()

    def retranslate(self) -> None:
        super().retranslate()
        if self.dataset is not None:
            self._draw_frame(self.dataset)
            self.draw()

    def work_ended(self, work: Work) -> None:
        if self.dataset is not None and work.dataset_id == self.dataset.id and work.state == "done" and work.results:
            self.tabs.remark = one_line(_(texts.VERDICTS[work.results[0].verdict]))

    # Turning the pages -----------------------------------------------------------------------------------------------

    def action_turn(self, step: int) -> None:
        names = list(PAGES)
        self.action_page(names[(names.index(self.PAGE) + step) % len(names)])

    def action_page(self, name: str) -> None:
        if name != self.PAGE:
            self.app.switch_screen(make_page(name, self._dataset_id))

    def on_tab_line_changed(self, event: TabLine.Changed) -> None:
        self.action_page(event.name)

    def action_close(self) -> None:
        if not self.cancel_work():
            self.leave_work()

    def leave_work(self) -> None:
        if not self.gone:
            self.dismiss(None)

    def deleted(self, dataset_ids: Sequence[str]) -> None:
        self.leave_work()
