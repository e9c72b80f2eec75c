"""Queries over providers, opened addresses and the models that providers list. As Core statements; never commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from storage.repositories.base import Repository
from storage.tables import metadata

providers = metadata.tables["providers"]
addresses = metadata.tables["allowed_addresses"]
models = metadata.tables["provider_models"]
_m = models.c


class ProviderRepository(Repository):
    """Rows have the columns of storage/tables/models.py: Provider, AllowedAddress, ProviderModel."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    # What administrators decided

    def states(self) -> Sequence[Row[Any]]:
        return self._connection.execute(select(providers)).all()

    def state(self, provider_id: str) -> Row[Any] | None:
        return self._connection.execute(select(providers).where(providers.c.id == provider_id)).one_or_none()

    def set_state(self, provider_id: str, **values: Any) -> None:
        """Set columns of the provider's row, which is made if it is not there."""
        if not self._connection.execute(update(providers).where(providers.c.id == provider_id).values(**values)).rowcount:
            defaults = {"enabled": True, "endpoint": "", "shared_key_endpoint": ""}
            self._connection.execute(insert(providers).values(id=provider_id, **{**defaults, **values}))

    def allowed(self) -> list[str]:
        """The opened addresses, sorted."""
        return list(self._connection.execute(select(addresses.c.address).order_by(addresses.c.address)).scalars())

    def allow(self, **values: Any) -> None:
        self._connection.execute(insert(addresses).values(**values))

    def disallow(self, address: str) -> bool:
        """Whether it was on the list."""
        return self._connection.execute(delete(addresses).where(addresses.c.address == address)).rowcount > 0

    # Models

    def models_at(self, provider_id: str, endpoint_hash: str, owner_ids: Iterable[str]) -> Sequence[Row[Any]]:
        """The models at an endpoint that belong to one of `owner_ids` ("" for everybody's), by name."""
        where = (_m.provider_id == provider_id, _m.endpoint_hash == endpoint_hash, _m.owner_id.in_(list(owner_ids)))
        return self._connection.execute(select(models).where(*where).order_by(_m.name, _m.owner_id)).all()

    def add_models(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(models), list(rows))

    def change_models(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set columns of models: every row names its `id` and the same columns."""
        if rows:
            columns = [name for name in rows[0] if name != "id"]
            statement = update(models).where(_m.id == bindparam("row_id")).values({name: bindparam(f"new_{name}") for name in columns})
            renamed = [{"row_id": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows]
            self._connection.execute(statement, renamed)

    def model(self, model_id: str) -> Row[Any] | None:
        return self._connection.execute(select(models).where(_m.id == model_id)).one_or_none()

    def remove_model(self, owner_id: str, model_id: str) -> bool:
        """Whether there was such a model of this owner's ("" for everybody's)."""
        return self._connection.execute(delete(models).where(_m.id == model_id, _m.owner_id == owner_id)).rowcount > 0
