"""A comparison as a person keeps it: as an object for scripts, and as Markdown. Names that are hidden stay hidden."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.compare.types import BOTH_BAD, TIE
from core.sanitise import json_safe, one_line, sanitise
from tui.amounts import money, seconds
from tui.i18n import N_, _

if TYPE_CHECKING:
    from core.chat.types import Message
    from core.compare.types import Candidate, CandidateAnswer, Comparison, Round, Verdict
    from core.errors import ModeltrainError

#: All rounds of a comparison, for `Comparisons.get`.
ALL_ROUNDS = 1_000_000
#: How an answer stands, in words.
STATES = {
    "waiting": N_("waiting"),
    "skipped": N_("not asked"),
    "generating": N_("being written"),
    "complete": N_("finished"),
    "stopped": N_("stopped"),
    "truncated": N_("cut off"),
    "failed": N_("failed"),
}
#: How an answer ended, in the words of the object for scripts.
_FINISH = {"complete": "stop", "stopped": "stopped", "truncated": "truncated", "failed": "error"}


# For scripts ---------------------------------------------------------------------------------------------------------


def as_object(comparison: Comparison) -> dict[str, Any]:
    """Everything of it: who was asked, each question with each answer, its figures and the verdict."""
    return {
        "id": comparison.id,
        "title": comparison.title,
        "mode": comparison.mode,
        "blind": comparison.blind,
        "names_hidden": comparison.names_hidden,
        "type": comparison.type,
        "created_at": comparison.created_at,
        "used_at": comparison.used_at,
        "candidates": [_candidate(each, hidden=comparison.names_hidden) for each in comparison.candidates],
        "rounds": [round_as_object(comparison, each) for each in comparison.rounds],
    }


def _candidate(candidate: Candidate, *, hidden: bool) -> dict[str, Any]:
    return {
        "label": candidate.label,
        "configuration": None if hidden else candidate.configuration_name,
        "model": None if hidden else candidate.model,
        "conversation": None if hidden else candidate.conversation_id,
    }


def round_as_object(comparison: Comparison, shown: Round) -> dict[str, Any]:
    """One question with its answers."""
    return {
        "id": shown.id,
        "number": shown.ordinal + 1,
        "question": shown.question,
        "images": len(shown.images),
        "asked_at": shown.asked_at,
        "answers": [_answer(comparison, each) for each in shown.answers],
        "fastest": fastest(comparison, shown),
        "cheapest": cheapest(comparison, shown),
        "verdict": _verdict(comparison, shown.verdict),
    }


def _answer(comparison: Comparison, answer: CandidateAnswer) -> dict[str, Any]:
    candidate, message, hidden = comparison.candidate(answer.candidate_id), answer.message, comparison.names_hidden
    found: dict[str, Any] = {"label": candidate.label if candidate is not None else "", "state": answer.state}
    found |= {"configuration": None, "model": None}
    if candidate is not None and not hidden:
        found |= {"configuration": candidate.configuration_name, "model": message.model if message is not None else candidate.model}
    return found | _message(message, hidden=hidden)


def _message(message: Message | None, *, hidden: bool) -> dict[str, Any]:
    told = message is not None and not hidden
    usage = message.usage if message is not None and told else None
    return {
        "answer": message.content if message is not None else "",
        "reasoning": message.reasoning if message is not None else "",
        "finish": _finish(message),
        "error": _error(message.error, hidden=hidden) if message is not None else None,
        "usage": None
        if usage is None
        else {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "exact": usage.exact,
        },
        "ttft_ms": message.ttft_ms if message is not None and told else None,
        "ttfa_ms": message.ttfa_ms if message is not None and told else None,
        "total_ms": message.total_ms if message is not None and told else None,
        "tokens_per_second": _speed(message) if message is not None and told else None,
        "cost": float(message.cost) if message is not None and told and message.cost is not None else None,
        "currency": message.currency if message is not None and told else "",
    }


def _speed(message: Message) -> float | None:
    return None if message.tokens_per_second is None else round(message.tokens_per_second, 2)


def _finish(message: Message | None) -> str | None:
    if message is None or message.state == "generating":
        return None
    return "length" if message.finish == "length" else _FINISH.get(message.state, "error")


def _error(error: ModeltrainError | None, *, hidden: bool) -> dict[str, str] | None:
    """`hidden`: its sentence would name the model."""
    if error is None:
        return None
    if hidden:
        return {"code": error.code, "message": "", "remedy": ""}
    from tui.errors import describe
    from tui.i18n import joined

    problem = describe(error)
    return {"code": error.code, "message": joined(problem.title, problem.why), "remedy": problem.remedy}


def _verdict(comparison: Comparison, verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "winner": _label(comparison, verdict.winner),
        "stars": {_label(comparison, who): stars for who, stars in verdict.stars.items()},
        "note": verdict.note,
        "blind": verdict.blind,
        "given_at": verdict.given_at,
    }


def _label(comparison: Comparison, who: str | None) -> str | None:
    """A, B or C for a candidate's id; what is none stays as it is."""
    candidate = comparison.candidate(who) if who else None
    return candidate.label if candidate is not None else who


def fastest(comparison: Comparison, shown: Round) -> str | None:
    """The label of the whole answer that took the least time; None where there are not two of them, or it must not be told."""
    times = {each.candidate_id: each.message.total_ms for each in _whole(comparison, shown) if each.message and each.message.total_ms}
    return _least(comparison, times)


def cheapest(comparison: Comparison, shown: Round) -> str | None:
    """The label of the whole answer that cost least; None where costs are not known of all or not in one currency."""
    whole = [each for each in _whole(comparison, shown) if each.message is not None]
    costs = {each.candidate_id: each.message.cost for each in whole if each.message and each.message.cost is not None}
    if len(costs) < len(whole) or len({each.message.currency for each in whole if each.message}) > 1:
        return None
    return _least(comparison, {who: float(cost) for who, cost in costs.items()})


def _whole(comparison: Comparison, shown: Round) -> list[CandidateAnswer]:
    return [] if comparison.names_hidden or not shown.ended else [each for each in shown.answers if each.state == "complete"]


def _least(comparison: Comparison, values: dict[str, Any]) -> str | None:
    least = [who for who, value in values.items() if value == min(values.values())]
    return _label(comparison, least[0]) if len(values) > 1 and len(least) == 1 else None


def as_json_text(comparison: Comparison) -> str:
    """The object as indented JSON."""
    return json_safe(json.dumps(as_object(comparison), ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


# For people ----------------------------------------------------------------------------------------------------------


def name_of(comparison: Comparison, candidate: Candidate) -> str:
    """Label, configuration and model; the label only while names are hidden. One line."""
    if comparison.names_hidden:
        return _("{label}, name hidden").format(label=candidate.label)
    name, model = one_line(candidate.configuration_name), one_line(candidate.model)
    return f"{candidate.label} {name}" if model.casefold() in name.casefold() else f"{candidate.label} {name} ({model})"


def verdict_sentence(comparison: Comparison, verdict: Verdict) -> str:
    """What was decided, stars and whether names were hidden, in one line; without the note."""
    winner = comparison.candidate(verdict.winner) if verdict.winner else None
    parts = []
    if winner is not None:
        parts.append(_("Winner: {name}").format(name=name_of(comparison, winner)))
    elif verdict.winner in (TIE, BOTH_BAD):
        parts.append(_("Tie") if verdict.winner == TIE else _("All bad"))
    stars = [f"{each.label} {verdict.stars[each.id]}/5" for each in comparison.candidates if verdict.stars.get(each.id)]
    if stars:
        parts.append(_("Stars: {stars}").format(stars=", ".join(stars)))
    if verdict.blind:
        parts.append(_("names were hidden"))
    return " · ".join(parts)


def figures_sentence(message: Message) -> str:
    """First token, total, tokens, speed, cost: what is known. ~ marks estimates."""
    usage, about = message.usage, "~" if message.usage is not None and not message.usage.exact else ""
    parts = [_("first {time}").format(time=seconds(message.ttft_ms))] if message.ttft_ms is not None else []
    parts += [_("total {time}").format(time=seconds(message.total_ms))] if message.total_ms is not None else []
    if usage is not None:
        parts.append(_("{input} in, {output} out").format(input=f"{about}{usage.input_tokens:,}", output=f"{about}{usage.output_tokens:,}"))
    if (speed := message.tokens_per_second) is not None:
        parts.append(_("{speed} tok/s").format(speed=f"{about}{speed:.0f}" if speed >= 10 else f"{about}{speed:.1f}"))
    if message.cost is not None:
        parts.append((about if message.cost else "") + money(message.cost, message.currency))
    return " · ".join(parts)


def as_markdown(comparison: Comparison) -> str:
    """A heading for each question and each answer, the verdicts below; reasoning folded."""
    lines = [f"# {one_line(comparison.title) or _('(no title)')}", ""]
    lines += [f"- {name_of(comparison, each)}" for each in comparison.candidates]
    for shown in comparison.rounds:
        lines += ["", "## " + _("Question {number}").format(number=shown.ordinal + 1), "", sanitise(shown.question).rstrip("\n")]
        for answer in shown.answers:
            lines += _answer_lines(comparison, answer)
        if shown.verdict is not None:
            lines += ["", f"**{verdict_sentence(comparison, shown.verdict) or _('Note')}**"]
            lines += ["", sanitise(shown.verdict.note)] if shown.verdict.note else []
    return "\n".join(lines) + "\n"


def _answer_lines(comparison: Comparison, answer: CandidateAnswer) -> list[str]:
    candidate, message = comparison.candidate(answer.candidate_id), answer.message
    name = name_of(comparison, candidate) if candidate is not None else ""
    state = "" if answer.state == "complete" else f" ({_(STATES[answer.state])})"
    lines = ["", f"### {name}{state}", ""]
    if message is None:
        return lines
    if not comparison.names_hidden and (figures := figures_sentence(message)):
        lines += [f"*{figures}*", ""]
    if message.reasoning:
        lines += ["<details><summary>" + _("Reasoning") + "</summary>", "", sanitise(message.reasoning), "", "</details>", ""]
    if message.error is not None and not comparison.names_hidden:
        from tui.errors import describe

        lines += [f"> {describe(message.error).title}", ""]
    return [*lines, sanitise(message.content).rstrip("\n")]
