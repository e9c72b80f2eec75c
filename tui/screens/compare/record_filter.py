"""The filter of the records: by model, verdict, type and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

from core.compare.types import VerdictFilter
from core.errors import InvalidInput
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.compare.record_lists import VERDICTS, Filter
from tui.widgets.choices import Choice
from tui.widgets.fields import Field
from tui.widgets.form_dialog import FormDialog

_ANY, _NO_TYPE = "any", "none"
#: In front of names from outside, so that none of them can be one of the words above.
_NAME = "name "
_LABEL = 12


def day_of(text: str) -> datetime | None:
    """The beginning of a day as typed, without a time zone; None for what is none."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d")
    except ValueError:
        return None


class FilterRecords(FormDialog[Filter]):
    """Returns the filter. `models` and `types`: those that there are."""

    def __init__(self, current: Filter, models: Sequence[str], types: Sequence[str]) -> None:
        super().__init__(_("Which comparisons?"), _("All of these together. Left and right change a value; a day is written 2026-01-31."))
        self._current, self._models, self._types = current, models, types

    def compose_fields(self) -> Iterable[Field]:
        current = self._current
        models = {_ANY: N_("any")} | {_NAME + name: one_line(name) for name in self._models}
        yield Choice(N_("Model"), models, _NAME + current.model if current.model else _ANY, label_width=_LABEL, id="field-model")
        verdicts = {name or _ANY: words for name, words in VERDICTS.items()}
        yield Choice(N_("Verdict"), verdicts, current.verdict or _ANY, label_width=_LABEL, id="field-verdict")
        types = {_ANY: N_("any"), _NO_TYPE: N_("without a type")} | {_NAME + name: one_line(name) for name in self._types if name}
        chosen = _ANY if current.type is None else _NAME + current.type if current.type else _NO_TYPE
        yield Choice(N_("Type"), types, chosen, label_width=_LABEL, id="field-type")
        yield Field(N_("From day"), current.since, hint=N_("any day"), max_length=10, label_width=_LABEL, id="field-since")
        yield Field(N_("Up to"), current.until, hint=N_("any day"), max_length=10, label_width=_LABEL, id="field-until")

    def problems(self) -> dict[str, InvalidInput | None]:
        wrong = {name: self.form[name] for name in ("since", "until") if self.form[name].strip() and day_of(self.form[name]) is None}
        return {name: InvalidInput(name, "not_a_day", value=wrong[name]) if name in wrong else None for name in ("since", "until")}

    def answer(self) -> Filter:
        model, verdict, kind = self.form["model"], self.form["verdict"], self.form["type"]
        return Filter(
            model=model.removeprefix(_NAME) if model != _ANY else "",
            verdict=cast("VerdictFilter", "" if verdict == _ANY else verdict),
            type=None if kind == _ANY else "" if kind == _NO_TYPE else kind.removeprefix(_NAME),
            since=self.form["since"].strip(),
            until=self.form["until"].strip(),
        )
