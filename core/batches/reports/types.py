"""What a report is made of, and the words it says it in. This package knows no language: tui fills `Words` (see `labels`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch
    from core.scoring.figures import PairedTest, Statistics
    from core.scoring.judge_types import JudgeFigures

#: Form -> the ending of its file.
FORMS: Final[Mapping[str, str]] = {"xlsx": ".xlsx", "html": ".html", "pdf": ".pdf", "csv": ".csv", "json": ".json", "junit": ".xml"}
#: A sentence of labels.SENTENCES by its key, with its fields.
Note = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReportData:
    """All of a report as plain values.

    `answers()`: begins a new reading of all answers, in the order of the questions and, of one question, of the configurations. It may be
    called several times, and only by a thread that may block. `made_at`: when the report was. `judge`: None where no model judged.
    """

    batch: Batch
    statistics: Statistics
    answers: Callable[[], Iterator[Answer]]
    made_at: datetime
    judge: JudgeFigures | None = None

    @property
    def names(self) -> Mapping[str, str]:
        """Configuration id -> its name, in the order of the batch."""
        return {each.configuration_id: each.name for each in self.batch.configurations}

    @property
    def models(self) -> Mapping[str, str]:
        """Configuration id -> the model that it asks."""
        return {each.configuration_id: each.model for each in self.batch.configurations}

    @property
    def compared(self) -> tuple[PairedTest, ...]:
        """Those pairs of configurations that have questions on which both were scored."""
        return tuple(test for test in self.statistics.paired if test.questions)


class Say(Protocol):
    """The label or sentence of `key` (labels.LABELS, labels.SENTENCES), with its fields put in, in the reader's language."""

    def __call__(self, key: str, **fields: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Words:
    """What a report says, in the reader's language. `moment`: a time in the reader's zone, "" of None. `span`: seconds as words, "" of
    None. `failure`: why an answer did not come, as one sentence. `language`: as in HTML's `lang`, for example zh-CN.
    """

    say: Say
    moment: Callable[[datetime | None], str]
    span: Callable[[float | None], str]
    failure: Callable[[Answer], str]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: bytes, and what its reader should be told, such as that no font was found that has Chinese signs."""

    size: int
    notes: tuple[Note, ...] = ()
