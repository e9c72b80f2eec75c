"""Making an installation ready: data folder, database at the right revision, keys. Safe to run at every start, by many at once."""

from __future__ import annotations

import errno
from pathlib import Path

from core.errors import DiskFull, EnvironmentProblem, ModeltrainError
from core.persistence import translated
from core.secrets import MASTER_KEY_FILE, make_box
from core.settings import Settings
from storage import schema
from storage.db import CACHE_KIB, sqlite_path
from storage.files import is_there, private_database, private_folder
from storage.rotation import prepare_keys
from storage.unit_of_work import Storage

DATABASE_FILE = "modeltrain.db"
SERVED_CACHE_KIB = 1000


@translated
def prepare(settings: Settings) -> Storage:
    """Make the data folder (0700), the database file (0600), its tables and the master key where they are missing; bring the tables up
    to date (with a copy of an SQLite file before). Returns the storage, for the caller to close.

    Raises EnvironmentProblem (folder_not_writable, not_a_folder) or a StorageError. Blocks: run it in a thread.
    """
    _folders(settings)
    storage = Storage(
        settings.database_url,
        reader_threads=settings.reader_threads,
        box=make_box(settings),
        busy_timeout_s=settings.lock_wait_s,
        # Each of several processes has several connections, and the system keeps the pages of the file anyway.
        cache_kib=SERVED_CACHE_KIB if settings.served else CACHE_KIB,
    )
    try:
        schema.upgrade(storage.engine)
        prepare_keys(storage)
    except BaseException:
        storage.close()
        raise
    return storage


def _folders(settings: Settings) -> None:
    folder = settings.data_dir
    try:
        private_folder(folder, ours=(DATABASE_FILE, MASTER_KEY_FILE))
    except OSError as error:
        raise _not_writable(folder, error) from error
    file = sqlite_path(settings.database_url)
    if file is None:
        return
    try:
        private_database(file)
    except OSError as error:
        if isinstance(error, PermissionError) and is_there(file):
            return  # it is somebody else's: the database says what can be done with it
        raise _not_writable(file.parent, error) from error


def _not_writable(folder: Path, error: OSError) -> ModeltrainError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(path=str(folder))
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), folder)
        return EnvironmentProblem(what="not_a_folder", path=str(file))
    return EnvironmentProblem(what="folder_not_writable", path=str(folder), reason=error.strerror or "")
