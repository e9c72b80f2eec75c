"""The files of the accounts: `Services.files`. Each account has <data>/users/<user_id>/ with datasets, images and exports, 0700."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.auth.principal import Principal
from core.errors import ModeltrainError
from core.files.area import Usage, UserArea
from core.files.ledger import DISK_RESERVE, Ledger
from core.files.names import FilePath, parse
from core.files.opened import Reading, Upload
from core.settings import DAY

P = ParamSpec("P")
T = TypeVar("T")
_log = logging.getLogger(__name__)

USERS = "users"
#: Threads for the disk, so that no number of transfers takes the processor from those who type.
THREADS = 4
#: Files that one account, and everybody, may hold open in one process: connections need descriptors, too.
MOST_OPEN, MOST_OPEN_IN_ALL = 256, 2000
_ID_CHARACTERS = frozenset("0123456789abcdef-")


class UserFiles:
    """What accounts put on the server and take from it. `folder`, `area`, `resolve` and the open methods block; the others do not.

    `quota` is in bytes an account; `reserve` in bytes that stay free on the disk.
    """

    def __init__(
        self, data_dir: Path, quota: int, *, wall: Callable[[], float] = time.time, reserve: int = DISK_RESERVE, threads: int = THREADS
    ) -> None:
        self._users = data_dir / USERS
        self._quota, self._wall, self._reserve, self._threads = quota, wall, reserve, threads
        self._pool: ThreadPoolExecutor | None = None
        self._held: Counter[str] = Counter()

    def hold(self, principal: Principal) -> bool:
        """Count a file that is opened for a client, until `release`; False if there are too many. Call both in one thread."""
        user_id = principal.require_user("files")
        if self._held[user_id] >= MOST_OPEN or self._held.total() >= MOST_OPEN_IN_ALL:
            return False
        self._held[user_id] += 1
        return True

    def release(self, principal: Principal) -> None:
        """A file that was counted is closed."""
        user_id = principal.require_user("files")
        self._held[user_id] -= 1
        if self._held[user_id] <= 0:
            del self._held[user_id]

    def area(self, principal: Principal) -> UserArea:
        """What `principal` may do with the own files. Touches nothing. Raises Forbidden for the operator, who has none."""
        user_id = principal.require_user("files")
        if not user_id or not set(user_id) <= _ID_CHARACTERS:
            raise ValueError("an account's id is made of hexadecimal digits")
        return UserArea(self._users / user_id, Ledger(self._quota, wall=self._wall, reserve=self._reserve))

    def folder(self, principal: Principal) -> Path:
        """The root of the account's folders, made with them where they are missing."""
        area = self.area(principal)
        area.info(())
        return area.root

    def resolve(self, principal: Principal, path: str | FilePath) -> Path:
        """Where a file or folder of the account's own is, for code that needs a name. Raises NotFound for links and what is not there.

        Between this and its use somebody of the machine might swap it for a link: prefer `open_reading` and `open_writing`.
        """
        names = parse(path) if isinstance(path, str) else path
        area = self.area(principal)
        area.info(names)
        return area.root.joinpath(*names)

    def open_reading(self, principal: Principal, path: str | FilePath) -> Reading:
        """A file of the account's own, open for reading."""
        return self.area(principal).open_reading(parse(path) if isinstance(path, str) else path)

    def open_writing(self, principal: Principal, path: str | FilePath, *, replace: bool = True) -> Upload:
        """A file of the account's own to be written as a whole: `commit` gives it its name, `discard` leaves nothing."""
        names = parse(path) if isinstance(path, str) else path
        return self.area(principal).open_writing(names, create=True, empty=True, fresh=not replace)

    async def usage(self, principal: Principal) -> Usage:
        return await self._run(self.area(principal).usage)

    def quota(self, principal: Principal) -> int:
        """Bytes that the account may use."""
        principal.require_user("files")
        return self._quota

    async def keep_clean(self) -> None:
        """Clean up now and once a day, for as long as this runs."""
        while True:
            try:
                if removed := await self.clean_up():
                    _log.info("removed what was left of %d uploads", removed)
            except OSError as error:
                _log.warning("uploads could not be cleaned up: %s", error.strerror)
            await asyncio.sleep(DAY)

    async def clean_up(self) -> int:
        """Remove what crashes left of uploads, of all accounts; gives their number."""
        return await self._run(self._clean)

    def _clean(self) -> int:
        removed = 0
        try:
            names = [path.name for path in self._users.iterdir()]
        except FileNotFoundError:
            return 0
        for name in names:
            if set(name) <= _ID_CHARACTERS and not (self._users / name).is_symlink():
                try:
                    removed += UserArea(self._users / name, Ledger(self._quota, wall=self._wall, reserve=0)).clean()
                except (OSError, ModeltrainError) as error:
                    _log.warning("leftovers of uploads stay in %s: %s", name, error)
        return removed

    def executor(self) -> ThreadPoolExecutor:
        """The threads that all disk work of this process goes through."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="files")
        return self._pool

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor(), lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Wait for the threads to end. Blocks."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
