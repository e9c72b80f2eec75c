"""One experiment, or several over one another: their metrics, curves and configurations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.sanitise import one_line
from core.swanlab.types import Experiment, ExperimentDetail, MetricSummary, Series
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.swanlab import lists, texts
from tui.screens.swanlab.experiments import ExperimentActions
from tui.widgets.frame import Paragraphs
from tui.widgets.line_chart import LineChart
from tui.widgets.lines import pad
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sheet import Line, Sheet, wrapped
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from textual.events import Resize

CURVES, CONFIGURATION = "curves", "configuration"
_WIDE = 100
_EVERY_S = 2.0
#: Experiments whose curves can still be told apart.
MOST_COMPARED = 8


class ExperimentScreen(AreaScreen):
    """Metrics at the left, the curve of the one in hand at the right; in a second view what the runs were started with."""

    AREA = N_("SwanLab")
    HELP = N_(
        "The metrics of the experiment with their last and best values; the curve of the one in hand is drawn. A loss is best at its "
        "lowest, an accuracy or a reward at its highest; for others no value is called the best.\n\n"
        "Tab goes to the curve: there + and - zoom, [ and ] move, left and right put a crosshair on a step, L changes to a logarithmic "
        "scale, and t smooths.\n\n"
        "With several experiments their curves are drawn over one another, and their configurations show only what differs. An experiment "
        "that is still written grows while you look."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "tab(1)", N_("next view"), show=False),
        Binding("left", "tab(-1)", N_("view before"), show=False),
        Binding("v", "tab(1)", N_("curves/configuration"), id="experiment.view", tooltip=N_("Change between curves and configuration")),
        Binding("escape", "back", N_("back"), id="experiment.back"),
    ]

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        super().__init__()
        self._experiments = tuple(experiments)[:MOST_COMPARED]
        self._left_out = len(experiments) - len(self._experiments)
        self._details: tuple[ExperimentDetail, ...] = ()

    def compose_body(self) -> Iterable[Any]:
        yield TabLine({CURVES: N_("Curves"), CONFIGURATION: N_("Configuration")}, id="experiment-tabs")
        yield Paragraphs(id="experiment-facts")
        with Horizontal(id="experiment-body"):
            yield Rows(lists.METRIC_COLUMNS, id="experiment-metrics")
            yield LineChart(id="experiment-chart")
        yield Sheet(pad_x=2, id="experiment-configuration")

    def on_mount(self) -> None:
        super().on_mount()
        names = ", ".join(one_line(item.name, 40) for item in self._experiments)
        self.set_opened(names)
        self.metrics.openable = False
        self.query_one("#experiment-configuration").display = False
        self.set_interval(_EVERY_S, self._tick)
        self.metrics.focus()
        self.start(self._load, group="load")

    @property
    def metrics(self) -> Rows:
        return self.query_one("#experiment-metrics", Rows)

    @property
    def chart(self) -> LineChart:
        return self.query_one("#experiment-chart", LineChart)

    @property
    def tabs(self) -> TabLine:
        return self.query_one("#experiment-tabs", TabLine)

    @property
    def comparing(self) -> bool:
        return len(self._experiments) > 1

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self.is_current and not self.gone and any(detail.experiment.state == "running" for detail in self._details):
            self.start(self._load, group="load")

    async def _load(self) -> None:
        found = [await self.services.swanlab.experiment(self.principal, item.id) for item in self._experiments]
        self._details = tuple(found)
        self._draw()
        await self._load_curve()

    async def _load_curve(self) -> None:
        name = self.metrics.current_id
        found: list[tuple[Experiment, Series]] = []
        for detail in self._details:
            if name in detail.experiment.tags:
                series = await self.services.swanlab.series(self.principal, detail.experiment.id, [name])
                found += [(detail.experiment, item) for item in series]
        if name == self.metrics.current_id:
            ExperimentActions.show_chart(self.chart, name, found)

    def _draw(self) -> None:
        if self.comparing:
            self.metrics.columns = _compared_columns(self._details)
            rows = [_compared_row(name, self._details) for name in _names(self._details)]
        else:
            self.metrics.columns = lists.METRIC_COLUMNS
            rows = [lists.metric_row(item) for item in self._details[0].metrics] if self._details else []
        self.metrics.show(rows, empty=((_("No metric was logged yet."), "dim"),))
        self._draw_facts()
        self.query_one("#experiment-configuration", Sheet).show(self._configuration)

    def _draw_facts(self) -> None:
        from tui.glyphs import glyphs

        lines = []
        for number, detail in enumerate(self._details, 1):
            item = detail.experiment
            word, _token = texts.state(item, glyphs(self.app))
            text = f"{number}  {one_line(item.name, 60)}" if self.comparing else one_line(item.name, 60)
            broken = sum(metric.broken for metric in detail.metrics)
            remark = _("{count} lines could not be read").format(count=broken) if broken else ""
            facts = [text, word, one_line(item.project_id), texts.when(item.created_at), remark]
            lines.append(("  ".join(part for part in facts if part), "text"))
        if self._left_out:
            lines.append((_("{count} more are left out: so many curves cannot be told apart.").format(count=self._left_out), "dim"))
        self.query_one("#experiment-facts", Paragraphs).show(*lines)

    def _configuration(self, width: int) -> list[Line]:
        if not self._details:
            return []
        if self.comparing:
            return _differences(self._details, width)
        detail = self._details[0]
        if detail.config_problem:
            missing = detail.config_problem == "missing"
            text = _("SwanLab wrote no configuration for it.") if missing else _("Its configuration cannot be read: the file is damaged.")
            return wrapped(text, "dim", width)
        label = min(44, max((cell_len(name) for name, _value in detail.config), default=0)) + 2
        return [
            ((pad(one_line(name, label - 2), label), "dim"), (one_line(value, max(8, width - label)), "text"))
            for name, value in detail.config
        ]

    def on_rows_highlighted(self) -> None:
        self.start(self._load_curve, group="curve")

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_tab(self, step: int) -> None:
        self.tabs.step(step)

    def on_tab_line_changed(self) -> None:
        curves = self.tabs.active == CURVES
        self.query_one("#experiment-body").display = curves
        sheet = self.query_one("#experiment-configuration", Sheet)
        sheet.display = not curves
        (self.metrics if curves else sheet).focus()

    def action_back(self) -> None:
        self.dismiss()


def _names(details: Sequence[ExperimentDetail]) -> list[str]:
    """Every metric that one of them has, in the order of the first that has it."""
    return list(dict.fromkeys(metric.name for detail in details for metric in detail.metrics))


def _compared_columns(details: Sequence[ExperimentDetail]) -> tuple[Column, ...]:
    """A column for each experiment, under its number; as many as there is room for."""
    numbers = [Column(f"last-{place}", str(place + 1), 10, right=True) for place in range(len(details))]
    return (Column("name", N_("Metric"), 14, grow=True), *numbers)


def _compared_row(name: str, details: Sequence[ExperimentDetail]) -> Row:
    """The last values of a metric side by side; the best of them is marked."""
    found: dict[int, MetricSummary] = {
        place: metric for place, detail in enumerate(details) for metric in detail.metrics if metric.name == name
    }
    cells = {"name": name} | {f"last-{place}": texts.number(metric.last) for place, metric in found.items()}
    ranked = [(metric.best, place) for place, metric in found.items() if metric.best is not None]
    tokens = {}
    if len(ranked) > 1:
        lowest = any(metric.best == metric.lowest and metric.lowest != metric.highest for metric in found.values())
        tokens[f"last-{(min if lowest else max)(ranked)[1]}"] = "good"
    return Row(name, cells, tokens)


def _differences(details: Sequence[ExperimentDetail], width: int) -> list[Line]:
    """The options that are not the same in all of them, each with its values."""
    configs = [dict(detail.config) for detail in details]
    names = list(dict.fromkeys(name for config in configs for name in config))
    lines: list[Line] = []
    for name in names:
        values = [config.get(name, "") for config in configs]
        if len(set(values)) == 1:
            continue
        lines.append(((one_line(name, width), "bold"),))
        lines += [((f"  {place}  ", "dim"), (one_line(value, max(8, width - 6)) or "–", "text")) for place, value in enumerate(values, 1)]
    return lines or wrapped(_("They were started with the same configuration."), "dim", width)
