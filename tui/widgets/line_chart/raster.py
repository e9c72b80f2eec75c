"""Lines in dots: two columns and four rows of dots in each cell (braille), or whole cells (ASCII)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui.widgets.line_chart.pyramid import Columns, Floats
from tui.widgets.line_chart.scale import Scale

#: The dots of a braille cell as bits of its code point (Unicode 16, 21.1): rows from above, columns from the left.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
BRAILLE = 0x2800

Cells = NDArray[np.uint8]


def rows_of(values: Floats, scale: Scale, rows: int) -> NDArray[np.int64]:
    """The row of dots (from above) of each value; those beyond the scale are one row outside, NaN is -2."""
    with np.errstate(invalid="ignore"):
        place = np.floor((1 - scale.fraction(values)) * (rows - 1) + 0.5)
    return np.where(np.isnan(place), -2, np.clip(np.nan_to_num(place, nan=-2.0), -1, rows)).astype(np.int64)


def dots(columns: Columns, scale: Scale, rows: int) -> NDArray[np.bool_]:
    """Which dots the line sets: of each column those from its least to its greatest value."""
    top, bottom = rows_of(columns.high, scale, rows), rows_of(columns.low, scale, rows)
    there = (top != -2) & (bottom != -2)
    row = np.arange(rows)[:, None]
    found: NDArray[np.bool_] = (row >= top) & (row <= bottom) & there
    return found


def braille(set_dots: NDArray[np.bool_]) -> Cells:
    """The dots of each cell as bits: 4 x 2 dots become one number."""
    bits = set_dots.view(np.uint8)
    made: Cells = np.zeros((set_dots.shape[0] // 4, set_dots.shape[1] // 2), np.uint8)
    for (row, column), bit in np.ndenumerate(DOTS):
        made |= bits[row::4, column::2] * bit
    return made
