"""Scorers for answers that are JSON: equality with what is expected, and a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.scoring.json_schema import SchemaTooSlow, faults, schema_problem
from core.scoring.json_values import LONGEST, NotJson, difference, json_in, parsed
from core.scoring.matching import passed
from core.scoring.options import schema_value
from core.scoring.text import accepted
from core.scoring.types import Score

_SHOWN = 200


def equality(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the answer's JSON equals what is expected. Details: path of the first difference, found (as short JSON), reason."""
    wanted = accepted(expected, settings)
    if not wanted:
        return Score(None, None, "json", problem="no_expected")
    try:
        values = [parsed(one) for one in wanted]
    except NotJson as error:
        return Score(None, None, "json", {"option": "expected", "rule": "not_json", "reason": str(error)}, "options")
    if len(answer) > LONGEST:
        return Score(None, None, "json", {"limit": LONGEST, "characters": len(answer)}, "too_long")
    try:
        found = json_in(answer)
    except NotJson:
        return passed("json", False, path=None, reason="no_json")
    paths = [difference(value, found, settings) for value in values]
    if None in paths:
        return passed("json", True, path=None)
    return passed("json", False, path=str(paths[0])[:_SHOWN], found=_short(found), reason="differs")


def schema(answer: str, expected: str | None, settings: Mapping[str, Any]) -> Score:
    """Passes when the answer's JSON holds to the option `schema` (else: to the expected answer, taken as one). Details: faults, found,
    reason.
    """
    given = settings["schema"] if settings["schema"] is not None else expected
    if given is None or (isinstance(given, str) and not given.strip()):
        return Score(None, None, "json_schema", problem="no_expected")
    try:
        wanted = schema_value(given)
        reason = schema_problem(wanted) if isinstance(wanted, Mapping | bool) else "not an object"
    except ValueError as error:
        reason = str(error)[:_SHOWN]
    if reason is not None:
        return Score(None, None, "json_schema", {"option": "schema", "rule": "not_a_schema", "reason": reason}, "options")
    if len(answer) > LONGEST:
        return Score(None, None, "json_schema", {"limit": LONGEST, "characters": len(answer)}, "too_long")
    try:
        found = json_in(answer)
        wrong = faults(found, wanted)
    except NotJson:
        return passed("json_schema", False, faults=[], reason="no_json")
    except SchemaTooSlow:
        return Score(None, None, "json_schema", problem="took_too_long")
    except (ValueError, RecursionError) as error:
        return Score(None, None, "json_schema", {"option": "schema", "rule": "not_a_schema", "reason": str(error)[:_SHOWN]}, "options")
    return passed("json_schema", not wrong, faults=wrong, found=_short(found), reason="schema" if wrong else None)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
