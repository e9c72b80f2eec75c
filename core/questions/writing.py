"""Question sets as files: TXT, CSV, JSON and JSONL, which reading.py reads back as they were.

TXT holds the texts alone. CSV is UTF-8 with a byte order mark, because spreadsheets want one, and none of its cells is a formula.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.errors import InvalidInput
from core.questions.making import GUARDED
from core.questions.types import FORMATS, Format, QuestionDraft

#: Columns of a CSV: all of them, so that a table of one question says what can be filled in.
COLUMNS: Final = ("question", "expected", "type", "scorer", "weight", "variables", "system", "options")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_DASHES: Final = re.compile(r"-{3,}")


def format_of(path: str, asked: str | None = None) -> Format:
    """The format that is asked for, else that of the path's ending. Raises InvalidInput("format", "unknown_format")."""
    name = asked or Path(path).suffix.lower().removeprefix(".")
    for known in FORMATS:
        if name == known:
            return known
    raise InvalidInput("format", "unknown_format", value=name[:20], formats=", ".join(FORMATS))


class Writer:
    """Writes a set: `head`, then `part` for some questions at a time, then `tail`. For TXT, show `look` every question first."""

    def __init__(self, kind: Format, *, name: str = "", note: str = "", tags: Sequence[str] = ()) -> None:
        self.kind = kind
        self._about: dict[str, Any] = {"name": name, "note": note, "tags": list(tags)}
        self._several = False
        self._dashes = "---"
        self._first = True

    def look(self, questions: Iterable[QuestionDraft]) -> None:
        """Learn whether the texts have several lines, and which line none of them has."""
        for question in questions:
            self._several = self._several or "\n" in question.text
            for line in question.text.split("\n") if "--" in question.text else ():
                if _DASHES.fullmatch(line.strip()):
                    self._several = True
                    self._dashes = max(self._dashes, line.strip() + "-", key=len)

    def head(self) -> str:
        if self.kind == "csv":
            return "\ufeff" + _row(COLUMNS)
        if self.kind == "json":
            about = {key: value for key, value in self._about.items() if value}
            inner = "".join(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in about.items())
            return "{\n" + inner + '  "questions": ['
        return f"{self._dashes}\n" if self.kind == "txt" and self._several else ""

    def part(self, questions: Iterable[QuestionDraft]) -> str:
        return "".join(map(self._one, questions))

    def tail(self) -> str:
        return ("" if self._first else "\n  ") + "]\n}\n" if self.kind == "json" else ""

    def _one(self, question: QuestionDraft) -> str:
        if self.kind == "csv":
            return _row(_cells(question))
        if self.kind == "txt":
            return f"{question.text}\n{self._dashes}\n" if self._several else f"{question.text}\n"
        text = json.dumps(as_object(question), ensure_ascii=False)
        if self.kind == "jsonl":
            return text + "\n"
        comma, self._first = "" if self._first else ",", False
        return f"{comma}\n    {text}"


def as_object(question: QuestionDraft) -> dict[str, Any]:
    """A question as JSON: what is as always is left out."""
    every: dict[str, Any] = {
        "question": question.text,
        "expected": question.expected,
        "type": question.type or None,
        "scorer": question.scorer or None,
        "weight": _plain(question.weight) if question.weight != 1 else None,
        "variables": dict(question.variables) or None,
        "system": question.system,
        "options": dict(question.options) or None,
    }
    return {name: value for name, value in every.items() if value is not None}


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number


def _cells(question: QuestionDraft) -> list[str]:
    weight = json.dumps(_plain(question.weight)) if question.weight != 1 else ""
    return [
        question.text, question.expected or "", question.type, question.scorer, weight, _json(question.variables), question.system or "",
        _json(question.options),
    ]  # fmt: skip


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False) if value else ""


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return line.getvalue()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe in front of what begins like one. Numbers need none."""
    if cell.lstrip("'")[:1] in GUARDED and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
