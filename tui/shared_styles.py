"""Stylesheets parsed once for all applications of a process that have the same theme.

Textual parses all of them anew for each application: a third of what one weighs in memory, and half of what it costs to start. Parsed
rules are never changed, and one application already uses them again whenever it parses anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual.css import stylesheet
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.tokenize import tokenize_values
from textual.css.tokenizer import Token
from textual.css.types import CSSLocation

#: The themes of as many kinds as people use at the same time; each has about a hundred sources of rules.
_THEMES = 24
_SOURCES = 100

_parse_own = Stylesheet._parse_rules


@lru_cache(maxsize=_THEMES * _SOURCES)
def _rules(variables: _Variables, key: tuple[str, CSSLocation, bool, int, str]) -> list[RuleSet]:
    css, read_from, is_default_rules, tie_breaker, scope = key
    return _parse_own(Stylesheet(variables=variables.values), css, read_from, is_default_rules, tie_breaker, scope)


class _Variables:
    """The variables of a theme as a key; equal ones are found by their hash, computed once."""

    __slots__ = ("_hash", "values")

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self._hash = hash(tuple(values.items()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Variables) and (self.values is other.values or self.values == other.values)


def _parse_rules(
    self: Stylesheet, css: str, read_from: CSSLocation, is_default_rules: bool = False, tie_breaker: int = 0, scope: str = ""
) -> list[RuleSet]:
    """Stands for `Stylesheet._parse_rules`."""
    return _rules(_of_this_process(self._variables), (css, read_from, is_default_rules, tie_breaker, scope))


_known: dict[_Variables, _Variables] = {}


def _of_this_process(values: dict[str, str]) -> _Variables:
    """The one object that stands for equal variables, so that comparing is quick."""
    variables = _Variables(values)
    known = _known.get(variables)
    if known is None:
        if len(_known) >= _THEMES:
            _known.clear()
        known = _known[variables] = _Variables(dict(values))
    return known


@lru_cache(maxsize=_THEMES)
def _tokens(variables: _Variables) -> dict[str, list[Token]]:
    return tokenize_values(variables.values)


def _tokenize(values: dict[str, str]) -> dict[str, list[Token]]:
    """Stands for `tokenize_values` where a stylesheet asks for the tokens of its variables, which it only reads."""
    return _tokens(_of_this_process(values))


def apply() -> None:
    """From now on every stylesheet of this process shares what it parses."""
    vars(stylesheet)["tokenize_values"] = _tokenize
    replaced: Any = _parse_rules
    Stylesheet._parse_rules = replaced  # type: ignore[method-assign]
