"""Writing what two people may make at the same moment: whoever comes second finds it there and goes on from that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from core.errors import Conflict
from core.persistence import Store

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
_TRIES: Final = 5


async def write_after_others(store: Store, work: Callable[[UnitOfWork], T]) -> T:
    """As `store.write`, and where a unique value was taken while `work` ran (never on SQLite: one writes at a time), once more.

    `work` must look at what is there before it adds, so that its next run changes that instead.
    """
    for attempt in range(_TRIES):
        try:
            return await store.write(work)
        except Conflict as error:
            if error.fields.get("what") != "database" or attempt + 1 == _TRIES:
                raise
    raise AssertionError("unreachable")
