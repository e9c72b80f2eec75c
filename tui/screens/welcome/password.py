"""A new password before anything else, for an account whose password an administrator set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.errors import AuthError, InvalidInput
from tui.errors import describe
from tui.i18n import N_, _
from tui.screens.welcome.base import GateScreen
from tui.screens.welcome.checks import judge, password_problem, repeat_problem
from tui.widgets.choices import PasswordField
from tui.widgets.fields import Field
from tui.widgets.form import Form

#: What core calls the fields of this form.
_FIELDS = {"old_password": "old", "new_password": "password"}


class NewPasswordScreen(GateScreen):
    """Asks for the password given and a new one; then leads to the areas."""

    AREA = N_("New password")
    HEADING = N_("Choose a password of your own.")
    INTRO = N_("Yours was set by an administrator and has to be changed before you go on.")
    HELP = N_(
        "Type the password you were given, then a new one twice. It has at least 8 characters with a letter and a digit.\n\n"
        "Nobody but you knows the new one. All other sessions of your account end."
    )
    FIRST = "old"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "sign_out", N_("sign out"), id="new_password.sign_out")]

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Password you were given"), password=True, max_length=1000, label_width=26, id="field-old")
        yield PasswordField(N_("New password"), judge, label_width=26, id="field-password")
        yield PasswordField(N_("New password again"), label_width=26, id="field-repeat")

    def on_form_changed(self, event: Form.Changed) -> None:
        self.message("")
        if event.name == "old":
            self.form.field("old").say("")
        elif self.form["repeat"]:
            self.form.show_problems({"repeat": repeat_problem(self.form["password"], self.form["repeat"])}, fine={"repeat": _("the same")})

    async def submit(self) -> None:
        form = self.form
        problems: dict[str, InvalidInput | None] = {
            "old": None if form["old"] else InvalidInput("old", "required"),
            "password": password_problem(form["password"]),
            "repeat": repeat_problem(form["password"], form["repeat"]),
        }
        wrong = [name for name, problem in problems.items() if problem is not None]
        if wrong:
            form.show_problems({name: problems[name] for name in wrong}, every=True)
            form.first(wrong)
            return
        self.message(_("Changing the password…"))
        try:
            await self.modeltrain.change_password(form["old"], form["password"])
        except InvalidInput as error:
            self.refused(error)
            return
        except AuthError as error:
            self.problem(describe(error))
            return
        await self.modeltrain.enter_areas()

    def refused(self, error: InvalidInput) -> None:
        """Say what core found wrong beside its field, and go there."""
        name = _FIELDS.get(error.field, error.field)
        if name not in self.form.fields:
            self.problem(describe(error))
            return
        self.message("")
        self.form.show_problems({name: error}, every=True)
        self.form.first([name])

    async def action_sign_out(self) -> None:
        with self.reporting():
            await self.modeltrain.sign_out()
