"""What the figures of a batch say in sentences: who is better and whether that is more than chance, and what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` of labels.SENTENCES with its fields, ready made (numbers as text). `tone`: good, warn or text."""

    key: str
    fields: Mapping[str, Any]
    tone: str = "text"


def findings(data: ReportData) -> tuple[Finding, ...]:
    """The most important first. For reports and for the screen."""
    raise NotImplementedError
