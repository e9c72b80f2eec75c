"""All scorers by name, and the one way to score an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.scoring import choice, json_scorers, matching, numeric, overlap, rouge
from core.scoring.options import problems_of, settings_of
from core.scoring.text import UNSPACED
from core.scoring.types import Option, OptionProblem, QuestionLike, Score, ScorerInfo

_ALTERNATIVES = Option("alternatives", "texts")
_PASS_AT = Option("pass_at", "number", low=0.0, high=1.0)


def _overlooking(*on: str) -> tuple[Option, ...]:
    names = ("ignore_case", "ignore_punctuation", "ignore_articles", "ignore_spaces", "ignore_width", "ignore_markup")
    return tuple(Option(name, "flag", name in on) for name in names)


_INFOS = (
    ScorerInfo("none", needs_expected=False),
    ScorerInfo("exact", needs_expected=True, options=(*_overlooking("ignore_width"), _ALTERNATIVES)),
    ScorerInfo(
        "contains",
        needs_expected=True,
        options=(
            *_overlooking("ignore_case", "ignore_width", "ignore_markup"),
            Option("whole_words", "flag", True),
            Option("all_of", "texts"),
            Option("none_of", "texts"),
            _ALTERNATIVES,
        ),
    ),
    ScorerInfo("choice", needs_expected=True, options=(_ALTERNATIVES,)),
    ScorerInfo(
        "regex",
        needs_expected=False,
        options=(
            Option("pattern", "pattern"),
            Option("ignore_case", "flag", False),
            Option("multiline", "flag", False),
            Option("dotall", "flag", False),
            Option("whole", "flag", False),
            _ALTERNATIVES,
        ),
    ),
    ScorerInfo(
        "numeric",
        needs_expected=True,
        options=(
            Option("tolerance", "tolerance", 0.0),
            Option("relative_tolerance", "number", 0.0, low=0.0, high=10.0),
            Option("which", "choice", "final", choices=("final", "first", "last", "any")),
            Option("percent", "choice", "either", choices=("either", "strict")),
            Option("decimal_comma", "flag", False),
            _ALTERNATIVES,
        ),
    ),
    ScorerInfo(
        "json",
        needs_expected=True,
        options=(
            Option("ignore_list_order", "flag", False),
            Option("extra_keys", "flag", False),
            Option("ignore_case", "flag", False),
            Option("tolerance", "number", 0.0, low=0.0),
            _ALTERNATIVES,
        ),
    ),
    ScorerInfo("json_schema", needs_expected=False, options=(Option("schema", "schema"),)),
    ScorerInfo(
        "bleu",
        needs_expected=True,
        graded=True,
        options=(
            Option("tokenizer", "choice", "auto", choices=("auto", "13a", "zh", "char")),
            Option("ignore_case", "flag", False),
            _ALTERNATIVES,
            _PASS_AT,
        ),
    ),
    ScorerInfo(
        "chrf",
        needs_expected=True,
        graded=True,
        options=(Option("word_order", "whole", 0, low=0, high=2), Option("ignore_case", "flag", False), _ALTERNATIVES, _PASS_AT),
    ),
    ScorerInfo(
        "rouge_l",
        needs_expected=True,
        graded=True,
        options=(
            Option("measure", "choice", "f", choices=("f", "precision", "recall")),
            Option("tokens", "choice", "auto", choices=("auto", "latin", "words")),
            _ALTERNATIVES,
            _PASS_AT,
        ),
    ),
    ScorerInfo(
        "judge",
        needs_expected=False,
        graded=True,
        asks_model=True,
        options=(
            Option("rubric", "text", ""),
            Option("low", "whole", 1, low=0, high=99),
            Option("high", "whole", 10, low=1, high=100),
            _PASS_AT,
        ),
    ),
)
SCORERS: Final[Mapping[str, ScorerInfo]] = {info.name: info for info in _INFOS}
_KNOWN = frozenset(option.name for info in _INFOS for option in info.options)

_Scorer = Callable[[str, str | None, Mapping[str, Any]], Score]
_SCORERS: Final[Mapping[str, _Scorer]] = {
    "exact": matching.exact,
    "contains": matching.contains,
    "choice": choice.choice,
    "regex": matching.pattern,
    "numeric": numeric.numeric,
    "json": json_scorers.equality,
    "json_schema": json_scorers.schema,
    "bleu": overlap.bleu,
    "chrf": overlap.chrf,
    "rouge_l": rouge.rouge_l,
}
#: Texts up to this long (characters, and half as many where words are not set apart) are looked for in an answer; longer ones are
#: compared as texts.
_SHORT = 80


def score(answer: str, question: QuestionLike) -> Score:
    """How good an answer is. Never raises: what goes wrong is the Score's `problem`. May take seconds (patterns and long texts are
    bounded, see docs/scoring.md), holds no lock and touches nothing but its arguments: call it in a thread.

    `question.scorer` "" means `default_scorer`. For "judge" the Score says `needs_judge`: ask core/scoring/judge.py.
    """
    name = question.scorer or default_scorer(question.expected, question.options)
    if name == "none":
        return Score(None, None, "none")
    if problems := validate(name, question.options):
        first = problems[0]
        return Score(None, None, name, {"option": first.option, "rule": first.rule, **first.fields}, "options")
    if name == "judge":
        return Score(None, None, name, problem="needs_judge")
    try:
        return _SCORERS[name](answer, question.expected, settings_of(SCORERS[name], question.options))
    except Exception as error:  # one odd answer must not end a batch; what it was is told
        return Score(None, None, name, {"error": type(error).__name__}, "broke")


def default_scorer(expected: str | None, options: Mapping[str, Any] | None = None) -> str:
    """The scorer that fits what is expected: by the options it came with, then json for objects and lists, choice for one letter,
    numeric for one number, contains for short texts, rouge_l for long ones, and none without an expected answer.
    """
    options = options or {}
    for option, scorer in (("pattern", "regex"), ("schema", "json_schema"), ("rubric", "judge")):
        if options.get(option):
            return scorer
    if expected is None or not expected.strip():
        return "contains" if options.get("all_of") or options.get("none_of") or options.get("alternatives") else "none"
    text = expected.strip()
    if text[0] in "{[" and text[-1] in "}]" and _is_json(text):
        return "json"
    if choice.is_letter(text):
        return "choice"
    if numeric.is_number(text):
        return "numeric"
    long = len(text) + len(UNSPACED.findall(text)) > _SHORT or "\n" in text
    return "rouge_l" if long else "contains"


def _is_json(text: str) -> bool:
    from core.scoring.json_values import NotJson, parsed

    try:
        parsed(text)
    except NotJson:
        return False
    return True


def validate(scorer: str, options: Mapping[str, Any]) -> tuple[OptionProblem, ...]:
    """What is wrong with a scorer's name and options; empty when they hold. "" (the default scorer) takes the options of all."""
    if scorer and scorer not in SCORERS:
        return (OptionProblem("scorer", "unknown_scorer", {"found": scorer, "known": list(SCORERS)}),)
    info = SCORERS[scorer or default_scorer(None, options)]
    problems = problems_of(info, options, _KNOWN)
    if info.name == "judge" and not problems:
        settings = settings_of(info, options)
        if settings["low"] >= settings["high"]:
            return (OptionProblem("high", "out_of_range", {"low": settings["low"] + 1, "high": 100, "found": settings["high"]}),)
    return problems
