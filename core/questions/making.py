"""A question made of a row of a table or of a JSON object, whatever its columns and keys are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.questions.checks import Wrong, clean, kind_of
from core.questions.headings import OPTION_FIELDS, QUESTION, fields_of
from core.questions.types import ACCEPTED, QuestionDraft
from core.questions.variables import variables_in

#: Scorers that compare JSON: for these a list is one right answer, not several.
_OF_JSON = frozenset({"json", "json_schema"})


def from_object(value: Any, line: int | None) -> QuestionDraft:
    """Of a JSON value: an object, or the text of a question alone. Raises Wrong."""
    if isinstance(value, str):
        return clean(QuestionDraft(value, source_line=line))
    if not isinstance(value, Mapping):
        raise Wrong("not_a_question", found=kind_of(value))
    return _made(fields_of(value), value, line)


class Table:
    """A table with these headings. `question_column`: whether one of them is the question's."""

    def __init__(self, headings: Iterable[str]) -> None:
        self.headings = [heading.strip("\ufeff \t\r\n") for heading in headings]
        seen: set[str] = set()
        for place, heading in enumerate(self.headings):
            if not heading or heading in seen:
                self.headings[place] = f"{heading or 'column'} {place + 1}"
            seen.add(self.headings[place])
        self._fields = fields_of(self.headings)
        self.question_column = QUESTION in self._fields.values()

    def question(self, cells: list[str], line: int | None) -> QuestionDraft:
        """Of a row. Cells that are not there are blank; blank ones say nothing. Raises Wrong."""
        if len(cells) > len(self.headings):
            if any(cell.strip() for cell in cells[len(self.headings) :]):
                raise Wrong("extra_cells", found=len(cells), expected=len(self.headings))
            cells = cells[: len(self.headings)]
        row: dict[str, Any] = {}
        for heading, cell in zip(self.headings, cells, strict=False):
            # A blank cell below a heading that is a variable of the text: the variable is blank, not missing.
            if cell.strip() or heading not in self._fields:
                row[heading] = unguarded(cell)
        return _made(self._fields, row, line, table=True)


def unguarded(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from taking it for a formula (core/questions/writing.py)."""
    if cell.startswith("'") and cell.lstrip("'")[:1] in GUARDED:
        return cell[1:]
    return cell


_OPTION_KEYS = frozenset({"options", *OPTION_FIELDS})
#: What a formula begins with.
GUARDED = ("=", "+", "-", "@", "\t", "\r")


def _made(fields: Mapping[str, str], row: Mapping[str, Any], line: int | None, *, table: bool = False) -> QuestionDraft:
    known = {fields[name]: value for name, value in row.items() if name in fields}
    rest = {name: value for name, value in row.items() if name not in fields}
    text = _scalar(QUESTION, known.get(QUESTION))
    if text is None or not text.strip():
        raise Wrong("question_missing")
    text = _with_input(fields, text, rest)
    if table:
        used = variables_in(text, _scalar("system", known.get("system")), _scalar("expected", known.get("expected")))
        rest = {name: value for name, value in rest.items() if value.strip() or name in used}
    variables = _variables(known, rest)
    scorer = _scalar("scorer", known.get("scorer")) or ""
    options = _options(known, variables, table)
    expected = _expected(known.get("expected"), scorer, options)
    system = _scalar("system", known.get("system"))
    return clean(
        QuestionDraft(
            text=text,
            expected=expected,
            type=_scalar("type", known.get("type")) or "",
            scorer=scorer.strip(),
            weight=_number("weight", known.get("weight"), 1.0),
            variables=variables,
            system=system,
            options=options,
            source_line=line,
        )
    )


def _with_input(fields: Mapping[str, str], text: str, rest: dict[str, Any]) -> str:
    """Alpaca's samples: an instruction, and what it is to be done with."""
    if fields.get("instruction") == QUESTION and isinstance(rest.get("input"), str):
        more = rest.pop("input")
        return f"{text}\n\n{more}" if more.strip() else text
    return text


def _scalar(field: str, value: Any) -> str | None:
    """Text, or a number or a truth value as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise Wrong("wrong_type", field=field, found=kind_of(value))


def _number(field: str, value: Any, default: float) -> float:
    if value is None or (isinstance(value, str) and not value.strip()):
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong("wrong_type", field=field, found=kind_of(value))
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise Wrong("bad_number", field=field, found=str(value)[:40]) from None


def _variables(known: Mapping[str, Any], rest: Mapping[str, Any]) -> dict[str, str]:
    """Those of the field `variables`, and every column and key that is nothing else. The former win."""
    named = known.get("variables")
    if isinstance(named, str) and named.strip():
        named = _object("variables", named)
    if named is not None and not isinstance(named, Mapping) and not (isinstance(named, str) and not named.strip()):
        raise Wrong("wrong_type", field="variables", found=kind_of(named))
    every = dict(rest) | (dict(named) if isinstance(named, Mapping) else {})
    return {str(name): _written(value) for name, value in every.items() if value is not None}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(field: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Wrong("bad_json", field=field, reason=str(getattr(error, "msg", ""))) from None
    if not isinstance(value, dict):
        raise Wrong("wrong_type", field=field, found=kind_of(value))
    return value


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _options(known: Mapping[str, Any], variables: dict[str, str], table: bool) -> dict[str, Any]:
    """The object of options, and the columns and keys that stand for one. Choices of a test under "options" are a variable."""
    if _OPTION_KEYS.isdisjoint(known):
        return {}
    given = known.get("options")
    options: dict[str, Any] = {}
    if isinstance(given, Mapping):
        options = dict(given)
    elif isinstance(given, str) and given.lstrip().startswith("{"):
        options = _object("options", given)
    elif given is not None and _written(given).strip():
        variables.setdefault("options", _written(given))
    for name in OPTION_FIELDS:
        value = known.get(name)
        if value is not None and not (isinstance(value, str) and not value.strip()):
            options[name] = _option(name, value, table)
    return options


def _option(name: str, value: Any, table: bool) -> Any:
    if not table or not isinstance(value, str):
        return value
    if name == "schema" and value.lstrip().startswith("{"):
        return _object(name, value)
    if name == ACCEPTED:
        return _several(value)
    if name == "tolerance":
        try:
            return float(value)
        except ValueError:
            return value.strip()
    return value


def _several(cell: str) -> list[Any]:
    """Several answers in one cell: a JSON list, one on each line, or with | between them."""
    if cell.lstrip().startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list):
            return value
    parts = cell.splitlines() if "\n" in cell.strip() else cell.split("|")
    return [part.strip() for part in parts if part.strip()]


def _expected(value: Any, scorer: str, options: dict[str, Any]) -> str | None:
    """The right answer as text. A list of texts is several of them, unless JSON is compared."""
    if isinstance(value, list) and value and scorer.strip() not in _OF_JSON and all(isinstance(each, str) for each in value):
        first, *more = value
        if more:
            others = options.get(ACCEPTED, [])
            options[ACCEPTED] = [*more, *([others] if isinstance(others, str) else others)]
        return str(first)
    return None if value is None else _written(value)
