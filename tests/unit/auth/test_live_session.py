"""A signed-in interface: tokens renewed unnoticed, the end of a session noticed in time."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from core.auth.kept import KeptSession
from core.auth.principal import Role
from core.auth.sessions import LiveSession, resume_kept
from core.errors import DatabaseBusy, EnvironmentProblem, InvalidInput, SessionEnded
from tests.unit.auth.house import LOCAL, NEW_PASSWORD, OPERATOR, PASSWORD, House, Time


@pytest.fixture
def kept(house: House) -> KeptSession:
    return KeptSession(house.settings.data_dir)


@pytest.fixture
async def live(house: House) -> LiveSession:
    return await LiveSession.start(house.accounts, await house.user("ann"))


async def test_it_lives_for_weeks_without_a_password(house: House, time: Time, live: LiveSession) -> None:
    tokens = set()
    for _ in range(24 * 12):  # every five minutes of a day
        time.pass_(300)
        assert (await live.recheck()).email == "ann@example.org"
        tokens.add(live.signed_in.refresh_token)
        await house.accounts.verify_access(live.signed_in.access_token)
    assert 24 * 60 / 15 <= len(tokens) <= 24 * 60 / 10
    assert len(await house.accounts.sessions(live.principal)) == 1


async def test_the_end_is_noticed_within_five_seconds_and_for_good(house: House, time: Time, live: LiveSession) -> None:
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", True)
    time.pass_(5)
    for _ in range(2):
        with pytest.raises(SessionEnded) as caught:
            await live.recheck()
        assert caught.value.fields == {"why": "disabled"}
    await house.accounts.set_disabled(OPERATOR, "ann@example.org", False)
    with pytest.raises(SessionEnded):
        await live.recheck()


async def test_a_role_is_noticed_within_five_seconds(house: House, time: Time, live: LiveSession) -> None:
    await house.accounts.set_role(OPERATOR, "ann@example.org", Role.ADMIN)
    time.pass_(5)
    assert (await live.recheck()).is_admin
    assert live.principal.is_admin


async def test_looking_more_often_asks_the_database_no_more_often(house: House, time: Time, live: LiveSession) -> None:
    asked = count_reads(house)
    for _ in range(10):
        time.pass_(1)
        await asyncio.gather(*(live.recheck() for _ in range(20)))
    assert len(asked) <= 4


def count_reads(house: House) -> list[object]:
    asked: list[object] = []
    read = house.store.read

    async def counting(work: Any) -> Any:
        asked.append(work)
        return await read(work)

    house.store.read = counting  # type: ignore[method-assign]
    return asked


async def test_many_who_look_at_once_renew_once(house: House, time: Time, live: LiveSession) -> None:
    time.pass_(14 * 60)
    await asyncio.gather(*(live.recheck() for _ in range(20)))
    await live.recheck()
    await house.accounts.recheck(live.principal)


async def test_a_machine_that_slept_goes_on(house: House, time: Time, live: LiveSession) -> None:
    """A clock that does not count sleep says that the token is young; it has expired all the same."""
    time.wall += 6 * 24 * 3600
    time.monotonic += 5
    assert (await live.recheck()).email == "ann@example.org"


async def test_a_clock_set_back_does_not_sign_out(house: House, time: Time, live: LiveSession) -> None:
    time.wall -= 3600
    time.monotonic += 5
    assert (await live.recheck()).email == "ann@example.org"


async def test_asleep_for_too_long_is_over(house: House, time: Time, live: LiveSession) -> None:
    time.wall += 8 * 24 * 3600
    time.monotonic += 5
    with pytest.raises(SessionEnded) as caught:
        await live.recheck()
    assert caught.value.fields == {"why": "expired"}


async def test_a_database_that_is_busy_ends_nothing(house: House, time: Time, live: LiveSession) -> None:
    read, busy = house.store.read, True

    async def failing(work: Any) -> Any:
        if busy:
            raise DatabaseBusy
        return await read(work)

    house.store.read = failing  # type: ignore[method-assign]
    time.pass_(5)
    with pytest.raises(DatabaseBusy):
        await live.recheck()
    busy = False
    assert (await live.recheck()).email == "ann@example.org"


async def test_changing_the_password_goes_on_in_a_new_session(house: House, time: Time, live: LiveSession) -> None:
    other = await house.sign_in("ann")
    before = live.principal.session_id
    with pytest.raises(InvalidInput):
        await live.change_password("wrong password 1", NEW_PASSWORD)
    await live.change_password(PASSWORD, NEW_PASSWORD)
    assert live.principal.session_id != before
    time.pass_(5)
    await live.recheck()
    with pytest.raises(SessionEnded):
        await house.accounts.recheck(other.principal)
    assert [session.current for session in await house.accounts.sessions(live.principal)] == [True]


async def test_signing_out(house: House, time: Time, live: LiveSession, kept: KeptSession) -> None:
    kept.save("somebody else's")
    await live.sign_out()
    with pytest.raises(SessionEnded) as caught:
        await live.recheck()
    assert caught.value.fields == {"why": "signed_out"}
    with pytest.raises(SessionEnded):
        await house.accounts.verify_access(live.signed_in.access_token)
    assert kept.load() == "somebody else's"


async def test_nothing_secret_is_shown(live: LiveSession) -> None:
    for text in (repr(live), repr(live.signed_in), str(live.__dict__)):
        assert live.signed_in.refresh_token not in text
        assert live.signed_in.access_token not in text


# Kept ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def kept_live(house: House, kept: KeptSession) -> LiveSession:
    return await LiveSession.start(house.accounts, await house.user("ann"), kept=kept)


async def test_it_is_kept_over_the_end_of_the_program(house: House, kept: KeptSession, kept_live: LiveSession) -> None:
    assert kept.load() == kept_live.signed_in.refresh_token
    again = await LiveSession.resume(house.neighbour(), kept, origin=LOCAL)
    assert again is not None
    assert again.principal == kept_live.principal
    assert kept.load() == again.signed_in.refresh_token


async def test_commands_and_the_interface_share_the_kept_session(
    house: House, time: Time, kept: KeptSession, kept_live: LiveSession
) -> None:
    for _ in range(6):
        assert await resume_kept(house.neighbour(), kept, origin=LOCAL) is not None
        time.pass_(14 * 60)
        await kept_live.recheck()
        assert kept.load() == kept_live.signed_in.refresh_token


async def test_renewals_and_commands_at_the_same_time(house: House, time: Time, kept: KeptSession, kept_live: LiveSession) -> None:
    time.pass_(14 * 60)
    await asyncio.gather(kept_live.recheck(), *(resume_kept(house.accounts, kept, origin=LOCAL) for _ in range(5)), kept_live.recheck())
    await house.accounts.recheck(kept_live.principal)
    assert await resume_kept(house.accounts, kept, origin=LOCAL) is not None


async def test_a_renewal_that_is_cancelled_loses_no_token(house: House, time: Time, kept: KeptSession, kept_live: LiveSession) -> None:
    for steps in range(12):
        time.pass_(14 * 60)
        task = asyncio.create_task(kept_live.recheck())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await kept_live.recheck()
    assert kept.load() == kept_live.signed_in.refresh_token


async def test_no_token_is_used_up_while_its_successor_cannot_be_kept(
    house: House, time: Time, kept: KeptSession, kept_live: LiveSession
) -> None:
    """A full disk must not end a session as if its token had been stolen."""
    in_the_way = house.settings.data_dir / f".session.json.room.{os.getpid()}"
    in_the_way.mkdir()
    time.pass_(14 * 60)
    for _try in range(2):
        with pytest.raises(EnvironmentProblem):
            await kept_live.recheck()
        with pytest.raises(EnvironmentProblem):
            await resume_kept(house.accounts, kept, origin=LOCAL)
    in_the_way.rmdir()
    assert (await kept_live.recheck()).email == "ann@example.org"
    assert await resume_kept(house.accounts, kept, origin=LOCAL) is not None


async def test_somebody_else_may_be_kept_meanwhile(house: House, time: Time, kept: KeptSession, kept_live: LiveSession) -> None:
    bob = await house.user("bob")
    kept.save(bob.refresh_token)
    time.pass_(14 * 60)
    assert (await kept_live.recheck()).email == "ann@example.org"
    assert kept.load() == bob.refresh_token
    await kept_live.sign_out()
    assert kept.load() == bob.refresh_token


async def test_signing_out_keeps_nothing(house: House, kept: KeptSession, kept_live: LiveSession) -> None:
    await kept_live.sign_out_everywhere()
    assert kept.load() is None
    assert await LiveSession.resume(house.accounts, kept, origin=LOCAL) is None


async def test_signing_out_keeps_nothing_even_without_a_database(house: House, kept: KeptSession, kept_live: LiveSession) -> None:
    async def failing(_work: Any) -> Any:
        raise DatabaseBusy

    house.store.write = failing  # type: ignore[method-assign, assignment]
    with pytest.raises(DatabaseBusy):
        await kept_live.sign_out()
    assert kept.load() is None


async def test_changing_the_password_keeps_the_new_session(house: House, kept: KeptSession, kept_live: LiveSession) -> None:
    await kept_live.change_password(PASSWORD, NEW_PASSWORD)
    again = await resume_kept(house.accounts, kept, origin=LOCAL)
    assert again is not None
    assert again.principal.session_id == kept_live.principal.session_id


async def test_a_kept_session_that_ended_is_not_resumed(house: House, kept: KeptSession, kept_live: LiveSession) -> None:
    await house.accounts.sign_out_everywhere(kept_live.principal)
    assert await LiveSession.resume(house.accounts, kept, origin=LOCAL) is None
    assert kept.load() is None
