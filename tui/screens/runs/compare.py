"""CompareScreen: several runs at once: their curves overlaid, the options that differ, the figures with the best marked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from tui import reports
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.widgets.frame import Rule
from tui.widgets.line_chart.widget import LineChart, Series
from tui.widgets.rows import Column, Row, Rows

if TYPE_CHECKING:
    from core.training.compare import Comparison

_NAME_WIDTH, _VALUE_WIDTH = 24, 16
_EVERY_S = 5.0


class CompareScreen(AreaScreen):
    """`run_ids`: two or more, in the order in which they are shown."""

    AREA = N_("Runs")
    HELP = N_(
        "Above, one curve of all runs; left and right show another one. Below, the options that are not the same in all of them, and the "
        "figures: the best is marked. While one of the runs is at work everything is read again every few seconds."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "curve(1)", N_("next curve"), id="compare.next", tooltip=N_("Overlay another series")),
        Binding("left", "curve(-1)", N_("curve before"), id="compare.before", show=False),
        Binding("L", "log_scale", N_("log scale"), id="compare.log", tooltip=N_("Logarithmic or linear")),
        Binding("escape", "close", N_("back"), id="compare.close"),
    ]

    def __init__(self, run_ids: tuple[str, ...]) -> None:
        super().__init__()
        self.run_ids = run_ids
        self._comparison: Comparison | None = None
        self._curve = 0
        self._log = False

    def compose_body(self) -> Iterable[Any]:
        yield Rule(id="compare-chart-rule")
        yield LineChart(id="compare-chart")
        yield Rule(id="compare-rule")
        yield Rows((Column("name", "", _NAME_WIDTH, grow=True),), id="compare-rows")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Rows).openable = False
        self.query_one(Rows).focus()
        self.start(self._load, group="load")
        self.set_interval(_EVERY_S, self._again)

    def _again(self) -> None:
        comparison = self._comparison
        if comparison is not None and self.is_current and not self.gone and any(each.run.state.is_active for each in comparison.runs):
            self.start(self._load, group="load")

    async def _load(self) -> None:
        from core.training.compare import compare

        found = [await reports.collected(self.services, self.principal, run_id) for run_id in self.run_ids]
        self._comparison = await asyncio.to_thread(compare, found)
        self.draw()

    # Drawing ---------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The series that at least one run has, the most wanted first."""
        runs = self._comparison.runs if self._comparison is not None else ()
        return list(dict.fromkeys(one.name for each in runs for one in each.measured))

    def draw(self) -> None:
        """Show what was read."""
        comparison = self._comparison
        if comparison is None:
            return
        self.set_opened(_("comparison of {count} runs").format(count=len(comparison.runs)))
        self._draw_chart(comparison)
        self._draw_table(comparison)
        self.refresh_bindings()

    def _draw_chart(self, comparison: Comparison) -> None:
        import numpy as np

        names = self.names
        chart, rule = self.query_one(LineChart), self.query_one("#compare-chart-rule", Rule)
        chart.display = bool(names)
        if not names:
            rule.text = _("Nothing was measured yet")
            return
        name = names[self._curve % len(names)]
        rule.text = _("{name}, {number} of {count}").format(name=name, number=self._curve % len(names) + 1, count=len(names))
        series = [
            Series(each.run.id, one_line(each.run.name, 40), np.array(one.steps, dtype=np.int64), np.array(one.values, dtype=np.float64))
            for each in comparison.runs
            for one in each.measured
            if one.name == name
        ]
        chart.show(series)

    def _draw_table(self, comparison: Comparison) -> None:
        signs = glyphs(self.app)
        keys = [str(index) for index in range(len(comparison.runs))]
        values = [
            Column(key, one_line(each.run.name, 60), _VALUE_WIDTH, right=True) for key, each in zip(keys, comparison.runs, strict=True)
        ]
        table = self.query_one(Rows)
        table.columns = (Column("name", N_("Option or figure"), _NAME_WIDTH, grow=True), *values)
        rows: list[Row] = []
        for figure in comparison.figures:
            cells = {"name": _figure_words(figure.name)}
            for index, value in enumerate(figure.values):
                mark = f"{signs.star} " if index == figure.best else ""
                cells[str(index)] = "" if value is None else f"{mark}{value:.6g}"
            tokens = {str(figure.best): "good"} if figure.best is not None else {}
            rows.append(Row(f"figure-{figure.name}", cells, tokens))
        for each in comparison.differences:
            cells = {"name": each.name, **{str(index): value or "–" for index, value in enumerate(each.values)}}
            rows.append(Row(f"option-{each.name}", cells, {"name": "accent"}))
        self.query_one("#compare-rule", Rule).text = _("Figures, and options that differ")
        table.show(rows, empty=[(_("The runs do not differ, and nothing was measured yet."), "dim")])

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def action_curve(self, step: int) -> None:
        names = self.names
        if self._comparison is not None and names:
            self._curve = (self._curve + step) % len(names)
            self._draw_chart(self._comparison)

    def action_log_scale(self) -> None:
        self._log = not self._log
        self.query_one(LineChart).set_log_scale(self._log)

    def action_close(self) -> None:
        self.dismiss(None)


def _figure_words(name: str) -> str:
    """What a figure is called: those of LLaMA-Factory by its names, the others in words."""
    if name == "seconds":
        return _("seconds")
    best = name.removeprefix("best ")
    return _("best {name}").format(name=one_line(best, 60)) if best != name else one_line(name, 60)
