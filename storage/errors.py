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


class Busy(StorageProblem):
    code = "database_busy"


class ReadOnly(StorageProblem):
    code = "database_read_only"


class Unreachable(StorageProblem):
    code = "database_unreachable"


class Full(StorageProblem):
    code = "disk_full"


class TooNew(StorageProblem):
    code = "database_too_new"


class Damaged(StorageProblem):
    code = "database_damaged"


class KeyMissing(StorageProblem):
    code = "master_key_missing"


class Undecryptable(StorageProblem):
    code = "secret_unreadable"


class AlreadyThere(StorageProblem):
    """A unique value was taken. `constraint`: the name of the constraint where the database tells it."""

    code = "conflict"
