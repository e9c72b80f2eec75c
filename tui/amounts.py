"""Times and money as they are read at a glance: shared by the screens and the shell commands."""

from __future__ import annotations

from decimal import Decimal

from core.sanitise import one_line
from tui.i18n import _

_SYMBOLS = {"USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£"}


def seconds(milliseconds: float) -> str:
    """A time as it is read at a glance: 0.4 s, 12 s, 2 min 05 s."""
    value = milliseconds / 1000
    if value < 10:
        return _("{seconds} s").format(seconds=f"{value:.1f}")
    if value < 120:
        return _("{seconds} s").format(seconds=f"{value:.0f}")
    minutes, rest = divmod(round(value), 60)
    return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=f"{rest:02d}")


def money(amount: Decimal, currency: str) -> str:
    """An amount with its sign, exact to two digits that count."""
    digits = 2 if amount == 0 or amount >= Decimal("0.1") else 4
    shown = f"{amount:.{digits}f}" if amount == 0 or amount >= Decimal("0.0001") else f"{amount:.6f}"
    symbol = _SYMBOLS.get(currency.upper())
    return f"{symbol}{shown}" if symbol else f"{shown} {one_line(currency, 8)}".strip()
