"""Comparisons: candidates (each with a conversation of its own), rounds, what was answered in them, verdicts."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text

#: Characters of `Comparison.search`: with it the index of the list is as long as every database allows an index to be.
SEARCHED = 500


class Comparison(SQLModel, table=True):
    """Two or three models side by side. `mode`: parallel or sequential. `revealed_at` set: the names of a blind one were shown then.

    `listed`: it has a question. `search`: the different words of title and questions, folded; `search_cut`: there are more than it
    holds, so the questions must be looked at too. `judged` and `winner` repeat the last verdict for the list. `asker`: the process
    that asks what waits, as in Message.generator, with its sign of life.
    """

    __tablename__ = "comparisons"
    # The list and its search are read from this index alone, in its order: a hundred thousand rows in some tens of milliseconds.
    __table_args__ = (Index("ix_comparisons_list", "owner_id", "listed", "used_at", "id", "search_cut", "search"),)

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    title: str = Field(default="", sa_type=exact(200))
    title_source: str = Field(default="fallback", max_length=8)
    mode: str = Field(default="parallel", max_length=12)
    blind: bool = False
    revealed_at: int | None = moment(null=True)
    type: str = Field(default="", sa_type=exact(80))
    judged: str = Field(default="", max_length=8)
    winner: str = Field(default="", max_length=1)
    asker: str = Field(default="", max_length=160)
    asker_alive_at: int | None = moment(null=True)
    listed: bool = False
    round_count: int = 0
    search: str = Field(default="", sa_type=exact(SEARCHED))
    search_cut: bool = False
    created_at: int = moment()
    used_at: int = moment()


class ComparisonCandidate(SQLModel, table=True):
    """A column. `model`, `provider_id` and `configuration_name` are kept for when the configuration is gone. `overrides`: JSON or ""."""

    __tablename__ = "comparison_candidates"
    __table_args__ = (Index("ix_comparison_candidates_owner_id_model", "owner_id", "model", "comparison_id"),)

    id: str = primary_key()
    comparison_id: str = reference("comparisons.id")
    owner_id: str = reference("users.id", index=False)
    ordinal: int
    configuration_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    configuration_name: str = Field(default="", sa_type=exact(200))
    model: str = Field(default="", sa_type=exact(200))
    provider_id: str = Field(default="", sa_type=KeyText)
    conversation_id: str = reference("conversations.id")
    overrides: str = text()


class ComparisonRound(SQLModel, table=True):
    """One question. `compared`: the question as core/compare/similarity.py compares it, of `compared_length` characters."""

    __tablename__ = "comparison_rounds"
    __table_args__ = (
        Index("ix_comparison_rounds_owner_id_compared_length", "owner_id", "compared_length"),
        Index("ix_comparison_rounds_comparison_id_ordinal", "comparison_id", "ordinal"),
    )

    id: str = primary_key()
    comparison_id: str = reference("comparisons.id", index=False)
    owner_id: str = reference("users.id", index=False)
    ordinal: int
    question: str = text()
    compared: str = text()
    compared_length: int = 0
    asked_at: int = moment()


class ComparisonAnswer(SQLModel, table=True):
    """A candidate's place in a round. `state`: waiting, asked or skipped. `question_id`: the message that asks, once it is asked.

    What was answered is the newest message below the question: those before it were tried again.
    """

    __tablename__ = "comparison_answers"

    round_id: str = reference("comparison_rounds.id", primary=True)
    candidate_id: str = reference("comparison_candidates.id", primary=True)
    state: str = Field(default="waiting", max_length=8)
    question_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)


class ComparisonVerdict(SQLModel, table=True):
    """What the owner thinks of a round. `winner`: a candidate's id, tie, both_bad or "". `stars`: JSON, by candidate id."""

    __tablename__ = "comparison_verdicts"
    __table_args__ = (Index("ix_comparison_verdicts_owner_id_given_at", "owner_id", "given_at"),)

    round_id: str = reference("comparison_rounds.id", primary=True)
    owner_id: str = reference("users.id", index=False)
    winner: str = Field(default="", sa_type=KeyText)
    stars: str = text()
    note: str = text()
    blind: bool = False
    given_at: int = moment()
