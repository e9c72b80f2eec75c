"""INSERT that does not fail where the row is there already, in the words of each database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite


def ensure(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Make the row unless its primary key is taken; either way it is there now, and this transaction holds its lock.

    An upsert that changes nothing: INSERT IGNORE would take a shared lock on InnoDB, which two of them cannot both turn into a write.
    """
    keys = [column.name for column in table.primary_key.columns]
    connection.execute(_statement(connection.dialect.name, table, values, keys))


def _statement(dialect: str, table: Table, values: Mapping[str, Any], keys: list[str]) -> Insert:
    if dialect in {"mysql", "mariadb"}:
        return mysql.insert(table).values(**values).on_duplicate_key_update({key: table.c[key] for key in keys})
    if dialect == "postgresql":
        insert = postgresql.insert(table).values(**values)
        return insert.on_conflict_do_update(index_elements=keys, set_={key: insert.excluded[key] for key in keys})
    return sqlite.insert(table).values(**values).on_conflict_do_nothing(index_elements=keys)
