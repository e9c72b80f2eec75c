"""What a question may be, wherever it comes from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from core.questions.rules import LARGEST_WEIGHT, LONGEST_SCORER, LONGEST_TEXT, LONGEST_TYPE
from core.questions.types import ACCEPTED, QuestionDraft

#: What no database keeps: NUL, and halves of characters (also the mark of bytes that could not be read).
_BROKEN = re.compile("[\x00\ud800-\udfff]")


class Wrong(Exception):
    """A broken rule of core/questions/rules.py."""

    def __init__(self, rule: str, **fields: Any) -> None:
        super().__init__(rule)
        self.rule, self.fields = rule, fields


def clean(draft: QuestionDraft) -> QuestionDraft:
    """The question as it is kept: line ends are newlines, blanks at the ends of texts are gone. Raises Wrong."""
    text = _text("question", draft.text)
    if not text:
        raise Wrong("question_missing")
    expected, system = _optional("expected", draft.expected), _optional("system", draft.system)
    type_ = " ".join(_text("type", draft.type, LONGEST_TYPE).split())
    scorer = _text("scorer", draft.scorer, LONGEST_SCORER)
    weight = draft.weight
    if isinstance(weight, bool) or not math.isfinite(weight) or not 0 <= weight <= LARGEST_WEIGHT:
        raise Wrong("bad_number", field="weight", found=str(weight))
    variables = {_text("variables", name, LONGEST_TYPE): _text("variables", value, strip=False) for name, value in draft.variables.items()}
    options = _options(draft.options)
    if scorer or options:
        check_scorer(scorer, options)
    return QuestionDraft(text, expected, type_, scorer, float(weight), variables, system, options, draft.source_line)


def check_scorer(scorer: str, options: Mapping[str, Any]) -> None:
    """Raises Wrong for a scorer that is not there, and for an option that it does not take."""
    from core.scoring.scorers import validate

    for problem in validate(scorer, options):
        if problem.rule == "unknown_scorer":
            raise Wrong("unknown_scorer", found=scorer[:LONGEST_SCORER])
        raise Wrong("bad_option", option=problem.option, reason=problem.rule)


def _optional(field: str, value: str | None) -> str | None:
    return None if value is None else _text(field, value) or None


def _text(field: str, value: Any, limit: int = LONGEST_TEXT, *, strip: bool = True) -> str:
    if not isinstance(value, str):
        raise Wrong("wrong_type", field=field, found=kind_of(value))
    if _BROKEN.search(value):
        raise Wrong("broken_text", field=field)
    text = value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    if strip:
        text = _stripped(text)
    if len(text) > limit:
        raise Wrong("too_long", field=field, limit=limit)
    return text


def _stripped(text: str) -> str:
    """Without blanks and byte order marks at its ends."""
    while (shorter := text.strip().strip("\ufeff")) != text:
        text = shorter
    return text


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are kept. Further right answers are texts, and only kept where there are any."""
    if not options:
        return {}
    kept = {name: value for name, value in options.items() if value is not None}
    more = kept.pop(ACCEPTED, None)
    if more is not None:
        several = [more] if isinstance(more, str) else more
        if not isinstance(several, list | tuple):
            raise Wrong("wrong_type", field=ACCEPTED, found=kind_of(more))
        texts = [_text(ACCEPTED, each) for each in several]
        if any(texts):
            kept[ACCEPTED] = [each for each in texts if each]
    try:
        written = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise Wrong("bad_json", field="options", reason="") from None
    if len(written) > LONGEST_TEXT:
        raise Wrong("too_long", field="options", limit=LONGEST_TEXT)
    if _BROKEN.search(written) or "\\u0000" in written:
        raise Wrong("broken_text", field="options")
    return dict(json.loads(written))


def kind_of(value: Any) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object"
