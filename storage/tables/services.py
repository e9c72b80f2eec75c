"""Servers that the program starts and watches, and what people noted about models on this machine."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class Service(SQLModel, table=True):
    """A managed service as it stands (core/managed/types.py, Service and ServiceSpec).

    `wanted`: "run" or "stop". `spec`, `subject`, `gpus`, `failure`: JSON. `folder`: of the attempt, absolute. `key` is an envelope of
    storage/crypto.py, bound to this row. `asked_port`: 0 for any. `revision` grows with each change: who changes it compares it first.
    `watcher` asks how it is until `watched_until`; `not_before`: it is not started again earlier.
    """

    __tablename__ = "services"
    __table_args__ = (Index("ix_services_owner", "owner_id", "created_at"),)

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    kind: str = Field(max_length=12)
    name: str = Field(sa_type=exact(200))
    state: str = Field(default="starting", max_length=12, index=True)
    wanted: str = Field(default="run", max_length=8)
    host: str = Field(default="127.0.0.1", sa_type=exact(255))
    port: int = 0
    asked_port: int = 0
    spec: str = text()
    subject: str = text()
    gpus: str = text()
    folder: str = text()
    key: str | None = text(null=True)
    configuration_id: str = Field(default="", sa_type=KeyText)
    attempt: int = 1
    restarts: int = 0
    failure: str = text()
    revision: int = Field(default=0, sa_type=BigInteger, nullable=False)
    watcher: str = Field(default="", sa_type=KeyText)
    watched_until: int = moment()
    not_before: int = moment()
    created_at: int = moment()
    started_at: int | None = moment(null=True)
    ready_at: int | None = moment(null=True)
    ended_at: int | None = moment(null=True)


class ModelNote(SQLModel, table=True):
    """What somebody wants to remember about a model on this machine. `model_id` is made of its path (core/inference/scanning.py)."""

    __tablename__ = "model_notes"
    __table_args__ = (UniqueConstraint("owner_id", "model_id"),)

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    model_id: str = Field(sa_type=KeyText)
    note: str = text()
    updated_at: int = moment()
