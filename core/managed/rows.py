"""Between rows of the table `services` and the values of this package."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.managed.types import Service, ServiceSpec
from core.training.failures.types import Failure
from storage.crypto import identity

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork


def service_of(row: Any) -> Service:
    return Service(
        id=row.id,
        owner_id=row.owner_id,
        kind=row.kind,
        name=row.name,
        state=row.state,
        host=row.host,
        port=row.port,
        subject=json.loads(row.subject or "{}"),
        folder=Path(row.folder),
        configuration_id=row.configuration_id,
        gpus=tuple(json.loads(row.gpus or "[]")),
        restarts=row.restarts,
        failure=Failure.from_json(row.failure),
        created_at=row.created_at,
        started_at=row.started_at,
        ready_at=row.ready_at,
        ended_at=row.ended_at,
    )


def spec_to_json(spec: ServiceSpec) -> str:
    return json.dumps(asdict(spec) | {"argv": list(spec.argv), "environment": dict(spec.environment), "files": dict(spec.files)})


def spec_from_json(text: str) -> ServiceSpec:
    values = json.loads(text)
    return ServiceSpec(**{**values, "argv": tuple(values["argv"])})


def key_identity(service_id: str) -> str:
    """What the key of a service is bound to (storage/crypto.py)."""
    return identity("services", service_id, "key")


def key_of(uow: UnitOfWork, row: Any) -> str:
    """The key of a service, "" where it has none."""
    return uow.secrets.open(row.key, key_identity(row.id)) if row.key else ""
