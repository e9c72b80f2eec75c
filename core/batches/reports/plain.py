"""CSV and JSON: for spreadsheets and programs. Names of columns and fields are fixed, in every language: docs/reports.md lists them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from core.sanitise import json_safe, sanitise

if TYPE_CHECKING:
    from core.batches.reports.types import Note, ReportData, Words
    from core.batches.types import Answer
    from core.scoring.figures import Figures, Interval, Spread

#: What makes a spreadsheet take a text for a formula, also behind blanks.
_ACTING: Final = ("=", "+", "-", "@", "\t", "\r")
#: Bytes that are collected before they are written.
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    get: Callable[[Answer], Any]


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)


def _code(answer: Answer) -> str | None:
    return answer.error.code if answer.error is not None and answer.state == "failed" else None


COLUMNS: Final = (
    Column("number", lambda answer: answer.question.number),
    Column("question", lambda answer: answer.question.text),
    Column("type", lambda answer: answer.question.type),
    Column("expected", lambda answer: answer.question.expected),
    Column("configuration", lambda answer: answer.configuration_name),
    Column("model", lambda answer: answer.model),
    Column("repetition", lambda answer: answer.repetition),
    Column("state", lambda answer: answer.state),
    Column("answer", lambda answer: answer.content),
    Column("reasoning", lambda answer: answer.reasoning),
    Column("score", lambda answer: answer.score.value if answer.score is not None else None),
    Column("passed", lambda answer: answer.score.passed if answer.score is not None else None),
    Column("scorer", lambda answer: answer.score.scorer if answer.score is not None else answer.question.scorer),
    Column("weight", lambda answer: answer.question.weight),
    Column("stars", lambda answer: answer.stars),
    Column("ttft_s", lambda answer: _seconds(answer.ttft_ms)),
    Column("total_s", lambda answer: _seconds(answer.total_ms)),
    Column("input_tokens", lambda answer: answer.usage.input_tokens if answer.usage is not None else None),
    Column("output_tokens", lambda answer: answer.usage.output_tokens if answer.usage is not None else None),
    Column("tokens_exact", lambda answer: answer.usage.exact if answer.usage is not None else None),
    Column("cost", lambda answer: answer.cost),
    Column("currency", lambda answer: answer.currency if answer.cost is not None else None),
    Column("attempts", lambda answer: answer.attempts),
    Column("from_cache", lambda answer: answer.from_cache),
    Column("finish", lambda answer: answer.finish),
    Column("error", _code),
    Column("answered_at", lambda answer: answer.answered_at),
    Column("answer_id", lambda answer: answer.id),
)


def write_csv(data: ReportData, words: Words, target: BinaryIO) -> tuple[Note, ...]:
    """A row an answer, with a byte order mark for Excel; RFC 4180. No text is a formula: `'` is put in front of what would be one."""
    target.write(codecs.BOM_UTF8)
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow([column.name for column in COLUMNS])
    for answer in data.answers():
        rows.writerow([_cell(column.get(answer)) for column in COLUMNS])
        if text.tell() >= _CHUNK:
            target.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    target.write(text.getvalue().encode())
    return ()


def _cell(value: Any) -> Any:
    """A value of a row. Numbers stay numbers, also negative ones."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return value
    return harmless(sanitise(str(value)))


def harmless(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula: Excel and LibreOffice show the apostrophe, and nothing happens."""
    return f"'{text}" if text.lstrip(" \n").startswith(_ACTING) else text


# JSON ------------------------------------------------------------------------------------------------------------------


def write_json(data: ReportData, words: Words, target: BinaryIO) -> tuple[Note, ...]:
    """Everything, for programs: one object, whose "answers" come last, a line each. Numbers that are none are null."""
    head = _dumped({"format": "modeltrain-batch-report", "version": 1, "made_at": data.made_at, **_about(data)}, indent=1)
    target.write(f'{head[:-2]},\n "answers": ['.encode())
    chunk: list[str] = []
    size, first = 0, True
    for answer in data.answers():
        chunk.append(f"{'' if first else ','}\n  {_dumped(_answer(answer))}")
        first, size = False, size + len(chunk[-1])
        if size >= _CHUNK:
            target.write("".join(chunk).encode())
            chunk, size = [], 0
    target.write(("".join(chunk) + "\n ]\n}\n").encode())
    return ()


def _dumped(value: Any, indent: int | None = None) -> str:
    return json_safe(json.dumps(value, ensure_ascii=False, indent=indent, default=_simple, allow_nan=False))


def _simple(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def _answer(answer: Answer) -> dict[str, Any]:
    row = {column.name: column.get(answer) for column in COLUMNS}
    if answer.score is not None:
        row["score_problem"] = answer.score.problem
        row["score_details"] = finite(dict(answer.score.details))
    return row


def finite(value: Any) -> Any:
    """`value` with null for numbers that JSON has no sign for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def _about(data: ReportData) -> dict[str, Any]:
    batch, statistics = data.batch, data.statistics
    return {
        "batch": {
            **{name: getattr(batch, name) for name in ("id", "name", "state", "set_id", "set_name", "set_version", "questions")},
            **{name: getattr(batch, name) for name in ("total", "answered", "failed", "cached", "score")},
            **{name: getattr(batch, name) for name in ("created_at", "started_at", "ended_at")},
        },
        "configurations": [{"id": each.key, "model": data.models.get(each.key, ""), **figures(each)} for each in statistics.models],
        "types": [
            {"type": each.type, "questions": each.questions, "configurations": [{"id": one.key, **figures(one)} for one in each.models]}
            for each in statistics.types
        ],
        "differences": [finite({name: getattr(test, name) for name in test.__slots__}) for test in statistics.paired],
        "confidence": statistics.confidence,
        "judge": finite({name: getattr(data.judge, name) for name in data.judge.__slots__}) if data.judge is not None else None,
    }


def figures(one: Figures) -> dict[str, Any]:
    """One configuration's figures, times in seconds. For JSON, also the command's."""
    return {
        **{name: getattr(one, name) for name in ("name", "total", "answered", "failed", "missing", "unscored")},
        "score": _interval(one.score),
        "passed": _interval(one.passes),
        "error_rate": _interval(one.error_rate),
        "ttft_s": _spread(one.ttft_ms, 1000),
        "total_s": _spread(one.total_ms, 1000),
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "tokens_per_s": one.tokens_per_s,
        "cost": {currency: float(total) for currency, total in one.cost.items()},
        "stars": one.stars,
        "corpus": dict(one.corpus),
    }


def _interval(found: Interval | None) -> dict[str, Any] | None:
    return None if found is None else {name: getattr(found, name) for name in ("value", "low", "high", "count", "method")}


def _spread(found: Spread | None, over: float) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"count": found.count, **{name: round(getattr(found, name) / over, 4) for name in ("mean", "p50", "p95", "p99", "low", "high")}}
