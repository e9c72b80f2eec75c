"""Bringing a database to the revision of this program, and back. Alembic is imported only where there is something to do.

Two processes that start at once do it once: SQLite's write lock, an advisory lock of PostgreSQL, or GET_LOCK of MySQL is held from the
second look at the revision to the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from storage.backup import copy_before
from storage.db import MODE
from storage.errors import Busy, Damaged, TooNew
from storage.failures import as_problem, classify
from storage.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

BASE = "base"
#: Seconds to wait for another process that is migrating.
TURN_S = 300
_LOCK_NAME = "modeltrain_schema"
_LOCK_NUMBER = 0x6D6F64656C74  # "modelt": PostgreSQL wants a number
_FOLDER = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Migrated:
    """From which revision (None: an empty database) to which; `copy`: the copy of an SQLite file made before."""

    found: str | None
    now: str | None
    copy: Path | None = None


def current(engine: Engine) -> str | None:
    """The revision of the database, or None for one without tables of ours. Raises a StorageProblem."""
    with as_problem(engine), engine.connect().execution_options(**{MODE: "read"}) as connection:
        return _revision(connection)


def is_known(engine: Engine, revision: str | None) -> bool:
    """Whether `revision` is in our history; if not, a newer program made it."""
    from alembic.script import ScriptDirectory

    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(make_config(connection))
    return revision in {script.revision for script in scripts.walk_revisions()}


def upgrade(engine: Engine, *, versions: Path | None = None) -> Migrated:
    """Bring the database to the newest revision. `versions`: a folder of more migrations (tests). Raises TooNew, Damaged, ...

    If anything fails, the database is as it was before (on MySQL, whose DDL cannot be rolled back, as after the last whole migration).
    """
    found = current(engine)
    if found == HEAD and versions is None:
        return Migrated(found, found)
    return _migrate(engine, "head", versions)


def downgrade(engine: Engine, revision: str, *, versions: Path | None = None) -> Migrated:
    """Go back to `revision` ("base": no tables at all)."""
    return _migrate(engine, revision, versions)


def _migrate(engine: Engine, target: str, versions: Path | None) -> Migrated:
    from alembic import command
    from alembic.script import ScriptDirectory

    with as_problem(engine), _turn(engine) as connection:
        config = make_config(connection, versions)
        scripts = ScriptDirectory.from_config(config)
        found = _revision(connection)
        _know(found, scripts)
        head = scripts.get_current_head()
        goal = head if target == "head" else None if target == BASE else target
        if found == goal:
            return Migrated(found, found)
        going_up = target == "head"
        if found is None:
            _clear_leftovers(connection)
        copy = copy_before(engine, goal) if found is not None else None
        with _rows_kept(connection, _free_to_change(scripts, found, goal, going_up)):
            (command.upgrade if going_up else command.downgrade)(config, target)
        return Migrated(found, _revision(connection), copy)


def make_config(connection: Connection, versions: Path | None = None, **attributes: Any) -> Config:
    """Alembic's configuration for `connection`, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    if versions is not None:
        config.set_main_option("version_locations", f"{_FOLDER / 'versions'}\n{versions}".replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes.update(attributes)
    return config


def _revision(connection: Connection) -> str | None:
    try:
        with connection.begin_nested() if connection.dialect.name == "postgresql" else contextlib.nullcontext():
            found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608  (a constant)
        return None if found is None else str(found)
    except DBAPIError as error:
        if classify(error, connection.engine) is not None or inspect(connection).has_table(_VERSION_TABLE):
            raise
        return None


def _know(found: str | None, scripts: ScriptDirectory) -> None:
    """Raise TooNew for a revision that is not in our history: only a newer program can have made it."""
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise TooNew(found=found, known=scripts.get_current_head() or "")


def _clear_leftovers(connection: Connection) -> None:
    """Where DDL cannot be rolled back, a first start that was cut off leaves empty tables: remove them. Refuse any with rows."""
    from storage.tables import metadata

    there = set(inspect(connection).get_table_names()) & set(metadata.tables)
    counts = _counts(connection, there)
    if any(counts.values()):
        raise Damaged(reason="not_ours", path=connection.engine.url.database or "")
    for table in reversed(metadata.sorted_tables):
        if table.name in there:
            table.drop(connection)


def _free_to_change(scripts: ScriptDirectory, found: str | None, goal: str | None, going_up: bool) -> set[str]:
    """The tables whose number of rows the migrations on the way are meant to change."""
    upper, lower = (goal, found) if going_up else (found, goal)
    passed = scripts.iterate_revisions(upper or BASE, lower or BASE)
    return {table for script in passed for table in getattr(script.module, "ROWS_CHANGE", ())}


@contextlib.contextmanager
def _rows_kept(connection: Connection, free: set[str]) -> Iterator[None]:
    """Raise Damaged (and so roll back) if tables that were there and still are have other numbers of rows, or references hang."""
    tables = set(inspect(connection).get_table_names()) - {_VERSION_TABLE} - free
    before = _counts(connection, tables)
    yield
    still = tables & set(inspect(connection).get_table_names())
    changed = sorted(name for name, count in _counts(connection, still).items() if count != before[name])
    if changed:
        raise Damaged(reason="rows_lost", tables=", ".join(changed))
    if connection.dialect.name == "sqlite" and (hanging := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
        raise Damaged(reason="references", tables=", ".join(sorted({str(row[0]) for row in hanging})))


def _counts(connection: Connection, tables: set[str]) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote
    return {name: connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one() for name in sorted(tables)}  # noqa: S608


@contextlib.contextmanager
def _turn(engine: Engine) -> Iterator[Connection]:
    """A connection with the lock of the database and a transaction, committed at the end or rolled back."""
    locks: dict[str, Callable[[Connection], contextlib.AbstractContextManager[None]]] = {
        "sqlite": _sqlite_lock,
        "postgresql": _postgresql_lock,
    }
    with engine.connect() as connection, locks.get(engine.dialect.name, _mysql_lock)(connection), connection.begin():
        yield connection


@contextlib.contextmanager
def _sqlite_lock(connection: Connection) -> Iterator[None]:
    """Foreign keys off (only possible outside a transaction); the transaction that follows begins IMMEDIATE and is the lock."""
    driver = connection.connection.driver_connection
    assert driver is not None
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout={TURN_S * 1000}")
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
        driver.execute(f"PRAGMA busy_timeout={patience}")


@contextlib.contextmanager
def _postgresql_lock(connection: Connection) -> Iterator[None]:
    patience = connection.execute(text("SHOW lock_timeout")).scalar_one()
    connection.execute(text(f"SET lock_timeout = '{TURN_S}s'"))
    connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _LOCK_NUMBER})
    connection.commit()
    try:
        yield
    finally:
        connection.execute(text(f"SET lock_timeout = '{patience}'"))
        connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _LOCK_NUMBER})
        connection.commit()


@contextlib.contextmanager
def _mysql_lock(connection: Connection) -> Iterator[None]:
    database = connection.engine.url.database
    name = {"name": f"{_LOCK_NAME}_{database}"[:64], "seconds": TURN_S}
    if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), name).scalar() != 1:
        raise Busy()
    connection.commit()
    try:
        yield
    finally:
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), name)
        connection.commit()
