"""GateScreen: a form before the sign-in, with its explanation, a line for what went wrong, and waiting for the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from core.errors import ModeltrainError, SessionEnded
from tui.errors import Problem, describe
from tui.i18n import LANGUAGES, N_, _
from tui.screens.base import Framed
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs


class GateScreen(Framed):
    """Subclasses give TITLE_TEXT, INTRO, `compose_fields` and `submit`."""

    HEADING: ClassVar[str] = ""
    INTRO: ClassVar[str] = ""
    FIRST: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", N_("continue"), id="gate.submit", tooltip=N_("Go on with what is filled in")),
        Binding("ctrl+l", "language", N_("language"), id="gate.language", tooltip=N_("Switch between English and Chinese")),
    ]

    def compose_body(self) -> Iterable[Any]:
        with Form(id="gate-form"):
            yield Paragraphs(id="gate-heading")
            yield from self.compose_fields()
            yield Paragraphs(id="gate-message", classes="gap")

    def compose_fields(self) -> Iterable[Field]:
        """The fields of the form."""
        return ()

    @property
    def form(self) -> Form:
        return self.query_one("#gate-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        self._draw_heading()
        self.form.field(self.FIRST).focus()

    def on_screen_suspend(self) -> None:
        # Whoever is signed in leaves no password behind in a field; a dialog or the help over the form takes nothing away.
        if isinstance(self.app.screen, ModalScreen):
            return
        for field in self.query(Field):
            if field.password:
                with field.prevent(Field.Changed):
                    field.value = ""

    def _draw_heading(self) -> None:
        self.query_one("#gate-heading", Paragraphs).show((_(self.HEADING), "bold"), (_(self.INTRO), "dim"), ("", ""))

    def retranslate(self) -> None:
        super().retranslate()
        self._draw_heading()
        self.query_one("#gate-message", Paragraphs).show()

    def message(self, text: str) -> None:
        """A line under the form, for what goes on."""
        self.query_one("#gate-message", Paragraphs).show(*([(text, "dim")] if text else []))

    def problem(self, problem: Problem) -> None:
        """What went wrong, why, what to do, under the form."""
        parts = [(problem.title, "bad"), (problem.why, "text"), (problem.remedy, "dim")]
        self.query_one("#gate-message", Paragraphs).show(*[part for part in parts if part[0]])

    def on_form_submitted(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        """Go on."""
        self.start(self._submit, group="submit")

    async def _submit(self) -> None:
        try:
            await self.submit()
        except SessionEnded:
            raise
        except ModeltrainError as error:
            # In the place of "Signing in…", where it stays until something is changed: what was typed is still there to be sent again.
            self.problem(describe(error))

    async def submit(self) -> None:
        """What Ctrl+S and Enter on the last field do."""

    async def action_language(self) -> None:
        codes = list(LANGUAGES)
        chosen = codes[(codes.index(self.context.locale.language) + 1) % len(codes)]
        self.modeltrain.switch_language(chosen)
        await self.modeltrain.remember(language=chosen)
