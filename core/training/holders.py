"""Who holds the slots, by name: runs, and servers that were started for people. Whoever asks sees the names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.training.queue import Holder
from core.training.types import SlotHolder

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


def holder_of(uow: UnitOfWork, holder_id: str) -> tuple[str, Holder]:
    """The kind of a run ("train", "export") or service ("api", "vllm", ...) that holds slots; ("", nobody) for one that is gone."""
    row = uow.runs.get(None, holder_id) or uow.services.any(holder_id)
    return ("", Holder(holder_id, "", "")) if row is None else (row.kind, Holder(row.id, row.owner_id, row.name))


def holders(uow: UnitOfWork, principal: Principal) -> dict[str, SlotHolder]:
    """Who holds each slot that is held, as the principal may know it."""
    held = uow.slots.all()
    found = {holder_id: _seen_by(principal, *holder_of(uow, holder_id)) for holder_id in set(held.values())}
    return {slot: found[holder_id] for slot, holder_id in held.items()}


def others(uow: UnitOfWork, held: Mapping[str, str], known: Mapping[str, Holder]) -> dict[str, Holder]:
    """Those that hold slots and are not among `known`."""
    return {each: holder_of(uow, each)[1] for each in set(held.values()) if each not in known}


def _seen_by(principal: Principal, kind: str, holder: Holder) -> SlotHolder:
    if holder.name and (principal.is_admin or holder.owner_id == principal.user_id):
        return SlotHolder(kind, holder.id, holder.name)
    return SlotHolder(kind, "", "")
