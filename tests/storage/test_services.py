"""Managed services and notes about models on every database: compare-and-set, one watcher, the owner's only."""

from __future__ import annotations

import pytest

from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork

OWNER, OTHER = "a" * 32, "b" * 32
SERVICE = "c" * 32


def add(uow: UnitOfWork, service_id: str = SERVICE, owner: str = OWNER, **values: object) -> None:
    common = {"kind": "api", "name": "modèle 模型", "spec": "{}", "watched_until": 0, "not_before": 0, "created_at": 1}
    uow.services.add(id=service_id, owner_id=owner, **{**common, **values})


@pytest.fixture
def people(storage: Storage) -> Storage:
    def make(uow: UnitOfWork) -> None:
        for who in (OWNER, OTHER):
            account = {"id": who, "email": f"{who}@example.org", "nickname": who, "nickname_key": who}
            uow.session.add(User(**account, password_hash="x", role="user", created_at=1, updated_at=1))

    storage.write_now(make)
    return storage


def test_a_change_is_based_on_what_was_read(people: Storage) -> None:
    people.write_now(add)
    assert people.write_now(lambda uow: uow.services.change(SERVICE, 0, state="ready", port=8123))
    assert not people.write_now(lambda uow: uow.services.change(SERVICE, 0, state="failed"))
    row = people.read_now(lambda uow: uow.services.get(OWNER, SERVICE)._asdict())  # type: ignore[union-attr]
    assert (row["state"], row["revision"], row["name"]) == ("ready", 1, "modèle 模型")


def test_one_watches_until_its_time_is_over(people: Storage) -> None:
    people.write_now(add)

    def watch(who: str, now: int) -> bool:
        return people.write_now(lambda uow: uow.services.watch(SERVICE, who, moment=now, until=now + 10, longest=10))

    assert [watch("one", 100), watch("two", 105), watch("one", 109), watch("two", 118), watch("two", 119)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert watch("three", 20), "the clock was set back: nobody holds it for that long"


def test_endpoints_are_those_of_ones_own_servers_that_run(people: Storage) -> None:
    people.write_now(lambda uow: add(uow, state="ready", port=1111))
    people.write_now(lambda uow: add(uow, "d" * 32, state="stopped", port=2222))
    people.write_now(lambda uow: add(uow, "e" * 32, owner=OTHER, state="ready", port=3333))
    people.write_now(lambda uow: add(uow, "f" * 32, kind="webui", state="ready", port=4444))
    assert people.read_now(lambda uow: uow.services.endpoints(OWNER, ["api", "vllm"])) == (("127.0.0.1", 1111),)
    assert people.read_now(lambda uow: uow.services.get(OTHER, SERVICE)) is None
    assert people.read_now(lambda uow: [row.id for row in uow.services.all(OWNER, kinds=["api"])]) == ["d" * 32, SERVICE]


def test_notes_are_ones_own_and_can_be_forgotten(people: Storage) -> None:
    people.write_now(lambda uow: uow.services.set_note(OWNER, "m", "quick", id="1" * 32, moment=1))
    people.write_now(lambda uow: uow.services.set_note(OWNER, "m", "quicker", id="2" * 32, moment=2))
    people.write_now(lambda uow: uow.services.set_note(OTHER, "m", "slow", id="3" * 32, moment=2))
    assert people.read_now(lambda uow: uow.services.notes(OWNER)) == {"m": "quicker"}
    people.write_now(lambda uow: uow.services.set_note(OWNER, "m", "", id="4" * 32, moment=3))
    assert people.read_now(lambda uow: (uow.services.notes(OWNER), uow.services.notes(OTHER))) == ({}, {"m": "slow"})
