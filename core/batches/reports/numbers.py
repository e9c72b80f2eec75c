"""Numbers as reports write them: the same in every language, and the same on paper as on the screen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.scoring.figures import Interval

NOTHING = "–"
#: A space that no line breaks at: between a number and its unit.
_NB = "\u00a0"


def percent(share: float | None, digits: int = 1) -> str:
    """0.8421 -> "84.2 %"."""
    return NOTHING if share is None or not math.isfinite(share) else f"{share * 100:.{digits}f}{_NB}%"


def points(share: float | None, *, sign: bool = True) -> str:
    """A difference of two shares, as points of a hundred: -0.0312 -> "−3.1"."""
    if share is None or not math.isfinite(share):
        return NOTHING
    text = f"{abs(share) * 100:.1f}"
    if not sign or text == "0.0":
        return text
    return f"{'−' if share < 0 else '+'}{text}"


def interval(found: Interval | None) -> str:
    """ "84.2 % (80.1–87.6)"."""
    if found is None:
        return NOTHING
    return f"{percent(found.value)} ({found.low * 100:.1f}–{found.high * 100:.1f})"


def seconds(milliseconds: float | None) -> str:
    """1234.5 -> "1.23 s"; below a second in ms, above a minute as "2:05"."""
    if milliseconds is None or not math.isfinite(milliseconds):
        return NOTHING
    if round(milliseconds) < 1000:
        return f"{milliseconds:.0f}{_NB}ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.{2 if milliseconds < 9995 else 1}f}{_NB}s"
    whole = round(milliseconds / 1000)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02d}"


def count(value: float | None) -> str:
    """12345 -> "12,345"."""
    return NOTHING if value is None else f"{value:,.0f}"


def decimal(value: float | None, digits: int = 1) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def money(cost: Mapping[str, Decimal]) -> str:
    """Every currency with its sum: "USD 1.2345"."""
    return ", ".join(f"{currency}{_NB}{amount(sum_)}".strip() for currency, sum_ in sorted(cost.items())) or NOTHING


def amount(sum_: Decimal) -> str:
    """Two digits behind the point, and as many as it takes to have three that count; never an exponent."""
    if not sum_:
        return "0.00"
    digits = max(2, 2 - sum_.adjusted())
    return f"{sum_:,.{min(digits, 9)}f}"


def chance(p: float) -> str:
    """A p value: "0.034", "< 0.001"."""
    return "<\u00a00.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"
