"""Shares, counts of changes, unread marks and places on every kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from storage.repositories.changes import EVERYONE
from storage.unit_of_work import Storage, UnitOfWork
from tests.storage.test_conversations import ask, at, begin, owners

__all__ = ["owners"]


@pytest.fixture
def two(storage: Storage, owners: tuple[str, str]) -> tuple[str, str]:
    """Ann's conversations c1 and c2, each with an answer."""

    def work(uow: UnitOfWork) -> None:
        for number in (1, 2):
            begin(uow, f"c{number}", at("ann", 1000 + number), f"Title {number} 标题")
            ask(uow, f"c{number}", number, at("ann", 1000 + number))

    storage.write_now(work)
    return owners


def readable(storage: Storage, reader: str) -> list[str]:
    return storage.read_now(lambda uow: [row.id for row in uow.shares.page(reader, limit=10, offset=0)])


def test_who_reads_what(storage: Storage, two: tuple[str, str]) -> None:
    assert storage.write_now(lambda uow: uow.shares.put("c1", "bob", 5))
    assert not storage.write_now(lambda uow: uow.shares.put("c1", "bob", 6))
    storage.write_now(lambda uow: uow.shares.put("c2", EVERYONE, 7))
    storage.write_now(lambda uow: uow.shares.put("c2", "gone-account", 8))
    assert readable(storage, "bob") == ["c2", "c1"]
    assert readable(storage, "ann") == []
    assert readable(storage, "somebody") == ["c2"]
    assert storage.read_now(lambda uow: [(row.reader_id, row.nickname) for row in uow.shares.of("c2")]) == [(EVERYONE, None)]
    assert storage.read_now(lambda uow: uow.shares.count("bob", query="标题 TITLE")) == 2
    assert storage.read_now(lambda uow: uow.shares.count("bob", query="1")) == 1
    assert storage.read_now(lambda uow: uow.shares.shared(["c1", "c2", "no"])) == {"c1", "c2"}
    row = storage.read_now(lambda uow: uow.shares.readable("bob", "c1"))
    assert row is not None and (row.title, row.nickname) == ("Title 1 标题", "ann")
    assert storage.read_now(lambda uow: uow.shares.of_message("bob", "a1")) is not None
    assert storage.read_now(lambda uow: uow.shares.of_message("somebody", "a1")) is None
    storage.write_now(lambda uow: uow.conversations.mark_deleted("ann", ["c1"], 9))
    assert readable(storage, "bob") == ["c2"]
    assert storage.write_now(lambda uow: uow.shares.remove("c2", EVERYONE))
    assert not storage.write_now(lambda uow: uow.shares.remove("c2", EVERYONE))
    assert readable(storage, "bob") == []


def test_a_conversation_that_goes_takes_its_shares_along(storage: Storage, two: tuple[str, str]) -> None:
    storage.write_now(lambda uow: uow.shares.put("c1", "bob", 5))
    storage.write_now(lambda uow: uow.conversations.remove("ann", ["c1"]))
    assert storage.read_now(lambda uow: uow.shares.shared(["c1"])) == set()


def counts(storage: Storage) -> dict[str, int]:
    return storage.read_now(lambda uow: uow.changes.counts(["ann", "bob", EVERYONE]))


def test_changes_are_counted_for_all_who_see_them(storage: Storage, two: tuple[str, str]) -> None:
    assert counts(storage) == {"ann": 2}
    storage.write_now(lambda uow: uow.shares.put("c1", "bob", 5))
    storage.write_now(lambda uow: uow.shares.put("c1", EVERYONE, 5))
    storage.write_now(lambda uow: uow.changes.touch("ann", ["c1", "c2"]))
    assert counts(storage) == {"ann": 3, "bob": 1, EVERYONE: 1}
    assert storage.read_now(lambda uow: sorted(uow.changes.since("ann", 2)[0])) == ["c1", "c2"]
    assert storage.read_now(lambda uow: uow.changes.since("ann", 3)) == ([], [])
    assert storage.read_now(lambda uow: uow.changes.since("bob", 0)) == ([], ["c1"])
    assert storage.read_now(lambda uow: uow.changes.since(EVERYONE, 0)) == ([], ["c1"])
    storage.write_now(lambda uow: uow.shares.remove("c1", "bob"))
    storage.write_now(lambda uow: uow.changes.touch("ann", ["c1"], readers=["bob"]))
    assert counts(storage) == {"ann": 4, "bob": 2, EVERYONE: 2}
    assert storage.read_now(lambda uow: uow.changes.since("bob", 1)) == ([], [])


def test_no_change_is_lost_where_many_write_at_once(storage: Storage, two: tuple[str, str]) -> None:
    storage.write_now(lambda uow: uow.shares.put("c1", "bob", 5))

    def change(number: int) -> int:
        def work(uow: UnitOfWork) -> int:
            uow.conversations.change("ann", "c1" if number % 2 else "c2", title=f"t{number}")
            uow.changes.touch("ann", ["c1" if number % 2 else "c2"])
            return next(bumped.counted for bumped in uow.changes.bumped if bumped.user_id == "ann")

        return storage.write_now(work)

    before = counts(storage)["ann"]
    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(change, range(40)))
    assert found == list(range(before + 1, before + 41)), "each its own count"
    assert counts(storage)["bob"] == 20


def test_unread_answers(storage: Storage, two: tuple[str, str]) -> None:
    assert storage.write_now(lambda uow: uow.conversations.mark_unread("c1", "truncated")) == "ann"
    assert storage.write_now(lambda uow: uow.conversations.mark_unread("no", "complete")) is None
    assert storage.read_now(lambda uow: [(row.id, row.unread) for row in uow.conversations.unread("ann", 5)]) == [("c1", "truncated")]
    assert storage.read_now(lambda uow: uow.conversations.count_unread("ann")) == 1
    assert storage.read_now(lambda uow: uow.conversations.count_unread("bob")) == 0


def test_places_are_kept_by_account(storage: Storage, owners: tuple[str, str]) -> None:
    for text in ('{"area": "chat"}', '{"area": "模型"}'):
        storage.write_now(partial(_put, text=text))
        assert storage.read_now(lambda uow: uow.places.get("ann")) == text
    assert storage.read_now(lambda uow: uow.places.get("bob")) == ""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: storage.write_now(lambda uow: uow.places.put("bob", str(number), number)), range(12)))
    assert storage.read_now(lambda uow: uow.places.get("bob")) in {str(number) for number in range(12)}


def _put(uow: UnitOfWork, text: str) -> None:
    uow.places.put("ann", text, 1)
