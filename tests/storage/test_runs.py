"""Leases, held GPUs and counts of changes where many ask at once, on every kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.unit_of_work import Storage, UnitOfWork

THREADS = 6


@pytest.fixture
def people(storage: Storage) -> tuple[str, str]:
    def work(uow: UnitOfWork) -> None:
        for name in ("ann", "bob"):
            email = f"{name}@example.org"
            uow.users.add(
                id=name, email=email, nickname=name, nickname_key=name, password_hash="x", role="user", created_at=1, updated_at=1
            )

    storage.write_now(work)
    return "ann", "bob"


def add_run(uow: UnitOfWork, run_id: str, owner: str = "ann", **values: Any) -> None:
    uow.runs.add(id=run_id, owner_id=owner, **({"name": run_id, "created_at": 1, "queued_at": 1} | values))


def many(work: Any) -> list[Any]:
    """What `work(number)` gives in several threads at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_one_of_many_gets_a_lease(storage: Storage) -> None:
    def take(number: int, **dead: str) -> bool:
        return storage.write_now(lambda uow: uow.leases.take("runs", f"h{number}", process="{}", moment=100, until=200, **dead))

    assert sum(many(take)) == 1
    holder = storage.read_now(lambda uow: uow.leases.get("runs")).holder  # type: ignore[union-attr]
    assert take(int(holder[1:])), "whoever holds it renews it"
    stranger = 99
    assert not take(stranger)
    assert not take(stranger, dead="somebody else")
    assert take(stranger, dead=holder)
    assert not storage.write_now(lambda uow: uow.leases.give_back("runs", holder))
    assert storage.write_now(lambda uow: uow.leases.take("runs", "late", process="", moment=200, until=300)), "it was over"
    assert storage.write_now(lambda uow: uow.leases.give_back("runs", "late"))
    assert take(stranger)


def test_a_gpu_is_held_once_and_several_are_held_together_or_not_at_all(storage: Storage) -> None:
    def hold(number: int) -> bool:
        slots = ["GPU-a", "GPU-b"] if number % 2 else ["GPU-b", "GPU-c"]
        return storage.write_now(lambda uow: uow.slots.hold(f"run{number}", slots, moment=1))

    assert sum(many(hold)) == 1
    held = storage.read_now(lambda uow: uow.slots.all())
    assert len(held) == 2 and len(set(held.values())) == 1, "nobody keeps a part of what was not given"
    (holder,) = set(held.values())
    assert storage.write_now(lambda uow: uow.slots.hold(holder, sorted(held), moment=2)), "again is no harm"
    assert not storage.write_now(lambda uow: uow.slots.hold("late", [*held, "GPU-z"], moment=2))
    assert storage.write_now(lambda uow: uow.slots.release(holder)) == 2
    assert storage.write_now(lambda uow: uow.slots.hold("late", ["GPU-a", "GPU-b", "GPU-z"], moment=3))


def test_a_run_is_claimed_once(storage: Storage, people: tuple[str, str]) -> None:
    storage.write_now(lambda uow: add_run(uow, "r1"))

    def claim(number: int) -> bool:
        return storage.write_now(
            lambda uow: uow.runs.change("r1", {"state": "pending", "attempt": 0}, state="starting", attempt=1, tries=number)
        )

    assert sum(many(claim)) == 1


def test_counts_of_changes_miss_nothing(storage: Storage, people: tuple[str, str]) -> None:
    storage.write_now(lambda uow: [add_run(uow, f"r{number}", people[number % 2]) for number in range(THREADS)])

    def touch(number: int) -> None:
        for _ in range(5):
            storage.write_now(lambda uow: uow.runs.touch({people[number % 2]: [f"r{number}"], people[1 - number % 2]: []}))

    many(touch)
    assert storage.read_now(lambda uow: uow.runs.changes(people)) == {"ann": THREADS * 5, "bob": THREADS * 5}
    seen = storage.read_now(lambda uow: uow.runs.since("ann", 0))
    assert sorted(seen) == ["r0", "r2", "r4"]
    assert storage.read_now(lambda uow: uow.runs.since("ann", THREADS * 5)) == []


def test_the_list_has_its_order_and_the_queue_its_own(storage: Storage, people: tuple[str, str]) -> None:
    rows = [
        ("done-old", {"state": "completed", "created_at": 1}),
        ("done-new", {"state": "failed", "created_at": 9}),
        ("second", {"position": 2, "created_at": 3}),
        ("first", {"position": 7, "priority": 5, "created_at": 4}),
        ("third", {"position": 3, "created_at": 2}),
        ("works", {"state": "running", "created_at": 5}),
        ("bobs", {"owner": "bob", "position": 1}),
    ]
    storage.write_now(lambda uow: [add_run(uow, name, **values) for name, values in rows])
    page, total = storage.read_now(lambda uow: _names(uow.runs.page("ann", states=[], query="", limit=10, offset=0)))
    assert (page, total) == (["works", "first", "second", "third", "done-new", "done-old"], 6)
    page, total = storage.read_now(lambda uow: _names(uow.runs.page(None, states=["pending"], query="", limit=2, offset=1)))
    assert (page, total) == (["bobs", "second"], 4)
    assert storage.read_now(lambda uow: uow.runs.queue_ids()) == ["first", "bobs", "second", "third"]
    page, total = storage.read_now(lambda uow: _names(uow.runs.page("ann", states=[], query="DONE %", limit=10, offset=0)))
    assert (page, total) == ([], 0)
    assert storage.read_now(lambda uow: uow.runs.counts("ann")) == {"completed": 1, "failed": 1, "pending": 3, "running": 1}


def test_attempts_go_with_their_run(storage: Storage, people: tuple[str, str]) -> None:
    def work(uow: UnitOfWork) -> None:
        add_run(uow, "r1", attempt=1)
        for number in (1, 2):
            uow.runs.add_attempt(
                id=f"a{number}", run_id="r1", number=number, state="failed", started_at=number, folder=f"/runs/r1/{number}"
            )

    storage.write_now(work)
    row = storage.read_now(lambda uow: uow.runs.get("ann", "r1"))
    assert row is not None and (row.a_number, row.a_folder, row.owner_name) == (1, "/runs/r1/1", "ann")
    assert storage.read_now(lambda uow: [each.number for each in uow.runs.attempts_of("r1")]) == [2, 1]
    assert not storage.write_now(lambda uow: uow.runs.remove("bob", "r1"))
    assert storage.write_now(lambda uow: uow.runs.remove("ann", "r1"))
    assert storage.read_now(lambda uow: list(uow.runs.attempts_of("r1"))) == []


def _names(found: tuple[Any, int]) -> tuple[list[str], int]:
    return [row.name for row in found[0]], found[1]
