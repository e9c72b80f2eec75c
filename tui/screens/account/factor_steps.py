"""What the account screen does with the second factor, step by step: the password, then the new state, then the recovery codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from core.auth.types import Enrolment, SecondFactor
from core.errors import InvalidInput
from tui.i18n import N_, _
from tui.screens.account.second_factor import RecoveryCodes, SecondFactorScreen
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Ask, Decide

if TYPE_CHECKING:
    Base = AreaScreen
else:
    Base = object


class FactorSteps(Base):
    """The mixin of `AccountScreen`."""

    _factor: SecondFactor

    async def _load(self) -> None:
        """Read everything anew; see AccountScreen."""
        raise NotImplementedError

    def _edit_factor(self) -> None:
        if not self._factor.enabled:
            explanation = _("After the password, every sign-in then asks for a code from an app on your telephone.")
            self._ask_password(_("Set up a second factor"), explanation, self._begin)
            return
        answers = {"n": ("renew", N_("new recovery codes")), "o": ("end", N_("turn it off"))}
        explanation = _("New recovery codes make the old ones worthless. Turned off, the password alone lets you in.")
        self.app.push_screen(Decide(_("Your second factor"), answers, explanation), self._decided)

    def _decided(self, answer: str | None) -> None:
        if answer == "renew":
            self._ask_password(_("Make new recovery codes"), _("The old ones are worth nothing from then on."), self._renew)
        elif answer == "end":
            self._ask_password(_("Turn the second factor off"), _("From then on the password alone lets you in."), self._end)

    def _ask_password(self, question: str, explanation: str, then: Callable[[str], Awaitable[None]]) -> None:
        """Ask for the password, again while it is wrong; Esc ends it."""

        async def answered(password: str | None) -> None:
            if not password:
                return
            with self.reporting():
                try:
                    await then(password)
                except InvalidInput as error:
                    self.modeltrain.show_error(error)
                    self._ask_password(question, explanation, then)

        self.app.push_screen(Ask(question, "", explanation, label=_("Password"), password=True), answered)

    async def _begin(self, password: str) -> None:
        enrolment: Enrolment = await self.services.accounts.begin_second_factor(self.principal, password)
        self.app.push_screen(SecondFactorScreen(enrolment), self._confirmed)

    async def _confirmed(self, codes: tuple[str, ...] | None) -> None:
        if codes is None:
            return
        self.modeltrain.say(_("The second factor is on."))
        await self._show_codes(codes)

    async def _renew(self, password: str) -> None:
        await self._show_codes(await self.services.accounts.renew_recovery_codes(self.principal, password))

    async def _show_codes(self, codes: tuple[str, ...]) -> None:
        with self.reporting():
            await self._load()
        self.app.push_screen(RecoveryCodes(codes))

    async def _end(self, password: str) -> None:
        await self.services.accounts.end_second_factor(self.principal, password)
        self.modeltrain.say(_("The second factor is off."))
        await self._load()
