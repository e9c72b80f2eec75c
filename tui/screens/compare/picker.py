"""Dialogs of the side-by-side screen: which models, and with which parameters one of them is asked. They return a value and never act."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.compare.types import FEWEST, MOST, Mode
from core.errors import InvalidInput
from core.llm.request import Parameters
from core.models.forms import parse_parameters
from core.models.types import Configuration
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.screens.compare.board import LETTERS
from tui.screens.models.values import NUMBERS, text_of
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.form_dialog import FormDialog
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Column, Row, Rows, widest


@dataclass(frozen=True, slots=True)
class Picked:
    """What to compare and how. The same configuration may be there more than once."""

    configuration_ids: tuple[str, ...]
    mode: Mode
    blind: bool


class PickModels(Dialog[Picked | None]):
    """Two or three configurations; None for Esc. `chosen`: those to begin with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", N_("compare them"), id="pick.accept", priority=True),
        Binding("space", "choose_it", N_("choose"), id="pick.toggle"),
        Binding("plus", "again", N_("once more"), id="pick.again", key_display="+", tooltip=N_("The same one again, for other parameters")),
        Binding("b", "blind", N_("blind"), id="pick.blind", tooltip=N_("Hide the names until the vote")),
        Binding("m", "mode", N_("one by one"), id="pick.mode", tooltip=N_("Ask one after the other, for models that share a GPU")),
        Binding("slash", "search", N_("search"), id="pick.search"),
    ]

    def __init__(self, configurations: Sequence[Configuration], chosen: Sequence[str], *, mode: Mode, blind: bool) -> None:
        super().__init__(_("Which models answer side by side?"))
        self._configurations = tuple(configurations)
        known = {item.id for item in self._configurations}
        self._chosen = [each for each in chosen if each in known][:MOST]
        self._mode, self._blind = mode, blind

    def compose_answer(self) -> Iterable[Widget]:
        models = widest([item.model for item in self._configurations], least=10, most=30)
        columns = (Column("letters", "", 5), Column("name", "", 18, grow=True), Column("model", "", models))
        yield Field(id="dialog-field", hint=N_("type to search"), classes="hidden")
        yield Rows(columns, header=False, id="dialog-rows")
        yield Paragraphs(id="dialog-remark")

    def on_mount(self) -> None:
        self.rows.openable = False
        self._draw()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    @property
    def field(self) -> Field:
        return self.query_one(Field)

    def _draw(self) -> None:
        wanted = self.field.value.casefold().split()
        shown = [item for item in self._configurations if all(word in f"{item.name} {item.model}".casefold() for word in wanted)]
        self.rows.show([self._row(item) for item in shown], empty=[(_("Nothing matches."), "dim")])
        self.query_one("#dialog-remark", Paragraphs).show(*self._remarks())
        self.refresh_bindings()

    def _row(self, item: Configuration) -> Row:
        letters = " ".join(LETTERS[index] for index, each in enumerate(self._chosen) if each == item.id)
        return Row(item.id, {"letters": letters, "name": item.name, "model": item.model}, {"letters": "accent", "model": "dim"})

    def _remarks(self) -> list[tuple[str, str]]:
        asked = _("one after the other") if self._mode == "sequential" else _("all at once")
        names = _("names hidden until the vote") if self._blind else _("names shown")
        lines = [(_("They are asked {how}, {names}.").format(how=asked, names=names), "text")]
        if len(self._chosen) < FEWEST:
            lines.append((_("Space chooses: two or three of them."), "accent"))
        elif len(self._chosen) == MOST:
            lines.append((_("No more than three fit side by side; a batch asks any number."), "dim"))
        return lines

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "accept":
            # In the field of the search Enter leads to the list.
            return isinstance(self.focused, Field) or len(self._chosen) >= FEWEST
        if action == "again":
            return bool(self._chosen) and len(self._chosen) < MOST
        return True

    def action_choose_it(self) -> None:
        in_hand = self.rows.current_id
        if in_hand in self._chosen:
            self._chosen = [each for each in self._chosen if each != in_hand]
        elif in_hand:
            self._add(in_hand)
        self._draw()

    def _add(self, configuration_id: str) -> None:
        if len(self._chosen) < MOST:
            self._chosen.append(configuration_id)

    def action_again(self) -> None:
        if self.rows.current_id:
            self._add(self.rows.current_id)
            self._draw()

    def action_blind(self) -> None:
        self._blind = not self._blind
        self._draw()

    def action_mode(self) -> None:
        self._mode = "parallel" if self._mode == "sequential" else "sequential"
        self._draw()

    def action_search(self) -> None:
        self.field.remove_class("hidden")
        self.field.focus()

    def action_accept(self) -> None:
        if self.field.has_focus:
            self.rows.focus()
        elif len(self._chosen) >= FEWEST:
            self.dismiss(Picked(tuple(self._chosen), self._mode, self._blind))

    def action_cancel(self) -> None:
        if self.field.has_focus:
            self.field.value = ""
            self.field.add_class("hidden")
            self.rows.focus()
        else:
            super().action_cancel()

    def on_input_changed(self) -> None:
        self._draw()

    def on_rows_chosen(self) -> None:
        """A second click on a row."""
        self.action_choose_it()


class AskParameters(FormDialog[Parameters]):
    """The parameters that one column is asked with instead of its configuration's own; empty fields leave those."""

    def __init__(self, name: str, own: Parameters, overrides: Parameters | None) -> None:
        explanation = _("From the next question on, and here only. Empty: as the configuration says.")
        super().__init__(_("Parameters of “{name}”").format(name=one_line(name)), explanation)
        self._own, self._overrides = own, overrides or Parameters()

    def compose_fields(self) -> Iterable[Field]:
        labels = {
            "temperature": N_("Temperature"),
            "top_p": N_("top_p"),
            "top_k": N_("top_k"),
            "max_tokens": N_("Max. tokens"),
            "presence_penalty": N_("Presence penalty"),
            "frequency_penalty": N_("Frequency penalty"),
            "seed": N_("Seed"),
        }
        for name in NUMBERS:
            yield Field(labels[name], text_of(getattr(self._overrides, name)), hint=text_of(getattr(self._own, name)), id=f"field-{name}")
        yield Field(N_("Stop words"), "|".join(self._overrides.stop), hint=N_("one or more, separated by |"), id="field-stop")
        extra = json.dumps(dict(self._overrides.extra), ensure_ascii=False) if self._overrides.extra else ""
        yield Field(N_("Extra JSON"), extra, hint='{"chat_template_kwargs": {}}', id="field-extra")

    def _parsed(self) -> tuple[Parameters, dict[str, InvalidInput]]:
        texts = {name: self.form[name] for name in (*NUMBERS, "extra")}
        stop = [word for word in self.form["stop"].split("|") if word]
        parameters, problems = parse_parameters(texts, stop)
        return parameters, dict(problems)

    def problems(self) -> dict[str, InvalidInput | None]:
        return {name: problem for name, problem in self._parsed()[1].items() if name in self.form.fields}

    def answer(self) -> Parameters:
        return self._parsed()[0]
