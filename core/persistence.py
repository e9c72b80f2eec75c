"""The door from core to storage: the same `read` and `write`, with storage's errors turned into core's (core/errors.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from core import errors
from storage.errors import AlreadyThere, StorageProblem

if TYPE_CHECKING:
    from storage.unit_of_work import Storage, UnitOfWork

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

    def close(self) -> None:
        self._storage.close()
