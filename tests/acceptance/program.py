"""The application as a person has it: the installed command in a PTY, and what people do on its screens, by keys only."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from core.auth.kept import KeptSession
from core.auth.principal import Origin, Principal
from core.auth.sessions import LiveSession
from core.bootstrap import Services, build_services
from core.installation import DATABASE_FILE
from core.settings import AuthSettings, load_settings
from tests.shell import COMMAND, PASSWORD
from tests.terminal import Terminal

EMAIL, NICKNAME = "ann@example.org", "ann"
T = TypeVar("T")


def start(data: Path, width: int = 80, height: int = 24) -> Terminal:
    """The application on the installation in `data`."""
    return Terminal([COMMAND, "--data", data], width=width, height=height)


def prepared(data: Path, work: Callable[[Services, Principal], Awaitable[T]]) -> T:
    """Make an installation in `data` whose administrator ann is kept signed in, and do `work` with its services."""

    async def make() -> T:
        settings = replace(load_settings(data, {}), auth=AuthSettings(bcrypt_cost=4))
        services = await build_services(settings)
        try:
            signed_in = await services.accounts.create_first_admin(EMAIL, NICKNAME, PASSWORD, origin=Origin("local"))
            await LiveSession.start(services.accounts, signed_in, kept=KeptSession(data))
            return await work(services, signed_in.principal)
        finally:
            await services.close()

    return asyncio.run(make())


def rows(data: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    """What the database holds, read beside the running program."""
    with closing(sqlite3.connect(f"file:{data / DATABASE_FILE}?mode=ro", uri=True, timeout=10)) as database:
        return database.execute(query, values).fetchall()


# What people do ----------------------------------------------------------------------------------------------------------------


def make_the_first_account(terminal: Terminal) -> None:
    """The wizard, to the home screen."""
    terminal.until("Keep me signed in")
    terminal.press(EMAIL, "tab", NICKNAME, "tab", PASSWORD, "tab", PASSWORD)
    terminal.until("the same")
    terminal.press("ctrl+s")
    terminal.until("Good to see you, ann.")


def add_a_configuration(terminal: Terminal, name: str, model: str, *, test: bool = False) -> None:
    """From anywhere: the models area, a new configuration on the simulator, tested before it is saved if `test`."""
    terminal.press("alt+6")
    terminal.until("Simulator Markdown")
    terminal.press("n")
    terminal.until("Template")
    terminal.press(name, "tab", "tab", "tab", "tab", model)
    terminal.until(f"Model                {model}")
    if test:
        terminal.press("ctrl+t")
        terminal.until("The model answers.")
    terminal.press("ctrl+s")
    terminal.until(lambda text: bool(re.search(rf"^▌.*{re.escape(name)} ", text, re.MULTILINE)))


def choose_model(terminal: Terminal, name: str) -> None:
    """In the chat: who answers from now on."""
    terminal.press("ctrl+o")
    terminal.until("Which model answers")
    terminal.press(name, "enter")
    terminal.until(lambda text: "Which model" not in text and f"{name}  " in text.split("\n")[0])


def ask(terminal: Terminal, question: str) -> None:
    """In the chat, with the cursor in the text: send `question`; it is seen in the conversation."""
    terminal.press(question, "enter")
    terminal.until(lambda text: question in text and f"> {question}" not in text)


def stamp(terminal: Terminal, column: int, row: int) -> str:
    """The colour of the ground at a place of the screen."""
    return str(terminal.screen.buffer[row][column].bg)
