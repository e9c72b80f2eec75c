"""The door from core to storage: the same `read` and `write`, with storage's errors turned into core's (core/errors.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from core import errors
from storage.errors import AlreadyThere, StorageProblem

if TYPE_CHECKING:
    from storage.unit_of_work import Storage, UnitOfWork

#: Seconds that stillness is believed without asking; ns after a write in which another one might not show.
_BELIEVED_S, _TICK_NS = 30.0, 1_000_000_000
T = TypeVar("T")
P = ParamSpec("P")

_BY_CODE: dict[str, type[errors.ModeltrainError]] = {
    kind.code: kind
    for kind in (
        errors.DatabaseBusy,
        errors.DatabaseReadOnly,
        errors.DatabaseUnreachable,
        errors.DiskFull,
        errors.DatabaseTooNew,
        errors.DatabaseDamaged,
        errors.MasterKeyMissing,
        errors.SecretUnreadable,
        errors.Conflict,
        errors.NotFound,
    )
}


def translate(problem: StorageProblem) -> errors.ModeltrainError:
    """The core error of a storage problem. A Conflict has `what="database"` until a service says better what is in the way."""
    if isinstance(problem, AlreadyThere):
        return errors.Conflict(what="database", **problem.fields)
    return _BY_CODE.get(problem.code, errors.StorageError)(**problem.fields)


def translated(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, raising core's errors where storage raised its own."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return function(*arguments, **named)
        except StorageProblem as problem:
            raise translate(problem) from problem

    return call


class Store:
    """What services hold. `work(uow)` returns plain values, never rows; see storage/unit_of_work.py."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        try:
            return await self._storage.read(work)
        except StorageProblem as problem:
            raise translate(problem) from problem

    async def write(self, work: Callable[[UnitOfWork], T]) -> T:
        try:
            return await self._storage.write(work)
        except StorageProblem as problem:
            raise translate(problem) from problem

    def mark(self) -> tuple[int, ...] | None:
        """Differs from an earlier one if anything was written since; None where that cannot be told without a query."""
        return self._storage.mark()

    def close(self) -> None:
        self._storage.close()


class Stillness:
    """Whether asking the database again could bring anything new: for who asks every second, day and night, what hardly ever changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mark: tuple[int, ...] | None = None
        self._asked = 0.0
        self._settled = False

    def lasts(self) -> bool:
        """True if nothing was written since it was False last: call it right before asking. In doubt, and every half minute, False."""
        mark, now = self._store.mark(), time.monotonic()
        if mark is not None and mark == self._mark and self._settled and now - self._asked < _BELIEVED_S:
            return True
        self._mark, self._asked = mark, now
        # Who wrote a moment ago may write again within the same tick of the file system's clock.
        self._settled = mark is not None and time.time_ns() - mark[0] > _TICK_NS
        return False

    def disturb(self) -> None:
        """What was asked got no answer: ask again."""
        self._mark = None
