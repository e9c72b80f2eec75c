"""ModeltrainApp: themes, areas, global keys, the pump of core's events, notices. No feature's code."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widget import AwaitMount

from core.errors import ModeltrainError, SessionEnded
from core.events import AccountChanged, Event
from core.settings import Settings
from tui import crash, local, moments
from tui.areas import AREAS, HOME
from tui.batch_keeper import BatchKeeper
from tui.errors import Problem, describe
from tui.glyphs import ASCII, UNICODE, Glyphs
from tui.i18n import N_, Locale, _, use
from tui.key_order import KeyOrder
from tui.painting import Painting
from tui.places import PlaceKeeper
from tui.run_keeper import RunKeeper
from tui.screens.base import Framed
from tui.session import Live, SessionContext, Terminal
from tui.ssh.colours import AUTO
from tui.themes import DEFAULT_THEME, THEMES, textual_theme

if TYPE_CHECKING:
    from core.auth.types import Profile, SignedIn
    from core.bootstrap import Services

log = logging.getLogger(__name__)
STYLES = Path(__file__).resolve().parent.parent / "styles"
GATE = "gate"
#: Seconds between two looks at what other processes changed, for an application of one person.
FOLLOW_S = 2.0


class ModeltrainApp(Painting, inherit_bindings=False):
    """One interface for one person. `build`: makes the services; they belong to whoever calls, unless `owns_services`."""

    TITLE = "modeltrain"
    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = GATE
    #: The entrances lie on a plain screen of this mode; the areas become modes of their own after the sign-in.
    MODES: ClassVar[dict[str, Any]] = {GATE: Screen}
    CSS_PATH: ClassVar[Any] = sorted(STYLES.glob("*.tcss"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", N_("commands"), id="app.palette", tooltip=N_("Every action of this screen, every screen")),
        Binding("ctrl+g", "areas", N_("go to"), id="app.areas", tooltip=N_("Go to another area with one letter")),
        Binding("f5", "paint_anew", N_("draw again"), id="app.paint_anew", show=False, tooltip=N_("Draw the whole screen again")),
        Binding("ctrl+q", "leave", N_("leave"), id="app.leave", show=False, priority=True, tooltip=N_("Leave modeltrain")),
        *(
            Binding(f"alt+{area.digit}", f"go({area.name!r})", area.title, id=f"app.go.{area.name}", show=False, tooltip=area.about)
            for area in AREAS.values()
            if area.digit
        ),
    ]

    @dataclass
    class CoreEvent(Message):
        """Core says that something of the signed-in account changed."""

        event: Event

    def __init__(
        self,
        settings: Settings,
        build: Callable[[], Any],
        *,
        locale: Locale | None = None,
        terminal: Terminal | None = None,
        owns_services: bool = True,
    ) -> None:
        self.settings = settings
        kept = self.kept_preferences()
        self.context = SessionContext(locale or Locale(), terminal or Terminal())
        if kept.language:
            self.context.locale.switch(kept.language)
        self.glyphs: Glyphs = ASCII if kept.ascii or not self.context.terminal.unicode else UNICODE
        self._build, self._owns_services = build, owns_services
        self.kept = kept
        self._services_built = asyncio.Event()
        self._stop_listening: Callable[[], None] | None = None
        self.unforeseen: list[BaseException] = []
        self.places = PlaceKeeper(self)
        self.runs_kept = RunKeeper(self)
        self.batches_kept = BatchKeeper(self)
        #: When the person last pressed a key or moved the mouse, in seconds of `time.monotonic`.
        self.last_sign = 0.0
        self._keys_in_order = KeyOrder(self, super().on_event)
        super().__init__()
        self.show_on(self.context.terminal)
        self.draw_plainly(self.glyphs.ascii)
        self.animation_level = "none"
        for tokens in THEMES.values():
            self.register_theme(textual_theme(tokens))
        self.theme = kept.theme if kept.theme in THEMES else DEFAULT_THEME

    def kept_preferences(self) -> local.LocalPreferences:
        """What is remembered from before, without knowing who will sign in."""
        return local.load(self.settings.data_dir)

    def get_css_variables(self) -> dict[str, str]:
        # Textual asks before our themes are registered: give the names of the tokens from the start.
        return textual_theme(THEMES[DEFAULT_THEME]).variables | super().get_css_variables()

    # Start -----------------------------------------------------------------------------------------------------------

    def on_load(self) -> None:
        # In the application's own task, so that every screen, widget and worker made from here shares this locale.
        use(self.context.locale)

    async def on_mount(self) -> None:
        await self.open_first()

    async def open_first(self) -> None:
        """Show the first screen and begin to build the services."""
        from tui.screens.welcome.gate import first_screen

        # On top of Textual's own screen, so that one entrance can take the place of another.
        await self.push_screen(first_screen(self.settings, self.kept))
        self.run_worker(self._start(), group="start", exit_on_error=True)

    async def _start(self) -> None:
        from tui.screens.welcome.gate import OpeningScreen, enter

        # The first frame is on its way; building (imports, migrations) may take its time beside it.
        try:
            self.context.provide(await self._build())
        except ModeltrainError as error:
            self.end_with(describe(error))
            return
        self._services_built.set()
        try:
            await enter(self)
        except ModeltrainError as error:
            if isinstance(self.screen, OpeningScreen):  # where nothing can be done about it
                self.end_with(describe(error))
            else:
                self.show_error(error)

    async def services(self) -> Services:
        """The services, as soon as they are built."""
        await self._services_built.wait()
        return self.context.services

    # Who is signed in ------------------------------------------------------------------------------------------------

    async def signed_in(self, signed_in: SignedIn, *, keep: bool, resumed: bool = False) -> None:
        """Go on as this account: its language and theme, its events, the home screen (or a new password first).

        `keep`: "Keep me signed in"; `resumed`: it was kept, and its new token is in the file already.
        """
        from core.auth.kept import KeptSession
        from core.auth.sessions import LiveSession

        services = await self.services()
        kept = KeptSession(self.settings.data_dir) if keep else None
        if resumed:
            live = LiveSession(services.accounts, signed_in, kept=kept)
        else:
            live = await LiveSession.start(services.accounts, signed_in, kept=kept)
        self._rechecks = self.set_interval(services.settings.auth.recheck_s, self._recheck)
        self._follows = self.set_interval(FOLLOW_S, self._follow)
        await self.go_on_as(live, signed_in)

    async def go_on_as(self, live: Live, signed_in: SignedIn) -> None:
        """Show this account's interface; `live` knows whether its session goes on."""
        services = self.context.services
        self.context.live = live
        self.context.signed_in_as = signed_in
        self.take_profile(await services.accounts.profile(self.context.principal))
        self._stop_listening = services.events.subscribe(self.context.principal.user_id, self._heard)
        if signed_in.must_change_password:
            from tui.screens.welcome.password import NewPasswordScreen

            if len(self.screen_stack) > 1:
                self.switch_screen(NewPasswordScreen())
            else:  # over SSH there is nothing yet but the empty screen at the bottom
                await self.push_screen(NewPasswordScreen())
            return
        await self.enter_areas()

    def _heard(self, event: Event) -> None:
        self.post_message(self.CoreEvent(event))

    async def enter_areas(self) -> None:
        """Open the home screen of the signed-in account, or the area where its link broke; a new one gets a configuration to begin with."""
        await self.context.services.configurations.ensure_starter(self.context.principal)
        await self.context.services.chat.start_following(self.context.principal)
        await self.context.services.runs.start_following(self.context.principal)
        await self.places.load()
        await self.runs_kept.load()
        for name, area in AREAS.items():
            if name not in self._modes:
                self.add_mode(name, partial(_make, area.load))
        self.switch_mode(await self.places.first_area())

    def switch_mode(self, mode: str) -> AwaitMount:
        self.places.at(mode)
        left = self._current_mode
        mounted = super().switch_mode(mode)
        if left != mode and left == HOME:
            self.call_later(self._put_away, left)
        return mounted

    def _put_away(self, name: str) -> None:
        """Let go of an area that nobody sees and that is made anew at no cost: it would weigh as much as the one in use."""
        if name in self._modes and name != self.current_mode and len(self._screen_stacks.get(name, ())) == 1:
            self.remove_mode(name)
            self.add_mode(name, partial(_make, AREAS[name].load))

    def take_profile(self, profile: Profile) -> None:
        """Show the interface as the account wants it."""
        self.context.profile = profile
        if profile.language:
            self.switch_language(profile.language)
        if profile.theme in THEMES:
            self.theme = profile.theme
        self.use_colours(str(profile.preferences.get("colours", AUTO)))
        self.use_link_preference(str(profile.preferences.get("slow_link", AUTO)))
        if "ascii" in profile.preferences:
            self.use_glyphs(ASCII if profile.preferences["ascii"] or not self.context.terminal.unicode else UNICODE)
        for screen in self.framed_screens():
            if screen.is_mounted:
                screen.draw_title()

    async def _recheck(self) -> None:
        live = self.context.live
        if live is None:
            return
        try:
            await live.recheck()
        except SessionEnded as error:
            if self.context.live is live:
                await self.leave_account(error)
        except ModeltrainError as error:
            log.warning("the session could not be checked: %s", error.code)

    async def _follow(self) -> None:
        """Show what a command beside this application changed. Where it is served, the watch over all sessions does this."""
        if self.context.live is None:
            return
        try:
            await self.context.services.chat.follow([self.context.principal.user_id])
            await self.context.services.runs.follow([self.context.principal.user_id])
        except ModeltrainError as error:
            log.info("changes could not be looked for: %s", error.code)

    async def leave_account(self, reason: ModeltrainError | None = None) -> None:
        """Back to the sign-in, which says the `reason`: everything of the account is taken off the screen.

        Nothing here waits for a screen to be gone: the caller may be a worker of that very screen.
        """
        from tui.screens.welcome.sign_in import SignInScreen

        if self.context.live is None:
            return
        for screen in self.framed_screens():
            screen.leaving()
        self.places.end()
        self.runs_kept.end()
        self.batches_kept.end()
        self.context.live = self.context.profile = self.context.signed_in_as = None
        self._rechecks.stop()
        self._follows.stop()
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        self.switch_mode(GATE)
        for name in AREAS:
            if name in self._modes:
                self.remove_mode(name)
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.switch_screen(SignInScreen(notice=describe(reason) if reason is not None else None))

    def leave_registration(self) -> None:
        """Somebody does not want an account after all: back to the sign-in."""
        from tui.screens.welcome.sign_in import SignInScreen

        self.switch_screen(SignInScreen())

    async def sign_out(self, *, everywhere: bool = False) -> None:
        """End this session for good, also the kept one; or every session of the account. What goes wrong is said at the sign-in."""
        live = self.context.live
        if live is None:
            return
        self.places.left = True
        trouble: ModeltrainError | None = None
        try:
            await (live.sign_out_everywhere() if everywhere else live.sign_out())
        except ModeltrainError as error:
            trouble = error
        if self.context.live is live:
            await self.leave_account(trouble)

    async def change_password(self, old: str, new: str) -> None:
        """Change the password of this account; its other sessions end, this one goes on."""
        live = self.context.live
        if live is not None:
            await live.change_password(old, new)

    # Events ----------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste | events.MouseEvent):
            self.last_sign = time.monotonic()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._keys_in_order.take(event)
        else:
            await super().on_event(event)

    @property
    def input_waiting(self) -> int:
        """How many events wait to be worked off: a source of input that sees many of them had better wait, too."""
        return self.message_queue_size + len(self._keys_in_order)

    def framed_screens(self) -> list[Framed]:
        """Every open screen of ours, also those of areas not in sight."""
        return [screen for stack in self._screen_stacks.values() for screen in stack if isinstance(screen, Framed)]

    async def on_modeltrain_app_core_event(self, message: CoreEvent) -> None:
        if isinstance(message.event, AccountChanged) and self.context.live is not None:
            await self._recheck()
        self.runs_kept.heard(message.event)
        self.batches_kept.heard(message.event)
        for screen in self.framed_screens():
            if screen.is_mounted:
                screen.core_event(message.event)

    # Language, theme, signs ------------------------------------------------------------------------------------------

    def switch_language(self, language: str) -> None:
        """Speak `language` at once, on every screen."""
        if language == self.context.locale.language:
            return
        self.context.locale.switch(language)
        for screen in self.framed_screens():
            if screen.is_mounted:
                screen.retranslate()

    def use_link_preference(self, preference: str) -> None:
        """Save bytes ("on") or not ("off"); a local terminal is no slow link by itself."""
        self.save_bytes(preference == "on")

    def use_glyphs(self, glyphs: Glyphs) -> None:
        """Draw with these signs from now on."""
        if glyphs is self.glyphs:
            return
        self.glyphs = glyphs
        self.draw_plainly(glyphs.ascii)
        for screen in self.framed_screens():
            for widget in screen.query("*"):
                widget.refresh()

    async def remember(self, *, language: str | None = None, theme: str | None = None) -> None:
        """Keep language and theme with the account, and for this machine before the next sign-in."""
        if self.context.terminal.kind == "local":
            chosen = {"language": language, "theme": theme}
            self.kept = local.save(self.settings.data_dir, **{name: value for name, value in chosen.items() if value is not None})
        if self.context.signed_in:
            accounts = self.context.services.accounts
            self.context.profile = await accounts.update_profile(self.context.principal, language=language, theme=theme)

    async def remember_preference(self, name: str, value: object) -> None:
        """Keep one of the preferences of the account."""
        profile = self.context.profile
        known = dict(profile.preferences) if profile is not None else {}
        if self.context.signed_in:
            accounts = self.context.services.accounts
            self.context.profile = await accounts.update_profile(self.context.principal, preferences=known | {name: value})

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the account, None for this machine's."""
        return moments.zone(self.context.profile.time_zone) if self.context.profile is not None else None

    # Notices ---------------------------------------------------------------------------------------------------------

    def say(self, text: str, title: str = "") -> None:
        """A notice that something is done. `text` is never markup."""
        self.notify(text, title=title, timeout=4, markup=False)

    def show_error(self, error: ModeltrainError) -> None:
        """A notice of what went wrong; the end of the session leads to the sign-in instead."""
        if isinstance(error, SessionEnded):
            self.run_worker(self.leave_account(error), group="leave", exclusive=True)
            return
        self.show_problem(describe(error))

    def show_problem(self, problem: Problem) -> None:
        """A notice in words, with the code to quote."""
        text = "\n".join(part for part in (problem.why, problem.remedy, _("Code: {code}").format(code=problem.code)) if part)
        for notice in [notice for notice in self._notifications if (notice.title, notice.message) == (problem.title, text)]:
            self._unnotify(notice)  # what is said again takes its place, instead of filling the screen
        self.notify(text, title=problem.title, severity="error", timeout=12, markup=False)

    def show_unforeseen(self, error: Exception) -> None:
        """Something in a screen failed that nobody foresaw: recorded, said, and the application goes on."""
        self.unforeseen.append(error)
        code = crash.record(error, self.settings.data_dir).code
        self.show_problem(Problem(_("Something went wrong inside modeltrain."), "", _("What was saved is safe. Try it again."), code))

    # The end ---------------------------------------------------------------------------------------------------------

    def end_with(self, problem: Problem) -> None:
        """Leave with a sentence on the terminal and a status that says it failed."""
        self.exit(2, return_code=2, message=None)
        self.problem = problem

    problem: Problem | None = None

    def _fatal_error(self) -> None:
        # Textual would print the traceback with the values of locals, which may be secrets.
        error = self._exception
        if error is not None:
            self.problem = crash.describe_crash(error, self.settings.data_dir)
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        await self.places.save()
        if self._stop_listening is not None:
            self._stop_listening()
        if self._owns_services and self.context.ready:
            services = self.context.services
            await services.close()
            if services.chat.unsaved is not None and self.problem is None:
                cause = describe(services.chat.unsaved)
                self.problem = Problem(_("The end of the last answer could not be saved."), cause.title, cause.remedy, cause.code)

    # Global keys -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("go", "areas"):
            return self.current_mode != GATE
        return True

    async def action_go(self, area: str) -> None:
        if self.current_mode != GATE and area in self._modes:
            self.switch_mode(area)

    async def open_conversation(self, conversation_id: str | None) -> None:
        """Go to the chat with this conversation, or a new one for None."""
        await self.action_go("chat")
        if self.current_mode != "chat":
            return  # the account was left meanwhile
        chat: Any = self.screen_stack[0]
        # After the screen's own start, which opens the conversation used last. Whatever had the focus there, now it is the text.
        chat.call_after_refresh(chat.action_write)
        chat.call_after_refresh(chat.open_conversation, conversation_id)

    def action_areas(self) -> None:
        from tui.screens.areas import AreasDialog

        self.push_screen(AreasDialog(), self._go_to)

    async def _go_to(self, area: str | None) -> None:
        area, _slash, tab = (area or "").partition("/")
        if area == self.current_mode == "compare" and not tab:
            tab = "side"  # from another tab: the area's own letter leads to its first
        if tab:
            from tui.screens.compare.tabs import open_tab

            await open_tab(self, tab)
        elif area:
            await self.action_go(area)

    def action_palette(self) -> None:
        from tui.screens.palette import open_palette

        open_palette(self)

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        self.push_screen(HelpScreen.of(self.screen))

    async def action_leave(self) -> None:
        from tui.screens.leave import leave

        leave(self)


def _make(load: Callable[[], Callable[[], Screen[Any]]]) -> Screen[Any]:
    return load()()
