"""Heights of many messages with fast sums: a Fenwick tree (Fenwick 1994, https://doi.org/10.1002/spe.4380240306)."""

from __future__ import annotations

from collections.abc import Iterable


class Heights:
    """Non-negative heights in lines. Change one, sum a prefix, find the one at a line: each in O(log n)."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._values = list(heights)
        self._build()

    def _build(self) -> None:
        tree = [0, *self._values]
        for place in range(1, len(tree)):
            parent = place + (place & -place)
            if parent < len(tree):
                tree[parent] += tree[place]
        self._tree = tree

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> int:
        return self._values[index]

    @property
    def total(self) -> int:
        return self.before(len(self._values))

    def change(self, index: int, height: int) -> None:
        """Give the one at `index` another height."""
        delta = height - self._values[index]
        if not delta:
            return
        self._values[index] = height
        place = index + 1
        while place < len(self._tree):
            self._tree[place] += delta
            place += place & -place

    def append(self, height: int) -> None:
        self._values.append(height)
        place = len(self._values)
        low = place - (place & -place)
        self._tree.append(height + self.before(place - 1) - self.before(low))

    def before(self, index: int) -> int:
        """The sum of all heights before `index`."""
        total = 0
        while index > 0:
            total += self._tree[index]
            index -= index & -index
        return total

    def at(self, line: int) -> tuple[int, int]:
        """The index that covers `line` (counted from 0 at the top) and the line within it. Clamped to what there is."""
        if not self._values:
            return 0, 0
        line = max(0, line)
        place, left = 0, line
        step = 1 << (len(self._values).bit_length())
        while step:
            following = place + step
            if following < len(self._tree) and self._tree[following] <= left:
                place = following
                left -= self._tree[following]
            step >>= 1
        if place >= len(self._values):
            last = len(self._values) - 1
            return last, max(0, self._values[last] - 1)
        return place, left
