"""What a check counts, in bounded memory: problems by rule with the first of each kept, lengths, duplicates, and a sparse index.

Two processes tally a half each; `merge` joins the second to the first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import msgspec

from core.datasets.exact import Flaw
from core.datasets.rules import RULES
from core.datasets.types import Histogram

#: Problems kept with their places: of one rule, and in all. All are counted.
KEPT_OF_A_RULE: Final = 5_000
KEPT: Final = 20_000
#: The index has an entry at least after so many rows, or bytes.
EVERY: Final = 256
INDEX_BYTES: Final = 256 * 1024
#: Hashes of rows that are remembered; with more rows only every second, fourth ... hash is.
HASHES: Final = 1 << 21
LENGTHS: Final = 1 << 18


@dataclass
class Tally:
    """`problems`: (offset, line, row, level is remark, the rest as JSON). `index`: row, line, offset, for every EVERY-th row."""

    rows: int = 0
    usable: int = 0
    line: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    index: array[int] = field(default_factory=lambda: array("Q"))
    hashes: array[int] = field(default_factory=lambda: array("q"))
    hash_shift: int = 0
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    length_step: int = 1
    skipped: int = 0
    characters: int = 0
    least: int = 1 << 62
    most: int = 0
    turns: int = 0
    most_turns: int = 0
    with_system: int = 0
    with_tools: int = 0
    with_images: int = 0
    good_tags: int = 0
    #: Keys first seen within what the loader reads at once, and beyond it with (line, row, offset).
    early: list[str] = field(default_factory=list)
    late: dict[str, list[int]] = field(default_factory=dict)
    numbers: dict[str, bool] = field(default_factory=dict)

    def flaw(self, flaw: Flaw, *, line: int | None, offset: int, row: int | None, start: int = 0) -> None:
        """Count a broken rule and keep it if there is room. `offset` is the row's; `start`: where it began in what was parsed."""
        self.counts[flaw.rule] += 1
        if self.kept[flaw.rule] >= KEPT_OF_A_RULE or len(self.problems) >= KEPT:
            return
        self.kept[flaw.rule] += 1
        inside = {"at": flaw.at - start} if flaw.at > start else {}
        rest = msgspec.json.encode([flaw.rule, flaw.path, dict(flaw.fields) | inside])
        self.problems.append((offset, -1 if line is None else line, -1 if row is None else row, rest))

    def entry(self, line: int, offset: int) -> None:
        """The next row begins there: note that in the index if the last entry is far enough away."""
        if not self.index or self.rows - self.index[-3] >= EVERY or offset - self.index[-1] >= INDEX_BYTES:
            self.index.extend((self.rows, line, offset))

    def measured(self, lengths: list[int], turns: list[int], hashes: list[int]) -> None:
        """Rows that are right."""
        count = len(lengths)
        self.usable += count
        self.characters += sum(lengths)
        self.least, self.most = min(self.least, min(lengths)), max(self.most, max(lengths))
        self.turns += sum(turns)
        self.most_turns = max(self.most_turns, max(turns))
        self._keep_lengths(lengths)
        self.remember(hashes)

    def _keep_lengths(self, lengths: list[int]) -> None:
        step = self.length_step
        if step == 1:
            self.lengths.extend(lengths)
        else:
            start = -self.skipped % step
            self.lengths.extend(lengths[start::step])
            self.skipped += len(lengths)
        while len(self.lengths) > LENGTHS:
            self.lengths = self.lengths[::2]
            self.length_step *= 2

    def remember(self, hashes: list[int]) -> None:
        shift = self.hash_shift
        self.hashes.extend(hashes if not shift else [each for each in hashes if not each & ((1 << shift) - 1)])
        self._thin()

    def _thin(self) -> None:
        """Remember every second hash only, as often as it takes."""
        while len(self.hashes) > HASHES:
            self.hash_shift += 1
            mask = (1 << self.hash_shift) - 1
            self.hashes = array("q", [each for each in self.hashes if not each & mask])

    def duplicates(self) -> int:
        """How many rows say what an earlier one says; estimated where not all hashes are remembered."""
        parts = max(1, len(self.hashes) >> 18)
        if parts == 1:
            return len(self.hashes) - len(set(self.hashes)) << self.hash_shift
        found = 0
        for part in range(parts):
            mine = [each for each in self.hashes if (each >> 24) % parts == part]
            found += len(mine) - len(set(mine))
        return found << self.hash_shift

    def histogram(self) -> Histogram | None:
        """Lengths in characters; None where no row is right."""
        return histogram(sorted(self.lengths), "characters", self.least, self.most, self.characters, self.usable) if self.usable else None

    # Two halves --------------------------------------------------------------------------------------------------------

    def merge(self, other: Tally) -> None:
        """Add the tally of what follows: its rows and lines are counted from where this one ends."""
        for offset, line, row, rest in other.problems:
            rule = msgspec.json.decode(rest)[0]
            if self.kept[rule] < KEPT_OF_A_RULE and len(self.problems) < KEPT:
                self.kept[rule] += 1
                self.problems.append((offset, line + self.line if line >= 0 else line, row + self.rows if row >= 0 else row, rest))
        self._merge_index(other)
        self._merge_late(other)
        self.counts.update(other.counts)
        self.hash_shift = max(self.hash_shift, other.hash_shift)
        mask = (1 << self.hash_shift) - 1
        if mask:
            self.hashes = array("q", [each for each in self.hashes if not each & mask])
            other.hashes = array("q", [each for each in other.hashes if not each & mask])
        self.hashes.extend(other.hashes)
        self._thin()
        if self.length_step != other.length_step:
            ratio = other.length_step // self.length_step if other.length_step > self.length_step else self.length_step // other.length_step
            if other.length_step > self.length_step:
                self.lengths, self.length_step = self.lengths[::ratio], other.length_step
            else:
                other.lengths = other.lengths[::ratio]
        self.lengths.extend(other.lengths)
        for name in ("rows", "usable", "line", "characters", "turns", "with_system", "with_tools", "with_images", "good_tags"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        self.most_turns = max(self.most_turns, other.most_turns)

    def _merge_late(self, other: Tally) -> None:
        for key, (line, row, offset) in other.late.items():
            self.late.setdefault(key, [line + self.line, row + self.rows, offset])

    def _merge_index(self, other: Tally) -> None:
        for place in range(0, len(other.index), 3):
            row, line, offset = other.index[place : place + 3]
            self.index.extend((row + self.rows, line + self.line, offset))

    def pack(self) -> bytes:
        """Everything, for the other process."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values |= {name: getattr(self, name).tobytes() for name in ("index", "hashes", "lengths")}
        return msgspec.msgpack.encode(values | {"counts": dict(self.counts), "kept": dict(self.kept)})

    @classmethod
    def unpack(cls, data: bytes) -> Tally:
        values = msgspec.msgpack.decode(data)
        values |= {name: array(kind, values[name]) for name, kind in (("index", "Q"), ("hashes", "q"), ("lengths", "Q"))}
        values |= {"counts": Counter(values["counts"]), "kept": Counter(values["kept"])}
        return cls(**values | {"problems": [tuple(each) for each in values["problems"]]})

    @property
    def wrong(self) -> int:
        """Broken rules that are more than remarks."""
        return sum(count for rule, count in self.counts.items() if RULES[rule].level != "remark")


def histogram(ordered: list[int], unit: Any, least: int, most: int, summed: int, total: int, bins: int = 24) -> Histogram:
    """`ordered`: values looked at, sorted. Edges are round numbers of equal ratio where values are far apart, else of equal distance."""
    edges = _edges(least, most, bins)
    below = [bisect_left(ordered, edge) for edge in edges]
    counts = [above - under for under, above in pairwise(below)]
    middle, far = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return Histogram(unit, tuple(edges), tuple(counts), least, most, summed / max(1, total), middle, far, len(ordered), total)


def _edges(least: int, most: int, bins: int) -> list[int]:
    if most <= least:
        return [least, least + 1]
    if most > 50 * max(1, least):
        ratio = (most + 1) / max(1, least)
        made = {round(max(1, least) * ratio ** (number / bins)) for number in range(bins + 1)} | {least, most + 1}
        return sorted(made)
    step = max(1, -(-(most + 1 - least) // bins))
    return [*range(least, most + 1, step), most + 1]
