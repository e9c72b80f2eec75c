"""Account: profile, password, sessions, SSH keys of the signed-in account."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.auth.types import SecondFactor, SessionInfo, SshKeyInfo
from core.events import AccountChanged, Event
from core.sanitise import one_line
from tui import moments
from tui.i18n import LANGUAGES, N_, _, ngettext
from tui.screens.account import dialogs, pages
from tui.screens.account.factor_steps import FactorSteps
from tui.screens.base import AreaScreen
from tui.themes import THEMES
from tui.widgets.dialogs import Ask, Choose, Confirm
from tui.widgets.rows import Rows
from tui.widgets.tabs import TabLine

PROFILE, SESSIONS, KEYS = "profile", "sessions", "keys"


class AccountScreen(FactorSteps, AreaScreen):
    """Three views of one list."""

    AREA = N_("Account")
    HELP = N_(
        "Left and right change between profile, sessions and SSH keys.\n\n"
        "Profile: Enter changes the line in hand. A new e-mail and a new password ask for the password you have; a new password ends every "
        "other session. The second factor asks for a code from an authenticator app after the password; setting it up, new recovery codes "
        "and turning it off ask for the password too.\n\n"
        "Sessions: every place where you are signed in. d ends the one in hand, o ends all of them, this one too.\n\n"
        "SSH keys: the public keys that let you in without a password when modeltrain is served over SSH. n adds one, r gives it another "
        "name, d removes it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", N_("change"), id="account.edit", tooltip=N_("Change the line in hand")),
        Binding("n", "add", N_("add a key"), id="account.add", tooltip=N_("Add an SSH public key")),
        Binding("r", "rename", N_("rename"), id="account.rename", tooltip=N_("Give the SSH key in hand another name")),
        Binding("d", "remove", N_("end or remove"), id="account.remove", tooltip=N_("End the session, remove the key in hand")),
        Binding("o", "everywhere", N_("sign out everywhere"), id="account.everywhere", tooltip=N_("End every session of this account")),
        Binding("q", "sign_out", N_("sign out"), id="account.sign_out", tooltip=N_("End this session")),
        Binding("right", "tab(1)", N_("next view"), show=False),
        Binding("left", "tab(-1)", N_("view before"), show=False),
        Binding("escape", "app.go('home')", N_("home"), id="account.home"),
    ]

    def compose_body(self) -> Iterable[Any]:
        yield TabLine({PROFILE: N_("Profile"), SESSIONS: N_("Sessions"), KEYS: N_("SSH keys")}, id="account-tabs")
        yield Rows(pages.PROFILE_COLUMNS, id="account-rows")

    def on_mount(self) -> None:
        super().on_mount()
        self._sessions: tuple[SessionInfo, ...] = ()
        self._keys: tuple[SshKeyInfo, ...] = ()
        self._factor = SecondFactor(False, None, 0)
        self.rows.focus()
        self._draw()
        self.reload()

    @property
    def rows(self) -> Rows:
        return self.query_one("#account-rows", Rows)

    @property
    def view(self) -> str:
        return self.query_one("#account-tabs", TabLine).active

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, AccountChanged):
            self.reload()

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()

    def reload(self) -> None:
        """Read everything anew, beside the screen."""
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        accounts = self.services.accounts
        self.context.profile = await accounts.profile(self.principal)
        self._sessions = await accounts.sessions(self.principal)
        self._keys = await accounts.ssh_keys(self.principal)
        self._factor = await accounts.second_factor(self.principal)
        self._draw()

    def _draw(self) -> None:
        if self.context.profile is None:
            return
        tabs = self.query_one("#account-tabs", TabLine)
        tabs.count(SESSIONS, len(self._sessions))
        tabs.count(KEYS, len(self._keys))
        zone, rows = self.modeltrain.zone, self.rows
        rows.openable = self.view == PROFILE
        if self.view == PROFILE:
            rows.columns = pages.PROFILE_COLUMNS
            rows.show(pages.profile_rows(self.context.profile, self._factor, self.app.theme, zone, served=self.services.settings.served))
        elif self.view == SESSIONS:
            rows.columns = pages.SESSION_COLUMNS
            rows.show(pages.session_rows(self._sessions, self.services.clock.now(), zone))
        else:
            rows.columns = pages.KEY_COLUMNS
            rows.show(pages.key_rows(self._keys, zone), empty=pages.no_keys())
        self.refresh_bindings()

    def on_tab_line_changed(self) -> None:
        self.rows.cursor = 0
        self._draw()

    def action_tab(self, step: int) -> None:
        self.query_one("#account-tabs", TabLine).step(step)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        wanted = {"edit": (PROFILE,), "add": (KEYS,), "rename": (KEYS,), "remove": (SESSIONS, KEYS), "everywhere": (SESSIONS,)}
        if action in ("rename", "remove") and not self.rows.current_id:
            return False
        return action not in wanted or self.view in wanted[action]

    # Profile ---------------------------------------------------------------------------------------------------------

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if self.view == PROFILE:
            self.action_edit()

    def action_edit(self) -> None:
        profile, wanted = self.context.profile, self.rows.current_id
        if profile is None:
            return
        match wanted:
            case "nickname":
                check = dialogs.name_check("nickname")
                self.app.push_screen(Ask(_("Your nickname"), profile.nickname, check=check), self._change_nickname)
            case "email":
                self.app.push_screen(dialogs.NewEmail(profile.email), self._change_email)
            case "password":
                self.app.push_screen(dialogs.NewPassword(profile.email, profile.nickname), self._change_password)
            case "second_factor":
                self._edit_factor()
            case "language":
                languages = [(code, name, "") for code, name in LANGUAGES.items()]
                self.app.push_screen(Choose(_("Language"), languages, self.context.locale.language), self._change_language)
            case "theme":
                themes = [(name, _(tokens.label), _("dark") if tokens.dark else _("light")) for name, tokens in THEMES.items()]
                self.app.push_screen(Choose(_("Theme"), themes, self.app.theme), self._change_theme)
            case "time_zone":
                zones = [("-", pages.zone_by_default(self.services.settings.served), ""), *((name, name, "") for name in moments.zones())]
                self.app.push_screen(Choose(_("Time zone"), zones, profile.time_zone or "-"), self._change_zone)

    async def _update(self, **changes: Any) -> None:
        with self.reporting():
            self.modeltrain.take_profile(await self.services.accounts.update_profile(self.principal, **changes))
            await self._load()
            self.modeltrain.say(_("Changed."))

    async def _change_nickname(self, nickname: str | None) -> None:
        if nickname is not None:
            await self._update(nickname=nickname)

    async def _change_language(self, language: str | None) -> None:
        if language:
            with self.reporting():
                self.modeltrain.switch_language(language)
                await self.modeltrain.remember(language=language)
            self._draw()

    async def _change_theme(self, theme: str | None) -> None:
        if theme:
            with self.reporting():
                self.app.theme = theme
                await self.modeltrain.remember(theme=theme)
            self._draw()

    async def _change_zone(self, zone: str | None) -> None:
        if zone:
            await self._update(time_zone="" if zone == "-" else zone)

    async def _change_email(self, answer: tuple[str, str] | None) -> None:
        if answer is None:
            return
        with self.reporting():
            await self.services.accounts.change_email(self.principal, answer[0], answer[1])
            self.modeltrain.say(_("Your e-mail is changed. Sign in with the new one from now on."))
            await self._load()

    async def _change_password(self, answer: tuple[str, str] | None) -> None:
        if answer is None:
            return
        with self.reporting():
            await self.modeltrain.change_password(*answer)
            self.modeltrain.say(_("Your password is changed. Every other session has ended."))
            await self._load()

    # Sessions and keys -----------------------------------------------------------------------------------------------

    def action_remove(self) -> None:
        if self.view == SESSIONS:
            self._ask_to_end()
        elif (key := self._key_in_hand()) is not None:
            question = _("Remove the SSH key “{name}”?").format(name=one_line(key.name))
            explanation = _("Whoever holds it can no longer sign in with it.")
            # The list may have changed when the answer comes: what was asked about is what goes.
            self.app.push_screen(Confirm(question, explanation), partial(self._remove_key, key.id))

    def _key_in_hand(self) -> SshKeyInfo | None:
        return next((key for key in self._keys if key.id == self.rows.current_id), None)

    def action_rename(self) -> None:
        if (key := self._key_in_hand()) is not None:
            question = _("Another name for the SSH key")
            self.app.push_screen(Ask(question, key.name, check=dialogs.key_name_problem), partial(self._rename_key, key.id))

    async def _rename_key(self, key_id: str, name: str | None) -> None:
        if name is not None:
            with self.reporting():
                await self.services.accounts.rename_ssh_key(self.principal, key_id, name)
                await self._load()

    def _ask_to_end(self) -> None:
        session = next((session for session in self._sessions if session.id == self.rows.current_id), None)
        if session is None:
            return
        if session.current:
            self.action_sign_out()
            return
        question = Confirm(_("End this session?"), _("Whoever uses it has to sign in again."))
        self.app.push_screen(question, partial(self._end_session, session.id))

    async def _end_session(self, session_id: str, yes: bool | None) -> None:
        if yes:
            with self.reporting():
                await self.services.accounts.end_session(self.principal, session_id)
                await self._load()

    async def _remove_key(self, key_id: str, yes: bool | None) -> None:
        if yes:
            with self.reporting():
                await self.services.accounts.remove_ssh_key(self.principal, key_id)
                await self._load()

    def action_add(self) -> None:
        self.app.push_screen(dialogs.NewKey(), self._add_key)

    async def _add_key(self, answer: tuple[str, str] | None) -> None:
        if answer is None:
            return
        with self.reporting():
            await self.services.accounts.add_ssh_key(self.principal, answer[0], answer[1])
            self.modeltrain.say(_("The key is added."))
            await self._load()

    def action_everywhere(self) -> None:
        count = len(self._sessions)
        question = ngettext("End your {count} session?", "End all your {count} sessions?", count).format(count=count)
        self.app.push_screen(Confirm(question, _("This one ends too: you sign in again.")), self._everywhere)

    async def _everywhere(self, yes: bool | None) -> None:
        if yes:
            with self.reporting():
                await self.modeltrain.sign_out(everywhere=True)

    def action_sign_out(self) -> None:
        self.app.push_screen(Confirm(_("Sign out?"), _("Answers that are being written go on; drafts are kept.")), self._sign_out)

    async def _sign_out(self, yes: bool | None) -> None:
        if yes:
            with self.reporting():
                await self.modeltrain.sign_out()
