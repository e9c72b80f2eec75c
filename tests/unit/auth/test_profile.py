"""One's own account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.auth.principal import Role
from core.errors import Forbidden, InvalidInput, SessionEnded, SignInRefused
from core.events import AccountChanged
from tests.unit.auth.house import NEW_PASSWORD, OPERATOR, PASSWORD, House


async def test_a_profile(house: House) -> None:
    ann = (await house.user("ann")).principal
    profile = await house.accounts.profile(ann)
    assert (profile.email, profile.nickname, profile.role) == ("ann@example.org", "nick ann", Role.USER)
    assert profile.created_at == profile.last_sign_in_at == house.clock.now()
    assert (profile.language, profile.theme, profile.time_zone, profile.preferences) == ("", "", "", {})
    assert not profile.disabled


async def test_changing_it(house: House) -> None:
    ann = (await house.user("ann")).principal
    heard = house.listen(ann)
    changed = await house.accounts.update_profile(
        ann, nickname=" Anna  Lee ", language="zh_CN", theme="dusk", time_zone="Asia/Shanghai", preferences={"folded": True, "width": 80}
    )
    assert (changed.nickname, changed.language, changed.theme, changed.time_zone) == ("Anna Lee", "zh_CN", "dusk", "Asia/Shanghai")
    changed = await house.accounts.update_profile(ann, preferences={"folded": None, "mode": "答"}, language="")
    assert (changed.language, changed.preferences) == ("", {"width": 80, "mode": "答"})
    assert changed == await house.accounts.profile(ann)
    assert heard == [AccountChanged(ann.user_id)] * 2
    assert [(event["before"], event["after"]) for event in await house.audited("account.renamed")] == [("nick ann", "Anna Lee")]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"nickname": "nick BOB"}, "nickname", "taken"),
        ({"nickname": "x"}, "nickname", "too_short"),
        ({"language": "english, please"}, "language", "unknown"),
        ({"language": "en\x1b[2J"}, "language", "unknown"),
        ({"theme": "../../etc/passwd"}, "theme", "unknown"),
        ({"theme": "x" * 41}, "theme", "unknown"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "unknown"),
        ({"time_zone": "../../../etc/passwd"}, "time_zone", "unknown"),
        ({"time_zone": "/etc/localtime"}, "time_zone", "unknown"),
        ({"time_zone": "\x00"}, "time_zone", "unknown"),
        ({"time_zone": "\ud800"}, "time_zone", "unknown"),
        ({"preferences": {"x": "y" * 20_000}}, "preferences", "too_long"),
        ({"preferences": {"x": float("nan")}}, "preferences", "not_json"),
        ({"preferences": {"x": "\ud800"}}, "preferences", "not_json"),
        ({"preferences": {"x": object()}}, "preferences", "not_json"),
    ],
)
async def test_what_is_refused_changes_nothing(house: House, changes: dict[str, Any], field: str, rule: str) -> None:
    ann, _ = (await house.user("ann")).principal, await house.user("bob")
    before = await house.accounts.profile(ann)
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.update_profile(ann, **({"language": "en"} | changes))
    assert (caught.value.field, caught.value.rule) == (field, rule)
    assert await house.accounts.profile(ann) == before


async def test_ones_own_nickname_in_another_spelling_is_free(house: House) -> None:
    ann = (await house.user("ann")).principal
    assert (await house.accounts.update_profile(ann, nickname="NICK ANN")).nickname == "NICK ANN"


async def test_preferences_changed_at_once_are_all_kept(house: House) -> None:
    ann = (await house.user("ann")).principal
    await asyncio.gather(*(house.accounts.update_profile(ann, preferences={f"p{index}": index}) for index in range(10)))
    assert (await house.accounts.profile(ann)).preferences == {f"p{index}": index for index in range(10)}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000])
async def test_damaged_preferences_keep_nobody_out(house: House, text: str) -> None:
    ann = (await house.user("ann")).principal
    await house.store.write(lambda uow: uow.users.change(ann.user_id, preferences=text))
    assert (await house.accounts.profile(ann)).preferences == {}
    assert (await house.accounts.update_profile(ann, preferences={"a": 1})).preferences == {"a": 1}


async def test_confirming_the_password(house: House) -> None:
    ann = (await house.user("ann")).principal
    await house.accounts.confirm_password(ann, PASSWORD)
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.confirm_password(ann, PASSWORD + "x")
    assert (caught.value.field, caught.value.rule) == ("password", "wrong")


async def test_changing_the_password(house: House) -> None:
    ann = (await house.user("ann")).principal
    await house.accounts.change_password(ann, PASSWORD, NEW_PASSWORD)
    with pytest.raises(SignInRefused):
        await house.sign_in("ann", PASSWORD)
    await house.sign_in("ann", NEW_PASSWORD)
    event = (await house.audited("account.password_changed"))[0]
    assert event["actor_id"] == ann.user_id
    assert NEW_PASSWORD not in json.dumps(event)


@pytest.mark.parametrize(
    ("old", "new", "field", "rule"),
    [
        ("wrong password 1", NEW_PASSWORD, "old_password", "wrong"),
        (PASSWORD, "short1", "new_password", "too_short"),
        (PASSWORD, "no digits here", "new_password", "no_digit"),
        (PASSWORD, PASSWORD, "new_password", "same_as_before"),
    ],
)
async def test_a_refused_change_ends_no_session(house: House, old: str, new: str, field: str, rule: str) -> None:
    ann = await house.user("ann")
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.change_password(ann.principal, old, new)
    assert (caught.value.field, caught.value.rule) == (field, rule)
    await house.accounts.verify_access(ann.access_token)
    await house.sign_in("ann")


async def test_of_two_changes_at_once_one_holds(house: House) -> None:
    ann = (await house.user("ann")).principal
    news = [f"{NEW_PASSWORD} {index}" for index in range(4)]
    results = await asyncio.gather(*(house.accounts.change_password(ann, PASSWORD, new) for new in news), return_exceptions=True)
    held = [new for new, result in zip(news, results, strict=True) if result is None]
    assert len(held) == 1
    assert all(isinstance(result, InvalidInput) for result in results if result is not None)
    await house.sign_in("ann", held[0])


async def test_a_password_that_must_be_changed(house: House) -> None:
    await house.user("ann")
    await house.accounts.set_password(OPERATOR, "ann@example.org", NEW_PASSWORD)
    signed_in = await house.sign_in("ann", NEW_PASSWORD)
    assert signed_in.must_change_password
    again = await house.accounts.change_password_and_stay(signed_in.principal, NEW_PASSWORD, PASSWORD)
    assert not again.must_change_password
    assert not (await house.sign_in("ann")).must_change_password


async def test_changing_the_email(house: House) -> None:
    ann, _ = await house.user("ann"), await house.user("bob")
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.change_email(ann.principal, "wrong password 1", "anna@example.org")
    assert (caught.value.field, caught.value.rule) == ("password", "wrong")
    for taken in ("bob@example.org", " BOB@example.org"):
        with pytest.raises(InvalidInput) as caught:
            await house.accounts.change_email(ann.principal, PASSWORD, taken)
        assert (caught.value.field, caught.value.rule) == ("email", "taken")
    with pytest.raises(InvalidInput) as caught:
        await house.accounts.change_email(ann.principal, PASSWORD, "anna")
    assert (caught.value.field, caught.value.rule) == ("email", "not_an_email")
    changed = await house.accounts.change_email(ann.principal, PASSWORD, "Anna@example.org")
    assert changed.email == "anna@example.org"
    await house.sign_in("anna")
    with pytest.raises(SignInRefused):
        await house.sign_in("ann")
    event = (await house.audited("account.email_changed"))[0]
    assert (event["before"], event["after"]) == ("ann@example.org", "anna@example.org")


async def test_the_operator_has_no_profile(house: House) -> None:
    for call in (
        lambda: house.accounts.profile(OPERATOR),
        lambda: house.accounts.update_profile(OPERATOR, language="en"),
        lambda: house.accounts.change_password(OPERATOR, "", NEW_PASSWORD),
        lambda: house.accounts.confirm_password(OPERATOR, ""),
        lambda: house.accounts.change_email(OPERATOR, "", "x@example.org"),
        lambda: house.accounts.sessions(OPERATOR),
        lambda: house.accounts.ssh_keys(OPERATOR),
        lambda: house.accounts.sign_out(OPERATOR),
    ):
        with pytest.raises(Forbidden):
            await call()


async def test_changes_to_an_account_that_is_gone_are_refused(house: House) -> None:
    ann = (await house.user("ann")).principal
    from sqlalchemy import delete

    from storage.tables import metadata

    await house.store.write(lambda uow: uow.session.connection().execute(delete(metadata.tables["users"])) and None)
    with pytest.raises(SessionEnded):
        await house.accounts.update_profile(ann, nickname="Somebody")
    with pytest.raises(SessionEnded):
        await house.accounts.recheck(ann)
