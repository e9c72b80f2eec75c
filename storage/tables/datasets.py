"""Datasets and their versions."""

from __future__ import annotations

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class Dataset(SQLModel, table=True):
    """A name for versions; `version` is the one in force, `newest` the highest number that was ever given."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: str = primary_key()
    owner_id: str = reference("users.id")
    name: str = Field(sa_type=exact(100))
    note: str = text()
    version: int = 1
    newest: int = 1
    created_at: int = moment()
    updated_at: int = moment()


class DatasetVersion(SQLModel, table=True):
    """One state of a dataset: a file that is never changed. `path`: absolute. `linked`: not written by this program.

    `size`, `mtime_ns`: of the file that was checked, or of the one that was added. `summary` (core/datasets/records.py) and `changes` are
    JSON, "" for none. What is kept of a check lies in the data folder under the version's id.
    """

    __tablename__ = "dataset_versions"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)

    id: str = primary_key()
    dataset_id: str = reference("datasets.id")
    version: int
    path: str = text()
    file_kind: str = Field(default="unknown", max_length=12)
    format: str = Field(default="unknown", max_length=12)
    origin: str = Field(default="added", max_length=16)
    linked: bool = True
    size: int = Field(default=0, sa_type=BigInteger, nullable=False)
    mtime_ns: int = Field(default=0, sa_type=BigInteger, nullable=False)
    verdict: str = Field(default="unchecked", max_length=12)
    row_count: int = Field(default=0, sa_type=BigInteger, nullable=False)
    summary: str = text()
    changes: str = text()
    created_at: int = moment()
    created_by: str = Field(default="", sa_type=KeyText)
    checked_at: int | None = moment(null=True)
