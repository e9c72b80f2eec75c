"""Lists in order, and what of a question differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from core.questions.types import QuestionDraft, QuestionSet, Sort

_FIELDS: Final = ("text", "expected", "type", "scorer", "weight", "variables", "system", "options")


def arranged(items: Iterable[QuestionSet], query: str, tag: str, sort: Sort) -> tuple[list[QuestionSet], dict[str, int]]:
    """Those with every word of `query` and with `tag`, in order; and how many of all have each tag."""
    every = list(items)
    words = query.casefold().split()
    kept = [item for item in every if (not tag or tag in item.tags) and all(word in _said(item) for word in words)]
    keys: dict[Sort, Callable[[QuestionSet], Any]] = {
        "name": lambda item: (item.name.casefold(), item.name),
        "updated": lambda item: (-item.updated_at.timestamp(), item.name),
        "count": lambda item: (-item.count, item.name),
    }
    tags = Counter(each for item in every for each in item.tags)
    return sorted(kept, key=keys[sort]), dict(sorted(tags.items()))


def _said(item: QuestionSet) -> str:
    return "\n".join((item.name, item.note, *item.tags, *item.types)).casefold()


def changed_fields(before: QuestionDraft | None, after: QuestionDraft | None) -> tuple[str, ...]:
    """The parts that differ; none where one of them is not there."""
    if before is None or after is None:
        return ()
    return tuple(name for name in _FIELDS if getattr(before, name) != getattr(after, name))
