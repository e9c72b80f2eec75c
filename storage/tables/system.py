"""What the installation itself keeps: settings changed at run time, and the wrapped data keys."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from storage.tables.base import Bytes, KeyText, moment, primary_key, text


class AppSetting(SQLModel, table=True):
    """One setting as JSON, under its dotted name."""

    __tablename__ = "app_settings"

    name: str = primary_key()
    value: str = text()
    updated_at: int = moment()
    updated_by: str = Field(default="", sa_type=KeyText)


class DataKey(SQLModel, table=True):
    """A data key wrapped by the master key `master_key_id`. The newest one that is not retired encrypts; all decrypt."""

    __tablename__ = "data_keys"

    id: str = primary_key()
    wrapped: bytes = Field(sa_type=Bytes)
    master_key_id: str = Field(sa_type=KeyText)
    created_at: int = moment()
    retired_at: int | None = moment(null=True)
