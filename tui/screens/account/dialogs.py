"""The dialogs of the account screen that ask for more than one thing. They return values and never act."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from core.auth.ssh_keys import NAME_LIMIT
from core.errors import InvalidInput
from core.sanitise import one_line
from tui.errors import remark
from tui.i18n import N_, _
from tui.screens.welcome.checks import judge, password_problem, problem_of, repeat_problem
from tui.widgets.choices import PasswordField
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.form_dialog import FormDialog


def name_check(field: str) -> Callable[[str], str]:
    """For `Ask`: "" or what is wrong with an e-mail or a nickname."""

    def check(text: str) -> str:
        problem = problem_of(field, text)
        if problem is None:
            return ""
        return remark(problem.rule, **{name: value for name, value in problem.fields.items() if name not in ("field", "rule")})

    return check


def key_name_problem(text: str) -> str:
    """For `Ask`: "" or what is wrong with the name of an SSH key."""
    if not one_line(text):
        return remark("required")
    return remark("too_long", max=NAME_LIMIT) if len(one_line(text)) > NAME_LIMIT else ""


class NewEmail(FormDialog[tuple[str, str]]):
    """Returns (password, new e-mail)."""

    def __init__(self, email: str) -> None:
        super().__init__(_("Change your e-mail"), _("You sign in with it. Your password is asked for, so that nobody else does this."))
        self._email = email

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("New e-mail"), self._email, max_length=300, label_width=16, id="field-email")
        yield Field(N_("Your password"), password=True, max_length=1100, label_width=16, id="field-password")

    def problems(self) -> dict[str, InvalidInput | None]:
        return {
            "email": problem_of("email", self.form["email"]),
            "password": None if self.form["password"] else InvalidInput("password", "required"),
        }

    def answer(self) -> tuple[str, str]:
        return self.form["password"], self.form["email"]


class NewPassword(FormDialog[tuple[str, str]]):
    """Returns (old password, new password)."""

    def __init__(self, *hints: str) -> None:
        super().__init__(_("Change your password"), _("Every other session of your account ends."))
        self._hints = hints

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Old password"), password=True, max_length=1100, label_width=16, id="field-old")
        yield PasswordField(N_("New password"), lambda password: judge(password, *self._hints), label_width=16, id="field-password")
        yield PasswordField(N_("New one again"), label_width=16, id="field-repeat")

    def problems(self) -> dict[str, InvalidInput | None]:
        form = self.form
        return {
            "old": None if form["old"] else InvalidInput("old", "required"),
            "password": password_problem(form["password"]),
            "repeat": repeat_problem(form["password"], form["repeat"]),
        }

    def on_form_changed(self, event: Form.Changed) -> None:
        event.prevent_default()  # the handler of FormDialog would take the strength away again
        if event.name == "old":
            self.form.field("old").say("")
        elif self.form["repeat"]:
            self.form.show_problems({"repeat": self.problems()["repeat"]}, fine={"repeat": _("the same")})

    def answer(self) -> tuple[str, str]:
        return self.form["old"], self.form["password"]


class NewKey(FormDialog[tuple[str, str]]):
    """Returns (public key, name)."""

    def __init__(self) -> None:
        super().__init__(
            _("Add an SSH public key"), _("Paste the line of a file such as ~/.ssh/id_ed25519.pub. Never paste a private key.")
        )

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Public key"), hint=N_("ssh-ed25519 AAAA…"), max_length=20_000, label_width=16, id="field-public_key")
        yield Field(N_("Name"), hint=N_("its comment if empty"), max_length=200, label_width=16, id="field-name")

    def problems(self) -> dict[str, InvalidInput | None]:
        text = self.form["public_key"].strip()
        problem = None
        if not text:
            problem = InvalidInput("public_key", "required")
        elif "PRIVATE KEY" in text:
            problem = InvalidInput("public_key", "private_key")
        elif len(text.split()) < 2:
            problem = InvalidInput("public_key", "not_a_public_key")
        return {"public_key": problem}

    def answer(self) -> tuple[str, str]:
        return self.form["public_key"].strip(), self.form["name"].strip()
