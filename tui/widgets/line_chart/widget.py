"""LineChart: one chart of one or several series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.widget import Widget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Series:
    """A line. `steps` ascend, each once; `values` may have NaN. `label` is from outside. `token`: palette name, "" chooses by order.

    The same `key` with longer arrays that begin alike is taken as an append: say so by `same_head`, else everything is built anew.
    """

    key: str
    label: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    token: str = ""
    same_head: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the step axis, both ends included."""

    low: float
    high: float


class LineChart(Widget, can_focus=True):
    """`title` is translated text. Posts `Zoomed` and `Pointed` so that charts beside it can follow (`set_span`, `set_pointer`)."""

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.title = title

    def show(self, series: Sequence[Series]) -> None:
        """Draw these series; nothing is done when they are the ones that are there."""
        raise NotImplementedError

    def set_span(self, span: Span | None) -> None:
        """Show this part of the steps (None: all)."""
        raise NotImplementedError

    def set_pointer(self, step: float | None) -> None:
        """Put the crosshair on the point nearest to `step`."""
        raise NotImplementedError

    def set_log_scale(self, on: bool) -> None:
        raise NotImplementedError

    def set_smoothing(self, weight: float) -> None:
        """0: none, below 1: weight of the past, as TensorBoard's slider."""
        raise NotImplementedError
