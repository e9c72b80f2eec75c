"""Column kinds shared by all tables, and the metadata with names for every constraint (Alembic needs them on SQLite)."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import BigInteger, Dialect, ForeignKey, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: Text of any length; MySQL's TEXT ends at 64 KB.
LongText = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NO_KEY = re.compile(r"[^\x01-\x7e]")


class Key(TypeDecorator[str]):
    """Identifiers and other keys: ASCII, compared byte by byte on every database.

    Whatever else it is compared with, an id that somebody typed, is equal to no key: MySQL and MariaDB refuse to compare such a column
    with text that is not ASCII, PostgreSQL refuses NUL, and drivers refuse lone surrogates. These characters become DEL, in no key.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = mysql.VARCHAR(64, charset="ascii", collation="ascii_bin") if dialect.name in ("mysql", "mariadb") else String(64)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return _NO_KEY.sub("\x7f", value)


KeyText = Key(64)
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def exact(length: int) -> Any:
    """A string compared exactly (case, accents) on every database; MySQL's default collations do not.

    Trailing blanks still count for nothing on MySQL and MariaDB, so what must be unique is stripped before it gets here.
    """
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def primary_key() -> Any:
    return Field(sa_type=KeyText, primary_key=True)


def reference(target: str, *, cascade: bool = True, null: bool = False, index: bool = True, primary: bool = False) -> Any:
    """A foreign key to `target` ("table.column"): rows go with their parent, or let go of it where `cascade` is False."""
    key = ForeignKey(target, ondelete="CASCADE" if cascade else "SET NULL")
    arguments: dict[str, Any] = {"sa_type": KeyText, "sa_column_args": (key,), "nullable": null, "index": index}
    if primary:
        arguments |= {"primary_key": True, "index": False}
    if null:
        arguments["default"] = None
    return Field(**arguments)


def moment(*, null: bool = False, index: bool = False) -> Any:
    """Milliseconds since the epoch, UTC."""
    if null:
        return Field(default=None, sa_type=BigInteger, nullable=True, index=index)
    return Field(sa_type=BigInteger, nullable=False, index=index)


def text(*, null: bool = False) -> Any:
    if null:
        return Field(default=None, sa_type=LongText, nullable=True)
    return Field(default="", sa_type=LongText, nullable=False)


def whole_unicode(tables: MetaData) -> None:
    """Make MySQL and MariaDB keep every character and compare exactly, whatever the defaults of the server and its database are."""
    for table in tables.tables.values():
        for dialect in ("mysql", "mariadb"):
            table.kwargs.update({f"{dialect}_engine": "InnoDB", f"{dialect}_charset": "utf8mb4", f"{dialect}_collate": "utf8mb4_bin"})
