"""Sets of test questions. A question is written once and never changed; a version is the list of those that are in it."""

from __future__ import annotations

from sqlalchemy import Double, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference
from storage.tables.base import text as long_text


class QuestionSet(SQLModel, table=True):
    """A name for versions; the newest is in force. `version` 0: a file is being read into it, nobody sees it yet, and its name is its id.

    `next_serial`: the number that the next question of the set gets. `tags`: a JSON list.
    """

    __tablename__ = "question_sets"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: str = primary_key()
    owner_id: str = reference("users.id")
    name: str = Field(sa_type=exact(100))
    note: str = long_text()
    tags: str = long_text()
    version: int = 0
    next_serial: int = 1
    created_at: int = moment()
    updated_at: int = moment()


class QuestionSetVersion(SQLModel, table=True):
    """One state of a set. `serials`: its questions in order, as ranges ("1-500,502,501"). `types`: JSON, how many questions have each type.

    `expected`: how many questions have a right answer. `added`, `changed`, `removed`: against the version before.
    """

    __tablename__ = "question_set_versions"

    set_id: str = reference("question_sets.id", primary=True)
    version: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    serials: str = long_text()
    question_count: int = 0
    types: str = long_text()
    expected: int = 0
    origin: str = Field(default="typed", max_length=16)
    source: str = long_text()
    added: int = 0
    changed: int = 0
    removed: int = 0
    created_at: int = moment()


class Question(SQLModel, table=True):
    """`root`: the serial of the question that this one was made of by changes, its own where it was new. `digest`: of text and content.

    `variables` and `options` are JSON objects, "" for empty ones. Rows that no version names are what a broken-off import left.
    """

    __tablename__ = "questions"

    set_id: str = reference("question_sets.id", primary=True)
    serial: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    root: int
    digest: str = Field(sa_type=KeyText)
    text: str = long_text()
    expected: str | None = long_text(null=True)
    type: str = Field(default="", sa_type=exact(60))
    scorer: str = Field(default="", max_length=40)
    weight: float = Field(default=1.0, sa_type=Double)
    variables: str = long_text()
    system: str | None = long_text(null=True)
    options: str = long_text()
    source_line: int | None = None
