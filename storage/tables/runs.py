"""Runs with their attempts; who holds which GPU; leases; and the counts by which processes learn what others changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class TrainingRun(SQLModel, table=True):
    """A run as it stands (core/training/types.py, Run). Empty text is "none" where JSON is kept.

    `resolved`: JSON of what the next attempt is made of (core/training/planning.py, ResolvedRun). `resume`: whether the next attempt goes
    on in the output folder of the last one. `position` orders pending runs of one priority. `waiting`: JSON, why it waits.
    `not_before`: a start that failed is not tried again before. `tries`: how often its start failed. `asked_at`: when the checkpoint of a
    pause was asked for. `changed`: the owner's count of changes (RunChange) when it changed last.
    """

    __tablename__ = "training_runs"
    __table_args__ = (
        Index("ix_training_runs_queue", "state", "priority", "position"),
        Index("ix_training_runs_owner", "owner_id", "created_at"),
        Index("ix_training_runs_changed", "owner_id", "changed"),
    )

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    name: str = Field(sa_type=exact(200))
    kind: str = Field(default="train", max_length=8)
    state: str = Field(default="pending", max_length=12)
    wanted: str = Field(default="", max_length=8)
    configuration_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    configuration_version: int | None = None
    resolved: str = text()
    changes: str = text()
    resume: bool = False
    retry_of: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    gpus_wanted: int = 0
    gpu_uuids: str = text()
    processes: int = 1
    priority: int = 0
    position: int = Field(default=0, sa_type=BigInteger, nullable=False)
    attempt: int = 0
    waiting: str = text()
    not_before: int = Field(default=0, sa_type=BigInteger, nullable=False)
    tries: int = 0
    asked_at: int | None = moment(null=True)
    step: int = 0
    total_steps: int | None = None
    can_resume: bool = False
    created_at: int = moment()
    queued_at: int = moment()
    started_at: int | None = moment(null=True)
    ended_at: int | None = moment(null=True)
    changed: int = Field(default=0, sa_type=BigInteger, nullable=False)


class TrainingAttempt(SQLModel, table=True):
    """One execution of a run, numbered from 1. `slots`, `changes`, `resolved`, `failure`: JSON. Folders are absolute."""

    __tablename__ = "training_attempts"
    __table_args__ = (UniqueConstraint("run_id", "number"),)

    id: str = primary_key()
    run_id: str = reference("training_runs.id", index=False)
    number: int
    state: str = Field(max_length=12)
    resumed: bool = False
    changes: str = text()
    resolved: str = text()
    folder: str = text()
    output_dir: str = text()
    slots: str = text()
    from_step: int | None = None
    last_step: int = 0
    total_steps: int | None = None
    exit_status: int | None = None
    failure: str = text()
    started_at: int = moment()
    ended_at: int | None = moment(null=True)


class SlotHold(SQLModel, table=True):
    """Who holds a GPU (its UUID) or the place on the CPU ("cpu:0"). `holder`: the id of a run or a service. No row: it is free."""

    __tablename__ = "slot_holds"

    slot: str = primary_key()
    holder: str = Field(sa_type=KeyText, index=True)
    since: int = moment()


class Lease(SQLModel, table=True):
    """Who does what only one process may do at a time. `process`: JSON that tells, on the same machine, whether the holder lives."""

    __tablename__ = "leases"

    name: str = primary_key()
    holder: str = Field(default="", sa_type=KeyText)
    process: str = text()
    expires_at: int = moment()


class RunChange(SQLModel, table=True):
    """How often something changed in the runs of an account."""

    __tablename__ = "run_changes"

    user_id: str = primary_key()
    counted: int = Field(default=0, sa_type=BigInteger, nullable=False)
