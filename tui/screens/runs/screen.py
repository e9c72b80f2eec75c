"""Runs: what trains, what waits and what came of it; the training configurations; the training environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from core.events import Event, RunsChanged
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import ScreenCommand
from tui.screens.runs import lists, texts
from tui.screens.runs.keys import BINDINGS, CONFIGURATIONS, ENVIRONMENT, HELP, ONLY, RUNS
from tui.screens.runs.reading import SHOWN, Reading
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Rows
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingConfiguration
    from core.training.types import Run

_EVERY_S = 1.0


class RunsScreen(Reading):
    """Three views of one list, what is in hand below it."""

    AREA = N_("Runs")
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def compose_body(self) -> Iterable[Any]:
        yield TabLine({RUNS: N_("Runs"), CONFIGURATIONS: N_("Configurations"), ENVIRONMENT: N_("Environment")}, id="runs-tabs")
        yield Field(hint=N_("search in names, models and notes"), id="runs-filter", classes="hidden")
        yield Rows(lists.RUN_COLUMNS, markable=True, id="runs-rows")
        yield Paragraphs(id="runs-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_EVERY_S, self._tick)
        self.rows.focus()

    # What is in sight ------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows:
        return self.query_one("#runs-rows", Rows)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#runs-tabs", TabLine)

    @property
    def view(self) -> str:
        return self.tabs.active

    @property
    def run_in_hand(self) -> Run | None:
        current = self.rows.current_id if self.view == RUNS else ""
        return next((run for run in self._runs if run.id == current), None)

    @property
    def configuration_in_hand(self) -> TrainingConfiguration | None:
        current = self.rows.current_id if self.view == CONFIGURATIONS else ""
        return next((item for item in self._configurations if item.id == current), None)

    # Loading ---------------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, RunsChanged) and self.is_current:
            self.reload()

    def _tick(self) -> None:
        """Once a second, only where something moves and somebody looks."""
        if not self.is_current or self.gone:
            return
        if (self.view == ENVIRONMENT and self.installing) or (self.view == RUNS and any(run.state.is_active for run in self._runs)):
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        await {RUNS: self._load_runs, CONFIGURATIONS: self._load_configurations, ENVIRONMENT: self._load_environment}[self.view]()
        self._loaded.add(self.view)
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if self.view not in self._loaded:
            return
        {RUNS: self._draw_runs, CONFIGURATIONS: self._draw_configurations, ENVIRONMENT: self._draw_environment}[self.view](keep)
        self.set_in_hand(self._in_hand)
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _draw_runs(self, keep: str | None) -> None:
        rows, signs = self.rows, glyphs(self.app)
        rows.openable = True
        rows.markable = not self.on_the_way
        if self.on_the_way:
            rows.columns = lists.PATH_COLUMNS
            rows.show(lists.path_rows(self._beginning, signs), keep=rows.current_id or self._beginning.next_step)
            return
        self.tabs.count(RUNS, self._total)
        rows.columns = lists.EVERYONE_COLUMNS if self._everyone else lists.RUN_COLUMNS
        now, zone = self.services.clock.now(), self.modeltrain.zone
        rows.show(
            [lists.run_row(run, self._figures.of(run), self._indexes, signs, now, zone) for run in self._runs],
            empty=lists.no_runs_match(searched=bool(self.query_text)),
            keep=keep,
        )

    def _draw_configurations(self, keep: str | None) -> None:
        rows = self.rows
        rows.markable, rows.openable, rows.columns = True, True, lists.CONFIGURATION_COLUMNS
        self.tabs.count(CONFIGURATIONS, len(self._configurations))
        now, zone = self.services.clock.now(), self.modeltrain.zone
        empty = lists.no_configurations(searched=bool(self.query_text))
        rows.show([lists.configuration_row(item, now, zone) for item in self._configurations], empty=empty, keep=keep)

    def _draw_environment(self, _keep: str | None) -> None:
        rows = self.rows
        rows.markable, rows.openable, rows.columns = False, False, lists.ENVIRONMENT_COLUMNS
        empty = [(_("Nothing is installed yet."), "dim")]
        rows.show(lists.environment_rows(self._environment, self._install, glyphs(self.app)), empty=empty)

    def _draw_remark(self) -> None:
        marked, query = len(self.rows.marked), one_line(self.query_text)
        if marked and self.view == RUNS:
            text = ngettext("{count} marked: p, s, c compare, d delete", "{count} marked: p, s, c compare, d delete", marked)
            self.tabs.remark = text.format(count=marked)
        elif marked:
            self.tabs.remark = ngettext("{count} marked: d delete", "{count} marked: d delete", marked).format(count=marked)
        elif self.view == RUNS and not self.on_the_way:
            said = [_("everybody's") if self._everyone else "", _(SHOWN[self._which][0]) if self._which else ""]
            said.append(f"“{query}”" if query else "")
            self.tabs.remark = ", ".join(word for word in said if word)
        else:
            self.tabs.remark = f"“{query}”" if query and self.view != ENVIRONMENT else ""

    def _draw_detail(self) -> None:
        run, item = self.run_in_hand, self.configuration_in_hand
        lines: texts.Lines = []
        if self.view == ENVIRONMENT:
            lines = texts.environment_details(
                self._environment, self._install, glyphs(self.app), may_change=self.is_admin, path_shown=not self.principal.served
            )
        elif self.view == RUNS and self.on_the_way:
            lines = texts.path_details(self._beginning)
        elif run is not None:
            lines = texts.run_details(run, self._figures.of(run), self._indexes, glyphs(self.app), self.modeltrain.zone)
        elif item is not None:
            lines = texts.configuration_details(item)
        detail = self.query_one("#runs-detail", Paragraphs)
        detail.show(*lines)
        detail.display = bool(lines)

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.view not in ONLY.get(action, (self.view,)):
            return False
        if action in ("everyone", "queue", "install", "cancel_install", "name_environment", "try_environment") and not self.is_admin:
            return False
        match action:
            case "install":
                return not self.installing
            case "cancel_install":
                return self.installing
            case "pause" | "stop" | "retry" | "compare" | "filter" | "states" | "rename" if self.view == RUNS:
                return not self.on_the_way
            case "delete":
                return bool(self._runs if self.view == RUNS else self._configurations)
            case "try_environment":
                return self._environment is not None and self._environment.python is not None
            case "edit" | "copy" | "use" | "yaml" | "versions" | "share":
                return self.configuration_in_hand is not None
        return True

    def on_rows_highlighted(self) -> None:
        self._draw_detail()
        self.refresh_bindings()

    def on_rows_marked(self) -> None:
        self._draw_remark()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if self.view == CONFIGURATIONS:
            self.edit_configuration()
        elif self.view == RUNS and self.on_the_way:
            self._go_on_the_way(event.row_id)
        elif self.view == RUNS and self.run_in_hand is not None:
            from tui.screens.runs.opening import open_run

            open_run(self.app, self.run_in_hand)

    def _go_on_the_way(self, step: str) -> None:
        match step:
            case lists.ENVIRONMENT:
                self.tabs.active = ENVIRONMENT
            case lists.DATASET:
                self.app.call_later(self.modeltrain.action_go, "data")
            case lists.CONFIGURATION:
                self.tabs.active = CONFIGURATIONS
            case lists.RUN:
                self.action_new()

    def action_edit(self) -> None:
        self.edit_configuration()

    def action_use(self) -> None:
        self.use_configuration()

    def action_copy(self) -> None:
        self.copy_configuration()

    def action_new(self) -> None:
        if self.view == CONFIGURATIONS:
            self.new_configuration()
            return
        from tui.screens.runs.new import open_new_run

        open_new_run(self.app)

    def action_delete(self) -> None:
        if self.view == CONFIGURATIONS:
            self.delete_configurations()
        else:
            super().action_delete()

    def action_tab(self, step: int) -> None:
        self.tabs.step(step)

    def on_tab_line_changed(self) -> None:
        self.rows.clear_marks()
        self.rows.cursor = 0
        self._hide_filter()
        self.draw()
        self.reload()

    def action_states(self) -> None:
        self._which = (self._which + 1) % len(SHOWN)
        self.reload()

    def action_everyone(self) -> None:
        self._everyone = not self._everyone
        self.reload()

    def action_filter(self) -> None:
        field = self.query_one("#runs-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def _hide_filter(self) -> bool:
        """Take the search away; whether there was one."""
        field = self.query_one("#runs-filter", Field)
        shown = not field.has_class("hidden")
        field.value = ""
        field.add_class("hidden")
        self.rows.focus()
        return shown

    def on_input_changed(self) -> None:
        self.reload()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_back(self) -> None:
        if not self.rows.clear_marks() and not self._hide_filter():
            self.app.call_later(self.modeltrain.action_go, "home")

    def show_view(self, view: str) -> None:
        """Go to one of the three views."""
        self.tabs.active = view

    def commands(self) -> Iterable[ScreenCommand]:
        for view, label in ((RUNS, N_("Runs")), (CONFIGURATIONS, N_("Training configurations")), (ENVIRONMENT, N_("Training environment"))):
            if view != self.view:
                yield ScreenCommand(label, lambda view=view: self.show_view(view))  # type: ignore[misc]
