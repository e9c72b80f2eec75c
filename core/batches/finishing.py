"""From what came to what is kept: tokens that nobody counted, the price, the score. Slow: for threads, never for the loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.batches.rows import score_columns
from core.chat.text import storable
from core.llm.events import Usage
from core.llm.tokens import MESSAGE_OVERHEAD, estimate_tokens
from core.scoring.types import Score, Scored

if TYPE_CHECKING:
    from core.batches.asking import Outcome, Snapshot
    from core.questions.types import Question

log = logging.getLogger(__name__)

#: Seconds that scoring may hold up a group that is to be saved; what is left over is scored behind it.
BUDGET_S = 0.25
_UNSCORED: Mapping[str, Any] = score_columns(None)


def finish(outcomes: Iterable[Outcome], snapshots: Mapping[str, Snapshot], scorer: str, now_ms: int) -> list[dict[str, Any]]:
    """The columns of each outcome, by "b_id", all with the same names. `snapshots` by configuration; `scorer`: the batch's default.

    `scorer` "" in a row means that it is still to be scored.
    """
    deadline = time.monotonic() + BUDGET_S
    rows = []
    for outcome in outcomes:
        entry = dict(outcome.entry)
        row = {"b_id": entry.pop("id"), **entry, "answered_at": entry.pop("answered_at", None) or now_ms}
        row["content"], row["reasoning"] = storable(row["content"]), storable(row["reasoning"])
        if row["state"] == "answered" and not row["from_cache"]:
            _count(row, outcome)
        row |= {"cost": "", "currency": ""} if row["from_cache"] else _cost(row, snapshots.get(outcome.item.configuration_id))
        question = outcome.item.question
        if row["state"] == "answered" and question is not None and time.monotonic() < deadline:
            row |= score_columns(scored(row["content"], question, scorer))
        else:
            row |= _UNSCORED
        rows.append(row)
    return rows


def _count(row: dict[str, Any], outcome: Outcome) -> None:
    """Our own count, where the provider sent none."""
    if row["input_tokens"] is not None and row["output_tokens"] is not None:
        return
    request = outcome.item.request
    texts = (*(turn.content for turn in request.turns), *((request.system,) if request.system else ()))
    thought = estimate_tokens(row["reasoning"])
    row["input_tokens"] = sum(estimate_tokens(text) + MESSAGE_OVERHEAD for text in texts)
    row["output_tokens"] = estimate_tokens(row["content"]) + thought
    row["reasoning_tokens"] = thought or None
    row["usage_exact"] = False


def _cost(row: Mapping[str, Any], snapshot: Snapshot | None) -> dict[str, str]:
    if snapshot is None or row["input_tokens"] is None or row["output_tokens"] is None:
        return {"cost": "", "currency": ""}
    return price(snapshot, Usage(row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]))


def price(snapshot: Snapshot, usage: Usage) -> dict[str, str]:
    """The columns `cost` and `currency`, "" where the price is not known. Never fails: a price is not worth an answer."""
    from core.llm.pricing import cost

    try:
        found = cost(snapshot.provider_id, snapshot.model, usage, endpoint=snapshot.endpoint)
    except Exception:
        log.exception("the price of an answer could not be told")
        return {"cost": "", "currency": ""}
    return {"cost": "" if found.amount is None else f"{found.amount:f}"[:40], "currency": found.currency}


def scored(content: str, question: Question, default: str) -> Score:
    """The score of an answer. What a scorer cannot do is a score without a value that says so; nothing is raised."""
    from core.scoring.scorers import score

    name = question.scorer or default
    try:
        return score(content, Scored(question.expected, name, question.options))
    except Exception as error:
        log.exception("the scorer %s failed", name)
        return Score(None, None, name or "none", {"error": type(error).__name__}, "broke")
