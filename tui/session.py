"""What one running interface knows of its world: who is signed in, the services, the language, the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from core.auth.principal import Principal
from tui.i18n import Locale

if TYPE_CHECKING:
    from core.auth.accounts import Profile
    from core.auth.sessions import LiveSession
    from core.bootstrap import Services


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the terminal can show. `colours`: how many colours; `unicode`: draw beyond ASCII; `kind`: how it is reached."""

    colours: Literal["none", "16", "256", "truecolor"] = "truecolor"
    unicode: bool = True
    kind: Literal["local", "ssh"] = "local"


@dataclass(slots=True)
class SessionContext:
    """One per interface. `principal` is None until somebody signed in; `services` until they are built (see `ready`)."""

    locale: Locale
    terminal: Terminal = field(default_factory=Terminal)
    _services: Services | None = None
    live: LiveSession | None = None
    profile: Profile | None = None

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

    @property
    def signed_in(self) -> bool:
        return self.live is not None

    @property
    def principal(self) -> Principal:
        """Who is signed in; the screens that ask are behind the sign-in."""
        if self.live is None:
            raise RuntimeError("nobody is signed in")
        return self.live.principal

    def provide(self, services: Services) -> None:
        """The services are built."""
        self._services = services
