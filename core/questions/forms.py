"""A question as the texts of a form, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from core.errors import InvalidInput
from core.questions.checks import Wrong, clean
from core.questions.types import ACCEPTED, QuestionDraft

#: Options that have a field of their own; the others are written as a JSON object.
OPTIONS: Final = ("tolerance", "pattern", "schema", "rubric")


def to_texts(draft: QuestionDraft) -> dict[str, str]:
    """The text of each field: question, expected, alternatives, type, scorer, weight, system, variables, OPTIONS and options."""
    options = dict(draft.options)
    alternatives = options.pop(ACCEPTED, [])
    several = [alternatives] if isinstance(alternatives, str) else list(alternatives)
    own = {name: _option_text(options.pop(name)) if name in options else "" for name in OPTIONS}
    return {
        "question": draft.text,
        "expected": draft.expected or "",
        "alternatives": _lines(several),
        "type": draft.type,
        "scorer": draft.scorer,
        "weight": f"{draft.weight:g}",
        "system": draft.system or "",
        "variables": _pairs(draft.variables),
        **own,
        "options": json.dumps(options, ensure_ascii=False) if options else "",
    }


def _option_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines(texts: list[str]) -> str:
    """One on each line; as a JSON list where that would say something else."""
    plain = all("\n" not in text and text.strip() == text for text in texts) and not (texts and texts[0].startswith("["))
    return "\n".join(texts) if plain else json.dumps(texts, ensure_ascii=False)


def _pairs(variables: Mapping[str, str]) -> str:
    """name = value, one on each line; as a JSON object where that would say something else."""
    plain = all("=" not in name and "\n" not in name + value and value.strip() == value for name, value in variables.items())
    plain = plain and not any(name.startswith("{") for name in variables)
    return "\n".join(f"{name} = {value}" for name, value in variables.items()) if plain else json.dumps(dict(variables), ensure_ascii=False)


def from_texts(texts: Mapping[str, str], before: QuestionDraft | None = None) -> tuple[QuestionDraft | None, dict[str, InvalidInput]]:
    """The question that is filled in, None where something is wrong, and what is wrong, by field. `before`: what it is a change of."""
    problems: dict[str, InvalidInput] = {}

    def read(name: str, parse: Any) -> Any:
        try:
            return parse(name, texts.get(name, ""))
        except InvalidInput as problem:
            problems[name] = problem
            return None

    options: dict[str, Any] = dict(read("options", _object) or {})
    for name, parse in (("tolerance", _tolerance), ("pattern", _plain), ("schema", _schema), ("rubric", _plain)):
        if texts.get(name, "").strip() and (value := read(name, parse)) is not None:
            options[name] = value
    if more := read("alternatives", _several):
        options[ACCEPTED] = more
    variables, weight = read("variables", _variables), read("weight", _weight)
    if problems:
        return None, problems
    draft = QuestionDraft(
        text=texts.get("question", ""),
        expected=texts.get("expected", "") or None,
        type=texts.get("type", ""),
        scorer=texts.get("scorer", ""),
        weight=weight,
        variables=variables,
        system=texts.get("system", "") or None,
        options=options,
        source_line=before.source_line if before is not None else None,
    )
    try:
        return clean(draft), {}
    except Wrong as wrong:
        problem = _problem(wrong)
        return None, {problem.field: problem}


def _problem(wrong: Wrong) -> InvalidInput:
    fields = dict(wrong.fields)
    if wrong.rule == "bad_option":
        own = fields.get("option") if fields.get("option") in (*OPTIONS, ACCEPTED) else "options"
        return InvalidInput(str(own), wrong.rule, **fields)
    field = {"question_missing": "question", "unknown_scorer": "scorer"}.get(wrong.rule, "")
    return InvalidInput(field or str(fields.pop("field", "question")), wrong.rule, **fields)


def _plain(_name: str, text: str) -> str:
    return text.strip()


def _tolerance(_name: str, text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _weight(name: str, text: str) -> float:
    try:
        return float(text) if text.strip() else 1.0
    except ValueError:
        raise InvalidInput(name, "bad_number", found=text.strip()[:40]) from None


def _object(name: str, text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(name, "bad_json") from None
    if not isinstance(value, dict):
        raise InvalidInput(name, "bad_json")
    return value


def _schema(name: str, text: str) -> Any:
    return _object(name, text)


def _several(name: str, text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [line.strip() for line in text.split("\n") if line.strip()]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidInput(name, "not_texts")
    return value


def _variables(name: str, text: str) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        value = _object(name, text)
        if not all(isinstance(each, str) for each in value.values()):
            raise InvalidInput(name, "not_texts")
        return value
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        key, sign, given = line.partition("=")
        if not sign or not key.strip():
            raise InvalidInput(name, "not_pairs", found=line.strip()[:40])
        found[key.strip()] = given.strip()
    return found
