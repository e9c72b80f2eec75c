"""What goes wrong before and beside the chat: said where one looks, once, and it works when it is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from core.errors import DatabaseBusy, DiskFull
from core.installation import DATABASE_FILE
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, add_first_admin, signed_in, world


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another program holds the database's lock."""
    with closing(sqlite3.connect(settings.data_dir / DATABASE_FILE, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def test_a_sign_in_that_the_database_does_not_take_can_be_sent_again(settings: Settings) -> None:
    settings = replace(settings, lock_wait_s=0.1)
    await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.until("Password")
        await seen.put("email", EMAIL)
        await seen.put("password", PASSWORD)
        with locked(settings):
            await seen.press("ctrl+s")
            await seen.until("The database is busy.")
            assert "Signing in" not in seen.text and "Try again in a moment." in seen.text
        await seen.press("ctrl+s")
        await seen.until(lambda: seen.app.current_mode == "home")


async def test_a_setting_that_cannot_be_kept_is_told_and_kept_the_next_time(settings: Settings) -> None:
    async with signed_in(replace(settings, lock_wait_s=0.1)) as seen:
        await seen.press("ctrl+g", "s")
        await seen.until("Changes take effect at once")
        with locked(settings):
            await seen.press("down", "right")
            await seen.until("The database is busy.")
        theme = seen.app.theme
        await seen.press("right")
        await seen.until(lambda: seen.app.theme != theme)
        await seen.until(lambda: seen.app.context.profile is not None and seen.app.context.profile.theme == seen.app.theme)
        assert (await seen.services.accounts.profile(seen.app.context.principal)).theme == seen.app.theme


async def test_the_same_notice_is_shown_once(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        for _time in range(3):
            seen.app.show_error(DiskFull(path="/data"))
            await seen.until("The disk is full.")
        seen.app.show_error(DatabaseBusy())
        await seen.until("The database is busy.")
        assert seen.text.count("The disk is full.") == 1
