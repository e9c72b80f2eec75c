"""Reports of batches in the reader's language: the words that core/batches/reports says (its labels.py names them all)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tui.errors import describe
from tui.i18n import N_, _, current, ngettext
from tui.training_sentences import span

if TYPE_CHECKING:
    from datetime import tzinfo

    from core.batches.reports.types import Words
    from core.batches.types import Answer

LABELS: dict[str, str] = {
    "report": N_("Report of a batch"),
    "summary": N_("Summary"),
    "findings": N_("What it shows"),
    "charts": N_("Charts"),
    "statistics": N_("Scores and answers"),
    "statistics_sheet": N_("Statistics"),
    "speed": N_("Times"),
    "use": N_("Tokens and cost"),
    "by_type": N_("By type of question"),
    "differences": N_("Differences"),
    "judge": N_("The judge"),
    "answers": N_("Answers"),
    "notes": N_("Notes"),
    "contents": N_("Contents"),
    "batch": N_("Batch"),
    "set": N_("Questions from"),
    "version": N_("version"),
    "state": N_("State"),
    "created": N_("Created"),
    "started": N_("Started"),
    "ended": N_("Ended"),
    "duration": N_("Duration"),
    "made": N_("Report made"),
    "configuration": N_("Configuration"),
    "model": N_("Model"),
    "type": N_("Type"),
    "no_type": N_("without a type"),
    "all_types": N_("all types"),
    "questions": N_("Questions"),
    "total": N_("In all"),
    "answered": N_("Answered"),
    "failed": N_("Failed"),
    "missing": N_("Missing"),
    "from_cache": N_("From the cache"),
    "unscored": N_("Not scored"),
    "score": N_("Score"),
    "interval": N_("Interval"),
    "low": N_("At least"),
    "high": N_("At most"),
    "passed": N_("Passed"),
    "error_rate": N_("Error rate"),
    "ttft": N_("First token"),
    "total_time": N_("Total time"),
    "mean": N_("mean"),
    "p50": N_("p50"),
    "p95": N_("p95"),
    "p99": N_("p99"),
    "input_tokens": N_("Tokens in"),
    "output_tokens": N_("Tokens out"),
    "tokens_each": N_("Tokens out an answer"),
    "tokens_per_s": N_("Tokens a second"),
    "cost": N_("Cost"),
    "currency": N_("Currency"),
    "stars": N_("Stars"),
    "corpus_bleu": N_("BLEU over all"),
    "corpus_chrf": N_("chrF over all"),
    "left": N_("Left side"),
    "right": N_("Right side"),
    "difference": N_("Difference"),
    "left_better": N_("Left better"),
    "right_better": N_("Right better"),
    "equal": N_("Equal"),
    "test": N_("Statistical test"),
    "chance": N_("p"),
    "conclusion": N_("Conclusion"),
    "mcnemar": N_("McNemar's exact test"),
    "permutation": N_("paired permutation test"),
    "better_left": N_("left is better"),
    "better_right": N_("right is better"),
    "may_be_chance": N_("may be chance"),
    "no_difference": N_("no difference"),
    "too_few_differ": N_("too few differ"),
    "figure": N_("Figure"),
    "value": N_("Value"),
    "pairs": N_("Pairs compared"),
    "grades": N_("Answers graded"),
    "unreadable": N_("Verdicts that could not be read"),
    "flip_rate": N_("Verdicts that changed with the order"),
    "first_rate": N_("Won by the answer shown first"),
    "longer_rate": N_("Won by the longer answer"),
    "length_correlation": N_("Correlation of grade and length"),
    "number": N_("No."),
    "question": N_("Question"),
    "system": N_("System prompt"),
    "expected": N_("Expected"),
    "answer": N_("Answer"),
    "reasoning": N_("Reasoning"),
    "scorer": N_("Scorer"),
    "weight": N_("Weight"),
    "repetition": N_("Repetition"),
    "attempts": N_("Requests"),
    "error": N_("Error"),
    "seconds": N_("Seconds"),
    "show_all": N_("All"),
    "show_not_passed": N_("Not passed"),
    "show_failed": N_("Failed"),
    "yes": N_("yes"),
    "no": N_("no"),
    "problem_no_expected": N_("The question has no expected answer."),
    "problem_options": N_("An option of its scorer does not hold."),
    "problem_too_long": N_("The text is too long."),
    "problem_took_too_long": N_("Scoring took too long and was stopped."),
    "problem_unreadable_judge": N_("What the judge said could not be read as a verdict."),
    "problem_needs_judge": N_("No judge was chosen for this batch."),
    "problem_broke": N_("The scorer failed."),
    "draft": N_("not started"),
    "running": N_("running"),
    "pausing": N_("pausing"),
    "paused": N_("paused"),
    "completed": N_("completed"),
    "cancelled": N_("cancelled"),
    "failed_batch": N_("failed"),
    "waiting": N_("Waiting"),
    "asking": N_("Being asked"),
    "chart_score": N_("Score, with 95 % intervals"),
    "chart_score_by_type": N_("Score by type of question, with 95 % intervals"),
    "chart_total": N_("Total time of an answer"),
    "chart_ttft": N_("Time to the first token"),
    "chart_cost": N_("Cost"),
    "chart_tokens": N_("Tokens"),
    "chart_errors": N_("Error rate, with 95 % intervals"),
    "chart_difference": N_("Differences of scores in points, with 95 % intervals"),
}
SENTENCES: dict[str, str] = {
    "best": N_("“{name}” has the highest score: {score}."),
    "better": N_(
        "“{left}” scores {difference} points higher than “{right}” (95 % interval {low} to {high}, {questions} questions). "
        "That is hardly chance ({test}, p = {p})."
    ),
    "may_differ": N_(
        "“{left}” scores {difference} points higher than “{right}” (95 % interval {low} to {high}, {questions} questions). "
        "That may be chance ({test}, p = {p})."
    ),
    "same": N_("“{left}” and “{right}” were scored alike on every one of {questions} questions."),
    "fastest": N_("“{name}” is the fastest: half of its answers took {time} or less."),
    "cheapest": N_("“{name}” is the cheapest: {cost} in all."),
    "nothing_scored": N_("Nothing was scored: the questions have no expected answers, and there was no judge."),
    "judge_flips": N_("The judge changed its mind with the order of the answers in {rate} of the pairs; each of these counts as a tie."),
    "judge_place": N_("The judge looks at the place: the answer shown first won {rate} of its verdicts (50 % is fair)."),
    "judge_length": N_("The judge may prefer length: the longer answer won {rate} of the decided pairs (50 % is fair)."),
    "judge_length_grades": N_("The judge may prefer length: grade and length of an answer go together (rank correlation {value})."),
    "judge_family": N_("The judge is of the family of {models}: judges prefer answers of their own kind."),
    "interval_means": N_("Intervals: where the true value lies with {percent} confidence, if these questions stand for all others."),
    "some_answers": N_(
        "{shown} of {total} answers are shown here, the failed and the lowest scored first; XLSX, HTML, CSV and JSON have all."
    ),
    "first_answers": N_("The first {shown} of {total} answers are shown here; XLSX, CSV and JSON have all."),
    "answer_cut": N_("The first {shown} of {total} characters; CSV and JSON have all of them."),
    "page": N_("Page {page} of {pages}"),
}
#: One and many of `count`; calls, so that the catalogues find both.
COUNTED: dict[str, Callable[[int], str]] = {
    "too_few": lambda count: ngettext(
        "“{left}” and “{right}” differ on {count} question of {questions}: too few to tell which is better.",
        "“{left}” and “{right}” differ on {count} questions of {questions}: too few to tell which is better.",
        count,
    ),
    "errors": lambda count: ngettext(
        "{count} question brought “{name}” no answer ({rate}).", "{count} questions brought “{name}” no answer ({rate}).", count
    ),
    "missing_answers": lambda count: ngettext("{count} answer of {total} is missing.", "{count} answers of {total} are missing.", count),
    "unscored_answers": lambda count: ngettext(
        "{count} answer of “{name}” could not be scored.", "{count} answers of “{name}” could not be scored.", count
    ),
    "judge_unreadable": lambda count: ngettext(
        "{count} verdict of the judge could not be read.", "{count} verdicts of the judge could not be read.", count
    ),
    "from_cache_times": lambda count: ngettext(
        "{count} answer came from the cache: its times are those of the request that brought it.",
        "{count} answers came from the cache: their times are those of the requests that brought them.",
        count,
    ),
    "texts_cut": lambda count: ngettext(
        "{count} text was longer than a cell can hold ({limit} characters) and was cut; CSV and JSON have it whole.",
        "{count} texts were longer than a cell can hold ({limit} characters) and were cut; CSV and JSON have them whole.",
        count,
    ),
    "no_font": lambda count: ngettext(
        "{count} sign is in no font of the machine that made this report and is shown as {sign}.",
        "{count} signs are in no font of the machine that made this report and are shown as {sign}.",
        count,
    ),
    "no_chinese_font": lambda count: ngettext(
        "No font with Chinese signs is on the machine that made this report: {count} is shown as {sign}. Install Noto Sans CJK there.",
        "No font with Chinese signs is on the machine that made this report: {count} are shown as {sign}. Install Noto Sans CJK there.",
        count,
    ),
}


def words(zone: tzinfo | None, language: str | None = None) -> Words:
    """What a report says, in the language in force; `language`: its name as settings have it, None for that one."""
    from core.batches.reports.types import Words

    def moment(at: datetime | None) -> str:
        return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

    def failure(answer: Answer) -> str:
        return "" if answer.error is None else describe(answer.error).title

    return Words(
        say=say,
        moment=moment,
        span=lambda seconds: "" if seconds is None else span(seconds),
        failure=failure,
        language=(language or current().language).replace("_", "-"),
    )


def say(key: str, **fields: Any) -> str:
    """The label or sentence of `key` with its fields, in the language in force."""
    if key in LABELS:
        return _(LABELS[key])
    if key in COUNTED:
        count = fields["count"]
        return COUNTED[key](count).format(**(fields | {"count": f"{count:,}"}))
    return _(SENTENCES[key]).format(**fields)
