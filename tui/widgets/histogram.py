"""Lines of a histogram and of a progress bar: text and tokens for a `Sheet`, nothing that draws by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.glyphs import Glyphs
from tui.widgets.lines import pad
from tui.widgets.sheet import Line


@dataclass(frozen=True, slots=True)
class Bin:
    """`count` values from `low` to below `high` (up to `high` itself in the last bin)."""

    low: int
    high: int
    count: int


def merged(bins: Sequence[Bin], most: int) -> list[Bin]:
    """Neighbours put together so that at most `most` bins are left, empty ones at both ends dropped."""
    filled = [index for index, item in enumerate(bins) if item.count]
    if not filled:
        return []
    kept = bins[filled[0] : filled[-1] + 1]
    step = -(-len(kept) // max(1, most))
    groups = [kept[at : at + step] for at in range(0, len(kept), step)]
    return [Bin(group[0].low, group[-1].high, sum(item.count for item in group)) for group in groups]


def bar(fraction: float, width: int, signs: Glyphs) -> str:
    """A bar of at most `width` cells for a share between 0 and 1; what is more than nothing is seen."""
    return signs.full * max(int(fraction > 0), round(min(1.0, fraction) * width))


def histogram(bins: Sequence[Bin], width: int, signs: Glyphs, *, most: int = 10, beyond: int | None = None) -> list[Line]:
    """One line a bin: its range, a bar, its count. Bins that lie wholly above `beyond` (a cutoff length) are drawn as a warning."""
    shown = merged(bins, most)
    if not shown:
        return []
    dash = "-" if signs.ascii else "–"
    names = [f"{item.low:,}{dash}{max(item.low, item.high - (index < len(shown) - 1)):,}" for index, item in enumerate(shown)]
    counts = [f"{item.count:,}" for item in shown]
    left, right = max(map(cell_len, names)), max(map(cell_len, counts))
    room = max(4, width - left - right - 3)
    top = max(item.count for item in shown)
    lines: list[Line] = []
    for item, name, count in zip(shown, names, counts, strict=True):
        over = beyond is not None and item.low > beyond
        drawn = bar(item.count / top, room, signs)
        lines.append(
            (
                (pad(name, left, right=True) + " ", "dim"),
                (pad(drawn, room, ellipsis="") + "  ", "warn" if over else "accent"),
                (pad(count, right, right=True), "text"),
            )
        )
    return lines


def progress_bar(fraction: float, width: int, signs: Glyphs) -> str:
    """A bar of exactly `width` cells, as every long work of the interface shows it."""
    full = round(min(1.0, max(0.0, fraction)) * width)
    return signs.full * full + signs.empty * (width - full)
