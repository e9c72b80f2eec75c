"""Memory of a worker: what is there from the start is never looked at again, and what a person leaves behind is given back.

An application and its screens know each other in circles, which only the garbage collector finds; a full collection of a worker
with a hundred people stops everybody for a moment. So the circles are broken by hand when a session ends, and collections of
everything happen only after so many sign-outs.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.ssh.app import ServedApp

#: Allocations until the youngest objects are looked at, collections of those until the middle ones are, and so on: the oldest hardly ever.
_THRESHOLDS = (5000, 10, 1_000_000)
#: Applications and screens left after which everything is looked at once.
_MANY = 25

_left = 0


def settle() -> None:
    """Call once in each process when all imports are done, before it serves anybody."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def release(app: ServedApp) -> None:
    """Part the application, which has ended, from what it was made of. Nobody uses any of it any more."""
    for stack in app._screen_stacks.values():
        stack.clear()
    app._registry.clear()
    app._modes.clear()
    app._installed_screens.clear()
    app._nodes._clear()
    app._driver = None


def left() -> None:
    """Somebody left, or a screen was put away; now and then that is the time to collect what is left behind."""
    global _left
    _left += 1
    if _left >= _MANY:
        _left = 0
        gc.collect()
