"""Keys: sealed, shown masked, asked for the password, and never sent anywhere but where they were entered for."""

from __future__ import annotations

import logging
import pickle
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlmodel import select

from core.errors import InvalidInput, ModeltrainError, NotFound, PasswordNeeded, SecretUnreadable
from core.llm.simulator.server import Simulator
from core.models.configurations import KEEP, Configuration
from storage.tables.accounts import AuditEvent
from storage.tables.models import Configuration as ConfigurationRow
from storage.tables.models import Provider as ProviderRow
from storage.unit_of_work import UnitOfWork
from tests.unit.models.conftest import KEY, PASSWORD, House

SHARED = "sk-shared-of-the-house-0000"


@pytest.fixture
async def elsewhere() -> AsyncIterator[Simulator]:
    """Another server, which must never get the keys of the first."""
    simulator = Simulator()
    await simulator.start()
    yield simulator
    await simulator.stop()


def received(simulator: Simulator) -> list[str]:
    return [record.headers.get("authorization", "") for record in simulator.requests]


async def test_a_key_goes_where_it_was_entered_for(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=f"  {KEY}\n"))
    assert (made.has_key, made.key_hint) == (True, "sk-…ab12")
    assert (await house.configurations.test(house.ann, made.id)).ok
    assert received(house.simulator) == [house.simulator.fingerprint(KEY)]


async def test_a_changed_endpoint_clears_the_key_and_says_so(house: House, elsewhere: Simulator) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    moved = await house.configurations.update(house.ann, made.id, replace(made.draft(), endpoint=elsewhere.base_urls["openai"]))
    assert (moved.key_cleared, moved.has_key, moved.key_hint) == (True, False, "")
    assert (await house.configurations.test(house.ann, made.id)).ok
    await house.providers.refresh_models(house.ann, configuration_id=made.id)
    assert received(elsewhere) == ["", ""]
    back = await house.configurations.update(house.ann, made.id, replace(moved.draft(), endpoint=house.endpoint))
    assert (back.key_cleared, back.has_key) == (False, False)
    assert (await house.configurations.test(house.ann, made.id)).ok
    assert received(house.simulator) == [""], "a cleared key does not come back with its endpoint"


async def test_another_spelling_of_the_endpoint_keeps_the_key(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    spelt = house.endpoint.replace("http://", "HTTP://") + "/chat/completions/"
    kept = await house.configurations.update(house.ann, made.id, replace(made.draft(), endpoint=spelt.removesuffix("/")))
    assert (kept.key_cleared, kept.has_key, kept.endpoint, kept.version) == (False, True, house.endpoint, 1)


async def test_a_new_key_is_for_the_new_endpoint(house: House, elsewhere: Simulator) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    draft = replace(made.draft(), endpoint=elsewhere.base_urls["openai"], key="sk-for-elsewhere-0001")
    moved = await house.configurations.update(house.ann, made.id, draft)
    assert (moved.key_cleared, moved.key_hint) == (False, "sk-…0001")
    assert (await house.configurations.test(house.ann, made.id)).ok
    assert received(elsewhere) == [elsewhere.fingerprint("sk-for-elsewhere-0001")]


async def test_an_unsaved_draft_sends_the_stored_key_to_its_own_endpoint_only(house: House, elsewhere: Simulator) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    elsewhere_url = elsewhere.base_urls["openai"]
    assert (await house.configurations.test(house.ann, made.draft(), configuration_id=made.id)).ok
    assert (await house.configurations.test(house.ann, replace(made.draft(), endpoint=elsewhere_url), configuration_id=made.id)).ok
    await house.providers.refresh_models(house.ann, configuration_id=made.id, endpoint=elsewhere_url)
    await house.providers.refresh_models(house.ann, configuration_id=made.id)
    assert (await house.configurations.test(house.ann, made.draft())).ok, "KEEP without a stored configuration is no key"
    assert received(elsewhere) == ["", ""]
    fingerprint = house.simulator.fingerprint(KEY)
    assert received(house.simulator) == [fingerprint, fingerprint, ""]


async def test_a_row_that_was_tampered_with_sends_nothing(house: House, elsewhere: Simulator) -> None:
    """Whoever can write the database cannot redirect a key: neither by the endpoint nor by moving the envelope."""
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    theirs = await house.configurations.create(house.bob, house.draft("Bob's"))

    def redirect(uow: UnitOfWork) -> None:
        uow.session.connection().exec_driver_sql("UPDATE configuration_versions SET endpoint = ?", (elsewhere.base_urls["openai"],))

    def move(uow: UnitOfWork) -> None:
        mine = uow.session.get_one(ConfigurationRow, made.id)
        bobs = uow.session.get_one(ConfigurationRow, theirs.id)
        bobs.key, bobs.key_endpoint = mine.key, elsewhere.base_urls["openai"]

    house.storage.write_now(redirect)
    assert (await house.configurations.test(house.ann, made.id)).ok
    assert received(elsewhere) == [""]
    house.storage.write_now(move)
    result = await house.configurations.test(house.bob, theirs.id)
    assert isinstance(result.error, SecretUnreadable)
    listed = await house.configurations.list(house.bob)
    assert [(found.has_key, found.key_hint) for found in listed] == [(True, "…")], "a list does not fail for one bad row"
    assert received(elsewhere) == [""]


async def test_showing_a_key_asks_for_the_password(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    with pytest.raises(PasswordNeeded):
        await house.configurations.show_key(house.ann, made.id, "wrong")
    with pytest.raises(NotFound):
        await house.configurations.show_key(house.bob, made.id, "wrong")
    assert await house.configurations.show_key(house.ann, made.id, PASSWORD) == KEY

    def noted(uow: UnitOfWork) -> list[tuple[str, str, str, str]]:
        return [(e.action, e.actor_id, e.subject_id, e.details) for e in uow.session.scalars(select(AuditEvent))]

    assert house.storage.read_now(noted) == [("configuration.key_shown", "ann", made.id, "{}")]


async def test_removing_a_key(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    for nothing in (None, "  "):
        await house.configurations.update(house.ann, made.id, replace(made.draft(), key=KEY))
        cleared = await house.configurations.update(house.ann, made.id, replace(made.draft(), key=nothing))
        assert (cleared.has_key, cleared.key_cleared) == (False, False)
    assert await house.configurations.show_key(house.ann, made.id, PASSWORD) == ""


async def test_a_key_is_nowhere_in_sight(house: House, caplog: pytest.LogCaptureFixture, tmp_path: object) -> None:
    caplog.set_level(logging.DEBUG)
    draft = house.draft(key=KEY, model="sim-401")
    made = await house.configurations.create(house.ann, draft)
    ready = await house.configurations.resolve(house.ann, made.id)
    result = await house.configurations.test(house.ann, made.id)
    assert result.error is not None
    seen = [draft, made, ready, ready.chat_model, result, result.error.fields, await house.configurations.list(house.ann), house.heard]
    text = "\n".join([*map(repr, seen), str(result.error), caplog.text])
    assert KEY not in text
    assert KEY.encode() not in pickle.dumps(made)
    files = [path for path in house.storage_folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path


async def test_no_master_key_means_no_answer_and_a_list_all_the_same(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEY))
    shutil.move(house.storage_folder / "master.key", house.storage_folder / "aside")
    fresh = house.reopened()
    try:
        listed = await fresh.configurations.list(house.ann)
        assert [found.key_hint for found in listed] == ["…"]
        with pytest.raises(ModeltrainError) as caught:
            await fresh.configurations.resolve(house.ann, made.id)
        assert caught.value.code == "master_key_missing"
        with pytest.raises(ModeltrainError) as refused:
            await fresh.configurations.create(house.ann, house.draft("Other", key=KEY))
        assert refused.value.code == "master_key_missing"
        assert len(await fresh.configurations.list(house.ann)) == 1
    finally:
        fresh.store.close()


# The shared key ------------------------------------------------------------------------------------------------------


async def shared(house: House) -> Configuration:
    """A configuration without an own key, on a provider with a shared one."""
    await house.providers.set_endpoint(house.admin, "openai", house.endpoint)
    await house.providers.set_shared_key(house.admin, "openai", SHARED)
    return await house.configurations.create(house.ann, house.draft(provider_id="openai", endpoint=""))


async def test_the_shared_key_serves_whoever_has_none(house: House) -> None:
    made = await shared(house)
    assert (made.has_key, made.shared_key, made.key_hint) == (False, True, "")
    assert (await house.configurations.resolve(house.ann, made.id)).key_source == "shared"
    assert (await house.configurations.test(house.ann, made.id)).ok
    own = await house.configurations.update(house.ann, made.id, replace(made.draft(), key=KEY))
    assert (own.has_key, own.shared_key) == (True, False)
    assert (await house.configurations.test(house.ann, made.id)).ok
    assert received(house.simulator) == [house.simulator.fingerprint(SHARED), house.simulator.fingerprint(KEY)]


async def test_the_shared_key_goes_to_its_endpoint_only(house: House, elsewhere: Simulator) -> None:
    made = await shared(house)
    elsewhere_url = elsewhere.base_urls["openai"]
    moved = await house.configurations.update(house.ann, made.id, replace(made.draft(), endpoint=elsewhere_url))
    assert not moved.shared_key
    result = await house.configurations.test(house.ann, moved.id)
    assert isinstance(result.error, InvalidInput)
    assert (result.error.field, result.error.rule) == ("key", "key_needed")
    info = await house.providers.set_endpoint(house.admin, "openai", elsewhere_url)
    assert (info.has_shared_key, info.shared_key_endpoint) == (False, "")
    with pytest.raises(InvalidInput):
        await house.providers.refresh_models(house.bob, "openai")
    assert elsewhere.requests == []


async def test_users_never_see_the_shared_key(house: House) -> None:
    await shared(house)
    for_admin = await house.providers.get(house.admin, "openai")
    for_ann = await house.providers.get(house.ann, "openai")
    assert (for_admin.has_shared_key, for_admin.shared_key_hint) == (True, "sk-…0000")
    assert (for_ann.has_shared_key, for_ann.shared_key_hint) == (True, "")
    assert SHARED not in repr((for_admin, for_ann, await house.configurations.list(house.ann)))

    def sealed(uow: UnitOfWork) -> str:
        return uow.session.get_one(ProviderRow, "openai").shared_key or ""

    assert house.storage.read_now(sealed).startswith("v1:")
    removed = await house.providers.set_shared_key(house.admin, "openai", None)
    assert not removed.has_shared_key


async def test_a_shared_key_needs_a_place_to_go_to(house: House) -> None:
    with pytest.raises(InvalidInput, match="required"):
        await house.providers.set_shared_key(house.admin, "openai-compatible", SHARED)
    with pytest.raises(InvalidInput, match="control_characters"):
        await house.providers.set_shared_key(house.admin, "openai", "sk with blanks")


async def test_keep_is_what_a_form_has(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key=KEEP))
    assert not made.has_key, "there is nothing to keep for a new one"
    assert made.draft().key is KEEP
    assert repr(KEEP) == "KEEP"
