"""Moments as people read them, in their time zone: short in lists, full in details."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tui.i18n import N_, _

_WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"),
)  # fmt: skip


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo | None:
    """The time zone called `name`; None (this machine's) for "" and unknown names."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zones() -> list[str]:
    """The names of all time zones, sorted."""
    return sorted(available_timezones())


def short(moment: datetime, now: datetime, where: tzinfo | None = None) -> str:
    """`moment` in at most eight cells: 10:41 today, a weekday within the last six days, else the day, or the month and year."""
    local, today = moment.astimezone(where), now.astimezone(where)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if timedelta(0) < today.date() - local.date() < timedelta(days=7):
        return _(_WEEKDAYS[local.weekday()])
    if local.year == today.year:
        return _("{month} {day}").format(month=_(_MONTHS[local.month - 1]), day=local.day)
    return f"{local:%Y-%m}"


def full(moment: datetime, where: tzinfo | None = None) -> str:
    """`moment` to the minute, with its day."""
    local = moment.astimezone(where)
    return f"{local:%Y-%m-%d %H:%M}"
