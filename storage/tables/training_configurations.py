"""Training configurations with versions."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class TrainingConfiguration(SQLModel, table=True):
    """What can change is in the versions; `version` is the one in force. `shared`: every account may read and copy it."""

    __tablename__ = "training_configurations"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: str = primary_key()
    owner_id: str = reference("users.id")
    name: str = Field(sa_type=exact(100))
    note: str = text()
    shared: bool = Field(default=False, index=True)
    version: int = 1
    created_at: int = moment()
    updated_at: int = moment()


class TrainingConfigurationVersion(SQLModel, table=True):
    """One state of a training configuration; never changed. `draft` is JSON (core/training/configurations_types.py, TrainingDraft)."""

    __tablename__ = "training_configuration_versions"
    __table_args__ = (UniqueConstraint("configuration_id", "version"),)

    id: str = primary_key()
    configuration_id: str = reference("training_configurations.id")
    version: int
    draft: str = text()
    created_at: int = moment()
    created_by: str = Field(default="", sa_type=KeyText)
