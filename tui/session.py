"""What one running interface knows of its world: who is signed in, the services, the language, the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from core.auth.principal import Origin, Principal
from tui.glyphs import can_show_unicode
from tui.i18n import Locale
from tui.ssh.colours import Depth, depth_of

if TYPE_CHECKING:
    from core.auth.types import Profile, SignedIn
    from core.bootstrap import Services

T = TypeVar("T")


class Live(Protocol):
    """The session of whoever is signed in: core's LiveSession, or what stands for it where the application is served."""

    @property
    def principal(self) -> Principal:
        """Who it is, as of the last look."""

    async def recheck(self) -> Principal:
        """Look again. Raises SessionEnded."""

    async def sign_out(self) -> None: ...

    async def sign_out_everywhere(self) -> None: ...

    async def change_password(self, old: str, new: str) -> None: ...


class NobodySignedIn(RuntimeError):
    """The account was left while work for it was under way: what that work wanted to show is gone with it."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the terminal can show. `colours`: how many; `unicode`: draw beyond ASCII; `kind`: how it is reached; `term`: its TERM."""

    colours: Depth = "truecolor"
    unicode: bool = True
    kind: Literal["local", "ssh"] = "local"
    term: str = ""


def terminal_of(environment: Mapping[str, str], kind: Literal["local", "ssh"] = "local") -> Terminal:
    """What the terminal with this environment (TERM, COLORTERM, NO_COLOR, LANG...) can show."""
    return Terminal(depth_of(environment), can_show_unicode(environment), kind, environment.get("TERM", ""))


@dataclass(slots=True)
class SessionContext:
    """One per interface. `live` and `profile` are None until somebody signed in; the services come with `provide`.

    `came_from`: from where the person reaches this process; None for a terminal of this machine.
    """

    locale: Locale
    terminal: Terminal = field(default_factory=Terminal)
    live: Live | None = None
    profile: Profile | None = None
    signed_in_as: SignedIn | None = None
    came_from: Origin | None = None
    _kept: dict[type[Any], Any] = field(default_factory=dict)
    _kept_for: Live | None = None
    _services: Services | None = None

    @property
    def origin(self) -> Origin:
        """For whatever is counted by where it comes from: tries to sign in, new accounts."""
        return self.came_from or Origin(self.terminal.kind)

    @property
    def ready(self) -> bool:
        """Whether the services are there."""
        return self._services is not None

    @property
    def services(self) -> Services:
        """The services; screens that use them are shown only when they are there."""
        if self._services is None:
            raise RuntimeError("the services are not built yet")
        return self._services

    def kept(self, kind: type[T]) -> T:
        """What a part of the interface keeps while nobody looks at it, made when it is first asked for; gone when the account is left."""
        if self._kept_for is not self.live:
            self._kept, self._kept_for = {}, self.live
        if kind not in self._kept:
            self._kept[kind] = kind()
        found: T = self._kept[kind]
        return found

    def provide(self, services: Services) -> None:
        """The services are built."""
        self._services = services

    @property
    def signed_in(self) -> bool:
        return self.live is not None

    @property
    def principal(self) -> Principal:
        """Who is signed in, as of the last look; the screens that ask are behind the sign-in."""
        if self.live is None:
            raise NobodySignedIn("nobody is signed in")
        return self.live.principal
