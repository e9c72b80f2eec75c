"""The kept session: the refresh token of "Keep me signed in", which shell commands act by too. A file for its owner only."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from core.errors import DiskFull, EnvironmentProblem
from storage.files import PRIVATE_FILE, write_private

FILE = "session.json"
LOCK_FILE = "session.lock"
_LIMIT = 4096
#: Whoever holds the lock does one write to the database; nobody waits longer than for a database that is locked.
_WAIT_S = 20.0
_LOOK_AGAIN_S = 0.02


class KeptSession:
    """The file `session.json` in the data folder: 0600, replaced whole. A damaged or foreign one counts as not there."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._lock_path = data_dir / LOCK_FILE

    def load(self) -> str | None:
        """The refresh token that is kept, or None. Permissions that let others in are taken away."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
                return None
            if stat.S_IMODE(state.st_mode) != PRIVATE_FILE:
                os.fchmod(descriptor, PRIVATE_FILE)
            return _token_in(os.read(descriptor, _LIMIT))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def save(self, refresh_token: str) -> None:
        """Keep this token instead of what was kept. Raises EnvironmentProblem (folder_not_writable), DiskFull."""
        with self._as_problem():
            write_private(self._path, json.dumps({"refresh_token": refresh_token}) + "\n")

    def check_room(self) -> None:
        """Raise now what `save` would raise. A token that is used up while its successor cannot be kept would end the session."""
        probe = self._path.with_name(f".{FILE}.room.{os.getpid()}")
        with self._as_problem():
            descriptor = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(b" " * _LIMIT)
            finally:
                probe.unlink()

    def clear(self) -> None:
        """Keep nothing any more."""
        with self._as_problem():
            self._path.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Nobody else who asks uses or changes the kept token meanwhile, in this process or another.

        A refresh token is good once: of two processes that used the same one, the second would end the session. Raises
        EnvironmentProblem (session_file_locked) after 20 seconds.
        """
        with self._as_problem():
            descriptor = os.open(self._lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            await _acquire(descriptor, self._lock_path)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _as_problem(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            folder = str(self._path.parent)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise DiskFull(path=folder) from error
            raise EnvironmentProblem(what="folder_not_writable", path=folder, reason=error.strerror or "") from error


async def _acquire(descriptor: int, path: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if asyncio.get_running_loop().time() >= deadline:
                raise EnvironmentProblem(what="session_file_locked", path=str(path)) from None
            await asyncio.sleep(_LOOK_AGAIN_S)


def _token_in(content: bytes) -> str | None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    token = value.get("refresh_token") if isinstance(value, dict) else None
    return token if isinstance(token, str) and token else None
