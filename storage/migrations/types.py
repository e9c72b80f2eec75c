"""The column types of migrations. They never change: what a migration made yesterday it makes tomorrow, whatever the tables say then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.dialects import mysql


def key_text(length: int) -> Any:
    """An identifier, compared byte by byte."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")


def exact(length: int) -> Any:
    """Text that is compared exactly."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def long_text() -> Any:
    """Text of any length."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def long_bytes() -> Any:
    """Bytes of any length."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
