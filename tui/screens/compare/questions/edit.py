"""The form of one question, new or to be changed: live checks, and what will be asked with the variables put in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType

from core.errors import Conflict, InvalidInput
from core.questions.forms import from_texts, to_texts
from core.questions.types import Question, QuestionDraft, QuestionSet
from core.questions.variables import variables_in
from core.sanitise import one_line
from tui.batch_words import SCORERS
from tui.errors import describe
from tui.i18n import N_, _
from tui.screens.base import AreaScreen, Framed
from tui.widgets.choices import Choice, TextField
from tui.widgets.dialogs import Decide
from tui.widgets.editor import Write
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs

_LABELS = 20
#: Field -> the scorers that use it; with the scorer "" it is shown where it is filled in.
_USED_BY: Final[dict[str, tuple[str, ...]]] = {
    "tolerance": ("numeric", "json"),
    "pattern": ("regex",),
    "schema": ("json_schema",),
    "rubric": ("judge",),
}
#: Fields that are shown by Ctrl+O, or where something is in them.
_ADVANCED: Final = ("system", "variables", "options")


class QuestionScreen(AreaScreen, inherit_bindings=False):
    """Returns the number of the question that was saved, None for none. `question` None: a new one at the end of the set."""

    AREA = N_("Compare")
    HELP = N_(
        "Enter on a text opens it in an editor, for several lines. Only the question is needed.\n\n"
        "Expected: what a right answer says; further accepted answers stand one on each line. The scorer says how the two are compared; "
        "left to the program it is chosen by the expected answer: a number, a text that must be there, JSON. A pattern is a regular "
        "expression, a rubric tells a judge model what makes an answer good.\n\n"
        "Ctrl+O shows the system prompt, variables and further options. Variables stand in the text as {{name}} and are given as name = "
        "value, one on each line.\n\n"
        "Ctrl+S saves, which makes a new version of the set."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", N_("save"), id="question.save", tooltip=N_("Save as a new version of the set")),
        Binding("ctrl+o", "advanced", N_("more"), id="question.advanced", tooltip=N_("System prompt, variables, further options")),
        Binding("escape", "close", N_("back"), id="question.close"),
        *Framed.BINDINGS,
    ]

    def __init__(self, item: QuestionSet, question: Question | None) -> None:
        super().__init__()
        self._item, self._question = item, question
        self._advanced = False
        self._saving = False

    def compose_body(self) -> Iterable[Any]:
        hint = N_("type, or Enter to write it")
        with Form(id="question-form"):
            yield TextField(N_("Question"), label_width=_LABELS, hint=hint, id="field-question")
            yield TextField(N_("Expected answer"), label_width=_LABELS, hint=N_("none"), id="field-expected")
            yield TextField(N_("Also accepted"), label_width=_LABELS, hint=N_("one on each line"), id="field-alternatives")
            yield Field(N_("Type"), label_width=_LABELS, hint=N_("such as geography"), id="field-type")
            yield Choice(N_("Scorer"), SCORERS, label_width=_LABELS, id="field-scorer")
            yield Field(N_("Tolerance"), label_width=_LABELS, hint=N_("0.01, or 2%"), id="field-tolerance")
            yield Field(N_("Pattern"), label_width=_LABELS, hint=N_("a regular expression"), id="field-pattern")
            yield TextField(N_("JSON schema"), label_width=_LABELS, hint=hint, id="field-schema")
            yield TextField(N_("Rubric"), label_width=_LABELS, hint=hint, id="field-rubric")
            yield Field(N_("Weight"), label_width=_LABELS, id="field-weight")
            yield TextField(N_("System prompt"), label_width=_LABELS, hint=N_("the configuration's own"), id="field-system")
            yield TextField(N_("Variables"), label_width=_LABELS, hint=N_("name = value, one on each line"), id="field-variables")
            yield TextField(N_("Further options"), label_width=_LABELS, hint=N_("a JSON object"), id="field-options")
            yield Paragraphs(id="question-asked")

    @property
    def form(self) -> Form:
        return self.query_one("#question-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        draft = self._question or QuestionDraft("")
        self.form.fill(to_texts(draft))
        self._advanced = any(self.form[name] for name in _ADVANCED)
        number = _("question {number}").format(number=self._question.number) if self._question is not None else _("new question")
        self.set_opened(f"{one_line(self._item.name, 40)}, {number}")
        self._show_fields()
        self._draw_asked()
        self.form.field("question").focus()

    # Fields ----------------------------------------------------------------------------------------------------------

    def _show_fields(self) -> None:
        """Only those that say something with this scorer, and those that say something already."""
        scorer = self.form["scorer"]
        for name, users in _USED_BY.items():
            self.form.field(name).display = scorer in users or bool(self.form[name].strip())
        for name in _ADVANCED:
            self.form.field(name).display = self._advanced

    def action_advanced(self) -> None:
        self._advanced = not self._advanced or any(self.form[name] for name in _ADVANCED)
        self._show_fields()
        if self._advanced:
            self.form.field("system").focus()

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "scorer":
            self._show_fields()
        _draft, problems = from_texts(self._texts())
        self.form.show_problems({name: problems.get(name) for name in self.form.fields})
        self._draw_asked()

    def _texts(self) -> dict[str, str]:
        return {name: self.form[name] for name in self.form.fields}

    def _draw_asked(self) -> None:
        """What will be asked, where that is not what is written, and variables that nothing is said of."""
        draft, _problems = from_texts(self._texts())
        parts: list[tuple[str, str]] = []
        if draft is not None and variables_in(draft.text, draft.system):
            if draft.missing_variables:
                missing = ", ".join(one_line(name) for name in draft.missing_variables)
                parts.append((_("No value is given for {names}; it is asked as it stands, in braces.").format(names=missing), "warn"))
            ready = Question(draft.text, variables=draft.variables).filled()
            parts.append((_("Asked: {text}").format(text=one_line(ready.text, 300)), "dim"))
        self.query_one("#question-asked", Paragraphs).show(*parts)

    def on_text_field_opened(self, event: TextField.Opened) -> None:
        event.stop()
        field = event.field

        def written(text: str | None) -> None:
            if text is not None:
                field.value = text
            field.focus()

        self.app.push_screen(Write(_(field.label), field.value, typed=event.typed), written)

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines below the form."""
        self.query_one("#question-asked", Paragraphs).show(*(part for part in parts if part[0]))

    # Saving ----------------------------------------------------------------------------------------------------------

    def on_form_submitted(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        draft, problems = from_texts(self._texts(), self._question)
        if draft is None:
            self._show_wrong(problems)
        elif not self._saving:
            self._saving = True
            self.start(self._save, draft, group="save", exclusive=False)

    def _show_wrong(self, problems: dict[str, InvalidInput]) -> None:
        if set(problems) & set(_ADVANCED) and not self._advanced:
            self.action_advanced()
        for name in problems:
            if name in self.form.fields:
                self.form.field(name).display = True
        self.form.show_problems(dict(problems), every=True)
        self.form.first(problems)

    async def _save(self, draft: QuestionDraft) -> None:
        questions, item, question = self.services.questions, self._item, self._question
        try:
            if question is None:
                saved = await questions.edit(self.principal, item.id, add=[draft], expected_version=item.version)
            else:
                saved = await questions.edit(self.principal, item.id, replace={question.number: draft}, expected_version=item.version)
        except InvalidInput as error:
            self._show_wrong({error.field: error})
        except Conflict as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.remedy, "text"))
        else:
            self.dismiss(saved.count if question is None else question.number)
        finally:
            self._saving = False

    def action_close(self) -> None:
        if not self.form.changed:
            self.dismiss(None)
            return

        def decided(answer: str | None) -> None:
            if answer == "save":
                self.action_save()
            elif answer == "drop":
                self.dismiss(None)

        answers = {"s": ("save", N_("save")), "d": ("drop", N_("drop the changes"))}
        self.app.push_screen(Decide(_("Save the changes?"), answers, _("Dropped changes are gone.")), decided)
