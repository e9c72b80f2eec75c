"""SwanLab: what runs logged, its archives, and the services that show it in a browser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.errors import EnvironmentProblem, NotFound
from core.events import Event, ServicesChanged
from core.sanitise import one_line
from core.swanlab.types import ArchiveInfo, Experiment, ExperimentDetail, Project
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.swanlab import lists, service_texts, texts
from tui.screens.swanlab.archives import ArchiveActions
from tui.screens.swanlab.experiments import ExperimentActions
from tui.screens.swanlab.keys import ARCHIVES, BINDINGS, EXPERIMENTS, HELP, ONLY, SERVICES
from tui.screens.swanlab.services import ServiceActions
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.line_chart import LineChart
from tui.widgets.rows import Rows
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from textual.events import Resize

    from core.managed.types import Service

_WIDE = 100
_FIGURES = 8
#: Seconds between two looks where something is being written or a service is on its way.
_EVERY_S = 3.0


class SwanlabScreen(ExperimentActions, ArchiveActions, ServiceActions):
    """Three views of one list, what is in hand beside it."""

    AREA = N_("SwanLab")
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        *BINDINGS,
        Binding("right", "tab(1)", N_("next view"), show=False),
        Binding("left", "tab(-1)", N_("view before"), show=False),
        Binding("escape", "back", N_("back"), id="swanlab.back", tooltip=N_("Clear marks and search, then back")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._projects: tuple[Project, ...] = ()
        self._project: str | None = None
        self._experiments: tuple[Experiment, ...] = ()
        self._archives: tuple[ArchiveInfo, ...] = ()
        self._services: tuple[Service, ...] = ()
        self._detail: ExperimentDetail | None = None
        self._problem = ""
        self._loaded = False
        self._wanted: str | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="swanlab-state")
        yield TabLine({EXPERIMENTS: N_("Experiments"), ARCHIVES: N_("Archives"), SERVICES: N_("Services")}, id="swanlab-tabs")
        yield Field(hint=N_("search in names and runs"), id="swanlab-filter", classes="hidden")
        with Horizontal(id="swanlab-body"):
            yield Rows(lists.EXPERIMENT_COLUMNS, markable=True, id="swanlab-rows")
            with Horizontal(id="swanlab-side"):
                yield Paragraphs(id="swanlab-detail")
                yield LineChart(id="swanlab-chart")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#swanlab-chart", LineChart).display = False
        self.set_interval(_EVERY_S, self._tick)
        self.rows.focus()
        self.reload()

    # What is in sight ------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows:
        return self.query_one("#swanlab-rows", Rows)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#swanlab-tabs", TabLine)

    @property
    def view(self) -> str:
        return self.tabs.active

    @property
    def search(self) -> Field:
        return self.query_one("#swanlab-filter", Field)

    # Loading ---------------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        if self._loaded:
            self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, ServicesChanged) and self.is_current:
            self.reload()

    def _tick(self) -> None:
        """Read anew only where something moves and somebody looks."""
        moving = any(item.state == "running" for item in self._experiments) or any(item.active for item in self._services)
        if self.is_current and not self.gone and moving:
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew, beside the screen; then have `keep` in hand."""
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        service, who = self.services.swanlab, self.principal
        self._projects = await service.projects(who)
        if self._project not in {item.id for item in self._projects}:
            self._project = None
        self._problem = ""
        try:
            self._experiments = await service.experiments(who, self._project, query=self.search.value)
        except EnvironmentProblem as problem:  # of the project that is looked at: it says so in its place
            self._problem, self._experiments = str(problem.fields.get("what", "")).removeprefix("swanlab_"), ()
        self._archives = await service.archives(who)
        self._services = await service.status(who)
        if self.is_admin:
            self._services += await self.services.webui.status(who)
        self._loaded = True
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        self.tabs.count(EXPERIMENTS, len(self._experiments))
        self.tabs.count(ARCHIVES, len(self._archives))
        self.tabs.count(SERVICES, len(self._services))
        if not self._loaded:
            return
        signs, now = glyphs(self.app), self.services.clock.now()
        dashboards = tuple(item for item in self._services if item.kind == "swanlab")
        self.query_one("#swanlab-state", Paragraphs).show(service_texts.summary(dashboards, signs))
        if self.view == EXPERIMENTS:
            self.rows.columns = lists.EXPERIMENT_COLUMNS
            empty = lists.no_experiments(searched=bool(self.search.value), problem=self._problem)
            self.rows.show([lists.experiment_row(item, signs, now) for item in self._experiments], empty=empty, keep=keep)
        elif self.view == ARCHIVES:
            self.rows.columns = lists.ARCHIVE_COLUMNS
            self.rows.show([lists.archive_row(item, now) for item in self._archives], empty=lists.no_archives(), keep=keep)
        else:
            self.rows.columns = lists.SERVICE_COLUMNS
            empty = lists.no_services(admin=self.is_admin)
            self.rows.show([lists.service_row(item, signs) for item in self._services], empty=empty, keep=keep)
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _draw_remark(self) -> None:
        marked = len(self.rows.marked)
        if marked:
            self.tabs.remark = ngettext(
                "{count} marked: c compare, a archive, d delete", "{count} marked: c compare, a archive, d delete", marked
            ).format(count=marked)
            return
        used = sum(item.bytes for item in self._projects if self._project in (None, item.id))
        name = one_line(self._project) if self._project else _("all projects")
        self.tabs.remark = _("{project}, {size} on the disk").format(project=name, size=texts.size(used))

    def _draw_detail(self) -> None:
        signs, narrow = glyphs(self.app), self.has_class("narrow")
        lines: texts.Lines = []
        chart = False
        if self.view == EXPERIMENTS and (item := self.experiment_in_hand) is not None:
            lines = (texts.experiment_summary if narrow else texts.experiment_lines)(item, signs)
            if self._detail is not None and self._detail.experiment.id == item.id:
                lines += [("", ""), *texts.metric_lines(self._detail.metrics, _FIGURES)]
                chart = any(metric.count > 1 for metric in self._detail.metrics)
            else:
                self.start(self._load_detail, item.id, group="detail")
        elif self.view == ARCHIVES and (archive := self.archive_in_hand) is not None:
            lines = self.archive_lines(archive)
        elif self.view == SERVICES and (service := self.service_in_hand) is not None:
            lines = service_texts.lines(service, signs, served=self.principal.served)
        if narrow:
            lines = [line for line in lines if line[0]]
        self.query_one("#swanlab-detail", Paragraphs).show(*lines)
        self.query_one("#swanlab-chart", LineChart).display = chart and not narrow
        self.query_one("#swanlab-side").display = bool(lines)

    async def _load_detail(self, experiment_id: str) -> None:
        try:
            self._detail = await self.services.swanlab.experiment(self.principal, experiment_id)
            name = self.main_metric(self._detail)
            series = await self.services.swanlab.series(self.principal, experiment_id, [name] if name else [])
        except NotFound:
            self.reload()  # it was removed meanwhile
            return
        if self.rows.current_id == experiment_id and self.view == EXPERIMENTS:
            self.show_chart(self.query_one("#swanlab-chart", LineChart), name, [(self._detail.experiment, item) for item in series])
            self._draw_detail()

    def on_rows_highlighted(self) -> None:
        self._detail = None
        self._draw_detail()
        self.refresh_bindings()

    def on_rows_marked(self) -> None:
        self._draw_remark()
        self.refresh_bindings()

    def on_rows_chosen(self) -> None:
        if self.view == EXPERIMENTS:
            self.open_experiments([self.rows.current_id])
        elif self.view == ARCHIVES:
            self.action_restore()
        else:
            self.action_show_log()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self._draw_detail()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "webui":
            return self.view == SERVICES and self.is_admin
        if ONLY.get(action, self.view) != self.view:
            return False
        if self.view == SERVICES:
            return self.service_allows(action)
        if self.view == ARCHIVES:
            return self.archive_in_hand is not None or action not in ("restore", "delete_archive")
        if action == "delete":
            return bool(self._experiments) or self._project is not None
        return bool(self._experiments) or action not in ("compare", "pin", "archive", "clean", "export")

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_tab(self, step: int) -> None:
        self.tabs.step(step)

    def on_tab_line_changed(self) -> None:
        self.rows.clear_marks()
        self.rows.markable = self.view == EXPERIMENTS
        self.rows.cursor = 0
        self.draw()

    def action_filter(self) -> None:
        self.search.remove_class("hidden")
        self.search.focus()

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_back(self) -> None:
        if self.rows.clear_marks():
            return
        if not self.search.has_class("hidden"):
            self.search.value = ""
            self.search.add_class("hidden")
            self.rows.focus()
        else:
            self.dismiss()
