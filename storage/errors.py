"""What can go wrong with the place where things are kept. core/errors.py gives these their place in the one tree.

Storage knows nothing of core, so it raises its own small set; `core.persistence` translates them, one to one.
"""

from __future__ import annotations


class StorageProblem(Exception):
    """Root of storage's own errors. `code` equals the code of the core error it becomes; `fields` hold no secret."""

    code = "storage"

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.code)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.code} ({shown})" if shown else self.code


class Busy(StorageProblem):
    """Locked for longer than we wait, or still in a deadlock after several tries."""

    code = "database_busy"


class ReadOnly(StorageProblem):
    """`path`: the database file, for SQLite."""

    code = "database_read_only"


class Unreachable(StorageProblem):
    """`reason`: cannot_open, no_server, lost, credentials, no_database, driver_missing, bad_url. `server` has no password."""

    code = "database_unreachable"


class Full(StorageProblem):
    """`path`: the database file, for SQLite."""

    code = "disk_full"


class TooNew(StorageProblem):
    """`found`: the revision in the database; `known`: the newest this program knows."""

    code = "database_too_new"


class Damaged(StorageProblem):
    """`path`: the database file, for SQLite."""

    code = "database_damaged"


class KeyMissing(StorageProblem):
    """`source`: where the master key was looked for; `reason`: missing, malformed, wrong (not the key that the data was
    sealed under) or exposed (the file may be read by others; then `mode` is its octal permissions)."""

    code = "master_key_missing"


class Undecryptable(StorageProblem):
    """A sealed value does not open: it was changed, or belongs to another row. `identity`: the row's."""

    code = "secret_unreadable"


class AlreadyThere(StorageProblem):
    """A unique value was taken. `constraint`: its name where the database tells it, `column`: the first column of it, or ""."""

    code = "conflict"


class Gone(StorageProblem):
    """A row refers to one that is not there (any more). `kind`: the table that was written to."""

    code = "not_found"
