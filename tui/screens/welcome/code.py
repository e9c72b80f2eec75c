"""The second factor at the sign-in: the code after the password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from core.auth.types import SignedIn
from core.errors import AccountDisabled, AuthError, ChallengeEnded, InvalidInput
from tui.errors import Problem, describe
from tui.i18n import N_, _
from tui.screens.welcome.base import GateScreen
from tui.widgets.fields import Field


class CodeScreen(GateScreen):
    """`challenge`: of the SecondFactorNeeded; `go_on`: what the sign-in does next; `back`: shows the sign-in again, with a problem."""

    AREA = N_("Sign in")
    HEADING = N_("The code, please.")
    INTRO = N_("Your account asks for a code from your authenticator app, or one of your recovery codes.")
    FIRST = "code"
    HELP = N_(
        "Type the six digits that the authenticator app on your telephone shows now, then press Enter. Each is good once.\n\n"
        "Without the telephone: type one of the recovery codes that you were given when you set the second factor up. Each is good once; "
        "make new ones under Account.\n\n"
        "Without either, an administrator can take the second factor away: modeltrain user second-factor off EMAIL"
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", N_("back"), id="code.back", tooltip=N_("Back to the password"))]

    def __init__(self, challenge: str, go_on: Callable[[SignedIn], Awaitable[None]], back: Callable[[Problem | None], None]) -> None:
        super().__init__()
        self._challenge, self._go_on, self._back = challenge, go_on, back

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Code"), hint=N_("6 digits, or a recovery code"), max_length=100, id="field-code")

    async def submit(self) -> None:
        code = self.form["code"].strip()
        if not code:
            self.form.show_problems({"code": InvalidInput("code", "required")}, every=True)
            return
        self.message(_("Signing in…"))
        services, origin = await self.modeltrain.services(), self.context.origin
        try:
            signed_in = await services.accounts.answer_challenge(self._challenge, code, origin=origin)
        except (ChallengeEnded, AccountDisabled) as error:
            self._back(describe(error))
            return
        except AuthError as error:
            field = self.form.field("code")
            with field.prevent(Field.Changed):
                field.value = ""
            field.focus()
            self.problem(describe(error))
            return
        await self._go_on(signed_in)

    def on_form_changed(self) -> None:
        self.message("")
        self.form.field("code").say("")

    def action_back(self) -> None:
        self._back(None)
