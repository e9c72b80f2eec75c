"""The tables of batches, and their answers joined with question and configuration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    select,
)

from storage.repositories.base import Repository
from storage.tables import metadata

batches = metadata.tables["batches"]
configurations = metadata.tables["batch_configurations"]
questions = metadata.tables["batch_questions"]
answers = metadata.tables["batch_answers"]
judgements = metadata.tables["batch_judgements"]
_c, _q, _a = configurations.c, questions.c, answers.c


def contains(column: Any, word: str) -> ColumnElement[bool]:
    """Whatever the case of its letters."""
    return func.lower(column).contains(word.lower(), autoescape=True)


_Q_COLUMNS = tuple(column.label(f"q_{column.name}") for column in questions.c if column.name != "batch_id")
_C_COLUMNS = tuple(_c[name].label(f"c_{name}") for name in ("ordinal", "name", "model", "provider_id"))


def joined_answers() -> Select[Any]:
    """Rows of an answer's columns, and `q_...` and `c_...` of its question and configuration."""
    joined = answers.join(questions, _a.question_id == _q.id).join(configurations, _a.configuration_id == _c.id)
    return select(answers, *_Q_COLUMNS, *_C_COLUMNS).select_from(joined)


class BatchQueries(Repository):
    """What the parts of BatchRepository stand on."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()
