"""ChartGrid: the curves of one run. The crosshair, the zoom and the smoothing of one chart are those of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.containers import Container

from core.training.metrics import MetricsFile
from tui.i18n import N_, _
from tui.widgets.line_chart import LineChart, Series

#: So many charts are in sight at once; `m` shows any of the others large.
CHARTS = 5
#: What belongs into one chart: its title (untranslated) and the series, by whole names or beginnings.
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("loss"), ("loss", "eval_loss")),
    (N_("learning rate"), ("lr",)),
    (N_("gradient norm"), ("grad_norm",)),
    (N_("accuracy"), ("accuracy", "eval_accuracy", "predict_accuracy")),
    (N_("rewards"), ("reward", "rewards/chosen", "rewards/rejected", "rewards/margins")),
    (N_("throughput"), ("throughput",)),
    (N_("tokens seen"), ("num_input_tokens_seen",)),
)
_LABELS = {
    "loss": N_("training"), "eval_loss": N_("evaluation"), "eval_accuracy": N_("evaluation"), "accuracy": N_("training"),
    "rewards/chosen": N_("chosen"), "rewards/rejected": N_("rejected"), "rewards/margins": N_("margin"), "reward": N_("reward"),
}  # fmt: skip
#: Smoothing of the loss at first, as the usual boards have it.
_WEIGHT = 0.6
#: These are set, not measured: there is nothing to smooth.
_NEVER_SMOOTH = frozenset({"lr"})

Group = tuple[str, tuple[str, ...]]


def groups_of(names: Sequence[str]) -> list[Group]:
    """The charts for these series, the most wanted first; what belongs to none has one of its own."""
    left = list(names)
    found: list[Group] = []
    for title, members in _GROUPS:
        there = tuple(name for name in members if name in left)
        if there:
            found.append((title, there))
            left = [name for name in left if name not in there]
    return [*found, *((name, (name,)) for name in left)]


class ChartGrid(Container):
    """`show` the metrics whenever they changed. The first chart is twice as wide as the others."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._metrics: MetricsFile | None = None
        self._version = -1
        self._rewound: dict[str, int] = {}
        self._large: int | None = None
        self._groups: list[Group] = []

    def compose(self) -> Iterable[Any]:
        for index in range(CHARTS):
            chart = LineChart(id=f"chart-{index}")
            chart.weight = _WEIGHT
            chart.display = index == 0
            chart.styles.column_span = 2 if index == 0 else 1
            yield chart

    @property
    def charts(self) -> list[LineChart]:
        return list(self.query(LineChart))

    def say_when_empty(self, text: str) -> None:
        """What the first chart says while there is no curve; translated."""
        first = self.charts[0]
        if first.empty != text:
            first.empty = text
            first.draw()

    def show(self, metrics: MetricsFile) -> None:
        """Draw what is new; nothing is done when nothing is."""
        if metrics is self._metrics and metrics.version == self._version:
            return
        if metrics is not self._metrics:
            self._rewound.clear()
        self._metrics, self._version = metrics, metrics.version
        self._groups = groups_of(metrics.names)
        self._draw()

    def _draw(self) -> None:
        metrics = self._metrics
        if metrics is None:
            return
        shown = self._groups[:CHARTS] if self._large is None else self._groups[self._large : self._large + 1]
        known = {name: metrics.rewound(name) for name in metrics.names}
        for index, chart in enumerate(self.charts):
            chart.display = index < max(1, len(shown))
            # The last one has the row for itself where nothing stands beside it.
            chart.styles.column_span = 2 if index == 0 or (index == len(shown) - 1 and index % 2) else 1
            if index < len(shown):
                title, members = shown[index]
                chart.set_title(_(title))
                if members[0] in _NEVER_SMOOTH:
                    chart.set_smoothing(0.0)
                chart.show([self._series(metrics, name, known) for name in members])
        self._rewound = known

    def _series(self, metrics: MetricsFile, name: str, known: dict[str, int]) -> Series:
        steps, values = metrics.series(name)
        label = _(_LABELS[name]) if name in _LABELS else name
        return Series(name, label, steps, values, same_head=self._rewound.get(name) == known.get(name))

    # One for all -----------------------------------------------------------------------------------------------------

    def on_line_chart_pointed(self, event: LineChart.Pointed) -> None:
        event.stop()
        for chart in self.charts:
            if chart is not event.chart:
                chart.set_pointer(event.step)

    def on_line_chart_zoomed(self, event: LineChart.Zoomed) -> None:
        event.stop()
        for chart in self.charts:
            if chart is not event.chart:
                chart.set_span(event.span)

    def on_line_chart_styled(self, event: LineChart.Styled) -> None:
        event.stop()
        for chart in self.charts:
            smooths = not any(series.key in _NEVER_SMOOTH for series in chart.series)
            if chart is not event.chart and smooths:
                chart.set_smoothing(event.weight)

    # One large -------------------------------------------------------------------------------------------------------

    def next_large(self) -> None:
        """The first chart alone, then each of the others, then all again."""
        if not self._groups:
            return
        following = 0 if self._large is None else self._large + 1
        self._large = following if following < len(self._groups) else None
        self.set_class(self._large is not None, "large")
        first = self.charts[0]
        # It shows other series now: how it is smoothed is that of the others.
        weights = [chart.weight for chart in self.charts[1:] if chart.weight]
        first.set_smoothing(max([first.weight, *weights], default=0.0))
        self._draw()
        focused = self.screen.focused
        if isinstance(focused, LineChart) and not focused.display:
            first.focus()
