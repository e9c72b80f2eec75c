"""What is shown first: the wizard of a new installation, the sign-in, or (kept signed in) the way to the home screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from core.auth.principal import Origin
from core.errors import AuthError
from core.settings import Settings
from tui.errors import describe
from tui.i18n import N_, _
from tui.local import LocalPreferences
from tui.screens.base import Framed
from tui.screens.welcome.register import WizardScreen
from tui.screens.welcome.sign_in import SignInScreen
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from tui.app import ModeltrainApp


class OpeningScreen(Framed):
    """Shown while a kept session is taken up again: nothing can be typed yet."""

    AREA = N_("Opening")
    HELP = N_("The kept session is being taken up again; this takes a moment.")

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs((_("Opening your workbench…"), "dim"), id="opening", classes="page")


def first_screen(settings: Settings, kept: LocalPreferences) -> Framed:
    """The likely screen, from what the data folder holds, so that the first frame need not wait for the database."""
    from core.auth.kept import KeptSession

    try:
        if settings.database_file is not None and not settings.database_file.exists():
            return WizardScreen()
    except OSError:
        return OpeningScreen()  # this account may not even look: the services will say so
    if KeptSession(settings.data_dir).load() is not None:
        return OpeningScreen()
    return SignInScreen(email=kept.email)


async def enter(app: ModeltrainApp) -> None:
    """The services are there: put the right screen in place of the likely one."""
    from core.auth.kept import KeptSession
    from core.auth.sessions import resume_kept

    services, screen = app.context.services, app.screen
    if await services.accounts.needs_first_admin():
        if not isinstance(screen, WizardScreen):
            app.switch_screen(WizardScreen())
        return
    if isinstance(screen, SignInScreen):
        return
    signed_in = None
    if app.context.terminal.kind == "local":
        try:
            signed_in = await resume_kept(services.accounts, KeptSession(app.settings.data_dir), origin=Origin("local"))
        except AuthError as error:
            app.switch_screen(SignInScreen(notice=describe(error), email=app.kept.email))
            return
    if signed_in is None:
        app.switch_screen(SignInScreen(email=app.kept.email))
        return
    await app.signed_in(signed_in, keep=True, resumed=True)
