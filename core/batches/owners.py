"""As whom the engine of a batch asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.persistence import Store
from core.settings import Settings

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from storage.unit_of_work import UnitOfWork


class Owners:
    """Whose batches they are: the principal that an engine asks as."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def find(self, user_id: str, served: bool) -> Principal | None:
        """None if the account is disabled or gone. `served`: it made the batch over SSH, so inner addresses stay guarded."""
        from core.auth.principal import Origin, Principal, Role

        def work(uow: UnitOfWork) -> Principal | None:
            row = uow.users.get(user_id)
            if row is None or row.disabled_at is not None:
                return None
            return Principal(row.id, row.nickname, row.email, Role(row.role), origin=Origin("shell"), served=served)

        return await self._store.read(work)
