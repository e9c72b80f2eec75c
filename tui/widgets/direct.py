"""Lines of a widget shown at once, without the screen being composed anew around them.

Textual's compositor draws every widget again that overlaps the box around what changed, cuts the lines where any of them begins, and
puts them together: for an answer that grows seven times a second that is half of what its reader costs. Where nothing covers the widget
its lines are what the terminal has to show. Private names of Textual 8.2 are used: tests/tui/test_direct.py fails when they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def show_lines(widget: Widget, first: int, strips: Sequence[Strip]) -> bool:
    """Show `strips` as the lines of `widget` from `first` on, each as wide as the widget. False: not possible now, refresh it instead."""
    app, screen = widget.app, widget.screen
    driver = app._driver
    if driver is None or driver.is_headless or driver.is_inline or screen is not app.screen:
        return False
    if screen._layout_required or screen._layout_widgets or widget._repaint_required or widget in screen._dirty_widgets:
        return False  # places are about to change, or these lines are about to be drawn anyway
    place = _uncovered(widget, screen._compositor)
    if place is None:
        return False
    app._display(screen, LayoutUpdate([[strip] for strip in strips], Region(place.x, place.y + first, place.width, len(strips))))
    return True


def _uncovered(widget: Widget, compositor: Any) -> Region | None:
    """Where the whole of `widget` is on the screen, None if something covers a part of it. Looked up once for every arrangement."""
    visible = compositor.visible_widgets
    known = getattr(widget, "_uncovered", None)
    if known is None or known[0] is not visible:
        known = (visible, _look(widget, visible))
        widget._uncovered = known  # type: ignore[attr-defined]
    place: Region | None = known[1]
    return place


def _look(widget: Widget, visible: dict[Widget, tuple[Region, Region]]) -> Region | None:
    if widget not in visible:
        return None
    region, clip = visible[widget]
    if not region or clip.intersection(region) != region:
        return None
    below = {widget, *widget.ancestors}
    for other, (place, shown) in visible.items():
        if other not in below and place.intersection(shown).overlaps(region):
            return None
    return region
