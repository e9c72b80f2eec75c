"""ServedApp: the application of somebody who came over SSH. They are signed in already, or came to make an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from core.errors import ModeltrainError, SessionEnded
from tui import crash
from tui.app import ModeltrainApp
from tui.errors import Problem, describe
from tui.i18n import Locale, _
from tui.local import LocalPreferences
from tui.session import Terminal
from tui.ssh import memory
from tui.ssh.colours import AUTO

if TYPE_CHECKING:
    from core.auth.types import SignedIn
    from core.bootstrap import Services
    from core.settings import Settings
    from tui.ssh.connection import Connection


class ServedApp(ModeltrainApp, inherit_bindings=True):
    """`connection`: whose it is; several terminals may share it. When it ends, `problem` says why.

    `frame_room`: how many characters one frame may have now.
    """

    def __init__(
        self,
        settings: Settings,
        services: Services,
        connection: Connection,
        *,
        locale: Locale,
        terminal: Terminal,
        frame_room: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._held = self._signing_out = self._slow = self._told_slow = False
        self._link_preference = AUTO
        self._stop_watching: Callable[[], None] | None = None
        #: Set when the first screen is complete: until then others wait to be let in.
        self.shown = asyncio.Event()
        super().__init__(settings, _built(services), locale=locale, terminal=terminal, owns_services=False)
        self._frame_room = frame_room
        self._disable_tooltips = True  # the pointer's place is told only while a button is held

    def kept_preferences(self) -> LocalPreferences:
        return LocalPreferences()  # those in the data folder are of whoever uses this machine itself

    async def open_first(self) -> None:
        self.context.came_from = self._connection.origin
        self.context.provide(self._connection.services)
        self._services_built.set()
        if self._connection.signed_in is None:
            from tui.screens.welcome.register import RegisterScreen

            await self.push_screen(RegisterScreen())
            self.shown.set()
            return
        self.run_worker(self._enter(self._connection.signed_in), group="start", exit_on_error=True)

    async def _enter(self, signed_in: SignedIn) -> None:
        try:
            await self.signed_in(signed_in, keep=False)
        except ModeltrainError as error:
            self.end_with(describe(error))

    async def signed_in(self, signed_in: SignedIn, *, keep: bool, resumed: bool = False) -> None:
        connection = self._connection
        live = connection.live or connection.registered(signed_in)
        self._stop_watching = connection.on_ended(self._ended)
        await self.go_on_as(live, signed_in)
        self.shown.set()

    def _put_away(self, name: str) -> None:
        super()._put_away(name)
        memory.left()

    def _ended(self, reason: SessionEnded) -> None:
        self.call_later(self.leave_account, reason)

    def leave_registration(self) -> None:
        """The end of this terminal. SSH itself is the sign-in, with its limits; none of this application's is reached over it."""
        self.exit(0)

    async def sign_out(self, *, everywhere: bool = False) -> None:
        self._signing_out = True
        await super().sign_out(everywhere=everywhere)

    async def leave_account(self, reason: ModeltrainError | None = None) -> None:
        """The end of this terminal: it says why, unless the person at it knows."""
        if isinstance(reason, SessionEnded) and self._signing_out:
            reason = None
        if self.problem is None and reason is not None:
            self.problem = describe(reason)
        if not self._exit:
            self.exit(0)

    def use_link_preference(self, preference: str) -> None:
        self._link_preference = preference
        self.save_bytes(preference == "on" or (preference == AUTO and self._slow))

    def link_is_slow(self, slow: bool) -> None:
        """The link was measured; "auto" follows, and says so once."""
        self._slow = slow
        if self._link_preference != AUTO or slow == self.saving:
            return
        self.save_bytes(slow)
        if slow and not self._told_slow:
            self._told_slow = True
            self.say(_("The link is slow: fewer frames and 16 colours now. Settings, “Slow link”, turns this off."))

    def frame_room(self) -> int | None:
        return self._frame_room()

    def hold(self, all_frames: bool, *, typed_only: bool) -> None:
        """Hold all frames back while the link can take none; or all but what is typed; then show a fresh one."""
        self.typed_only = typed_only
        if all_frames != self._held:
            self._held = all_frames
            if all_frames:
                self._begin_batch()
            else:
                self._end_batch()
        self._show_held_back()

    def _fatal_error(self) -> None:
        error = self._exception
        if error is not None:
            self.problem = sorry(error, self.settings)
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        if self._stop_watching is not None:
            self._stop_watching()
        self.shown.set()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()  # they would go to the server's own terminal


def _built(services: Services) -> Callable[[], Awaitable[Any]]:
    async def built() -> Services:
        return services

    return built


def sorry(error: BaseException, settings: Settings) -> Problem:
    """The sorry sentences for `error`, which is recorded in the server's crash log."""
    recorded = crash.record(error, settings.data_dir)
    return Problem(
        _("modeltrain came to an unexpected end. Sorry; what was saved is safe."),
        _("Its code is {code}.").format(code=recorded.code),
        _("Sign in again. If it happens again, give the code to whoever runs this server."),
        recorded.code,
    )
