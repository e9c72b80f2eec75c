"""Batches: their questions and configurations as they were when the batch was made, one row for each answer, and what a judge said."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class Batch(SQLModel, table=True):
    """A batch as it stands (core/batches/types.py, Batch). `draft`: JSON of BatchDraft. `waiting`: JSON, why it does not go on, or "".

    `served`: made by somebody who came over SSH, so that inner addresses stay guarded whichever process asks. `epoch`: grows with every
    taking over; rows that were being asked in an earlier one are asked again. `changed`: grows with everything that is written of it.
    `judge`: JSON of the judge's configuration, "" for none.
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index("ix_batches_owner", "owner_id", "created_at"),
        Index("ix_batches_state", "state"),
    )

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    name: str = Field(sa_type=exact(200))
    state: str = Field(default="draft", max_length=12)
    served: bool = False
    set_id: str = Field(default="", sa_type=KeyText)
    set_name: str = Field(default="", sa_type=exact(200))
    set_version: int = 1
    questions: int = 0
    total: int = 0
    draft: str = text()
    judge: str = text()
    judge_total: int = 0
    waiting: str = text()
    rate: float = Field(default=0.0, sa_type=Double)
    epoch: int = 0
    changed: int = Field(default=0, sa_type=BigInteger, nullable=False)
    created_at: int = moment()
    started_at: int | None = moment(null=True)
    ended_at: int | None = moment(null=True)


class BatchConfiguration(SQLModel, table=True):
    """A configuration as it was when the batch was made. `source_id`: whose key is used; the configuration may be gone. `snapshot`: JSON.

    The counts follow from the answers, and are kept in the transactions that write these. `gave_up`: JSON of an error, "" for none.
    `weight`: of the questions scored, for the mean; `score`: their weighted sum.
    """

    __tablename__ = "batch_configurations"
    __table_args__ = (UniqueConstraint("batch_id", "ordinal"),)

    id: str = primary_key()
    batch_id: str = reference("batches.id", index=False)
    ordinal: int
    source_id: str = Field(default="", sa_type=KeyText)
    name: str = Field(sa_type=exact(200))
    model: str = Field(sa_type=exact(300))
    provider_id: str = Field(default="", sa_type=KeyText)
    snapshot: str = text()
    total: int = 0
    answered: int = 0
    failed: int = 0
    asking: int = 0
    cached: int = 0
    scored: int = 0
    score: float = Field(default=0.0, sa_type=Double)
    weight: float = Field(default=0.0, sa_type=Double)
    output_tokens: int = Field(default=0, sa_type=BigInteger, nullable=False)
    cost: str = Field(default="", max_length=40)
    currency: str = Field(default="", max_length=8)
    gave_up: str = text()


class BatchQuestion(SQLModel, table=True):
    """A question of a batch: its own copy. `number` from 1. `variables`, `options`: JSON, "" for none. `content` names no variables."""

    __tablename__ = "batch_questions"
    __table_args__ = (UniqueConstraint("batch_id", "number"),)

    id: str = primary_key()
    batch_id: str = reference("batches.id", index=False)
    number: int
    source_id: str = Field(default="", sa_type=KeyText)
    content: str = text()
    expected: str | None = text(null=True)
    type: str = Field(default="", sa_type=exact(100))
    scorer: str = Field(default="", max_length=40)
    weight: float = Field(default=1.0, sa_type=Double)
    variables: str = text()
    system: str | None = text(null=True)
    options: str = text()
    source_line: int = 0


class BatchAnswer(SQLModel, table=True):
    """One question asked of one configuration (core/batches/types.py, Answer). `state`: waiting, asking, answered, failed.

    `epoch`: the batch's when it was asked last. `ordinal`: the order of asking. `request_key`: hash of exactly what is sent, for the
    cache. `error`, `score_details`: JSON, "" for none. `changed`: the batch's `changed` when it was written.
    """

    __tablename__ = "batch_answers"
    __table_args__ = (
        UniqueConstraint("batch_id", "ordinal"),
        Index("ix_batch_answers_state", "batch_id", "state", "ordinal"),
        Index("ix_batch_answers_changed", "batch_id", "changed"),
        Index("ix_batch_answers_request", "request_key"),
        Index("ix_batch_answers_question", "question_id"),
        Index("ix_batch_answers_configuration", "configuration_id", "state"),
    )

    id: str = primary_key()
    batch_id: str = reference("batches.id", index=False)
    configuration_id: str = reference("batch_configurations.id", index=False)
    question_id: str = reference("batch_questions.id", index=False)
    repetition: int = 1
    ordinal: int
    state: str = Field(default="waiting", max_length=12)
    epoch: int = 0
    changed: int = Field(default=0, sa_type=BigInteger, nullable=False)
    attempts: int = 0
    request_key: str = Field(default="", sa_type=KeyText)
    content: str = text()
    reasoning: str = text()
    finish: str = Field(default="", max_length=20)
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    usage_exact: bool = True
    ttft_ms: int | None = None
    ttfa_ms: int | None = None
    total_ms: int | None = None
    cost: str = Field(default="", max_length=40)
    currency: str = Field(default="", max_length=8)
    error: str = text()
    from_cache: bool = False
    scorer: str = Field(default="", max_length=40)
    score: float | None = Field(default=None, sa_type=Double)
    passed: bool | None = None
    score_details: str = text()
    stars: int | None = None
    asked_at: int | None = moment(null=True)
    answered_at: int | None = moment(null=True)


class BatchJudgement(SQLModel, table=True):
    """What the judge says of two answers to one question, with the left one shown first or second (`turned`). `verdict`: left, right, tie,
    or "" where none was understood. States as of an answer. Without a right answer it is a grade for the left one."""

    __tablename__ = "batch_judgements"
    __table_args__ = (
        UniqueConstraint("batch_id", "left_id", "right_id", "turned"),
        Index("ix_batch_judgements_state", "batch_id", "state", "ordinal"),
    )

    id: str = primary_key()
    batch_id: str = reference("batches.id", index=False)
    left_id: str = reference("batch_answers.id")
    right_id: str | None = reference("batch_answers.id", null=True)
    turned: bool = False
    ordinal: int
    state: str = Field(default="waiting", max_length=12)
    epoch: int = 0
    attempts: int = 0
    verdict: str = Field(default="", max_length=8)
    reason: str = text()
    error: str = text()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: str = Field(default="", max_length=40)
    currency: str = Field(default="", max_length=8)
    answered_at: int | None = moment(null=True)
