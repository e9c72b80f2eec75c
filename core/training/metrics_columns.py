"""One series of numbers that grows at its end: numpy arrays that double, so that a point costs little however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST = 64


class Column:
    """`put` points, `flush` them, then `arrays` has them. What `arrays` gave never changes: points are only written behind its end,
    and where points are taken back the others are copied. `rewound` counts how often that was.
    """

    def __init__(self) -> None:
        import numpy as np

        self._steps, self._values = np.empty(0, np.int64), np.empty(0, np.float64)
        self._count = 0
        self._new_steps: list[int] = []
        self._new_values: list[float] = []
        self._given = self._arrays()
        self.rewound = 0
        #: Of the last point, -1 if there is none.
        self.last_step = -1

    @property
    def last(self) -> tuple[int, float] | None:
        """The last point that was flushed."""
        steps, values = self._given
        return (int(steps[-1]), float(values[-1])) if len(steps) else None

    def put(self, step: int, value: float) -> None:
        """Add a point; one at the same step, and any behind it, are void."""
        if step <= self.last_step:
            self.cut(step)
        self.last_step = step
        self._new_steps.append(step)
        self._new_values.append(value)

    def cut(self, step: int) -> None:
        """Take the points from `step` on back."""
        while self._new_steps and self._new_steps[-1] >= step:
            self._new_steps.pop()
            self._new_values.pop()
        self.last_step = self._new_steps[-1] if self._new_steps else int(self._steps[self._count - 1]) if self._count else -1
        if self._new_steps or not self._count or self._steps[self._count - 1] < step:
            return
        import numpy as np

        self._count = int(np.searchsorted(self._steps[: self._count], step))
        self._steps, self._values = self._steps[: self._count].copy(), self._values[: self._count].copy()
        self.rewound += 1
        self.last_step = int(self._steps[-1]) if self._count else -1
        self._given = self._arrays()

    def flush(self) -> None:
        """Store what was put."""
        new = len(self._new_steps)
        if not new:
            return
        self._reserve(self._count + new)
        self._steps[self._count : self._count + new] = self._new_steps
        self._values[self._count : self._count + new] = self._new_values
        self._count += new
        self._new_steps.clear()
        self._new_values.clear()
        self._given = self._arrays()

    def _reserve(self, wanted: int) -> None:
        import numpy as np

        if wanted <= len(self._steps):
            return
        size = max(_FIRST, wanted, 2 * len(self._steps))
        steps, values = np.empty(size, np.int64), np.empty(size, np.float64)
        steps[: self._count], values[: self._count] = self._steps[: self._count], self._values[: self._count]
        self._steps, self._values = steps, values

    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        steps, values = self._steps[: self._count], self._values[: self._count]
        steps.flags.writeable = values.flags.writeable = False
        return steps, values

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values, read-only."""
        return self._given
