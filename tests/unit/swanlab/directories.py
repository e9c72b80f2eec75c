"""Log directories as SwanLab 0.10.3 writes them, made by tests: the database, metric files, configuration, metadata."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from core.swanlab import database

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Curve = Sequence[tuple[int, float]]


def connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "runs.swanlab", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def make_project(folder: Path, name: str = "modeltrain") -> Path:
    """An empty project."""
    folder.mkdir(parents=True)
    database.create(folder)
    now = NOW.isoformat()
    with closing(connect(folder)) as connection:
        connection.execute(
            "INSERT INTO project (id, name, sum, charts, pinned_opened, hidden_opened, version, create_time, update_time)"
            " VALUES (1, ?, 0, 1, 1, 0, '0.10.3', ?, ?)",
            (name, now, now),
        )
    return folder


def add_experiment(
    folder: Path,
    name: str,
    *,
    days_ago: float = 0,
    status: int = 1,
    curves: Mapping[str, Curve] | None = None,
    output: str = "",
    pid: int = 0,
    host: str | None = None,
) -> str:
    """An experiment with its rows and files as swanlab/deprecated/local.py writes them; the name of its folder."""
    made = NOW - timedelta(days=days_ago)
    now = made.isoformat()
    with closing(connect(folder)) as connection:
        (number,) = connection.execute("SELECT coalesce(max(sort), 0) + 1 FROM experiment").fetchone()
        run_id = f"run-{made:%Y%m%d_%H%M%S}-{number:08d}"
        connection.execute("UPDATE project SET sum = ?", (number,))
        row = connection.execute(
            "INSERT INTO experiment (project_id, run_id, name, description, sort, status, show, pinned_opened, hidden_opened, version,"
            " create_time, finish_time, update_time) VALUES (1, ?, ?, '', ?, ?, 1, 1, 0, '0.10.3', ?, ?, ?)",
            (run_id, name, number, status, now, now if status else None, now),
        ).lastrowid
        for place, (tag, points) in enumerate((curves or {}).items(), 1):
            _add_curve(connection, folder / run_id, int(row or 0), tag, points, place, now)
    files = folder / run_id / "files"
    files.mkdir(parents=True, exist_ok=True)
    config = {"output_dir": {"desc": "", "sort": 1, "value": output}, "learning_rate": {"desc": "", "sort": 0, "value": 5e-05}}
    (files / "config.yaml").write_text("\n" + yaml.safe_dump(config))
    runtime = {"pid": pid or 1 << 22, "hostname": platform.node() if host is None else host}
    (files / "swanlab-metadata.json").write_text(json.dumps({"_version": 2, "runtime": runtime}))
    return run_id


def _add_curve(connection: sqlite3.Connection, own: Path, row: int, tag: str, points: Curve, place: int, now: str) -> None:
    def insert(table: str, **values: Any) -> int:
        values |= {"create_time": now, "update_time": now}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return int(connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values())).lastrowid or 0)

    def once(table: str, **values: Any) -> int:
        where = " AND ".join(f"{name} = ?" for name in values if name in ("experiment_id", "project_id", "name"))
        keys = [value for name, value in values.items() if name in ("experiment_id", "project_id", "name")]
        found = connection.execute(f"SELECT id FROM {table} WHERE {where}", keys).fetchone()
        return int(found[0]) if found else insert(table, **values)

    tag_id = insert("tag", experiment_id=row, name=tag, folder=str(place), type="line", system=0, sort=place - 1)
    for owner in ({"experiment_id": row}, {"project_id": 1}):
        namespace = once("namespace", **owner, name="default", sort=0, opened=1)
        known = connection.execute("SELECT count(*) FROM chart WHERE name = ? AND project_id = 1", (tag,)).fetchone()[0]
        chart = once("chart", **owner, name=tag, system=0, type="line", reference="step", status=0)
        if "experiment_id" in owner or not known:
            insert("display", chart_id=chart, namespace_id=namespace, sort=place - 1)
        insert("source", tag_id=tag_id, chart_id=chart, sort=0)
    write_curve(own / "logs" / str(place), points)


def write_curve(folder: Path, points: Curve) -> None:
    """The metric files of one tag: a thousand steps in each."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(points), 1000):
        lines = [json.dumps({"index": step, "data": value, "create_time": NOW.isoformat()}) for step, value in points[start : start + 1000]]
        (folder / f"{start + 1000}.log").write_text("\n".join(lines) + "\n")


def counted(folder: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(connect(folder)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = ("project", "experiment", "tag", "chart", "namespace", "display", "source")
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def age(path: Path, seconds: float) -> None:
    """Make every file below `path` so much older."""
    for found in (path, *path.rglob("*")):
        info = found.stat()
        os.utime(found, (info.st_atime - seconds, info.st_mtime - seconds))
