"""Whether a database is in order. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from storage import schema
from storage.db import MODE
from storage.failures import as_problem
from storage.migrations import HEAD
from storage.unit_of_work import Storage

_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}


@dataclass(frozen=True, slots=True)
class Health:
    """`revision`: of the database, None if it is empty; `known`: whether this program knows it; `damage`: SQLite's words, or ""."""

    kind: str
    version: str
    revision: str | None
    newest: str
    known: bool
    damage: str


def examine(storage: Storage) -> Health:
    """Reads an SQLite file through. Raises a StorageProblem if the database cannot be read at all."""
    engine = storage.engine
    revision = schema.current(engine)
    with as_problem(engine), engine.connect().execution_options(**{MODE: "read"}) as connection:
        version = str(connection.scalar(text(_VERSION.get(engine.dialect.name, "SELECT version()"))))
        damage = str(connection.scalar(text("PRAGMA quick_check(1)"))) if storage.is_sqlite else "ok"
        connection.rollback()
    known = revision in (None, HEAD) or schema.is_known(engine, revision)
    return Health(engine.dialect.name, version, revision, HEAD, known, "" if damage == "ok" else damage)
