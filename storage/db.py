"""An engine for each kind of database: SQLite (the default), PostgreSQL, MySQL and MariaDB. No engine is made at import.

SQLite gets WAL, a busy timeout, foreign keys, and BEGIN IMMEDIATE for every unit of work that writes: a deferred transaction that
reads before it writes fails with SQLITE_BUSY under load, an immediate one waits its turn.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from storage.errors import Unreachable

#: Seconds that a statement waits for a lock before it gives up.
BUSY_TIMEOUT_S = 10.0
#: Seconds until a server that does not answer counts as unreachable.
CONNECT_TIMEOUT_S = 10
CACHE_KIB = 8000
#: Execution option of a connection: "write" takes SQLite's lock at BEGIN, "read" does not.
MODE = "modeltrain_mode"
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite",
}
_KNOWN = {*_DRIVERS.values(), "sqlite+pysqlite"}
#: The optional dependencies of pyproject.toml that bring the driver.
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def parse_url(text: str) -> URL:
    """The SQLAlchemy URL of `text`, with our driver where none is named, and utf8mb4 for MySQL. Raises Unreachable for nonsense."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise Unreachable(reason="bad_url") from None  # the text may hold a password
    backend = url.drivername.partition("+")[0]
    if "+" not in url.drivername and backend in _DRIVERS:
        url = url.set(drivername=_DRIVERS[backend])
    if url.drivername not in _KNOWN:
        raise Unreachable(reason="bad_url", scheme=url.drivername)
    if url.get_backend_name() in {"mysql", "mariadb"}:
        url = url.update_query_dict({"charset": "utf8mb4"})
    return url


def make_engine(text: str, *, pool_size: int = 5, busy_timeout_s: float = BUSY_TIMEOUT_S, cache_kib: int = CACHE_KIB) -> Engine:
    """An engine for the database at `text`. Connects to nothing yet. `cache_kib`: pages that each connection to SQLite keeps."""
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, pool_size, busy_timeout_s, cache_kib)
    return _server_engine(url, pool_size, busy_timeout_s)


def _server_engine(url: URL, pool_size: int, busy_timeout_s: float) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    except ModuleNotFoundError as error:
        raise Unreachable(reason="driver_missing", driver=error.name or "", extra=_EXTRAS.get(url.get_backend_name(), "")) from error

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except TypeError:  # an option behind "?" that PyMySQL does not know
            raise Unreachable(reason="bad_url") from None

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            if engine.dialect.name == "postgresql":
                cursor.execute(f"SET lock_timeout = {round(busy_timeout_s * 1000)}")
            else:
                cursor.execute(f"SET innodb_lock_wait_timeout = {max(1, round(busy_timeout_s))}")
        connection.commit()

    return engine


def _sqlite_engine(url: URL, pool_size: int, busy_timeout_s: float, cache_kib: int) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY", f"cache_size=-{cache_kib}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(MODE, "write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")

    return engine


def sqlite_path(text: str) -> Path | None:
    """The file of an SQLite URL, or None for other databases and for one in memory."""
    url = parse_url(text)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return None
    return Path(url.database)
