"""Signing in with e-mail or nickname and password."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.auth.types import SignedIn
from core.errors import AuthError, InvalidInput, SecondFactorNeeded
from tui import local
from tui.errors import Problem, describe
from tui.i18n import N_, _
from tui.screens.welcome.base import GateScreen
from tui.widgets.choices import Toggle
from tui.widgets.fields import Field

if TYPE_CHECKING:
    from tui.app import ModeltrainApp


async def _enter(app: ModeltrainApp, signed_in: SignedIn, email: str, *, keep: bool) -> None:
    """Go on as this account, and remember what was typed for the next time, if it is kept signed in."""
    if app.context.terminal.kind == "local":
        local.save(app.settings.data_dir, email=email if keep else "")
    await app.signed_in(signed_in, keep=keep)


class SignInScreen(GateScreen):
    """`notice`: why somebody is back here, for example because the session was ended elsewhere."""

    AREA = N_("Sign in")
    HEADING = N_("Welcome to modeltrain.")
    INTRO = N_("Sign in with your e-mail or nickname, and your password.")
    HELP = N_(
        "Type the e-mail or the nickname of your account, and its password, then press Enter. If the account has a second factor, the "
        "code of the authenticator app is asked for next.\n\n"
        "“Keep me signed in” stores a token in the data folder, readable by your account on this machine only; the next start and the "
        "shell commands then need no password. Signing out, changing the password or disabling the account makes it worthless.\n\n"
        "Forgot the password? An administrator sets a new one: modeltrain user passwd EMAIL"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "register", N_("new account"), id="sign_in.register", tooltip=N_("Register an account of your own")),
    ]

    def __init__(self, *, notice: Problem | None = None, email: str = "") -> None:
        super().__init__()
        self._notice, self._email = notice, email
        self._registration = False

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("E-mail or nickname"), self._email, hint=N_("name@example.org"), max_length=300, id="field-email")
        yield Field(N_("Password"), password=True, max_length=1000, id="field-password")
        if self.context.terminal.kind == "local":
            yield Toggle(N_("Keep me signed in"), True, id="field-keep")

    @property
    def FIRST(self) -> str:  # type: ignore[override]  # noqa: N802
        return "password" if self._email else "email"

    def on_mount(self) -> None:
        super().on_mount()
        # Enter behind the password goes on, as everybody expects; the choice below has its value already.
        self.form.submit_at("password")
        if self._notice is not None:
            self.problem(self._notice)
        self.start(self._look_at_registration, group="registration")

    async def _look_at_registration(self) -> None:
        services = await self.modeltrain.services()
        self._registration = await services.accounts.registration_open()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._registration if action == "register" else True

    async def submit(self) -> None:
        form = self.form
        empty = [name for name in ("email", "password") if not form[name].strip()]
        if empty:
            form.show_problems({name: InvalidInput(name, "required") for name in empty}, every=True)
            form.first(empty)
            return
        self.message(_("Signing in…"))
        services = await self.modeltrain.services()
        email = form["email"].strip()
        try:
            signed_in = await services.accounts.sign_in(email, form["password"], origin=self.context.origin)
        except SecondFactorNeeded as needed:
            self._ask_for_code(needed.challenge, email, keep=self._keep)
            return
        except (AuthError, InvalidInput) as error:
            with form.prevent(Field.Changed):
                form.field("password").value = ""
            form.field("password").focus()
            self.problem(describe(error))
            return
        await _enter(self.modeltrain, signed_in, email, keep=self._keep)

    @property
    def _keep(self) -> bool:
        return self.context.terminal.kind == "local" and self.form["keep"] == "yes"

    def _ask_for_code(self, challenge: str, email: str, *, keep: bool) -> None:
        from tui.screens.welcome.code import CodeScreen

        app = self.modeltrain  # this screen is gone when the code is there

        async def go_on(signed_in: SignedIn) -> None:
            await _enter(app, signed_in, email, keep=keep)

        def back(problem: Problem | None) -> None:
            app.switch_screen(SignInScreen(notice=problem, email=email))

        app.switch_screen(CodeScreen(challenge, go_on, back))

    def on_form_changed(self) -> None:
        self.message("")
        for field in self.form.fields.values():
            field.say("")

    async def action_register(self) -> None:
        from tui.screens.welcome.register import RegisterScreen

        self.app.switch_screen(RegisterScreen())
