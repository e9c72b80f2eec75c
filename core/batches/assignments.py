"""What the engine of a batch is given to do, and how what came of it becomes rows and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.batches.asking import Item, Outcome, Snapshot
from core.batches.rows import decimal_of, question_of
from core.batches.types import BatchDraft

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

_COPIED = (
    "content", "reasoning", "finish", "input_tokens", "output_tokens", "reasoning_tokens", "usage_exact", "ttft_ms", "ttfa_ms", "total_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assignment:
    """A batch as its engine knows it. `configurations`: (id, id of the source, name, snapshot), in order."""

    batch_id: str
    owner_id: str
    served: bool
    epoch: int
    draft: BatchDraft
    configurations: tuple[tuple[str, str, str, Snapshot], ...]
    judge: str

    @property
    def snapshots(self) -> dict[str, Snapshot]:
        """By id of the batch's configuration."""
        return {each[0]: each[3] for each in self.configurations}


@dataclass(frozen=True, slots=True)
class Claimed:
    """`items`: to be asked now. `cached`: answers that were there already. Both empty: nothing waits. `state`: of the batch, when it is
    not running any more, or not ours ("lost")."""

    items: tuple[Item, ...] = ()
    cached: tuple[Outcome, ...] = ()
    state: str = ""


def is_news(entry: Mapping[str, Any], row: Any) -> bool:
    """Whether a journal's entry brings more than the row holds. A failure that is there already may have been forgiven since."""
    return row.state != "answered" and (entry.get("state") == "answered" or entry.get("attempts", 0) > row.attempts)


def write_scores(uow: UnitOfWork, batch: Any, scores: Sequence[tuple[str, float, dict[str, Any]]]) -> None:
    """As Desk.save_scores, beside what else is written. `batch`: its locked row."""
    before = uow.batches.states([each[0] for each in scores])
    for key, weight, columns in scores:
        known = before.get(key)
        if known is None or known.state != "answered" or known.score is not None:
            continue
        uow.batches.change_answer(key, changed=batch.changed + 1, **columns)
        if columns["score"] is not None:
            uow.batches.count(known.configuration_id, scored=1, score=columns["score"] * weight, weight=weight)


def item_of(row: Any, snapshots: Mapping[str, Snapshot]) -> Item:
    """Of a joined row. `more`: the question's own system prompt."""
    question = question_of(row).filled()
    request = snapshots[row.configuration_id].request(question.text, question.system)
    return Item(row.id, row.configuration_id, request, row.q_number, question, row.attempts, more=question.system)


def copied(item: Item, row: Any) -> dict[str, Any]:
    """The answer of another row to the same request."""
    kept = {name: getattr(row, name) for name in _COPIED}
    return {"id": item.id, "state": "answered", **kept, "error": "", "attempts": item.attempts, "from_cache": True}


def add_to(deltas: dict[str, Any], row: Mapping[str, Any], before: str, weight: float) -> None:
    deltas[row["state"]] += 1
    if before in ("asking", "failed"):
        deltas[before] -= 1
    if row["state"] != "answered":
        return
    deltas["cached"] += int(row["from_cache"])
    deltas["output_tokens"] += row["output_tokens"] or 0
    if row["score"] is not None:
        deltas["scored"] += 1
        deltas["score"] += row["score"] * weight
        deltas["weight"] += weight


def paid(configuration: Any, spent: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The configuration's cost with these added, in the currency it has."""
    currency = configuration.currency or spent[0][1]
    amount = (decimal_of(configuration.cost) or Decimal(0)) + sum((Decimal(cost) for cost, of in spent if of == currency), Decimal(0))
    return {"cost": f"{amount:f}", "currency": currency}
