"""Files opened with care, their kind and encoding found by looking, and their rows one after another with their places."""

from __future__ import annotations

import codecs
import csv
import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from core.datasets.exact import LONGEST_ROW, NOTHING, Flaw, Parsed, parse
from core.datasets.types import FileKind

CHUNK: Final = 128 * 1024
#: Bytes from the start that are looked at to tell what a file is.
LOOK: Final = 256 * 1024
#: Endings that LLaMA-Factory takes (extras/constants.py, FILEEXT2TYPE), and what they are to us.
ENDINGS: Final[dict[str, FileKind]] = {".json": "json", ".jsonl": "jsonl", ".csv": "csv", ".txt": "txt", ".parquet": "parquet"}
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SPACE: Final = b" \t\r\n"
_TOKENS = re.compile(rb'["\\{}\[\]]')


class CannotRead(Exception):
    """`rule`: why a file cannot be read at all (core/datasets/rules.py)."""

    def __init__(self, rule: str, **fields: Any) -> None:
        super().__init__(rule)
        self.rule, self.fields = rule, fields


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands: `raw` its bytes as UTF-8, `size` in the file. `line` None where there are none."""

    row: int
    line: int | None
    offset: int
    size: int
    raw: bytes
    value: Any
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What the first bytes say. `several`: JSON values one after another that need not end with their lines."""

    kind: FileKind
    encoding: str = "utf-8"
    bom: int = 0
    binary: bool = False
    several: bool = False


def open_file(path: str, *, within: Sequence[str] = ()) -> BinaryIO:
    """A regular file, open for reading. Waits for no pipe. `within`: real folders it must lie below, links resolved; () for anywhere.

    Raises CannotRead.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        rule = "not_a_regular_file" if getattr(error, "errno", 0) == errno.ENXIO else "unreadable"
        raise CannotRead(rule, reason=getattr(error, "strerror", None) or "") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CannotRead("not_a_regular_file")
        real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - of a number, not a name
        if within and not any(Path(real).is_relative_to(folder) for folder in within):
            raise CannotRead("outside_folder")
        return os.fdopen(descriptor, "rb", buffering=CHUNK)
    except BaseException:
        os.close(descriptor)
        raise


def look(head: bytes, name: str) -> Look:
    """What a file is, from its first bytes and its name."""
    if head[:4] == b"PAR1":
        return Look("parquet")
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            text = head.decode(encoding, "replace")[:4096].lstrip("\ufeff")
            return Look(_kind(text.encode("utf-8", "replace"), name), encoding, len(mark) if encoding == "utf-8" else 0)
    encoding = _encoding(head)
    text_head = head if encoding == "utf-8" else head.decode(encoding or "latin-1", "replace").encode("utf-8", "replace")
    kind = _kind(text_head, name)
    if not encoding or (kind in ("txt", "unknown") and head.count(0) > len(head) // 100):
        return Look(kind, "utf-8", binary=True)
    return Look(kind, encoding, several=kind == "jsonl" and _goes_on(text_head))


def _encoding(head: bytes) -> str:
    """ "" for what is no text at all."""
    zeros = head[:4096].count(0)
    if zeros > len(head[:4096]) // 5:
        even, odd = head[:4096:2].count(0), head[1:4096:2].count(0)
        return "utf-16-le" if odd > 4 * even else "utf-16-be" if even > 4 * odd else ""
    if _decodes(head, "utf-8"):
        return "utf-8"
    # Most of it UTF-8: single rows are broken, not the file.
    told = [line for line in head.split(b"\n")[:-1] if not line.isascii()]
    if 2 * sum(_decodes(line, "utf-8", final=True) for line in told) > len(told):
        return "utf-8"
    if _decodes(head, "gb18030") and len(re.findall(rb"[\xb0-\xf7][\xa1-\xfe]", head)) * 3 > sum(byte > 127 for byte in head):
        return "gb18030"
    return "cp1252" if _decodes(head, "cp1252") else "latin-1"


def _decodes(data: bytes, encoding: str, *, final: bool = False) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final)
    except UnicodeDecodeError:
        return False
    return True


def _kind(head: bytes, name: str) -> FileKind:
    """By content where that is plain, else by the ending."""
    text = head.lstrip(_SPACE)
    ending = ENDINGS.get(Path(name).suffix.lower())
    if ending == "txt":
        return "txt"
    if text[:1] == b"[" and not (ending == "jsonl" and _whole(text.split(b"\n", 1)[0]) and b"\n" in text.rstrip()):
        return "json" if ending != "csv" else "csv"
    if text[:1] == b"{":
        return "jsonl" if ending != "csv" else "csv"
    if ending in ("csv", "json", "jsonl"):
        return "jsonl" if ending == "json" else ending
    return "unknown" if ending == "parquet" else "txt"


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _goes_on(head: bytes) -> bool:
    """Whether the first value ends on a later line than its first."""
    text = head.lstrip(_SPACE)
    first = text.split(b"\n", 1)[0]
    if first.strip() == b"{" or (first.count(b"{") > first.count(b"}") and not _whole(first)):
        try:
            json.JSONDecoder(strict=False).raw_decode(text.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return False
        return True
    return b"\r{" in head and b"\n" not in head.rstrip()


# Lines ---------------------------------------------------------------------------------------------------------------


def lines(file: BinaryIO, start: int, end: int, number: int = 1) -> Iterator[tuple[int, int, int, bytes]]:
    """(line number, offset, size in the file, bytes) of each line from `start`, which begins one, to `end`.

    Memory is bounded: of a line longer than LONGEST_ROW only the beginning comes.
    """
    file.seek(start)
    offset = start
    while offset < end and (line := file.readline(LONGEST_ROW + 1)):
        size = len(line)
        if size > LONGEST_ROW and not line.endswith(b"\n"):
            line = line[:1024]
            while more := file.readline(CHUNK):
                size += len(more)
                if more.endswith(b"\n"):
                    break
        yield number, offset, size, line
        number, offset = number + 1, offset + size


def decoded(line: bytes, encoding: str) -> tuple[bytes, Flaw | None]:
    """A line of another encoding as UTF-8."""
    try:
        return line.decode(encoding).encode("utf-8", "surrogatepass"), None
    except UnicodeDecodeError as error:
        return b"", Flaw("not_utf8", fields={"byte": f"{line[error.start]:02x}"}, at=error.start)


def in_utf8(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    """The whole of a file of another encoding, a piece at a time; what is wrong in it becomes the replacement character."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    file.seek(0)
    while piece := file.read(1 << 20):
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def places_in(copy: BinaryIO, encoding: str, offsets: Sequence[int]) -> dict[int, int]:
    """Where in a file of `encoding` lies what is at `offsets` (sorted) of its copy in UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    mark = {"utf-16": 2, "utf-32": 4}.get(encoding, 0)
    plain = f"{encoding}-le" if mark else encoding
    found, place, size = {}, 0, mark
    copy.seek(0)
    for offset in offsets:
        while place < offset and (piece := copy.read(min(1 << 20, offset - place))):
            place += len(piece)
            size += len(decoder.decode(piece).encode(plain, "replace"))
        found[offset] = size
    return found


# JSON, one value a line ----------------------------------------------------------------------------------------------


def json_line(raw: bytes, size: int, encoding: str) -> list[Parsed]:
    """The values of one line: none where it is blank, usually one."""
    if size > LONGEST_ROW:
        return [Parsed(NOTHING, (Flaw("row_too_long", fields={"size": size, "limit": LONGEST_ROW}),), 0, size)]
    if encoding == "utf-8":
        return parse(raw) if raw.strip(_SPACE) else []
    text, flaw = decoded(raw, encoding)
    if flaw is not None:
        return [Parsed(NOTHING, (flaw,), 0, size)]
    return (
        [Parsed(found.value, tuple(Flaw(each.rule, each.path, each.fields) for each in found.flaws), 0, size) for found in parse(text)]
        if text.strip(_SPACE)
        else []
    )


def json_lines(file: BinaryIO, start: int, end: int, *, row: int = 0, line: int = 1, encoding: str = "utf-8") -> Iterator[Row]:
    """Rows of a file with one value a line. Blank lines are passed over, a line with several values gives several rows."""
    for number, offset, size, raw in lines(file, start, end, line):
        for found in json_line(raw, size, encoding):
            text = raw[found.start : found.end]
            yield Row(row, number, offset + found.start, found.end - found.start, text, found.value, _moved(found))
            row += 1


def _moved(found: Parsed) -> tuple[Flaw, ...]:
    return tuple(Flaw(flaw.rule, flaw.path, flaw.fields, max(0, flaw.at - found.start)) for flaw in found.flaws)


# Plain text and tables -----------------------------------------------------------------------------------------------


def text_lines(file: BinaryIO, start: int, end: int, *, row: int = 0, line: int = 1, encoding: str = "utf-8") -> Iterator[Row]:
    """Every line is a row, as in LLaMA-Factory's loader; a lone CR ends a line, too."""
    for number, offset, size, raw in lines(file, start, end, line):
        if size > LONGEST_ROW:
            yield Row(row, number, offset, size, raw, NOTHING, (Flaw("row_too_long", fields={"size": size, "limit": LONGEST_ROW}),))
            row += 1
            continue
        text, flaw = decoded(raw, encoding)
        if flaw is not None:
            yield Row(row, number, offset, size, raw, NOTHING, (flaw,))
            row += 1
            continue
        for part in text.removesuffix(b"\n").removesuffix(b"\r").split(b"\r"):
            yield Row(row, number, offset, size, part, part.decode("utf-8", "replace"))
            row += 1


class _Lines:
    """Decoded lines for the csv module, remembering where each began."""

    def __init__(self, file: BinaryIO, start: int, end: int, number: int, encoding: str) -> None:
        self._lines = lines(file, start, end, number)
        self._encoding = encoding
        self.begun: list[tuple[int, int, int, bytes]] = []
        self.broken: Flaw | None = None

    def __iter__(self) -> Iterator[str]:
        for number, offset, size, raw in self._lines:
            self.begun.append((number, offset, size, raw))
            try:
                yield raw.decode(self._encoding)
            except UnicodeDecodeError as error:
                self.broken = Flaw("not_utf8", fields={"byte": f"{raw[error.start]:02x}"}, at=error.start)
                yield raw.decode(self._encoding, "replace")

    def taken(self) -> tuple[int, int, int, bytes, Flaw | None]:
        """Line, offset, size, bytes of what was read since the last call, and what was wrong in it."""
        begun, broken = self.begun, self.broken
        self.begun, self.broken = [], None
        if not begun:
            return 0, 0, 0, b"", broken
        return begun[0][0], begun[0][1], sum(size for _, _, size, _ in begun), b"".join(raw for *_, raw in begun), broken


def csv_rows(
    file: BinaryIO, start: int, end: int, *, columns: Sequence[str], row: int = 0, line: int = 1, encoding: str = "utf-8"
) -> Iterator[Row]:
    """Rows of a table from `start` on, after its heading. Values are texts, None for missing cells; blank lines are passed over."""
    csv.field_size_limit(LONGEST_ROW)
    source = _Lines(file, start, end, line, encoding)
    reader = csv.reader(iter(source), strict=False)
    while True:
        flaws: list[Flaw] = []
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            flaws.append(Flaw("csv_unclosed_quote", fields={"reason": str(error)}))
        number, offset, size, raw, broken = source.taken()
        if not cells and not flaws:
            continue
        if broken is not None:
            flaws.append(broken)
        if not flaws and offset + size >= end and _open_quote(raw, encoding):
            flaws.append(Flaw("csv_unclosed_quote"))
        if len(cells) > len(columns):
            flaws.append(Flaw("csv_extra_cells", fields={"found": len(cells), "expected": len(columns)}))
        value = dict(zip(columns, [*cells, *([None] * (len(columns) - len(cells)))], strict=False)) if cells else NOTHING
        if cells and len(cells) < len(columns) and not flaws:
            flaws.append(Flaw("csv_missing_cells", fields={"found": len(cells), "expected": len(columns)}))
        yield Row(
            row,
            number,
            offset,
            size,
            raw[:LONGEST_ROW],
            value if not any(flaw.rule == "csv_unclosed_quote" for flaw in flaws) else NOTHING,
            tuple(flaws),
        )
        row += 1


def _open_quote(raw: bytes, encoding: str) -> bool:
    return raw.count(b'"') % 2 == 1


def csv_heading(file: BinaryIO, start: int, end: int, encoding: str) -> tuple[list[str], int, int]:
    """The names of the columns, the offset of the first row, and its line."""
    csv.field_size_limit(LONGEST_ROW)
    source = _Lines(file, start, end, 1, encoding)
    try:
        names = next(csv.reader(iter(source)), [])
    except csv.Error:
        names = []
    _number, offset, size, _raw, _broken = source.taken()
    return [name.strip() for name in names], offset + size, 1 + max(1, _raw.count(b"\n"))
