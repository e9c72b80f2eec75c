"""A running application for tests: real services on SQLite, the real simulator, driven by keys. Waits for what is seen, never for time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.settings import Settings
from tui.app import ModeltrainApp
from tui.i18n import Locale
from tui.session import Terminal

PASSWORD = "correct horse 7 staple"
EMAIL = "ann@example.org"


class NeverSeen(AssertionError):
    """What was waited for did not come."""


@dataclass
class World:
    """The application, its pilot, its services."""

    app: ModeltrainApp
    pilot: Pilot[Any]
    services: Services

    def lines(self) -> list[str]:
        """What a person sees, line by line."""
        screen = self.app.screen
        return ["".join(segment.text for segment in strip) for strip in screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    async def until(self, wanted: str | Callable[[], bool], limit_s: float = 30.0) -> None:
        """Go on once `wanted` is on the screen (or true)."""
        seen = wanted if callable(wanted) else lambda: wanted in self.text
        async with asyncio.timeout(limit_s * 2):
            deadline = asyncio.get_running_loop().time() + limit_s
            while not seen():
                if self.app.unforeseen:
                    raise self.app.unforeseen[0]
                if asyncio.get_running_loop().time() > deadline:
                    raise NeverSeen(f"{wanted!r} in:\n{self.text}")
                await self.pilot.pause()
                await asyncio.sleep(0.005)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type `text` into what has the focus, faster than a person: what the first and the last key do is waited for."""
        keys = ["space" if character == " " else character for character in text]
        await self.press(*keys[:1])
        for key in keys[1:-1]:
            self._send(key)
        await self.press(*keys[1:][-1:])

    def _send(self, key: str) -> None:
        """Send a key of one character as the terminal would, without waiting."""
        driver = self.app._driver
        assert driver is not None
        event = events.Key(_character_to_key(key) if len(key) == 1 else key, " " if key == "space" else key)
        event.set_sender(self.app)
        driver.send_message(event)

    async def put(self, field: str, text: str) -> None:
        """Replace the value of the field `field` by typing."""
        widget = self.app.screen.query_one(f"#field-{field}")
        widget.focus()
        await self.pilot.pause()
        await self.press("end", "ctrl+u")
        await self.type(text)

    def fits(self) -> bool:
        """Whether every line has exactly the width of the screen in cells."""
        return all(cell_len(line) == self.app.size.width for line in self.lines())


def make_app(settings: Settings, *, locale: Locale | None = None, kind: str = "local") -> tuple[ModeltrainApp, asyncio.Future[Services]]:
    """An application on `settings` and the services it will build."""
    built: asyncio.Future[Services] = asyncio.get_running_loop().create_future()

    async def build() -> Services:
        services = await build_services(settings)
        built.set_result(services)
        return services

    return ModeltrainApp(settings, build, locale=locale, terminal=Terminal(kind=kind)), built  # type: ignore[arg-type]


@asynccontextmanager
async def world(
    settings: Settings, *, size: tuple[int, int] = (120, 40), locale: Locale | None = None, kind: str = "local"
) -> AsyncIterator[World]:
    """The application as it starts."""
    app, built = make_app(settings, locale=locale, kind=kind)
    async with app.run_test(size=size, notifications=True) as pilot:
        try:
            yield World(app, pilot, await asyncio.wait_for(built, 30))
        finally:
            failed = app.unforeseen
        assert not failed, failed


async def add_first_admin(settings: Settings, nickname: str = "Ann") -> Principal:
    """An installation with one account, made before the application starts."""
    services = await build_services(settings)
    try:
        signed_in = await services.accounts.create_first_admin(EMAIL, nickname, PASSWORD, origin=Origin("shell"))
        await services.configurations.ensure_starter(signed_in.principal)
        return signed_in.principal
    finally:
        await services.close()


@asynccontextmanager
async def signed_in(
    settings: Settings, *, size: tuple[int, int] = (120, 40), nickname: str = "Ann", locale: Locale | None = None
) -> AsyncIterator[World]:
    """The application with the home screen of the administrator Ann in sight."""
    await add_first_admin(settings, nickname)
    async with world(settings, size=size, locale=locale) as seen:
        await seen.until("Password")
        await seen.put("email", EMAIL)
        await seen.put("password", PASSWORD)
        await seen.press("ctrl+s")
        await seen.until(lambda: seen.app.current_mode == "home" and "Good to see you" in seen.text)
        yield seen
