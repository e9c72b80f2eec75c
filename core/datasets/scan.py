"""The scan of a file for a check: every row judged and counted, the fast way where it will do (core/datasets/typed.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from msgspec import UNSET

from core.datasets.arrays import ArrayReader, Element
from core.datasets.exact import NOTHING, Flaw, parse
from core.datasets.judge import judge
from core.datasets.layouts import Shape
from core.datasets.reading import CHUNK, Row, csv_rows, json_line, lines, text_lines
from core.datasets.rules import RULES
from core.datasets.tally import Tally
from core.datasets.typed import FastWay

#: Bytes that LLaMA-Factory's JSON loader reads at once: a column that first appears later ends it (datasets, packaged_modules/json).
LOADED_AT_ONCE: Final = 10 << 20
#: Words that its CSV loader takes for nothing (pandas, STR_NA_VALUES).
NULL_WORDS: Final = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None",
     "n/a", "nan", "null"]
)  # fmt: skip
#: Words that it takes for true and false.
FLAGS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
Told = Callable[[int, Tally], None]
#: Bytes of one line that are held before it is read with care.
LONGEST_PIECE: Final = 4 * CHUNK
#: Elements of an array that are looked at together.
_BATCH: Final = 128


@dataclass(frozen=True)
class Plan:
    """What a scan has to know of a file. `start` is behind a BOM, a heading or a wrapping; `line` is the one it is in."""

    kind: str
    shape: Shape
    encoding: str
    start: int
    end: int
    line: int = 1
    several: bool = False
    columns: tuple[str, ...] = ()
    wrapped: bool = False


class Scan:
    """`told(bytes done, tally)` is called again and again; it may raise to end the scan."""

    def __init__(self, plan: Plan, told: Told) -> None:
        self.plan, self._told = plan, told
        self.tally = Tally()
        self.way = FastWay(plan.shape)
        self._known = set(plan.shape.types) - plan.shape.later
        self._later = {key: field for key, field in self.way.fields.items() if key in plan.shape.later}
        self._sound = plan.shape.layout.format != "unknown"

    def run(self, file: BinaryIO, start: int, end: int) -> Tally:
        """Scan the bytes from `start`, which begins a row, to `end`."""
        kind = self.plan.kind
        if kind == "jsonl" and not self.plan.several:
            self._lines(file, start, end)
        elif kind in ("json", "jsonl"):
            self._array(file, start, end)
        elif kind == "csv":
            self._rows(csv_rows(file, start, end, columns=self.plan.columns, line=self.plan.line, encoding=self.plan.encoding), start)
        else:
            self._rows(text_lines(file, start, end, line=1, encoding=self.plan.encoding), start)
        tally, way = self.tally, self.way
        tally.with_system, tally.with_tools, tally.with_images = way.with_system, way.with_tools, way.with_images
        tally.good_tags = way.good_tags
        return tally

    # JSON lines --------------------------------------------------------------------------------------------------------

    def _lines(self, file: BinaryIO, start: int, end: int) -> None:
        """Whole lines, many at once; a piece of the file with anything odd in it goes line by line."""
        fast = self.way.usable and self.plan.encoding == "utf-8"
        raw = getattr(file, "raw", file)  # whole pieces are read: a buffer in between would only copy them
        raw.seek(start)
        offset, rest = start, b""
        while offset + len(rest) < end:
            piece = raw.read(min(CHUNK, end - offset - len(rest)))
            if not piece:
                break
            at_end = offset + len(rest) + len(piece) >= end
            cut = len(piece) if at_end else piece.rfind(b"\n") + 1
            if not cut:
                rest += piece
                if len(rest) > LONGEST_PIECE:
                    offset, rest = self._far_line(file, offset, end), b""
                    raw.seek(offset)
                continue
            block, rest = b"".join((rest, memoryview(piece)[:cut])), piece[cut:]
            if not (fast and self._fast(block, offset)):
                self._slow(block, offset)
            offset += len(block)
            self._told(offset - start, self.tally)
        if rest:
            self._slow(rest, offset)  # the file ends earlier than it should

    def _fast(self, block: bytes, offset: int) -> bool:
        rows = self.way.decode(block)
        if not rows or len(rows) != block.count(b"\n") + (not block.endswith(b"\n")):
            return False
        measured = self.way.measure(rows)
        if measured is None:
            return False
        tally = self.tally
        tally.entry(tally.line + 1, offset)
        if self._later:
            self._look_for_later(rows, offset)
        tally.rows += len(rows)
        tally.line += len(rows)
        tally.measured(*measured)
        self.way.count(rows)
        return True

    def _look_for_later(self, rows: list[Any], offset: int) -> None:
        """Notice the first row that has a key which the beginning of the file does not have."""
        for key, field in tuple(self._later.items()):
            place = next((number for number, row in enumerate(rows) if getattr(row, field) is not UNSET), None)
            if place is not None:
                del self._later[key]
                self._first_seen(key, self.tally.line + 1 + place, self.tally.rows + place, offset)

    def _first_seen(self, key: str, line: int, row: int, offset: int) -> None:
        tally = self.tally
        if offset < LOADED_AT_ONCE:
            tally.early.append(key)
        elif len(tally.late) < 100:
            tally.late.setdefault(key, [line, row, offset])

    def _slow(self, block: bytes, offset: int) -> None:
        for raw in block.removesuffix(b"\n").split(b"\n"):
            self._line(raw, offset)
            offset += len(raw) + 1

    def _line(self, raw: bytes, offset: int) -> None:
        tally = self.tally
        tally.line += 1
        tally.entry(tally.line, offset)
        if self.plan.encoding == "utf-8" and self._one_fast(raw):
            return
        for found in json_line(raw, len(raw), self.plan.encoding):
            self._one(found.value, found.flaws, tally.line, offset, found.start)

    def _far_line(self, file: BinaryIO, offset: int, end: int) -> int:
        """One line that is much longer than a piece; where the next begins."""
        for _number, begin, size, raw in lines(file, offset, end):
            self.tally.line += 1
            self.tally.entry(self.tally.line, begin)
            for found in json_line(raw, size, self.plan.encoding):
                self._one(found.value, found.flaws, self.tally.line, begin, found.start)
            file.seek(begin + size)
            return begin + size
        return end

    # Arrays, tables, text ----------------------------------------------------------------------------------------------

    def _array(self, file: BinaryIO, start: int, end: int) -> None:
        tally, told = self.tally, start
        reader = ArrayReader(file, start, end, line=self.plan.line, bare=self.plan.several)
        batch: list[Element] = []
        size = 0
        for element in reader:
            batch.append(element)
            size += len(element.raw)
            if size >= CHUNK or len(batch) >= _BATCH:
                self._elements(batch)
                batch, size = [], 0
            if element.offset - told >= CHUNK:
                told = element.offset
                self._told(told - start, tally)
        self._elements(batch)
        for flaw, line, offset in reader.loose:
            expected = self.plan.wrapped and flaw.fields.get("reason") == "more after the array"
            if not expected and not (flaw.rule == "truncated" and tally.counts["truncated"]):
                tally.flaw(flaw, line=line, offset=offset, row=None)

    def _elements(self, batch: list[Element]) -> None:
        """Elements one after another: all at once if nothing about them is odd."""
        tally = self.tally
        whole = [element.raw for element in batch if element.size == len(element.raw)]
        if self.way.usable and batch and len(whole) == len(batch):
            rows = self.way.decode_list(b"[%b]" % b",".join(whole))
            measured = self.way.measure(rows) if rows is not None and len(rows) == len(batch) else None
            if rows is not None and measured is not None:
                tally.entry(batch[0].line, batch[0].offset)
                tally.rows += len(rows)
                tally.measured(*measured)
                self.way.count(rows)
                return
        for element in batch:
            tally.entry(element.line, element.offset)
            is_whole = element.size == len(element.raw)
            if not (is_whole and self._one_fast(element.raw)):
                for found in parse(element.raw) if is_whole else json_line(element.raw, element.size, "utf-8"):
                    self._one(found.value, found.flaws, element.line, element.offset, found.start)

    def _one_fast(self, raw: bytes) -> bool:
        row = self.way.decode_one(raw) if self.way.usable else None
        measured = self.way.measure([row]) if row is not None else None
        if measured is None:
            return False
        self.way.count([row])
        self.tally.rows += 1
        self.tally.measured(*measured)
        return True

    def _rows(self, rows: Iterable[Row], start: int) -> None:
        told = start
        for row in rows:
            self.tally.entry(row.line or 0, row.offset)
            self.tally.line = row.line or 0
            value, flaws = row.value, row.flaws
            if self.plan.kind == "csv":
                value, more = self._cells(value)
                flaws = (*flaws, *more)
            self._one(value, flaws, row.line, row.offset, 0)
            if row.offset - told >= CHUNK:
                told = row.offset
                self._told(told - start, self.tally)

    def _cells(self, value: Any) -> tuple[Any, list[Flaw]]:
        """A row of a table as LLaMA-Factory's loader takes it: words for nothing are nothing, true and false are flags."""
        if value is NOTHING:
            return value, []
        columns, flaws = self.plan.shape.layout.columns, []
        for column, key in columns.items():
            cell = value.get(key)
            if column == "kto_tag" and isinstance(cell, str) and cell in FLAGS:
                value[key] = FLAGS[cell]
            elif isinstance(cell, str):
                if column in ("prompt", "response", "chosen", "rejected") and cell in NULL_WORDS and cell:
                    flaws.append(Flaw("csv_null_word", f"$.{key}", {"found": cell}))
                if cell:
                    self.tally.numbers[column] = self.tally.numbers.get(column, True) and is_number(cell)
        return value, flaws

    # One row -----------------------------------------------------------------------------------------------------------

    def _one(self, value: Any, flaws: Iterable[Flaw], line: int | None, offset: int, start: int) -> None:
        """Count one row that was parsed exactly, with what is wrong with it."""
        tally, row = self.tally, self.tally.rows
        tally.rows += 1
        found = list(flaws)
        if value is not NOTHING and not any(flaw.rule == "csv_missing_cells" for flaw in found):
            found += self._judged(value)
            if isinstance(value, dict) and self.plan.kind == "jsonl":
                self._new_keys(value, line or 0, row, offset)
        for flaw in found:
            tally.flaw(flaw, line=line, offset=offset + start, row=row, start=start)
        if value is not NOTHING and self._sound and all(RULES[flaw.rule].usable for flaw in found) and found_text(value, found):
            length, turns, hashed = self.way.figures_of(value)
            tally.measured([length], [turns], [hashed])

    def _judged(self, value: Any) -> list[Flaw]:
        flaws = judge(value, self.plan.shape)
        if self.plan.kind == "txt" and flaws and flaws[0].rule == "empty_text":
            return [Flaw("blank_line")]
        return flaws

    def _new_keys(self, value: dict[str, Any], line: int, row: int, offset: int) -> None:
        """Keys that the beginning of the file did not have."""
        if value.keys() <= self._known:
            return
        for key in value.keys() - self._known:
            self._first_seen(key, line, row, offset)
            self._later.pop(key, None)
            if len(self._known) < 10_000:
                self._known.add(key)


def found_text(value: Any, flaws: list[Flaw]) -> bool:
    """Whether there is something to train on: a blank line of a text is no sample."""
    return not any(flaw.rule == "blank_line" for flaw in flaws)


def is_number(cell: str) -> bool:
    """Whether LLaMA-Factory's loader of tables may take a cell for a number."""
    try:
        float(cell)
    except ValueError:
        return cell in NULL_WORDS or cell in FLAGS
    return True


def every_row(plan: Plan, file: BinaryIO) -> Iterator[Row]:
    """Every row of a file parsed exactly, for what is written anew. Row numbers as a scan counts them."""
    start, end = plan.start, plan.end
    if plan.kind == "csv":
        yield from csv_rows(file, start, end, columns=plan.columns, line=plan.line, encoding=plan.encoding)
        return
    if plan.kind not in ("json", "jsonl"):
        yield from text_lines(file, start, end, encoding=plan.encoding)
        return
    row = 0
    for line, offset, size, raw in _json_pieces(plan, file):
        for found in json_line(raw, size, plan.encoding):
            yield Row(row, line, offset + found.start, found.end - found.start, raw[found.start : found.end], found.value, found.flaws)
            row += 1


def _json_pieces(plan: Plan, file: BinaryIO) -> Iterator[tuple[int, int, int, bytes]]:
    if plan.kind == "jsonl" and not plan.several:
        yield from lines(file, plan.start, plan.end, plan.line)
        return
    for element in ArrayReader(file, plan.start, plan.end, line=plan.line, bare=plan.several):
        yield element.line, element.offset, element.size, element.raw
