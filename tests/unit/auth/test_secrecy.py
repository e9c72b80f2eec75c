"""No password, token, hash or key is in anything that is shown, logged, raised or stored in the clear."""

from __future__ import annotations

import logging
import traceback
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from core.auth.kept import KeptSession
from core.auth.sessions import LiveSession
from core.errors import ModeltrainError
from tests.unit.auth.house import LOCAL, NEW_PASSWORD, OPERATOR, PASSWORD, House, Time

WRONG = "very wrong password 99"


async def live_through_everything(house: House, time: Time) -> tuple[list[str], list[object]]:
    """A long day of an account: the secrets that were in it, and everything that was handed out or raised."""
    ann = await house.user("ann", admin=True)
    kept = KeptSession(house.settings.data_dir)
    live = await LiveSession.start(house.accounts, ann, kept=kept)
    time.pass_(14 * 60)
    secrets = [PASSWORD, NEW_PASSWORD, WRONG, ann.access_token, ann.refresh_token]
    await live.recheck()
    secrets += [live.signed_in.access_token, live.signed_in.refresh_token]
    shown: list[object] = [ann, live, live.signed_in, kept, house.accounts, house.accounts._context, house.accounts._context.passwords]
    calls: list[Any] = [
        lambda: house.sign_in("ann", WRONG),
        lambda: house.accounts.sign_in(WRONG, WRONG, origin=LOCAL),
        lambda: house.accounts.confirm_password(ann.principal, WRONG),
        lambda: house.accounts.change_password(ann.principal, WRONG, NEW_PASSWORD),
        lambda: house.accounts.change_password(ann.principal, PASSWORD, PASSWORD),
        lambda: house.accounts.register("bob@example.org", "x", PASSWORD, origin=LOCAL),
        lambda: house.accounts.verify_access(ann.access_token + "x"),
        lambda: house.accounts.resume(ann.refresh_token, origin=LOCAL),
        lambda: house.accounts.resume(ann.refresh_token + "x", origin=LOCAL),
        lambda: house.accounts.set_password(OPERATOR, "nobody@example.org", NEW_PASSWORD),
    ]
    for call in calls:
        with pytest.raises(ModeltrainError) as caught:
            await call()
        shown += [caught.value, caught.value.fields, "".join(traceback.format_exception(caught.value))]
    user_id = ann.principal.user_id
    secrets.append(await house.store.read(lambda uow: str(uow.users.get(user_id).password_hash)))  # type: ignore[union-attr]
    shown += [*await house.accounts.list_users(OPERATOR), *await house.accounts.sessions((await house.sign_in("ann")).principal)]
    return secrets, shown


async def test_nothing_shown_or_logged_holds_a_secret(house: House, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        secrets, shown = await live_through_everything(house, time)
    texts = [repr(item) for item in shown] + [str(item) for item in shown] + [caplog.text]
    for item in shown:
        if is_dataclass(item) and not isinstance(item, type):
            texts += [repr(getattr(item, each.name)) for each in fields(item) if each.repr]
    for secret in secrets:
        assert len(secret) >= 16
        assert not [text for text in texts if secret in text]


async def test_no_secret_is_stored_in_the_clear_but_in_the_kept_file(house: House, time: Time) -> None:
    secrets, _ = await live_through_everything(house, time)
    password_hash = secrets.pop()
    assert password_hash.startswith("$bcrypt-sha256$")
    for file in house.settings.data_dir.iterdir():
        content = file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content or file.name == "session.json", file
        assert file.stat().st_mode & 0o077 == 0, file


async def test_the_audit_holds_no_secret(house: House, time: Time) -> None:
    secrets, _ = await live_through_everything(house, time)
    rows = await house.store.read(lambda uow: [str(row) for row in uow.audit.latest(1000)])
    assert len(rows) >= 6
    assert not [row for row in rows for secret in secrets if secret in row]
