"""Providers, their models, and model configurations with versions."""

from __future__ import annotations

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class Provider(SQLModel, table=True):
    """What an administrator decided about a preset (`id` is the preset's). A preset without a row has its default state.

    `shared_key` is an envelope of storage/crypto.py, bound to this row; it is for `shared_key_endpoint` and no other.
    """

    __tablename__ = "providers"

    id: str = primary_key()
    enabled: bool = True
    endpoint: str = text()
    shared_key: str | None = text(null=True)
    shared_key_endpoint: str = text()
    updated_at: int = moment()
    updated_by: str = Field(default="", sa_type=KeyText)


class AllowedAddress(SQLModel, table=True):
    """An inner address an administrator opened for everybody: a host, host:port, address or network."""

    __tablename__ = "allowed_addresses"

    id: str = primary_key()
    address: str = Field(sa_type=exact(255), unique=True)
    created_at: int = moment()
    created_by: str = Field(default="", sa_type=KeyText)


class ProviderModel(SQLModel, table=True):
    """A model that a provider lists at an endpoint, or one that `owner_id` added by hand ("" for listed and shared ones).

    `endpoint_hash` is the SHA-256 of the endpoint, because MySQL cannot index long text. `capabilities` is a JSON list.
    Prices are decimal text in `currency` for a million tokens.
    """

    __tablename__ = "provider_models"
    __table_args__ = (UniqueConstraint("provider_id", "endpoint_hash", "owner_id", "name"),)

    id: str = primary_key()
    provider_id: str = Field(sa_type=KeyText, index=True)
    endpoint: str = text()
    endpoint_hash: str = Field(sa_type=KeyText)
    owner_id: str = Field(default="", sa_type=KeyText)
    name: str = Field(sa_type=exact(200))
    display_name: str = Field(default="", sa_type=exact(200))
    size_bytes: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    parameters: str = Field(default="", max_length=32)
    context_length: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    capabilities: str = text()
    input_price: str = Field(default="", max_length=32)
    output_price: str = Field(default="", max_length=32)
    currency: str = Field(default="", max_length=8)
    available: bool = True
    refreshed_at: int = moment()


class Configuration(SQLModel, table=True):
    """A model with parameters, owned by a user. What can change is in the versions; `version` is the one in force.

    `key` is an envelope bound to this row; it is for `key_endpoint` and no other, and is cleared when the endpoint changes.
    """

    __tablename__ = "configurations"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: str = primary_key()
    owner_id: str = reference("users.id")
    name: str = Field(sa_type=exact(100))
    note: str = text()
    enabled: bool = True
    version: int = 1
    key: str | None = text(null=True)
    key_endpoint: str = text()
    created_at: int = moment()
    updated_at: int = moment()


class ConfigurationVersion(SQLModel, table=True):
    """One state of a configuration; never changed. `parameters` is JSON (core/llm/request.py, Parameters); `timeout_s` of silence."""

    __tablename__ = "configuration_versions"
    __table_args__ = (UniqueConstraint("configuration_id", "version"),)

    id: str = primary_key()
    configuration_id: str = reference("configurations.id")
    version: int
    provider_id: str = Field(sa_type=KeyText)
    endpoint: str = text()
    model: str = Field(sa_type=exact(200))
    parameters: str = text()
    system_prompt: str = text()
    timeout_s: float = 120.0
    created_at: int = moment()
    created_by: str = Field(default="", sa_type=KeyText)
