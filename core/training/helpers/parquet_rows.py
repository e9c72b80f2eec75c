"""Rows of a Parquet file as JSON.

`parquet_rows.py PATH` writes every row as a line of JSON to standard output, a few thousand in memory at a time. Without an argument it
answers {"path", "start", "count"} or {"path", "numbers": [...]} -> {"rows": [JSON text], "total": rows in the file}.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from protocol import Refusal, serve

_BATCH = 2000
#: Rows that one answer may have.
_MOST = 5000


def rows(path: str) -> Iterator[dict[str, Any]]:
    """Every row."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            yield from batch.to_pylist()


def page(question: dict[str, Any]) -> dict[str, Any]:
    """Some rows. Groups of rows before them are not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(question["path"]) as file:
            total = file.metadata.num_rows
            numbers = question.get("numbers") or range(question.get("start", 0), question.get("start", 0) + question.get("count", 0))
            wanted = [number for number in numbers if 0 <= number < total][:_MOST]
            return {"rows": _picked(file, wanted), "total": total}
    except (OSError, pa.ArrowInvalid) as error:
        raise Refusal("parquet_unreadable", message=str(error)[:500]) from error


def _picked(file: Any, wanted: list[int]) -> list[str]:
    found, begin, todo = [], 0, list(wanted)
    for group in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        mine = [number - begin for number in todo if begin <= number < begin + size]
        if mine:
            found += [as_json(row) for row in file.read_row_group(group).take(mine).to_pylist()]
        begin += size
    return found


def as_json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)):
        return str(value)
    return repr(value)


def main() -> None:
    """All rows, as lines."""
    write = sys.stdout.buffer.write
    for row in rows(sys.argv[1]):
        write(as_json(row).encode("utf-8", "surrogatepass") + b"\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main()
    else:
        serve(page)
