"""What a prepared draft would cost: requests, tokens, money and time, each from the least to the most, and what is worth a warning."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from statistics import mean
from typing import TYPE_CHECKING, Any

from core.batches.asking import Snapshot
from core.batches.types import BatchDraft, ConfigurationPlan, Plan, PlanWarning, Span
from core.llm.tokens import MESSAGE_OVERHEAD, estimate_tokens
from core.questions.types import Question

if TYPE_CHECKING:
    from core.batches.planning import Prepared
    from core.models.types import Configuration

#: So many answers of a model make its figures a measurement.
_ENOUGH = 5
#: Without a measurement: tokens of an answer and seconds of a request, at least and at most.
_TOKENS, _SECONDS = Span(30, 600), Span(0.5, 15.0)
_JUDGE_TOKENS = Span(40, 300)
#: Our count of tokens is this far off at most, as a rule.
_OFF_LOW, _OFF_HIGH = 0.8, 1.25
#: Requests that are worth a second look, and tokens of a question that some models do not take.
_LARGE, _LONG = 10_000, 100_000


@dataclass(slots=True)
class _Load:
    """What goes to one provider: requests and seconds of each."""

    requests: int = 0
    low: float = 0.0
    high: float = 0.0


def estimate(prepared: Prepared, known: dict[str, Any]) -> Plan:
    """`known`: what earlier answers tell (core/batches/planning.py). Slow for many questions."""
    draft, sizes = prepared.draft, [_tokens(question) for question in prepared.questions]
    loads: dict[tuple[str, str], _Load] = defaultdict(_Load)
    plans = [_one(prepared, made, sizes, known, loads[made.provider_id, made.endpoint]) for made in prepared.configurations]
    judging = _judging(prepared, sizes, known)
    seconds = _seconds(loads.values(), draft)
    spent = [each.cost for each in plans]
    if judging is not None:
        load, cost = judging
        after = _seconds([load], draft)
        seconds = Span(seconds.low + after.low, seconds.high + after.high)
        spent.append(cost)
    return Plan(
        name=prepared.name,
        set_id=prepared.set.id,
        set_name=prepared.set.name,
        version=draft.version or prepared.set.version,
        questions=len(prepared.questions),
        requests=prepared.total + prepared.judge_total,
        judge_requests=prepared.judge_total,
        from_cache=sum(each.from_cache for each in plans),
        input_tokens=_sum([each.input_tokens for each in plans]),
        output_tokens=_sum([each.output_tokens for each in plans]),
        cost=_total_cost(spent),
        seconds=seconds,
        configurations=tuple(plans),
        warnings=tuple(_warnings(prepared, plans, sizes)),
    )


def _tokens(question: Question) -> tuple[int, int | None]:
    """(tokens of the text, of its own system prompt, None for the configuration's)."""
    asked = question.filled()
    return estimate_tokens(asked.text) + MESSAGE_OVERHEAD, None if asked.system is None else estimate_tokens(asked.system)


def _one(
    prepared: Prepared, made: Configuration, sizes: Sequence[tuple[int, int | None]], known: dict[str, Any], load: _Load
) -> ConfigurationPlan:
    draft = prepared.draft
    cached: set[tuple[int, int]] = known["cached"].get(made.id, set())
    own = estimate_tokens(made.system_prompt) if made.system_prompt else 0
    tokens = sent = 0
    skipped = Counter(number for number, _ in cached)
    for question, (text, system) in zip(prepared.questions, sizes, strict=True):
        times = draft.repetitions - skipped[question.number]
        sent += times
        tokens += times * (text + (own if system is None else system))
    each, took, measured = _usual(known["models"][made.model], made.parameters.max_tokens)
    load.requests += sent
    load.low += sent * took.low
    load.high += sent * took.high
    inputs, outputs = Span(tokens * _OFF_LOW, tokens * _OFF_HIGH), Span(sent * each.low, sent * each.high)
    requests = len(prepared.questions) * draft.repetitions
    return ConfigurationPlan(made.id, made.name, made.model, requests, len(cached), inputs, outputs, _cost(made, inputs, outputs), measured)


def _usual(rows: Sequence[Any], most: int | None) -> tuple[Span, Span, bool]:
    """Tokens and seconds of an answer, and whether that was measured."""
    limit = float(most) if most else float("inf")
    tokens, seconds = [row.output_tokens for row in rows], [row.total_ms / 1000 for row in rows if row.total_ms]
    if len(tokens) < _ENOUGH or not seconds:
        return Span(min(_TOKENS.low, limit), min(_TOKENS.high, limit)), _SECONDS, False
    usual, took = mean(tokens), mean(seconds)
    return Span(min(0.75 * usual, limit), min(1.33 * usual, limit)), Span(0.75 * took, 1.33 * took), True


def _judging(prepared: Prepared, sizes: Sequence[tuple[int, int | None]], known: dict[str, Any]) -> tuple[_Load, Any] | None:
    if prepared.judge is None or not prepared.judge_total:
        return None
    usual = max(
        (_usual(known["models"][made.model], made.parameters.max_tokens)[0] for made in prepared.configurations), key=lambda s: s.high
    )
    asked = mean(text for text, _ in sizes)
    count = prepared.judge_total
    inputs = Span(count * (asked + usual.low) * _OFF_LOW, count * (asked + 2 * usual.high + 400) * _OFF_HIGH)
    outputs = Span(count * _JUDGE_TOKENS.low, count * _JUDGE_TOKENS.high)
    took = _usual(known["models"][prepared.judge.model], None)[1]
    return _Load(count, count * took.low, count * took.high), _cost(prepared.judge, inputs, outputs)


def _seconds(loads: Any, draft: BatchDraft) -> Span:
    """Providers are asked side by side; each takes so many requests at a time, and so many a minute."""
    low = high = 0.0
    for load in loads:
        at_least = load.requests / draft.requests_per_minute * 60 if draft.requests_per_minute else 0.0
        low = max(low, at_least, load.low / draft.concurrency)
        high = max(high, at_least, load.high / draft.concurrency)
    return Span(low, high)


def _cost(made: Configuration, inputs: Span, outputs: Span) -> tuple[Span, str] | None:
    from core.llm.pricing import prices

    try:
        found = prices(made.provider_id, made.model, endpoint=made.endpoint)
    except Exception:  # a price list that breaks is one that does not know
        return None
    if found is None:
        return None
    low, high = (
        float((found.input * Decimal(tokens) + found.output * Decimal(more)) / 1_000_000)
        for tokens, more in ((inputs.low, outputs.low), (inputs.high, outputs.high))
    )
    return Span(low, high), found.currency


def _total_cost(costs: Sequence[tuple[Span, str] | None]) -> tuple[Span, str] | None:
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs) or len({currency for _, currency in known}) != 1:
        return None
    return _sum([span for span, _ in known]), known[0][1]


def _sum(spans: Sequence[Span]) -> Span:
    return Span(sum(span.low for span in spans), sum(span.high for span in spans))


# Warnings --------------------------------------------------------------------------------------------------------------


def _warnings(prepared: Prepared, plans: Sequence[ConfigurationPlan], sizes: Sequence[tuple[int, int | None]]) -> list[PlanWarning]:
    from core.scoring.judge import same_family

    found: list[PlanWarning] = []
    if prepared.judge is not None:
        found += [
            PlanWarning("judge_family", {"judge": prepared.judge.model, "model": made.model})
            for made in prepared.configurations
            if same_family(prepared.judge.model, made.model)
        ]
    for left, right in combinations(prepared.configurations, 2):
        if Snapshot.of(left) == Snapshot.of(right):
            found.append(PlanWarning("same_model", {"left": left.name, "right": right.name}))
    found += [PlanWarning("price_unknown", {"configuration": each.name}) for each in plans if each.cost is None]
    found += _of_questions(prepared)
    longest = max(range(len(sizes)), key=lambda index: sizes[index][0])
    if sizes[longest][0] > _LONG:
        number = prepared.questions[longest].number
        found.append(PlanWarning("long_question", {"number": number, "tokens": sizes[longest][0], "limit": _LONG}))
    requests = prepared.total + prepared.judge_total - sum(each.from_cache for each in plans)
    if requests >= _LARGE:
        found.append(PlanWarning("large", {"requests": requests}))
    return found


def _of_questions(prepared: Prepared) -> list[PlanWarning]:
    from core.scoring.scorers import SCORERS, validate

    missing: Counter[str] = Counter()
    unfit: Counter[tuple[str, str]] = Counter()
    without = 0
    seen: dict[str, Any] = {}
    for question in prepared.questions:
        missing.update(question.missing_variables)
        name = question.scorer or prepared.draft.scorer
        if not name:
            continue
        info = SCORERS.get(name)
        without += int(info is not None and info.needs_expected and question.expected is None)
        key = f"{name}\n{json.dumps(dict(question.options), sort_keys=True, default=str)}" if question.options else name
        if key not in seen:
            seen[key] = validate(name, question.options)
        unfit.update({(name, problem.rule) for problem in seen[key]})
    found = [PlanWarning("no_expected", {"count": without})] if without else []
    found += [PlanWarning("scorer_unfit", {"count": count, "scorer": name, "rule": rule}) for (name, rule), count in unfit.items()]
    return found + [PlanWarning("variables_missing", {"count": count, "name": name}) for name, count in missing.items()]
