"""Consistent copies of a database in use. A copied file can be corrupt; SQLite's backup API never is."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Engine

from storage.errors import Full
from storage.files import private_database, private_folder

FOLDER = "backups"
#: How many copies from before migrations are kept.
KEPT = 3
_PAGES_A_STEP = 4096


def copy_before(engine: Engine, revision: str | None) -> Path | None:
    """A copy of an SQLite database from before its migration to `revision`, in "backups" beside it; None for other databases.

    Only the newest few are kept. Raises Full if there is not room for it.
    """
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    source = Path(name)
    folder = source.parent / FOLDER
    private_folder(folder, ours=(source.name,))
    size = source.stat().st_size
    if shutil.disk_usage(folder).free < size * 1.1 + (8 << 20):
        raise Full(path=str(folder))
    known = sorted(folder.glob(f"{source.stem}-*-before-*.db"))
    number = 1 + max((int(path.name.removeprefix(f"{source.stem}-").partition("-")[0]) for path in known), default=0)
    target = folder / f"{source.stem}-{number:04d}-before-{revision or 'base'}.db"
    copy_sqlite(source, target)
    for old in known[: max(0, len(known) + 1 - KEPT)]:
        old.unlink(missing_ok=True)
    return target


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy the database at `source` to `target` (0600), consistent while others write; whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    private_database(partial)
    reader, writer = sqlite3.connect(source), sqlite3.connect(partial)
    try:
        reader.backup(writer, pages=_PAGES_A_STEP)
        # The copy is one file: nothing of it may stay in a -wal beside it.
        writer.execute("PRAGMA journal_mode=DELETE")
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        reader.close()
        writer.close()
    partial.replace(target)
