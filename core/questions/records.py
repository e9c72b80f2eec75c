"""Rows of the database as plain values, and back."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from core.clock import from_ms
from core.questions.types import Question, QuestionDraft, QuestionSet, SetVersion


def set_view(row: Any) -> QuestionSet:
    return QuestionSet(
        id=row.id,
        name=row.name,
        note=row.note,
        tags=tuple(json.loads(row.tags)) if row.tags else (),
        version=row.version,
        count=row.question_count,
        types=_mapping(row.types),
        expected=row.expected,
        created_at=from_ms(row.created_at),
        updated_at=from_ms(row.updated_at),
    )


def version_view(row: Any) -> SetVersion:
    return SetVersion(
        set_id=row.set_id,
        version=row.version,
        count=row.question_count,
        types=_mapping(row.types),
        expected=row.expected,
        origin=row.origin,
        source=row.source,
        added=row.added,
        changed=row.changed,
        removed=row.removed,
        created_at=from_ms(row.created_at),
    )


def question_view(row: Any, number: int) -> Question:
    return Question(
        text=row.text,
        expected=row.expected,
        type=row.type,
        scorer=row.scorer,
        weight=row.weight,
        variables=_mapping(row.variables),
        system=row.system,
        options=_mapping(row.options),
        source_line=row.source_line,
        id=f"{row.set_id}-{row.serial}",
        number=number,
    )


def question_row(draft: QuestionDraft, set_id: str, serial: int, root: int | None = None, digest: str = "") -> dict[str, Any]:
    """`root`: the serial of what the question was made of by changes."""
    return {
        "set_id": set_id,
        "serial": serial,
        "root": serial if root is None else root,
        "digest": digest or digest_of(draft),
        "text": draft.text,
        "expected": draft.expected,
        "type": draft.type,
        "scorer": draft.scorer,
        "weight": draft.weight,
        "variables": _written(draft.variables),
        "system": draft.system,
        "options": _written(draft.options),
        "source_line": draft.source_line,
    }


def digest_of(draft: QuestionDraft) -> str:
    """16 digits of the text and 32 of the whole content: equal for equal questions."""
    content = json.dumps(
        [draft.expected, draft.type, draft.scorer, draft.weight, dict(draft.variables), draft.system, dict(draft.options)],
        sort_keys=True, ensure_ascii=True,
    )  # fmt: skip
    text = draft.text.encode("utf-8", "surrogatepass")
    whole = hashlib.blake2b(content.encode(), digest_size=16, key=hashlib.blake2b(text, digest_size=32).digest())
    return hashlib.blake2b(text, digest_size=8).hexdigest() + whole.hexdigest()


def text_digest(digest: str) -> str:
    """The part of a digest that is the text's."""
    return digest[:16]


class Figures:
    """What a version says of its questions together."""

    def __init__(self, types: Mapping[str, int] | None = None, expected: int = 0) -> None:
        self.types = Counter(types or {})
        self.expected = expected

    def add(self, type_: str, answered: bool) -> None:
        self.types[type_] += 1
        self.expected += answered

    def remove(self, type_: str, answered: bool) -> None:
        self.types[type_] -= 1
        self.expected -= answered

    def columns(self) -> dict[str, Any]:
        """Of a version's row."""
        types = {name: count for name, count in sorted(self.types.items()) if count}
        return {"types": json.dumps(types, ensure_ascii=False), "expected": self.expected, "question_count": sum(types.values())}


def version_types(row: Any) -> dict[str, int]:
    """How many questions of each type a version's row has."""
    return _mapping(row.types)


def tags_text(tags: Iterable[str]) -> str:
    return json.dumps(list(tags), ensure_ascii=False)


def _mapping(text: str) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _written(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False) if value else ""
