"""What is wrong with an option of a scorer, in words."""

from __future__ import annotations

from tui.i18n import N_, _

#: By the rule of core.scoring that does not hold; they stand in brackets behind the option.
_RULES: dict[str, str] = {
    "unknown_scorer": N_("there is no such scorer"),
    "unknown_option": N_("no scorer has an option of this name"),
    "required": N_("it is missing"),
    "wrong_type": N_("not this kind of value"),
    "not_a_choice": N_("none of the values that can be chosen"),
    "out_of_range": N_("too small or too large"),
    "too_long": N_("too long"),
    "not_a_pattern": N_("no regular expression that could be used"),
    "not_a_schema": N_("no JSON schema that could be used"),
    "not_json": N_("no JSON"),
}


def option_rule(rule: str) -> str:
    """What is wrong, in a few words; "" for a rule that is not known."""
    return _(_RULES[rule]) if rule in _RULES else ""
