"""The keys of every word that a report says; tui/batch_reports.py holds the words. `{...}`: the fields that a sentence takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LABELS: Final = (
    # of the report
    "report", "summary", "findings", "charts", "statistics", "statistics_sheet", "speed", "by_type",
    "differences", "judge", "answers", "notes", "contents",
    "batch", "set", "version", "state", "created", "started", "ended", "duration", "made",
    # of figures
    "configuration", "model", "type", "no_type", "all_types", "questions", "total", "answered", "failed", "missing",
    "from_cache", "unscored", "score", "interval", "low", "high", "passed", "error_rate", "ttft", "total_time", "mean", "p50", "p95", "p99",
    "use", "input_tokens", "output_tokens", "tokens_each", "tokens_per_s", "cost", "currency", "stars", "corpus_bleu", "corpus_chrf",
    # of differences
    "left", "right", "difference", "left_better", "right_better", "equal", "test", "chance", "conclusion",
    "mcnemar", "permutation", "better_left", "better_right", "may_be_chance", "no_difference", "too_few_differ",
    # of the judge
    "figure", "value",
    "pairs", "grades", "unreadable", "flip_rate", "first_rate", "longer_rate", "length_correlation",
    # of answers
    "number", "question", "system", "expected", "answer", "reasoning", "scorer", "weight", "repetition", "attempts", "error", "seconds",
    "show_all", "show_not_passed", "show_failed", "yes", "no",
    "problem_no_expected", "problem_options", "problem_too_long", "problem_took_too_long", "problem_unreadable_judge",
    "problem_needs_judge", "problem_broke",
    # of states
    "draft", "running", "pausing", "paused", "completed", "cancelled", "failed_batch", "waiting", "asking",
    # of charts
    "chart_score", "chart_score_by_type", "chart_total", "chart_ttft", "chart_cost", "chart_tokens", "chart_errors", "chart_difference",
)  # fmt: skip

#: Key -> its fields. `count` decides between one and many.
SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "best": ("name", "score"),
    "better": ("left", "right", "difference", "low", "high", "test", "p", "questions"),
    "may_differ": ("left", "right", "difference", "low", "high", "test", "p", "questions"),
    "same": ("left", "right", "questions"),
    "too_few": ("left", "right", "count", "questions"),
    "fastest": ("name", "time"),
    "cheapest": ("name", "cost"),
    "errors": ("name", "count", "rate"),
    "missing_answers": ("count", "total"),
    "unscored_answers": ("name", "count"),
    "nothing_scored": (),
    "judge_flips": ("rate",),
    "judge_place": ("rate",),
    "judge_length": ("rate",),
    "judge_length_grades": ("value",),
    "judge_unreadable": ("count",),
    "judge_family": ("models",),
    "interval_means": ("percent",),
    "from_cache_times": ("count",),
    "some_answers": ("shown", "total"),
    "first_answers": ("shown", "total"),
    "answer_cut": ("shown", "total"),
    "texts_cut": ("count", "limit"),
    "no_font": ("count", "sign"),
    "no_chinese_font": ("count", "sign"),
    "page": ("page", "pages"),
}
