"""Core's errors in words: what happened, why, what to do now. The only place that makes sentences of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.i18n import _, joined, ngettext
from tui.provider_sentences import BY_PROVIDER_REASON
from tui.rules import BY_RULE, FIELDS
from tui.sentences import BY_CODE, BY_CONFLICT, BY_INPUT, BY_KIND, BY_REASON, BY_WHAT, REMEDY_BY_KIND, REMEDY_BY_REASON, Candidates, Text
from tui.storage_sentences import BY_STORAGE_REASON

_LONGEST = 300
#: Folders of the server: to people who are served it is nobody's business where on the machine they are.
_hidden: set[str] = set()
INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a person reads it. `why` and `remedy` may be empty; `code` is what to quote."""

    title: str
    why: str
    remedy: str
    code: str

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return joined(self.title, self.why, self.remedy)


def duration(seconds: float) -> str:
    """`seconds` in words, rounded up, for sentences: "20 seconds", "15 minutes"."""
    whole = max(1, int(-(-seconds // 1)))
    if whole < 120:
        return ngettext("{count} second", "{count} seconds", whole).format(count=whole)
    minutes = -(-whole // 60)
    if minutes < 120:
        return ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
    hours = -(-minutes // 60)
    return ngettext("{count} hour", "{count} hours", hours).format(count=hours)


def hide_paths(folder: Path) -> None:
    """Say nothing of where `folder` is from now on. For processes whose sentences are read by people who are served."""
    _hidden.add(str(folder))


def _may_be_said(value: object) -> bool:
    return value not in (None, "", ()) and not any(folder in str(value) for folder in _hidden)


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


def _shown(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields as text that is safe to show; unknown ones (None, ""), and what is hidden, left out."""
    shown = {name: one_line(str(value), _LONGEST) for name, value in fields.items() if _may_be_said(value)}
    for name in ("retry_after_s", "after_s"):
        if isinstance(fields.get(name), int | float):
            shown["wait"] = duration(fields[name])
    if isinstance(fields.get("limit"), int | float):
        shown["size"] = _size(fields["limit"])
    for field, alias in (("limit", "max"), ("minimum", "min"), ("maximum", "max")):
        if field in shown:
            shown.setdefault(alias, shown[field])
    return shown


def fill(candidates: Candidates, fields: Mapping[str, str]) -> str:
    """The first candidate whose placeholders are all in `fields`, translated and filled; "" if there is none."""
    for candidate in candidates:
        if all(name is None or name in fields for _text, name, _spec, _conversion in Formatter().parse(candidate)):
            return _(candidate).format_map(fields)
    return ""


def remark(rule: str, **fields: Any) -> str:
    """The short sentence for a rule of InvalidInput, for beside the field."""
    return fill(BY_RULE.get(rule, ()), _shown(fields)) or _("Not allowed here ({rule}).").format(rule=one_line(rule, 40))


def field_name(field: str) -> str:
    """The word people know an input by."""
    if field in FIELDS:
        return _(FIELDS[field])
    from tui.training_fields import WORDS  # here: most sessions never need these many words

    return _(WORDS[field][0]) if field in WORDS else one_line(field.replace("_", " "), 40)


def describe(error: BaseException) -> Problem:
    """`error` for a person, in the language of the session. Never raises; unknown errors have the code "internal"."""
    if not isinstance(error, ModeltrainError):
        return Problem(
            _("Something went wrong inside modeltrain."), "", _("Try again; the log in the data folder has the details."), INTERNAL
        )
    fields = _shown(error.fields)
    code, text = _text_of(error)
    title, why, remedy = (fill(part, fields) for part in (text.title, text.why, text.remedy))
    if error.code == "invalid_input" and not title:
        field, rule = str(error.fields.get("field", "")), str(error.fields.get("rule", ""))
        extra = {name: value for name, value in error.fields.items() if name not in ("field", "rule")}
        title = _("“{field}” cannot stay as it is.").format(field=field_name(field))
        why = remark(rule, **extra)
    return Problem(title or fill(BY_CODE["error"].title, fields), why, remedy, code)


def _text_of(error: ModeltrainError) -> tuple[str, Text]:
    """The code to quote and the sentences of an error of the tree."""
    base = BY_CODE.get(error.code) or next((BY_CODE[kind.code] for kind in _ancestors(error) if kind.code in BY_CODE), BY_CODE["error"])
    what = str(error.fields.get("what", ""))
    if error.code == "environment" and what in BY_WHAT:
        return f"{error.code}.{what}", BY_WHAT[what]
    if error.code == "conflict" and what in BY_CONFLICT:
        return f"{error.code}.{what}", BY_CONFLICT[what]
    if (reason := (error.code, _cause(error))) in BY_STORAGE_REASON:
        return f"{error.code}.{reason[1]}", BY_STORAGE_REASON[reason]
    if reason in BY_PROVIDER_REASON:
        return error.code, BY_PROVIDER_REASON[reason]
    if error.code == "not_found":
        kind = str(error.fields.get("kind", ""))
        return error.code, Text(BY_KIND.get(kind, base.title), base.why, REMEDY_BY_KIND.get(kind, base.remedy))
    if error.code == "session_ended":
        why = str(error.fields.get("why", ""))
        return error.code, Text(base.title, BY_REASON.get(why, base.why), REMEDY_BY_REASON.get(why, base.remedy))
    if error.code == "invalid_input":
        rule = str(error.fields.get("rule", ""))
        return f"{error.code}.{rule}", BY_INPUT.get(rule, Text(()))
    return error.code, base


def _cause(error: ModeltrainError) -> str:
    """Which of the causes of its code it was."""
    cause = str(error.fields.get("reason") or error.fields.get("where") or error.fields.get("status") or "")
    if error.fields.get("partial") is False and (error.code, cause) not in BY_PROVIDER_REASON:
        return "nothing_came"
    return cause


def _ancestors(error: ModeltrainError) -> tuple[type[ModeltrainError], ...]:
    return tuple(kind for kind in type(error).__mro__ if issubclass(kind, ModeltrainError))
