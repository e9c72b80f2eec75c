"""SwanLab's `runs.swanlab`, an SQLite file in WAL mode that trainers and dashboards write: read without writing, changed shortly.

The layout is that of swanboard 0.1.10b2 (db/models/*.py). Rows are mappings by column, since other versions have other columns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from core.errors import EnvironmentProblem

FILE: Final = "runs.swanlab"
#: Seconds that a reader waits for somebody who holds the file. SwanLab's own writers wait five.
WAIT_S: Final = 3.0
_TABLES: Final = frozenset({"project", "experiment", "tag", "chart", "namespace", "source", "display"})
#: Of these the rows of an experiment go along, each by the column that leads to it.
_BY_EXPERIMENT: Final = ("tag", "chart", "namespace")
Row = dict[str, Any]


def is_there(folder: Path) -> bool:
    """Whether `folder` holds a database of SwanLab (a file of its own, not a link to another)."""
    file = folder / FILE
    return file.is_file() and not file.is_symlink()


def create(folder: Path) -> None:
    """Make an empty database in `folder`. Raises EnvironmentProblem(swanlab_unreadable)."""
    from core.swanlab.layout import LAYOUT

    try:
        (folder / FILE).touch(mode=0o600)
        with closing(sqlite3.connect(folder / FILE, timeout=WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("BEGIN IMMEDIATE")
            for statement in LAYOUT:
                connection.execute(statement)
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise EnvironmentProblem(what="swanlab_unreadable", path=str(folder)) from error


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of a log directory, for reading. Raises EnvironmentProblem, what=swanlab_(missing|damaged|foreign|busy|unreadable)."""
    with _opened(folder, "mode=ro") as connection:
        yield connection


@contextmanager
def writing(folder: Path) -> Iterator[sqlite3.Connection]:
    """The same with the write lock held, in one transaction: committed at the end, undone by any exception."""
    with _opened(folder, "mode=rw") as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


@contextmanager
def _opened(folder: Path, mode: str) -> Iterator[sqlite3.Connection]:
    if not is_there(folder):
        raise EnvironmentProblem(what="swanlab_missing", path=str(folder))
    # Never immutable: whoever reads so while a trainer writes may see halves of pages.
    address = f"file:{quote(str(folder / FILE))}?{mode}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=WAIT_S, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = _text
            _check(connection, folder)
            yield connection
    except sqlite3.Error as error:
        raise EnvironmentProblem(what=_what(error), path=str(folder)) from error


def _check(connection: sqlite3.Connection, folder: Path) -> None:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names >= _TABLES:
        raise EnvironmentProblem(what="swanlab_foreign", path=str(folder))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _what(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "swanlab_busy"
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL):
        return "swanlab_unreadable"
    return "swanlab_damaged"


def rows(connection: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> list[Row]:
    return [dict(row) for row in connection.execute(query, values)]


def project_row(connection: sqlite3.Connection) -> Row | None:
    """The directory's one project."""
    found = rows(connection, "SELECT * FROM project ORDER BY id LIMIT 1")
    return found[0] if found else None


def experiment_rows(connection: sqlite3.Connection) -> list[Row]:
    """All experiments, the newest first."""
    return rows(connection, "SELECT * FROM experiment ORDER BY create_time DESC, id DESC")


def experiment_row(connection: sqlite3.Connection, experiment_id: str) -> Row | None:
    """One by the name of its folder."""
    found = rows(connection, "SELECT * FROM experiment WHERE run_id = ?", (experiment_id,))
    return found[0] if found else None


def tag_rows(connection: sqlite3.Connection) -> dict[int, list[Row]]:
    """The tags of all experiments by the experiment's row id, in SwanLab's order."""
    found: dict[int, list[Row]] = {}
    for row in rows(connection, "SELECT * FROM tag ORDER BY experiment_id, sort, id"):
        found.setdefault(row["experiment_id"], []).append(row)
    return found


# What belongs to an experiment -------------------------------------------------------------------------------------------


def taken_out(connection: sqlite3.Connection, row_id: int) -> dict[str, list[Row]]:
    """Every row that belongs to an experiment alone, by table: what an archive keeps."""
    kept = {"experiment": rows(connection, "SELECT * FROM experiment WHERE id = ?", (row_id,))}
    for table in _BY_EXPERIMENT:
        kept[table] = rows(connection, f"SELECT * FROM {table} WHERE experiment_id = ? ORDER BY id", (row_id,))  # noqa: S608 - fixed names
    kept["display"] = rows(
        connection,
        "SELECT display.* FROM display JOIN chart ON chart.id = display.chart_id WHERE chart.experiment_id = ? ORDER BY display.id",
        (row_id,),
    )
    kept["source"] = rows(
        connection,
        "SELECT source.* FROM source JOIN chart ON chart.id = source.chart_id WHERE chart.experiment_id = ? ORDER BY source.id",
        (row_id,),
    )
    return kept


def remove_rows(connection: sqlite3.Connection, row_ids: Sequence[int]) -> None:
    """Delete experiments with all that hangs on them, and the project's charts that are left without any source (as swanboard does)."""
    for row_id in row_ids:
        connection.execute("DELETE FROM experiment WHERE id = ?", (row_id,))
    connection.execute("DELETE FROM chart WHERE project_id IS NOT NULL AND id NOT IN (SELECT chart_id FROM source)")


class Restorer:
    """Puts the rows of an archived experiment back under new ids, into the directory's project, which is made where there is none."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in _TABLES}

    def project(self, row: Mapping[str, Any]) -> int:
        there = project_row(self._connection)
        return int(there["id"]) if there is not None else self._insert("project", {**row, "id": 1, "sum": 0})

    def experiment(self, kept: Mapping[str, Sequence[Mapping[str, Any]]], project_id: int, name: str) -> None:
        """`kept`: as `taken_out` gave it. Its place in the project's order is a new one at the end: its old one may be taken."""
        self._connection.execute("UPDATE project SET sum = coalesce(sum, 0) + 1 WHERE id = ?", (project_id,))
        place = self._value(
            "SELECT max(p.sum, coalesce((SELECT max(sort) + 1 FROM experiment WHERE project_id = p.id), 0)) FROM project p WHERE p.id = ?",
            project_id,
        )
        self._connection.execute("UPDATE project SET sum = ? WHERE id = ?", (place, project_id))
        row = {**kept["experiment"][0], "project_id": project_id, "name": name, "sort": place}
        own = self._insert("experiment", row)
        ids = {
            table: {item["id"]: self._insert(table, {**item, "experiment_id": own, "project_id": None}) for item in kept[table]}
            for table in ("namespace", "chart", "tag")
        }
        for item in kept["display"]:
            self._insert("display", _led(item, chart_id=ids["chart"], namespace_id=ids["namespace"]))
        for item in kept["source"]:
            self._insert("source", _led(item, chart_id=ids["chart"], tag_id=ids["tag"]))
        for tag in kept["tag"]:
            self._into_project(ids["tag"][tag["id"]], tag, project_id)

    def _into_project(self, tag_id: int, tag: Mapping[str, Any], project_id: int) -> None:
        """Have a line in the project's chart of the same name again, which is made where the last one that had it was removed."""
        now = {"create_time": tag["create_time"], "update_time": tag["update_time"]}
        found = rows(self._connection, "SELECT id FROM chart WHERE project_id = ? AND name = ?", (project_id, tag["name"]))
        chart = {"project_id": project_id, "experiment_id": None, "name": tag["name"], "type": tag["type"], "system": 0, "status": 0}
        if found:
            chart_id = int(found[0]["id"])
        else:
            chart_id = self._insert("chart", {**chart, "reference": "step", **now})
            self._show(chart_id, project_id, now)
        self._insert("source", {"tag_id": tag_id, "chart_id": chart_id, "sort": 0, "error": "", "more": None, **now})

    def _show(self, chart_id: int, project_id: int, now: Mapping[str, Any]) -> None:
        found = rows(self._connection, "SELECT id FROM namespace WHERE project_id = ? AND name = 'default'", (project_id,))
        namespace = {"project_id": project_id, "experiment_id": None, "name": "default", "sort": 0, "opened": 1, **now}
        namespace_id = int(found[0]["id"]) if found else self._insert("namespace", namespace)
        sort = self._value("SELECT coalesce(max(sort) + 1, 0) FROM display WHERE namespace_id = ?", namespace_id)
        self._insert("display", {"chart_id": chart_id, "namespace_id": namespace_id, "sort": sort, "more": "", **now})

    def _value(self, query: str, row_id: int) -> int:
        return int(self._connection.execute(query, (row_id,)).fetchone()[0])

    def _insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Add what `row` has of the table's columns, under a new id unless it is the project; other columns get their default."""
        names = [name for name in self._columns[table] if name in row and (name != "id" or table == "project")]
        marks = ", ".join("?" for _name in names)
        quoted = ", ".join(f'"{name}"' for name in names)
        query = f"INSERT INTO {table} ({quoted}) VALUES ({marks})"  # noqa: S608 - names of the table itself
        added = self._connection.execute(query, [row[name] for name in names]).lastrowid
        return int(added or 0)


def _led(row: Mapping[str, Any], **ids: Mapping[int, int]) -> Row:
    """`row` with its references changed to the new ids."""
    return {**row, **{column: new[row[column]] for column, new in ids.items()}}
