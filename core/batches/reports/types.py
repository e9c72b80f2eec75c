"""What a report is made of, and the words it says it in. This package knows no language: tui fills `Words` (see `labels`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch
    from core.scoring.statistics import Statistics

#: Form -> the ending of its file.
FORMS: Final[Mapping[str, str]] = {"xlsx": ".xlsx", "html": ".html", "pdf": ".pdf", "csv": ".csv", "json": ".json", "junit": ".xml"}


@dataclass(frozen=True, slots=True)
class ReportData:
    """All of a report as plain values.

    `answers()`: begins a new reading of all answers, in the order of the questions and, of one question, of the configurations; it may be
    called several times, and by a thread that may block. `names`: configuration id -> its name, unique among them, in the order of the
    batch. `models`: configuration id -> model. `set_name`, `set_version`: where the questions came from. `made_at`: when the report was.
    """

    batch: Batch
    names: Mapping[str, str]
    models: Mapping[str, str]
    statistics: Statistics
    answers: Callable[[], Iterator[Answer]]
    made_at: datetime
    set_name: str = ""
    set_version: int | None = None


class Say(Protocol):
    """The sentence or label of `key` (labels.LABELS, labels.SENTENCES), with its fields put in, in the reader's language."""

    def __call__(self, key: str, **fields: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Words:
    """What a report says, in the reader's language. `moment`: a time in the reader's zone, "" of None. `span`: seconds as words.

    `failure`: why an answer did not come, as one sentence. `language`: as in HTML's `lang`, for example zh-CN.
    """

    say: Say
    moment: Callable[[datetime | None], str]
    span: Callable[[float | None], str]
    failure: Callable[[Answer], str]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: bytes, and what its reader should be told (keys of labels.SENTENCES with their fields), such as that no font was
    found that has Chinese signs."""

    size: int
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
