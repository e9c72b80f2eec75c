"""Batches in words: states, why they wait, warnings of a plan, scores. Shared by the screens and the shell commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui.amounts import money
from tui.amounts import seconds as milliseconds
from tui.errors import describe, fill
from tui.glyphs import Glyphs
from tui.i18n import N_, _, joined, ngettext
from tui.sentence import Candidates
from tui.sentences_scoring import option_rule
from tui.training_sentences import span

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch, ConfigurationProgress, PlanWarning, Span, Waiting
    from core.scoring.types import Score

#: State -> (field of Glyphs, word, token).
BATCH_STATES: dict[str, tuple[str, str, str]] = {
    "draft": ("waiting", N_("not started"), "dim"),
    "running": ("running", N_("running"), "good"),
    "pausing": ("paused", N_("pausing"), "accent"),
    "paused": ("paused", N_("paused"), "warn"),
    "completed": ("done", N_("completed"), "good"),
    "cancelled": ("stopped", N_("cancelled"), "dim"),
    "failed": ("failed", N_("failed"), "bad"),
}
ANSWER_STATES: dict[str, tuple[str, str, str]] = {
    "waiting": ("waiting", N_("waiting"), "dim"),
    "asking": ("running", N_("being asked"), "accent"),
    "answered": ("done", N_("answered"), "good"),
    "failed": ("failed", N_("failed"), "bad"),
}
#: Why a batch does not go on, or goes slowly, by reason.
WAITING: dict[str, Candidates] = {
    "turn": (N_("It waits for its turn: other batches are worked on, or no program that works on batches runs."),),
    "rate_limited": (
        N_("It waits until {time}: “{configuration}” allows about {rate} requests a second."),
        N_("It waits until {time}: {provider} allows about {rate} requests a second."),
        N_("It waits until {time}: “{configuration}” asks to go slower (429)."),
        N_("It waits until {time}: {provider} asks to go slower (429)."),
        N_("It waits: “{configuration}” asks to go slower (429)."),
        N_("It waits: {provider} asks to go slower (429)."),
        N_("It waits: the provider asks to go slower (429)."),
    ),
    "slowed": (
        N_("It asks no faster than “{configuration}” allows: about {rate} requests a second."),
        N_("It asks no faster than {provider} allows: about {rate} requests a second."),
        N_("It asks no faster than the provider allows."),
    ),
    "provider_away": (
        N_("“{configuration}” cannot be reached; it is tried again at {time}."),
        N_("“{configuration}” cannot be reached; it is tried again."),
        N_("{provider} cannot be reached; it is tried again at {time}."),
        N_("{provider} cannot be reached; it is tried again."),
        N_("The provider cannot be reached; it is tried again."),
    ),
    "database": (N_("What was answered cannot be written into the database now; it is kept in a file until it can."),),
    "program_ended": (N_("The program ended while it ran; nothing that was answered is asked again."),),
    "person": (N_("It was paused."),),
    "account_disabled": (N_("The account that it belongs to is disabled."),),
}
#: What to know before a start, by code.
WARNINGS: dict[str, Candidates] = {
    "judge_family": (N_("The judge is of the family of “{model}”: judges prefer answers of their own kind."),),
    "price_unknown": (N_("What “{configuration}” costs is not known."),),
    "no_expected": (N_("{count} questions have no expected answer, so they are not scored."),),
    "long_question": (N_("Question {number} is long, about {tokens} tokens: not every model takes so many."),),
    "same_model": (N_("“{left}” and “{right}” ask the same model with the same parameters."),),
    "scorer_unfit": (N_("{count} questions cannot be scored with “{scorer_word}”."), N_("{count} questions cannot be scored as wanted.")),
    "variables_missing": (N_("{count} questions use the variable “{name}”, which has no value: they are asked as they stand."),),
    "large": (N_("These are {requests} requests."),),
}
#: Scorer -> word. "" chooses by the expected answer.
SCORERS: dict[str, str] = {
    "": N_("by the expected answer"),
    "none": N_("not scored"),
    "exact": N_("exactly the same"),
    "contains": N_("contains it"),
    "choice": N_("multiple choice"),
    "regex": N_("regular expression"),
    "numeric": N_("a number"),
    "json": N_("the same JSON"),
    "json_schema": N_("fits a JSON schema"),
    "bleu": N_("BLEU"),
    "chrf": N_("chrF"),
    "rouge_l": N_("ROUGE-L"),
    "judge": N_("a judge"),
}
#: Why an answer has no score.
SCORE_PROBLEMS: dict[str, Candidates] = {
    "no_expected": (N_("The question has no expected answer."),),
    "options": (N_("The option “{option}” of its scorer does not hold."), N_("An option of its scorer does not hold.")),
    "too_long": (N_("The text is too long for this scorer ({characters} characters of at most {limit})."), N_("The text is too long.")),
    "took_too_long": (N_("Scoring took longer than {seconds} s and was stopped."), N_("Scoring took too long and was stopped.")),
    "unreadable_judge": (N_("What the judge said could not be read as a verdict."),),
    "needs_judge": (N_("No judge was chosen for this batch."),),
    "broke": (N_("The scorer failed: {error}"), N_("The scorer failed.")),
}


def _shown(fields: Mapping[str, Any]) -> dict[str, str]:
    shown = {}
    for name, value in fields.items():
        if isinstance(value, bool) or value in (None, ""):
            continue
        shown[name] = f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else one_line(str(value), 120)
    return shown


def state_word(state: str) -> str:
    """The word for the state of a batch."""
    return _(BATCH_STATES[state][1]) if state in BATCH_STATES else one_line(state, 20)


def batch_state(state: str, signs: Glyphs) -> tuple[str, str]:
    """The state of a batch with its sign, and the token of its colour."""
    return _state(BATCH_STATES, state, signs)


def answer_state(state: str, signs: Glyphs) -> tuple[str, str]:
    """The state of an answer with its sign, and the token of its colour."""
    return _state(ANSWER_STATES, state, signs)


def _state(known: Mapping[str, tuple[str, str, str]], state: str, signs: Glyphs) -> tuple[str, str]:
    sign, word, token = known.get(state, ("lost", state, "warn"))
    return f"{getattr(signs, sign)} {_(word)}", token


def why_waiting(waiting: Waiting | None, zone: tzinfo | None) -> str:
    """Why a batch does not go on just now, or goes slowly; "" for nothing to say."""
    if waiting is None:
        return ""
    fields = _shown({"configuration": waiting.configuration, "provider": waiting.provider_id})
    if waiting.until is not None:
        fields["time"] = clock(waiting.until, zone)
    if waiting.allowed is not None:
        fields["rate"] = f"{waiting.allowed:g}"
    said = fill(WAITING.get(waiting.reason, ()), fields)
    if waiting.reason == "provider_away" and waiting.error is not None:
        return joined(said, describe(waiting.error).title)
    return said


def clock(moment: datetime, zone: tzinfo | None) -> str:
    """A moment to the second."""
    return f"{moment.astimezone(zone):%H:%M:%S}"


def warning(item: PlanWarning) -> str:
    """A warning of a plan as a sentence."""
    fields = _shown(item.fields)
    if "scorer" in fields:
        fields["scorer_word"] = scorer_word(fields["scorer"])
    return fill(WARNINGS.get(item.code, ()), fields) or one_line(item.code.replace("_", " "), 60)


def scorer_word(name: str) -> str:
    """What a scorer is called."""
    return _(SCORERS[name]) if name in SCORERS else one_line(name, 30)


def score_figure(value: float | None) -> str:
    """A score, as reports write it: "82.5 %"; "" where there is none."""
    return "" if value is None else f"{value * 100:.1f} %"


def score_token(value: float | None) -> str:
    """The colour of a score."""
    return "dim" if value is None else "good" if value >= 0.8 else "warn" if value >= 0.5 else "bad"


def score_words(score: Score) -> str:
    """A score in a line: its value, whether it passed, by which scorer; or why there is none."""
    if score.problem is not None:
        said = fill(SCORE_PROBLEMS.get(score.problem, ()), _shown(score.details)) or one_line(score.problem, 60)
        why = option_rule(str(score.details.get("rule", ""))) if score.problem == "options" else ""
        return f"{said} ({why})" if why else said
    if score.value is None:
        return scorer_word(score.scorer)
    passed = "" if score.passed is None else _("passed") if score.passed else _("not passed")
    return " · ".join(part for part in (score_figure(score.value), passed, scorer_word(score.scorer)) if part)


def stars_word(stars: int | None, signs: Glyphs) -> str:
    """A person's stars: five cells, "" for none."""
    return "" if stars is None else signs.star * stars


def rate_figure(rate: float) -> str:
    """Answers a second."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"


def progress_figures(batch: Batch) -> list[str]:
    """Counts, speed and time left of a batch, each as a few words; the most important first."""
    parts = [f"{batch.answered + batch.failed:,}/{batch.total:,}"]
    if batch.failed:
        parts.append(ngettext("{count} failed", "{count} failed", batch.failed).format(count=f"{batch.failed:,}"))
    if batch.cached:
        parts.append(ngettext("{count} from the cache", "{count} from the cache", batch.cached).format(count=f"{batch.cached:,}"))
    if batch.active and batch.rate > 0:
        parts.append(_("{rate} a second").format(rate=rate_figure(batch.rate)))
    if batch.state == "running" and batch.time_left_s is not None:
        parts.append(_("{time} left").format(time=span(batch.time_left_s)))
    if batch.judge_total:
        parts.append(_("judged {done}/{total}").format(done=f"{batch.judged:,}", total=f"{batch.judge_total:,}"))
    return parts


def fraction(batch: Batch | ConfigurationProgress) -> float:
    """How much of it is over, 0 to 1."""
    return (batch.answered + batch.failed) / batch.total if batch.total else 0.0


def amount(cost: Decimal | None, currency: str) -> str:
    """What something cost; "" where that is not known."""
    return "" if cost is None else money(cost, currency)


def count_range(estimate: Span) -> str:
    """An estimate of a count: "1,200 to 3,400", or one number where both are the same."""
    low, high = round(estimate.low), round(estimate.high)
    return f"{low:,}" if low == high else _("{low} to {high}").format(low=f"{low:,}", high=f"{high:,}")


def time_range(estimate: Span) -> str:
    """An estimate of seconds."""
    low, high = span(estimate.low), span(estimate.high)
    return low if low == high else _("{low} to {high}").format(low=low, high=high)


def cost_range(estimate: tuple[Span, str] | None) -> str:
    """An estimate of money; "not known" where a price is missing."""
    if estimate is None:
        return _("not known")
    between, currency = estimate
    low, high = (money(Decimal(str(value)), currency) for value in (between.low, between.high))
    return low if low == high else _("{low} to {high}").format(low=low, high=high)


def time_of(answer: Answer) -> str:
    """How long an answer took; "" where that is not known."""
    return "" if answer.total_ms is None else milliseconds(answer.total_ms)


def answer_figures(answer: Answer) -> list[str]:
    """Times, tokens, cost, attempts of an answer: what is known, each as a few words."""
    parts: list[str] = []
    about = "~" if answer.usage is not None and not answer.usage.exact else ""
    if answer.ttft_ms is not None:
        parts.append(_("{time} to first").format(time=milliseconds(answer.ttft_ms)))
    if answer.total_ms is not None:
        parts.append(_("{time} in all").format(time=milliseconds(answer.total_ms)))
    if answer.usage is not None:
        counts = {"input": f"{about}{answer.usage.input_tokens:,}", "output": f"{about}{answer.usage.output_tokens:,}"}
        parts.append(_("{input} in, {output} out").format(**counts))
    if answer.cost is not None:
        parts.append(amount(answer.cost, answer.currency))
    if answer.from_cache:
        parts.append(_("from the cache"))
    if answer.attempts > 1:
        parts.append(ngettext("{count} attempt", "{count} attempts", answer.attempts).format(count=answer.attempts))
    return parts
