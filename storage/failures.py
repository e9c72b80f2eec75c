"""What a driver raised, as one of storage/errors.py. Each database says the same thing in its own words.

Sources of the codes: sqlite.org/rescode.html; appendix A "PostgreSQL Error Codes"; MariaDB's "MariaDB Error Codes".
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage import errors

#: Work that met one of these is run again: the database chose it as the victim of a deadlock or of a conflict.
_AGAIN_POSTGRESQL = frozenset({"40001", "40P01"})
_AGAIN_MYSQL = frozenset({1020, 1213})

_SQLITE: dict[int, type[errors.StorageProblem]] = {
    sqlite3.SQLITE_BUSY: errors.Busy,
    sqlite3.SQLITE_LOCKED: errors.Busy,
    sqlite3.SQLITE_READONLY: errors.ReadOnly,
    sqlite3.SQLITE_PERM: errors.ReadOnly,
    sqlite3.SQLITE_FULL: errors.Full,
    sqlite3.SQLITE_CORRUPT: errors.Damaged,
    sqlite3.SQLITE_NOTADB: errors.Damaged,
}
_SQLITE_UNIQUE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
#: Extended codes of SQLITE_IOERR that mean "could not write here": a full disk or a quota, on file systems that do not say ENOSPC.
_SQLITE_WRITE_FAILED = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_SHMSIZE})

_MYSQL: dict[int, type[errors.StorageProblem]] = {
    **dict.fromkeys((1020, 1205, 1213), errors.Busy),
    **dict.fromkeys((1290, 1792, 1836), errors.ReadOnly),
    **dict.fromkeys((3, 28, 1021, 1026, 1114), errors.Full),
    **dict.fromkeys((126, 127, 134, 144, 145, 1034, 1035, 1194, 1195), errors.Damaged),
}
_MYSQL_UNREACHABLE = {
    **dict.fromkeys((1044, 1045, 1142, 1698), "credentials"),
    1049: "no_database",
    **dict.fromkeys((1040, 1203, 2002, 2003, 2005), "no_server"),
    **dict.fromkeys((1053, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 2055, 4031), "lost"),
}


def classify(error: Exception, engine: Engine) -> errors.StorageProblem | None:
    """The storage error that `error` is, or None for anything that is not the database's doing (a fault of ours)."""
    if isinstance(error, errors.StorageProblem):
        return error
    if isinstance(error, PoolTimeout):
        return errors.Busy()
    raw = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(raw, sqlite3.Error):
        return _sqlite(raw, engine)
    if not isinstance(error, SQLAlchemyError) or raw is None:
        return None
    if engine.dialect.name == "postgresql":
        return _postgresql(raw, engine)
    if engine.dialect.name in {"mysql", "mariadb"}:
        return _mysql(raw, engine)
    return None


@contextmanager
def as_problem(engine: Engine) -> Iterator[None]:
    """What the drivers raise inside comes out as one of storage/errors.py."""
    try:
        yield
    except OSError as error:
        raise of_file(error) from error
    except Exception as error:
        problem = classify(error, engine)
        if problem is None or problem is error:
            raise
        raise problem from error


def of_file(error: OSError) -> errors.StorageProblem:
    """What the operating system said about a file of ours that could not be written."""
    path = str(error.filename or "")
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return errors.Full(path=path)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return errors.ReadOnly(path=path)
    return errors.StorageProblem(path=path, message=error.strerror or "")


def worth_again(error: Exception) -> bool:
    """Whether the database gave this transaction up for another's sake, so that running it again may well succeed."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    if getattr(error.orig, "sqlstate", None) in _AGAIN_POSTGRESQL:
        return True
    first = error.orig.args[0] if error.orig.args else None
    return type(error.orig).__module__.startswith("pymysql") and first in _AGAIN_MYSQL


def server_of(engine: Engine) -> str:
    """Where the server is, for a person to read: never the password."""
    url = engine.url
    return f"{url.host or 'localhost'}:{url.port}" if url.port else (url.host or "localhost")


def _sqlite(error: sqlite3.Error, engine: Engine) -> errors.StorageProblem | None:
    extended = getattr(error, "sqlite_errorcode", None)
    path = engine.url.database or ""
    if extended is None:
        return None
    if extended in _SQLITE_UNIQUE:
        return _taken_sqlite(str(error))
    if extended == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return errors.Gone(kind="", reference="")
    primary = extended & 0xFF
    if primary == sqlite3.SQLITE_CANTOPEN:
        # Beside the file SQLite needs two more: a folder that takes none is what is wrong, on a disk that is mounted read-only too.
        closed = Path(path).is_file() and not os.access(Path(path).parent, os.W_OK, effective_ids=True)
        return errors.ReadOnly(path=str(Path(path).parent)) if closed else errors.Unreachable(reason="cannot_open", path=path)
    if extended in _SQLITE_WRITE_FAILED or (primary == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
        return errors.Full(path=path)
    kind = _SQLITE.get(primary)
    if kind is not None:
        return kind() if kind is errors.Busy else kind(path=path)
    return errors.StorageProblem(path=path, sqlite=error.sqlite_errorname) if primary == sqlite3.SQLITE_IOERR else None


def _disk_is_full(path: str) -> bool:
    import shutil

    try:
        return shutil.disk_usage(Path(path).parent).free < 1 << 20
    except OSError:
        return False


def _taken_sqlite(message: str) -> errors.AlreadyThere:
    """SQLite names columns ("UNIQUE constraint failed: t.a, t.b") and no constraint: ours follow from the naming convention."""
    table, columns = "", []
    for name in message.partition(": ")[2].split(", "):
        table, _, column = name.partition(".")
        columns.append(column)
    if "PRIMARY" in message or not any(columns):
        return errors.AlreadyThere(constraint="", column="")
    return errors.AlreadyThere(constraint=f"uq_{table}_{'_'.join(columns)}", column=columns[0])


def _column_of(constraint: str) -> str:
    """The first column of a unique constraint or a primary key of ours, by its name."""
    from storage.tables import metadata

    for table in metadata.sorted_tables:
        for known in (*table.constraints, *table.indexes):
            if isinstance(known, UniqueConstraint | PrimaryKeyConstraint | Index) and known.name == constraint:
                return next((column.name for column in known.columns), "")
    return ""


def _postgresql(error: BaseException, engine: Engine) -> errors.StorageProblem | None:
    state = getattr(error, "sqlstate", None)
    if state is None:
        return errors.Unreachable(**_why_no_postgresql(str(error)), server=server_of(engine))
    diagnostics = getattr(error, "diag", None)
    if state == "23505":
        constraint = str(getattr(diagnostics, "constraint_name", "") or "")
        return errors.AlreadyThere(constraint=constraint, column=_column_of(constraint))
    if state == "23503":
        return errors.Gone(kind=str(getattr(diagnostics, "table_name", "") or ""), reference="")
    if state in _AGAIN_POSTGRESQL or state in {"55P03", "57014", "53300"}:
        return errors.Busy()
    if state in {"25006", "42501"}:
        return errors.ReadOnly(server=server_of(engine))
    if state in {"53100", "53200"}:
        return errors.Full(server=server_of(engine))
    if state.startswith("XX00") and state != "XX000":
        return errors.Damaged(server=server_of(engine))
    if state == "3D000":
        return errors.Unreachable(reason="no_database", server=server_of(engine))
    if state.startswith("28"):
        return errors.Unreachable(reason="credentials", server=server_of(engine))
    if state.startswith(("08", "57P")):
        return errors.Unreachable(reason="lost", server=server_of(engine))
    return None


def _why_no_postgresql(message: str) -> dict[str, str]:
    """libpq tells a failed connection in words only (those of the server come untranslated, with FATAL)."""
    if "password authentication failed" in message or "no pg_hba.conf entry" in message or "no password supplied" in message:
        return {"reason": "credentials"}
    if re.search(r'database ".*" does not exist', message):
        return {"reason": "no_database"}
    if "server closed the connection" in message or "connection is lost" in message or "the connection is closed" in message:
        return {"reason": "lost"}
    return {"reason": "no_server"}


def _mysql(error: BaseException, engine: Engine) -> errors.StorageProblem | None:
    code = error.args[0] if error.args else None
    text = str(error.args[1]) if len(error.args) > 1 else ""
    if code in {1062, 1586}:
        return _taken_mysql(text)
    if code in {1216, 1217, 1451, 1452}:
        found = re.search(r"`\.`([^`]+)`, CONSTRAINT", text)
        return errors.Gone(kind=found.group(1) if found else "", reference="")
    if code in _MYSQL_UNREACHABLE:
        return errors.Unreachable(reason=_MYSQL_UNREACHABLE[code], server=server_of(engine))
    if code in _MYSQL:
        kind = _MYSQL[code]
        return kind() if kind is errors.Busy else kind(server=server_of(engine))
    if type(error).__name__ == "InterfaceError":
        return errors.Unreachable(reason="lost", server=server_of(engine))
    return None


def _taken_mysql(message: str) -> errors.AlreadyThere:
    """ "Duplicate entry '...' for key 'name'": the entry may hold anything, so the name is read from the end."""
    name = message.rpartition(" for key ")[2].strip("'").rpartition(".")[2]
    return errors.AlreadyThere(constraint="" if name == "PRIMARY" else name, column=_column_of(name))
