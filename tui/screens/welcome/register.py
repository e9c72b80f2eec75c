"""Making an account: registration by oneself, and the first administrator of a new installation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.binding import Binding, BindingType

from core.errors import Conflict, InvalidInput, RegistrationClosed, TooManyAttempts
from tui.errors import describe
from tui.i18n import LANGUAGES, N_, _
from tui.screens.welcome.base import GateScreen
from tui.screens.welcome.checks import availability, judge, password_problem, problem_of, repeat_problem
from tui.themes import THEMES
from tui.widgets.choices import Choice, PasswordField, Toggle
from tui.widgets.fields import Field
from tui.widgets.form import Form

if TYPE_CHECKING:
    from core.auth.types import SignedIn

_NAMES: tuple[Literal["email"], Literal["nickname"]] = ("email", "nickname")


class AccountForm(GateScreen):
    """The four fields of a new account with their live checks."""

    FIRST = "email"

    def account_fields(self) -> Iterable[Field]:
        yield Field(N_("E-mail"), hint=N_("name@example.org"), max_length=300, id="field-email")
        yield Field(N_("Nickname"), hint=N_("what others see, any script"), max_length=200, id="field-nickname")
        yield PasswordField(N_("Password"), self._judge, id="field-password")
        yield PasswordField(N_("Password again"), id="field-repeat")

    def _judge(self, password: str) -> tuple[int, str]:
        return judge(password, self.form["email"], self.form["nickname"])

    def on_form_changed(self, event: Form.Changed) -> None:
        self.message("")
        for name in _NAMES:
            if event.name == name:
                self.start(self._check_name, name, group=f"check-{name}")
        if event.name in ("password", "repeat") and self.form["repeat"]:
            self.form.show_problems({"repeat": repeat_problem(self.form["password"], self.form["repeat"])}, fine={"repeat": _("the same")})

    async def _check_name(self, name: Literal["email", "nickname"]) -> None:
        value = self.form[name]
        problem = problem_of(name, value)
        self.form.show_problems({name: problem})
        if problem is None:
            services = await self.modeltrain.services()
            try:
                problem = await availability(services.accounts, name, value, self.context.origin)
            except TooManyAttempts:
                return  # whether it is free is told at the end
            self.form.show_problems({name: problem}, fine={name: _("free")})

    def retranslate(self) -> None:
        super().retranslate()
        for field in self.query(PasswordField):
            field.judge_again()

    def problems(self) -> dict[str, InvalidInput | None]:
        """What is wrong with the form, by field."""
        form = self.form
        return {
            "email": problem_of("email", form["email"]),
            "nickname": problem_of("nickname", form["nickname"]),
            "password": password_problem(form["password"]),
            "repeat": repeat_problem(form["password"], form["repeat"]),
        }

    async def submit(self) -> None:
        problems = self.problems()
        wrong = [name for name, problem in problems.items() if problem is not None]
        if wrong:
            self.form.show_problems({name: problems[name] for name in wrong}, every=True)
            self.form.first(wrong)
            return
        self.message(_("Making the account…"))
        try:
            signed_in = await self.create()
        except (InvalidInput, Conflict) as error:
            await self.refused(error)
            return
        await self.after(signed_in)

    async def create(self) -> SignedIn:
        """Make the account of what is filled in."""
        raise NotImplementedError

    async def after(self, signed_in: SignedIn) -> None:
        await self.modeltrain.signed_in(signed_in, keep="keep" in self.form.fields and self.form["keep"] == "yes")

    async def refused(self, error: InvalidInput | Conflict) -> None:
        """Say what core found wrong, at its field where it has one."""
        name = error.field if isinstance(error, InvalidInput) else str(error.fields.get("what", ""))
        if name in self.form.fields:
            self.form.show_problems({name: InvalidInput(name, "taken") if isinstance(error, Conflict) else error}, every=True)
            self.form.first([name])
            self.message("")
        else:
            self.problem(describe(error))


class RegisterScreen(AccountForm):
    """Registration, where an administrator left it open."""

    AREA = N_("New account")
    HEADING = N_("Make an account of your own.")
    INTRO = N_("Your conversations and configurations belong to you alone.")
    HELP = N_(
        "All four fields are needed. E-mail and nickname are checked as you type; each belongs to one account only.\n\n"
        "The password has at least 8 characters with a letter and a digit. Longer is stronger: a few words you remember are better than "
        "a short riddle."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", N_("back"), id="register.back")]

    def compose_fields(self) -> Iterable[Field]:
        yield from self.account_fields()

    async def create(self) -> SignedIn:
        services = await self.modeltrain.services()
        form = self.form
        try:
            return await services.accounts.register(form["email"], form["nickname"], form["password"], origin=self.context.origin)
        except RegistrationClosed as error:
            self.problem(describe(error))
            raise

    async def action_back(self) -> None:
        self.modeltrain.leave_registration()


class WizardScreen(AccountForm):
    """The first start: language, theme, and the account of the administrator."""

    AREA = N_("First start")
    HEADING = N_("Welcome to modeltrain. Make the first account: it administers this installation.")
    INTRO = N_("There is no account with a known password, now or ever. Everything can be changed later.")
    HELP = N_(
        "This installation has no account yet. The one you make here is its administrator: it may add people, open registration, and "
        "set up providers.\n\n"
        "Left and right arrows change language and theme at once. Tab, Enter and the arrow keys move between the fields; Ctrl+S makes the "
        "account.\n\n"
        "Without a terminal the same is done by: modeltrain user add EMAIL --nickname NAME --admin"
    )

    def compose_fields(self) -> Iterable[Field]:
        yield Choice(N_("Language"), dict(LANGUAGES), self.context.locale.language, id="field-language")
        yield Choice(N_("Theme"), {name: tokens.label for name, tokens in THEMES.items()}, self.app.theme, id="field-theme")
        yield from self.account_fields()
        yield Toggle(N_("Keep me signed in"), True, id="field-keep")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "language":
            self.modeltrain.switch_language(self.form["language"])
        elif event.name == "theme":
            self.app.theme = self.form["theme"]
        else:
            super().on_form_changed(event)

    def retranslate(self) -> None:
        super().retranslate()
        self.form.field("language").value = self.context.locale.language

    async def create(self) -> SignedIn:
        services = await self.modeltrain.services()
        form = self.form
        return await services.accounts.create_first_admin(form["email"], form["nickname"], form["password"], origin=self.context.origin)

    async def after(self, signed_in: SignedIn) -> None:
        language, theme = self.form["language"], self.form["theme"]
        await super().after(signed_in)
        await self.modeltrain.remember(language=language, theme=theme)

    async def refused(self, error: InvalidInput | Conflict) -> None:
        if isinstance(error, Conflict) and error.fields.get("what") == "first_admin":
            from tui.screens.welcome.sign_in import SignInScreen

            self.app.switch_screen(SignInScreen(notice=describe(error), email=self.form["email"]))
            return
        await super().refused(error)
