"""The second factor on the screen: set up by scanning or typing, asked for at the sign-in, renewed, turned off."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import segno
from pyotp import TOTP, parse_uri

from core.auth.principal import Origin, operator
from core.bootstrap import build_services
from core.settings import Settings
from tests.tui.world import EMAIL, PASSWORD, World, add_first_admin, signed_in, world
from tui.glyphs import ASCII
from tui.screens.account.second_factor import in_groups
from tui.widgets.qr_code import QrCode


async def ask_for_setup(seen: World, password: str = PASSWORD) -> None:
    await seen.press("alt+8")
    await seen.until("Second factor")
    await seen.press("g", "j", "j", "j", "enter")
    await seen.until("Set up a second factor")
    await seen.type(password)
    await seen.press("enter")


def secret_on_screen(seen: World) -> str:
    return str(seen.app.screen._enrolment.secret)  # type: ignore[attr-defined]


def drawn(seen: World) -> list[list[bool]]:
    """The modules that are dark on the screen, without the quiet zone, read from its cells as a camera would."""
    code = seen.app.screen.query_one(QrCode)
    region = code.region
    cells = [line[region.x : region.right] for line in seen.lines()[region.y : region.bottom]]
    if seen.app.glyphs.ascii:
        light = [[line[column : column + 2] == "##" for column in range(0, len(line), 2)] for line in cells]
    else:
        light = [[sign in half for sign in line] for line in cells for half in ("█▀", "█▄")]
    dark = [[not module for module in row] for row in light]
    rows = [index for index, row in enumerate(dark) if any(row)]
    rows = [index for index in rows if not all(dark[index])]  # the half line under an odd number of modules is the ground
    columns = [index for index in range(len(dark[0])) if any(dark[row][index] for row in rows)]
    return [row[columns[0] : columns[-1] + 1] for row in dark[rows[0] : rows[-1] + 1]]


@pytest.mark.parametrize(("size", "ascii_signs"), [((80, 24), False), ((120, 46), True)])
async def test_the_code_on_the_screen_is_the_secret_and_fits(settings: Settings, size: tuple[int, int], ascii_signs: bool) -> None:
    async with signed_in(settings, size=size) as seen:
        if ascii_signs:
            seen.app.use_glyphs(ASCII)
        await ask_for_setup(seen)
        await seen.until("The secret, if you cannot scan:")
        secret = secret_on_screen(seen)
        uri = seen.app.screen._enrolment.uri  # type: ignore[attr-defined]
        assert parse_uri(uri).secret == secret
        expected = [[bool(module) for module in row] for row in segno.make(uri, error="l", micro=False, boost_error=False).matrix]
        assert drawn(seen) == expected
        assert seen.fits()
        spoken = " ".join(re.findall(r"\b[A-Z2-7]{4}\b", seen.text))
        assert in_groups(secret) in spoken
        await seen.press("ctrl+r")
        assert seen.app.screen.query_one(QrCode).inverted


async def test_where_no_code_fits_the_secret_is_enough(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        seen.app.use_glyphs(ASCII)
        await ask_for_setup(seen)
        await seen.until("The code to scan needs a window of")
        assert not seen.app.screen.query_one(QrCode).display
        await seen.pilot.resize_terminal(130, 50)
        await seen.until("Scan the code")
        assert seen.app.screen.query_one(QrCode).display
        await seen.press("escape")
        await seen.until("Member since")


async def test_setting_up_shows_the_recovery_codes_once(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await ask_for_setup(seen, "wrong password 1")
        await seen.until("Wrong password.")
        await seen.until("Set up a second factor")
        await seen.type(PASSWORD)
        await seen.press("enter")
        await seen.until("The secret, if you cannot scan:")
        app = TOTP(secret_on_screen(seen))
        await seen.press("enter")
        await seen.until("Something must be here.")
        await seen.type("no code")
        await seen.press("enter")
        await seen.until("Wrong code")
        await seen.put("code", app.now())
        await seen.press("enter")
        await seen.until("Your recovery codes")
        codes = re.findall(r"\b[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}\b", seen.text)
        assert len(set(codes)) == 10
        await seen.press("y")
        await seen.until("sent to the terminal's clipboard")
        assert sorted(seen.app.clipboard.split()) == sorted(codes)
        await seen.press("enter")
        await seen.until("10 recovery codes left")
        assert codes[0] not in seen.text


@asynccontextmanager
async def with_factor(settings: Settings) -> AsyncIterator[tuple[World, tuple[str, ...]]]:
    """The sign-in screen of an installation whose account has a second factor, and its recovery codes."""
    principal = await add_first_admin(settings)
    services = await build_services(settings)
    enrolment = await services.accounts.begin_second_factor(principal, PASSWORD)
    app = TOTP(enrolment.secret)
    codes = await services.accounts.confirm_second_factor(principal, app.at(services.clock.wall()))
    await services.close()
    async with world(settings) as seen:
        await seen.until("Password")
        await seen.put("email", "ann")
        await seen.put("password", PASSWORD)
        await seen.press("enter")
        await seen.until("The code, please.")
        yield seen, codes


async def test_the_sign_in_asks_for_the_code_and_takes_a_recovery_code(settings: Settings) -> None:
    async with with_factor(settings) as (seen, codes):
        await seen.type("123 45")
        await seen.press("enter")
        await seen.until("The code is wrong")
        assert seen.app.screen.query_one("#field-code").value == ""  # type: ignore[attr-defined]
        await seen.type(codes[3].replace("-", ""))
        await seen.press("enter")
        await seen.until("Good to see you, Ann.")
        assert (await seen.services.accounts.second_factor(seen.app.context.principal)).recovery_codes_left == 9


async def test_back_from_the_code_and_too_many_tries_keep_the_name(settings: Settings) -> None:
    async with with_factor(settings) as (seen, _codes):
        await seen.press("escape")
        await seen.until("Keep me signed in")
        assert seen.app.screen.form["email"] == "ann"  # type: ignore[attr-defined]
        assert seen.app.screen.form["password"] == ""  # type: ignore[attr-defined]
        await seen.put("password", PASSWORD)
        await seen.press("enter")
        await seen.until("The code, please.")
        await seen.press("enter")
        await seen.until("Something must be here.")
        await seen.services.accounts.reset_second_factor(operator("root"), EMAIL)
        await seen.type("123456")
        await seen.press("enter")
        await seen.until("This sign-in took too long")
        assert seen.app.screen.form["email"] == "ann"  # type: ignore[attr-defined]


async def test_new_recovery_codes_and_turning_off_ask_for_the_password(settings: Settings) -> None:
    async with with_factor(settings) as (seen, codes):
        await seen.type(codes[0])
        await seen.press("enter")
        await seen.until("Good to see you, Ann.")
        await seen.press("alt+8")
        await seen.until("9 recovery codes left")
        await seen.press("g", "j", "j", "j", "enter")
        await seen.until("new recovery codes")
        await seen.press("n")
        await seen.until("Make new recovery codes")
        await seen.type(PASSWORD)
        await seen.press("enter")
        await seen.until("Your recovery codes")
        assert codes[1] not in seen.text
        await seen.press("enter")
        await seen.until("10 recovery codes left")
        await seen.press("enter")
        await seen.until("turn it off")
        await seen.press("o")
        await seen.until("Turn the second factor off")
        await seen.type(PASSWORD)
        await seen.press("enter")
        await seen.until("Enter sets it up")
        signed_in_again = await seen.services.accounts.sign_in("ann", PASSWORD, origin=Origin("shell"))
        assert signed_in_again.principal.email == EMAIL
