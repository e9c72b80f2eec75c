"""MonitorScreen: one run, live: head, log, charts, resources, and what can be done with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.errors import Conflict
from core.events import Event, RunsChanged
from core.training.metrics import Latest, MetricsFile
from core.training.progress import Progress, progress_of
from core.training.types import Attempt, Run
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.runs.monitor_actions import MonitorActions
from tui.screens.runs.monitor_charts import ChartGrid
from tui.screens.runs.monitor_head import HeadLines, course_line, next_line, resource_line, what_line
from tui.widgets.line_chart import LineChart
from tui.widgets.log_view import LogView
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from textual.events import Resize

    from core.training.tails import Stop
    from core.training.tails_resources import Resources

CHARTS, LOG = "charts", "log"
_WIDE = 100
#: The time left and the silence are told anew so often while the run is at work.
_TICK_S = 1.0


class MonitorScreen(MonitorActions):
    """`attempt`: whose log is shown first (None: the current one); `offset`: where in it, as of a failure's proof."""

    AREA = N_("Runs")
    HELP = N_(
        "At the left the curves, at the right the log; Tab goes from one to the other, v changes between them on a narrow screen.\n\n"
        "In the log, / searches (a second / begins a regular expression), n and N go from hit to hit, e and E from error to error, l shows "
        "only warnings and errors, F only lines with certain words, f follows the end. Progress bars are folded into the line below.\n\n"
        "In the charts the arrows move a crosshair over all of them, + and - zoom, Shift and arrows go along, t smooths over the faint raw "
        "line, L makes the axis logarithmic. m shows one chart large, then the next. A × at the bottom marks NaN.\n\n"
        "The time left is told from the steps since the run began or went on. It goes on when you leave this screen, or the program ends."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", N_("pause"), id="monitor.pause", tooltip=N_("Pause with a checkpoint")),
        Binding("p", "resume", N_("go on"), id="monitor.resume", tooltip=N_("Go on from the last checkpoint")),
        Binding("s", "stop", N_("stop"), id="monitor.stop", tooltip=N_("End the run and all its processes")),
        Binding("R", "retry", N_("retry"), id="monitor.retry", tooltip=N_("Begin anew, with changes if you like")),
        Binding("i", "failure", N_("why it failed"), id="monitor.failure", tooltip=N_("What happened and what to change")),
        Binding("c", "compare", N_("compare"), id="monitor.compare", tooltip=N_("Lay its curves over those of another run")),
        Binding("o", "results", N_("results"), id="monitor.results", tooltip=N_("Adapters and checkpoints: serve, chat, merge")),
        Binding("Y,y", "config", N_("config"), id="monitor.config", tooltip=N_("The file it was started with")),
        Binding("r", "report", N_("report"), id="monitor.report", tooltip=N_("What it was, and what came of it, to read and save")),
        Binding("m", "chart", N_("chart"), id="monitor.chart", tooltip=N_("One chart large, the next one, all again")),
        Binding("v", "view", N_("log/charts"), id="monitor.view", tooltip=N_("The log or the charts")),
        Binding("a", "attempts", N_("attempts"), id="monitor.attempts", tooltip=N_("The logs of earlier attempts")),
        Binding("escape", "close", N_("back"), id="monitor.close"),
    ]

    def __init__(self, run_id: str, *, attempt: int | None = None, offset: int | None = None) -> None:
        super().__init__()
        self.run_id, self.attempt, self.log_offset = run_id, attempt, offset
        self.shown_run: Run | None = None
        self.attempts: tuple[Attempt, ...] = ()
        self._metrics: MetricsFile | None = None
        self._resources: Resources | None = None
        self._stops: dict[str, tuple[object, Stop]] = {}
        #: When anything was written last; monotonic seconds.
        self._heard_at: float | None = None
        self._metrics_read = False
        self._view = LOG if offset is not None else CHARTS

    def compose_body(self) -> Iterable[Any]:
        yield HeadLines(2, id="monitor-head")
        yield TabLine({CHARTS: N_("Charts"), LOG: N_("Log")}, id="monitor-tabs")
        with Horizontal(id="monitor-body"):
            yield ChartGrid(id="monitor-charts")
            yield LogView(id="monitor-log")
        yield HeadLines(1, id="monitor-resources")

    @property
    def log_view(self) -> LogView:
        return self.query_one("#monitor-log", LogView)

    @property
    def grid(self) -> ChartGrid:
        return self.query_one("#monitor-charts", ChartGrid)

    def on_mount(self) -> None:
        super().on_mount()
        self.show_view(self._view, focus=False)
        self.log_view.focus()
        self.set_interval(_TICK_S, self._tick)

    # Following -------------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is polled for this screen."""
        self._let_go()

    def on_unmount(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        for _what, stop in self._stops.values():
            stop()
        self._stops.clear()

    def core_event(self, event: Event) -> None:
        if isinstance(event, RunsChanged) and event.run_id in ("", self.run_id) and self.is_current:
            self.reload()

    def reload(self) -> None:
        """Read the run anew, beside the screen."""
        self.start(self._load, group="load")

    async def _load(self) -> None:
        run = await self.services.runs.run(self.principal, self.run_id)
        if self.shown_run is None or run.attempts != self.shown_run.attempts:
            self.attempts = await self.services.runs.attempts(self.principal, self.run_id)
        first = self.shown_run is None
        self.shown_run = run
        self.set_opened(run.name)
        self.set_class(run.kind != "train", "plain")
        await self._watch(run)
        if first and self._view == CHARTS and run.kind != "train":
            self.show_view(LOG)
        self.draw_run()
        self.refresh_bindings()

    async def _watch(self, run: Run) -> None:
        """Follow the run's files. What is followed already stays as it is."""
        try:
            log_path = await self.services.runs.log_path(self.principal, self.run_id, attempt=self.attempt)
            metrics_path = await self.services.runs.metrics_path(self.principal, self.run_id)
        except Conflict:
            return  # it was never started
        tails = self.services.tails
        if self._is_new("log", log_path):
            self._heard_at = self._heard_at or await asyncio.to_thread(_last_written, log_path)
            log, stop = tails.log(log_path, self._log_changed)
            self._keep("log", log_path, stop)
            if self.log_view.finder is None or self.log_view.finder.log is not log:
                self.log_view.open(log, offset=self.log_offset)
                self.log_offset = None
            else:
                self.log_view.changed()
        paths = self._metric_paths(metrics_path)
        if run.kind == "train" and self._is_new("metrics", paths):
            self._metrics, stop = tails.metrics(paths, self._metrics_changed)
            self._keep("metrics", paths, stop)
            self._metrics_read = self._metrics.version > 0
            if self._metrics_read:
                self.grid.show(self._metrics)
        working = (run.folder, run.slots) if run.state.is_active and run.folder is not None else None
        if working is None:
            self._drop("resources")
        elif run.folder is not None and self._is_new("resources", working):
            self._resources, stop = tails.resources(run.folder, run.slots, self._resources_changed)
            self._keep("resources", working, stop)

    def _metric_paths(self, current: Path) -> tuple[Path, ...]:
        """The metrics of the current attempt and of those that it goes on from, which have files of their own where it was moved."""
        found: list[Path] = []
        for attempt in sorted(self.attempts, key=lambda attempt: attempt.number):
            path = attempt.output_dir / current.name
            if not attempt.resumed:
                found.clear()  # it began anew: what was before is another curve
            if path not in found:
                found.append(path)
        return (*(path for path in found if path != current), current)

    def _is_new(self, name: str, what: object) -> bool:
        return name not in self._stops or self._stops[name][0] != what

    def _keep(self, name: str, what: object, stop: Stop) -> None:
        self._drop(name)
        self._stops[name] = (what, stop)

    def _drop(self, name: str) -> None:
        if name in self._stops:
            self._stops.pop(name)[1]()

    def _log_changed(self) -> None:
        self._heard_at = time.monotonic()
        self.log_view.changed()

    def _metrics_changed(self) -> None:
        if self._metrics_read:
            self._heard_at = time.monotonic()
        self._metrics_read = True  # the first reading says what was there already
        if self._metrics is not None:
            self.grid.show(self._metrics)
        self.draw_run()

    def _resources_changed(self) -> None:
        self._draw_resources()

    def _tick(self) -> None:
        if self.shown_run is not None and self.shown_run.state.is_active and self.is_current:
            self.draw_run()

    # Drawing ---------------------------------------------------------------------------------------------------------

    def _progress(self, run: Run) -> tuple[Progress, Latest]:
        latest = self._metrics.latest if self._metrics is not None else Latest()
        working = run.state.is_active
        live = self.log_view.lines.live
        step, total = max(latest.step, run.step if not latest.step else 0), latest.total_steps or run.total_steps
        if working and live is not None and live.total is not None and live.total == total and (live.done or 0) > step:
            step = live.done or step  # between two lines of metrics the bar in the log knows more
        silent = time.monotonic() - self._heard_at if self._heard_at is not None and working else None
        timings = self._metrics.timings if self._metrics is not None else ()
        resumed = run.resumed_at_step
        progress = progress_of(timings, step=step, total_steps=total, resumed_at=resumed, silent_s=silent, running=working)
        return progress, latest

    def draw_run(self) -> None:
        """Write head, resources and what is said where there is nothing yet."""
        run = self.shown_run
        if run is None:
            return
        signs = glyphs(self.app)
        progress, latest = self._progress(run)
        course = course_line(run, progress, latest, signs, self.size.width)
        self.query_one("#monitor-head", HeadLines).show(what_line(run, signs), course)
        self.grid.say_when_empty(self._no_curves(run))
        self.log_view.say_when_empty(*self._no_log(run))
        self._draw_resources()

    def _draw_resources(self) -> None:
        run = self.shown_run
        sample = self._resources.sample if self._resources is not None and run is not None and run.state.is_active else None
        line = resource_line(sample, glyphs(self.app)) or ([] if run is None else next_line(run))
        self.query_one("#monitor-resources", HeadLines).show(line)

    def _no_curves(self, run: Run) -> str:
        if run.state.value == "pending":
            return _("The curves begin with the run.")
        if run.state.is_active:
            return _("The first values come with the first logged step; loading model and data may take minutes.")
        return _("This run logged no values.")

    def _no_log(self, run: Run) -> tuple[tuple[str, str], ...]:
        if run.state.value == "pending":
            return ((_("The log begins with the run."), "dim"),)
        finder = self.log_view.finder
        if finder is not None and finder.log.problem:
            return ((_("The log cannot be read ({reason}).").format(reason=finder.log.problem), "warn"),)
        if finder is not None and finder.is_filtered:
            return ((_("No line is left by the filter. Esc takes it back."), "dim"),)
        if run.state.is_active:
            return ((_("Nothing was written yet."), "dim"),)
        if finder is not None and finder.log.opened is not None and not finder.log.gone:
            return ((_("It ended before it wrote anything."), "dim"),)
        return ((_("There is no log, or it was deleted."), "warn"),)

    def retranslate(self) -> None:
        super().retranslate()
        self.draw_run()

    # Views -----------------------------------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self.draw_run()
        self.refresh_bindings()

    def show_view(self, view: str, *, focus: bool = True) -> None:
        """On a narrow screen: the log or the charts."""
        self._view = view
        self.set_class(view == CHARTS, CHARTS)
        self.set_class(view == LOG, LOG)
        self.query_one("#monitor-tabs", TabLine).active = view
        if focus:
            if view == LOG:
                self.log_view.focus()
            else:
                self.grid.charts[0].focus()

    def on_tab_line_changed(self, event: TabLine.Changed) -> None:
        if event.name != self._view:
            self.show_view(event.name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "view":
            return self.has_class("narrow") and not self.has_class("plain")
        if action == "chart":
            return not self.has_class("plain")
        return super().check_action(action, parameters)

    def action_view(self) -> None:
        self.show_view(LOG if self._view == CHARTS else CHARTS)

    def action_chart(self) -> None:
        if self.has_class("narrow") and self._view == LOG:
            self.show_view(CHARTS)
            return
        self.grid.next_large()
        if not isinstance(self.focused, LineChart):
            self.grid.charts[0].focus()

    def show_attempt(self, number: int | None) -> None:
        """The log of that attempt."""
        self.attempt = number
        self._drop("log")
        self.log_view.open(None)
        self.show_view(LOG)
        self.reload()

    def on_log_view_copy_requested(self, event: LogView.CopyRequested) -> None:
        event.stop()
        self.app.copy_to_clipboard(event.text)
        text = ngettext(
            "{count} line was sent to the terminal's clipboard, if the terminal allows it.",
            "{count} lines were sent to the terminal's clipboard, if the terminal allows it.",
            1,
        )
        self.modeltrain.say(text.format(count=1))


def _last_written(path: Path) -> float:
    """When a file was written last, as monotonic seconds; now where there is none."""
    try:
        return time.monotonic() - max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return time.monotonic()
