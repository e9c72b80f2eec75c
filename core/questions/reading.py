"""Questions read from TXT, CSV, JSON and JSONL, one after another: what is wrong is named with its line, and the rest is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import InvalidInput, NotFound
from core.questions.checks import Wrong, clean
from core.questions.encodings import detect, named, shown, text_of
from core.questions.json_text import DECODER, Cursor, Malformed
from core.questions.making import from_object
from core.questions.rules import LARGEST_FILE, OF_THE_FILE
from core.questions.tables import is_table, table_items
from core.questions.types import Format, Problem, QuestionDraft, Read

Item = QuestionDraft | Problem
#: Keys of an object whose list is the questions.
_LISTS: Final = frozenset({"questions", "data", "items", "samples", "题目", "问题", "数据"})
_ENDINGS: Final[dict[str, Format]] = {
    ".txt": "txt", ".md": "txt", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
#: A line of only these parts questions of several lines in a TXT.
_DASHES: Final = "---"


def read_questions(path: str | Path, *, encoding: str | None = None) -> Read:
    """A file of this machine. `encoding` None: found out. Raises NotFound(kind="question_file"), InvalidInput("path" | "encoding", ...)."""
    return read_open(open_regular(path), str(path), encoding=encoding)


def open_regular(path: str | Path) -> BinaryIO:
    """An ordinary file; waits for no pipe. Raises NotFound, InvalidInput("path", "not_a_file" | "not_readable" | "control_characters")."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(kind="question_file", reference=str(path)) from None
    except ValueError:
        raise InvalidInput("path", "control_characters") from None
    except OSError as error:
        raise InvalidInput("path", "not_readable", value=str(path), reason=error.strerror or "") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput("path", "not_a_file", value=str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_open(file: BinaryIO, name: str, *, encoding: str | None = None) -> Read:
    """An open file, which is closed at the end. `name`: what it is called, for its ending. Raises InvalidInput."""
    try:
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_FILE:
            raise InvalidInput("path", "too_large", limit=LARGEST_FILE)
        file.seek(0)
        head = file.read(4)
        codec = named(encoding) if encoding else detect(file)
        if head == b"PK\x03\x04" or not codec:
            rule = "spreadsheet" if head == b"PK\x03\x04" else "not_text"
            return Read(_ENDINGS.get(_ending(name), "txt"), "", iter((Problem(None, rule),)), file.close)
        kind = _format(file, codec, name)
        read = Read(kind, shown(codec), iter(()), file.close)
        read._items = _items(file, codec, kind, read)
        return read
    except BaseException:
        file.close()
        raise


def _ending(name: str) -> str:
    return Path(name).suffix.lower()


def _format(file: BinaryIO, codec: str, name: str) -> Format:
    """By the ending; JSON or JSONL, and what has no ending of ours, by the content."""
    by_name = _ENDINGS.get(_ending(name))
    if by_name in ("txt", "csv"):
        return by_name
    text = text_of(file, codec)
    try:
        head = text.read(256 * 1024).lstrip("\ufeff \t\r\n")
    finally:
        text.detach()
    if head.startswith("["):
        first = head.split("\n", 1)[0]
        return "jsonl" if by_name == "jsonl" and len(head) > len(first) + 1 and _whole(first) else "json"
    if head.startswith("{"):
        return "jsonl" if _is_lines(head, by_name) else "json"
    return by_name or ("csv" if is_table(head) else "txt")


def _whole(line: str) -> bool:
    try:
        return DECODER.raw_decode(line.strip())[1] == len(line.strip())
    except (ValueError, RecursionError):
        return False


def _is_lines(head: str, by_name: Format | None) -> bool:
    """Whether what begins with an object has one on each line."""
    first, _newline, rest = head.partition("\n")
    if not _whole(first):
        return by_name == "jsonl" and not _several_lines(head)
    value = DECODER.decode(first.strip())
    if any(name.casefold() in _LISTS and isinstance(inner, list) for name, inner in value.items()):
        return False
    return bool(rest.strip()) or by_name != "json"


def _several_lines(head: str) -> bool:
    """Whether the object at the start goes on over its first line, as a whole."""
    try:
        return "\n" in head[: DECODER.raw_decode(head)[1]]
    except (ValueError, RecursionError):
        return head.startswith(("{\n", "{\r\n"))


def _items(file: BinaryIO, codec: str, kind: Format, read: Read) -> Iterator[Item]:
    """Everything in the file, then what is to be said of questions that stand there twice or use what nobody named."""
    readers = {"txt": _text_items, "csv": _csv_items, "json": _json_items, "jsonl": _jsonl_items}
    seen: dict[int, int] = {}
    empty = True
    try:
        for item in readers[kind](file, codec, read):
            empty = False
            yield item
            if isinstance(item, QuestionDraft):
                yield from _remarks(item, seen)
        if empty:
            yield Problem(None, "empty_file" if file.seek(0, os.SEEK_END) < 8 else "no_questions")
    finally:
        file.close()


def _remarks(draft: QuestionDraft, seen: dict[int, int]) -> Iterator[Problem]:
    line = draft.source_line or 0
    key = hash((draft.text, draft.system, tuple(draft.variables.items())))
    if key in seen:
        yield Problem(line, "duplicate", {"line": seen[key]}, left_out=False)
    else:
        seen[key] = line
    if "{{" in draft.text and (names := draft.missing_variables):
        yield Problem(line, "variable_missing", {"names": ", ".join(names)}, left_out=False)


def _wrong(line: int | None, wrong: Wrong) -> Problem:
    return Problem(None if wrong.rule in OF_THE_FILE else line, wrong.rule, wrong.fields)


# The formats ---------------------------------------------------------------------------------------------------------


def _csv_items(file: BinaryIO, codec: str, _read: Read) -> Iterator[Item]:
    text = text_of(file, codec)
    try:
        yield from table_items(text)
    finally:
        text.detach()


def _jsonl_items(file: BinaryIO, codec: str, _read: Read) -> Iterator[Item]:
    text = text_of(file, codec)
    try:
        for number, line in enumerate(text, 1):
            told = line.strip().strip("\ufeff")
            if not told:
                continue
            try:
                value, end = DECODER.raw_decode(told)
                if told[end:].strip():
                    yield Problem(number, "malformed", {"reason": "Extra data"})
                else:
                    yield from_object(value, number)
            except Wrong as wrong:
                yield _wrong(number, wrong)
            except (ValueError, RecursionError) as error:
                yield Problem(number, "malformed", {"reason": str(getattr(error, "msg", "too many levels"))})
    finally:
        text.detach()


def _json_items(file: BinaryIO, codec: str, read: Read) -> Iterator[Item]:
    text = text_of(file, codec)
    cursor = Cursor(text)
    try:
        if cursor.peek() == "[":
            yield from _listed(cursor)
        else:
            yield from _wrapped(cursor, read)
        if cursor.peek():
            yield Problem(cursor.line, "malformed_rest", {"reason": "Extra data"})
    except Malformed as error:
        yield Problem(error.line, "malformed_rest", {"reason": error.reason})
    finally:
        text.detach()


def _listed(cursor: Cursor) -> Iterator[Item]:
    for line, value in cursor.elements():
        try:
            yield from_object(value, line)
        except Wrong as wrong:
            yield _wrong(line, wrong)


def _wrapped(cursor: Cursor, read: Read) -> Iterator[Item]:
    """An object with the list of questions in it, beside the name, note and tags of the set; or one question."""
    line, rest, listed = cursor.line, {}, False
    for key in cursor.names():
        if key.casefold() in _LISTS and cursor.peek() == "[":
            listed = True
            yield from _listed(cursor)
        else:
            rest[key] = cursor.value()
    if not listed:
        try:
            yield from_object(rest, line)
        except Wrong as wrong:
            yield _wrong(line, Wrong("no_questions") if wrong.rule == "question_missing" else wrong)
        return
    read.name, read.note = (str(rest.get(key) or "") if isinstance(rest.get(key), str) else "" for key in ("name", "note"))
    tags = rest.get("tags")
    read.tags = tuple(each for each in tags if isinstance(each, str)) if isinstance(tags, list) else ()


def _text_items(file: BinaryIO, codec: str, _read: Read) -> Iterator[Item]:
    separator = _separator(file, codec)
    text = text_of(file, codec)
    try:
        if separator:
            yield from _blocks(text, separator)
        else:
            for number, line in enumerate(text, 1):
                if line.strip("\ufeff \t\r\n　"):
                    yield _plain(line, number)
    finally:
        text.detach()


def _separator(file: BinaryIO, codec: str) -> str:
    """The line that parts questions of several lines: the first one if it is of dashes alone, or "---" anywhere; "" where there is none."""
    text = text_of(file, codec)
    first = True
    try:
        for line in text:
            told = line.strip("\ufeff \t\r\n")
            if told and first:
                first = False
                if set(told) == {"-"} and len(told) >= len(_DASHES):
                    return told
            if told == _DASHES:
                return told
    finally:
        text.detach()
    return ""


def _blocks(lines: Iterator[str], separator: str) -> Iterator[Item]:
    held: list[str] = []
    begun = 1
    for number, line in enumerate(lines, 1):
        if line.strip("\ufeff \t\r\n") == separator:
            if held:
                yield _plain("".join(held), begun)
            held = []
        elif held or line.strip("\ufeff \t\r\n　"):
            if not held:
                begun = number
            held.append(line)
    if held:
        yield _plain("".join(held), begun)


def _plain(text: str, line: int) -> Item:
    try:
        return clean(QuestionDraft(text.strip("\ufeff \t\r\n"), source_line=line))
    except Wrong as wrong:
        return _wrong(line, wrong)
