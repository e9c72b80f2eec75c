"""Who is meant by a name: how somebody who is signed in points at a colleague, by an e-mail or a nickname typed exactly.

There is no list to look through and no half of a name that finds anybody. Wrong names are counted, and after a few in a minute none is
looked at, so that nobody can try out who has an account here. A disabled account is one that is not there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.auth.names import fold_email, is_email, nickname_key
from core.auth.principal import Principal
from core.auth.throttle import Attempt, Throttle, counter_key
from core.clock import Clock
from core.errors import NotFound, TooManyAttempts
from core.persistence import Store
from core.settings import AuthSettings

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: Names that may be wrong in a minute.
WRONG_A_MINUTE = 10
#: Longer than any name there can be.
_LONGEST = 600


class Colleagues:
    """One for an installation; the counters are in the database, so every process counts together."""

    def __init__(self, store: Store, limits: AuthSettings, clock: Clock) -> None:
        self._store = store
        self._throttle = Throttle(store, replace(limits, attempts_a_minute=WRONG_A_MINUTE), clock)

    async def find(self, principal: Principal, name: str) -> str:
        """The id of the account of this e-mail or nickname. Raises NotFound (user), TooManyAttempts."""
        attempt = Attempt(counter_key("colleague", principal.require_user("colleague.find")), guess=False)
        try:
            await self._throttle.admit(attempt)
        except TooManyAttempts as error:
            raise TooManyAttempts(reason="names", **error.fields) from None

        def work(uow: UnitOfWork) -> str | None:
            found = _called(uow, name)
            if found is not None:
                self._throttle.withdrawn(uow, attempt)  # who knows the name has guessed nothing
            return found

        found = await self._store.write(work)
        if found is None:
            raise NotFound(kind="user", reference=name[:_LONGEST])
        return found


def _called(uow: UnitOfWork, name: str) -> str | None:
    if len(name) > _LONGEST:
        return None
    email = fold_email(name)
    row = uow.users.by_email(email) if is_email(email) else uow.users.by_nickname_key(nickname_key(name))
    return str(row.id) if row is not None and row.disabled_at is None else None
