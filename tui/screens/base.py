"""AreaScreen: what all screens of the areas have in common: title line, key line, help, palette commands, errors in words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker

from core.errors import ModeltrainError
from tui.i18n import N_, _
from tui.session import NobodySignedIn
from tui.widgets.frame import KeyLine, TitleLine

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.events import Event
    from tui.app import ModeltrainApp
    from tui.session import Live, SessionContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScreenCommand:
    """An entry of the palette. `label` is an untranslated message (marked with N_), found in every language."""

    label: str
    run: Callable[[], Any]
    help: str = ""
    key: str = ""


class Framed(Screen[Any], inherit_bindings=False):
    """A screen with a title line and a key line, without anybody signed in (sign-in, wizard)."""

    AREA: ClassVar[str] = ""
    #: Text of the help page (F1), marked with N_; paragraphs are separated by blank lines.
    HELP: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", N_("next field or list"), show=False),
        Binding("shift+tab", "app.focus_previous", N_("the one before"), show=False),
        Binding("ctrl+c,super+c", "screen.copy_text", N_("copy what is selected"), show=False),
        Binding("f1", "app.help", N_("help"), id="app.help", tooltip=N_("Keys and explanation of this screen")),
    ]

    @property
    def modeltrain(self) -> ModeltrainApp:
        """The application, with its type."""
        return cast("ModeltrainApp", self.app)

    @property
    def context(self) -> SessionContext:
        return self.modeltrain.context

    @property
    def services(self) -> Services:
        return self.context.services

    def compose(self) -> ComposeResult:
        yield TitleLine(id="title-line")
        yield from self.compose_body()
        yield KeyLine(id="key-line")

    def compose_body(self) -> Iterable[Any]:
        """The widgets between the two lines."""
        return ()

    @property
    def title_line(self) -> TitleLine:
        return self.query_one("#title-line", TitleLine)

    def on_mount(self) -> None:
        self.draw_title()

    def draw_title(self) -> None:
        """Write the title line anew; `set_opened` and `set_in_hand` change its parts."""
        line = self.title_line
        line.area = _(self.AREA)
        line.runs = self.modeltrain.runs_kept.words
        profile = self.context.profile
        line.who = profile.nickname if profile is not None else self.context.principal.nickname if self.context.signed_in else ""

    def set_opened(self, text: str) -> None:
        """Say what is open ("Chat › this"); from outside or not, it is sanitised when drawn."""
        self.title_line.opened = text

    def set_in_hand(self, text: str) -> None:
        """Say what is in hand at the right: the model, the run."""
        self.title_line.in_hand = text

    def key_rank(self, action: str) -> int:
        """How early the key of `action` gives way where the key line has no room for all: the highest first."""
        return 0

    def update_keys(self) -> None:
        """The keys that work here may have changed."""
        self.refresh_bindings()

    def leaving(self) -> None:
        """The account is left now: begin to save what is not saved. Must return at once, and wait for nothing."""

    # What happens elsewhere ------------------------------------------------------------------------------------------

    def core_event(self, event: Event) -> None:
        """Something of this account changed (core/events.py). Called for every open screen, also hidden ones; must return at once."""

    def runs_looked_at(self) -> None:
        """What is known of the runs at work and of those that ended (tui/run_keeper.py) was read anew. Must return at once."""

    def retranslate(self) -> None:
        """The language was switched: draw every text anew. Overriders call super."""
        self.draw_title()
        self.query_one(KeyLine).update()
        for widget in self.query("*"):
            widget.refresh()

    # Commands and errors ---------------------------------------------------------------------------------------------

    def commands(self) -> Iterable[ScreenCommand]:
        """What the palette offers here beside the bindings."""
        return ()

    @property
    def gone(self) -> bool:
        """Whether this screen is being taken away, or was: its work may still be ending, but there is nothing left to show it on."""
        return not self.is_running or not self.is_attached or self._pruning

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Errors of core inside are shown as a notice in words; what nobody foresaw is recorded and gets a code.

        What comes too late, when the screen or the account was left, concerns nobody any more.
        """
        try:
            yield
        except NobodySignedIn:
            return
        except ModeltrainError as error:
            if self.gone:
                log.warning("%s ended late with %s", type(self).__name__, error.code)
            else:
                self.modeltrain.show_error(error)
        except Exception as error:
            if not self._comes_too_late(error):
                self.modeltrain.show_unforeseen(error)

    def _comes_too_late(self, error: Exception) -> bool:
        """Whether `error` says no more than that widgets or the account are not there any more."""
        return isinstance(error, NobodySignedIn) or (self.gone and isinstance(error, NoMatches))

    async def _dispatch_message(self, message: Message) -> None:
        # Keys, timers and messages of widgets may still be on their way to a screen that is left meanwhile.
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self._comes_too_late(error):
                raise

    def start(
        self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any, group: str = "default", exclusive: bool = True
    ) -> Worker[None]:
        """Run `work(*arguments)` beside the screen; it ends with the screen. A newer one of the same `group` replaces it if `exclusive`."""

        async def reported() -> None:
            with self.reporting():
                await work(*arguments)

        return self.run_worker(reported, group=group, exclusive=exclusive, exit_on_error=True)


class AreaScreen(Framed):
    """A screen of a signed-in account. Subclasses give AREA, HELP, BINDINGS (with ids), `compose_body`.

    It belongs to the session in which it was opened: what is left of its work never acts for whoever signs in next.
    """

    _opened_in: Live | None = None

    def compose(self) -> ComposeResult:
        self._opened_in = self.context.live
        yield from super().compose()

    @property
    def gone(self) -> bool:
        return super().gone or self.context.live is None or self.context.live is not self._opened_in

    @property
    def principal(self) -> Principal:
        """Who asks: the first argument of every service call. Fresh, so never keep it. Raises NobodySignedIn when the account was left."""
        if self.context.live is not self._opened_in:
            raise NobodySignedIn("another session is under way")
        return self.context.principal

    @property
    def is_admin(self) -> bool:
        """Whether an administrator asks; no longer once the account was left, while this screen is still being taken away."""
        return self.context.signed_in and self.context.live is self._opened_in and self.principal.is_admin
