"""Whether a model takes images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.llm.capabilities import guess
from core.models.catalogue import EVERYBODY, endpoint_hash

if TYPE_CHECKING:
    from core.models.types import ReadyModel
    from storage.unit_of_work import UnitOfWork


def sees_images(uow: UnitOfWork, owner: str, ready: ReadyModel) -> bool:
    """What the provider's list, or whoever added the model, said of it; the person's own sight of it goes first. Else a guess."""
    rows = uow.providers.models_at(ready.provider_id, endpoint_hash(ready.endpoint), {owner, EVERYBODY})
    said = sorted((row for row in rows if row.name == ready.model), key=lambda row: row.owner_id == "")
    return "vision" in (json.loads(said[0].capabilities or "[]") if said else guess(ready.model))
