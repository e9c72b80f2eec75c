"""Question sets on every kind of database: names, every character, versions, many questions, search, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from core.clock import Clock, Identifiers
from core.errors import Conflict
from core.persistence import Store
from core.questions.editing import Editor, checked, found, pairs, serials_of
from core.questions.records import question_view, set_view
from core.questions.types import QuestionDraft
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork


@pytest.fixture
def store(storage: Storage) -> Store:
    def add(uow: UnitOfWork) -> None:
        for who in ("ann", "bob"):
            account: dict[str, Any] = {"id": who, "email": f"{who}@example.org", "nickname": who, "nickname_key": who}
            uow.session.add(User(**account, password_hash="x", role="user", created_at=1, updated_at=1))

    storage.write_now(add)
    return Store(storage)


@pytest.fixture
def editor() -> Editor:
    clock = Clock()
    return Editor(clock, Identifiers(clock))


ODD = QuestionDraft(
    "“中文” \U0001f600 100 % _x_\n=1+1",
    "Ärzte",
    "Geschlecht",
    "chrf",
    1e-7,
    {"名": "值 '\""},
    "sys\ttem",
    {"alternatives": ["ärzte"], "pass_at": 0.1},
    7,
)


async def test_every_character_and_number_comes_back(store: Store, editor: Editor) -> None:
    drafts = checked([ODD, QuestionDraft("long " * 40_000)])
    made = await store.write(
        lambda uow: editor.create(uow, "ann", "Sätze “1”", drafts, exact=True, note="n", tags=("标签",), origin="typed", source="a “b”.csv")
    )

    def read(uow: UnitOfWork) -> list[QuestionDraft]:
        rows = uow.questions.questions("ann", made, [1, 2])
        assert uow.questions.questions("bob", made, [1, 2]) == {}
        return [question_view(rows[serial], serial).draft() for serial in (1, 2)]

    assert await store.read(read) == drafts
    item = await store.read(lambda uow: set_view(found(uow, "ann", "Sätze “1”")))
    assert (item.id, item.tags, item.count, item.expected, dict(item.types)) == (made, ("标签",), 2, 1, {"": 1, "Geschlecht": 1})


async def test_names_are_exact_and_an_owners_own(store: Store, editor: Editor) -> None:
    def create(who: str, name: str, exact: bool = True) -> object:
        return store.write(lambda uow: editor.create(uow, who, name, [], exact=exact, note="", tags=(), origin="typed"))

    await create("ann", "Ärzte")  # type: ignore[misc]
    await create("ann", "ärzte")  # type: ignore[misc]
    await create("bob", "Ärzte")  # type: ignore[misc]
    with pytest.raises(Conflict):
        await create("ann", "Ärzte")  # type: ignore[misc]
    await create("ann", "Ärzte", exact=False)  # type: ignore[misc]
    assert sorted(await store.read(lambda uow: list(uow.questions.names("ann")))) == ["Ärzte", "Ärzte 2", "ärzte"]


async def test_many_questions_their_versions_and_search(store: Store, editor: Editor) -> None:
    drafts = checked([QuestionDraft(f"Question {number}?", f"Answer {number}", f"t{number % 3}") for number in range(1, 3001)])
    made = await store.write(lambda uow: editor.create(uow, "ann", "many", drafts, exact=True, note="", tags=(), origin="typed"))

    def change(uow: UnitOfWork) -> None:
        row = found(uow, "ann", made)
        new = checked([QuestionDraft("Another?")])
        editor.edit(uow, "ann", row, replace={2: new[0]}, remove=frozenset({1, 3000}), add=new)

    await store.write(change)

    def look(uow: UnitOfWork) -> tuple[list[int], set[int], set[int], set[int], tuple[object, ...]]:
        old, now = serials_of(uow, "ann", made, 1), serials_of(uow, "ann", made, 2)
        matching = uow.questions.matching
        return (
            now, matching("ann", made, "QUESTION 299", None), matching("ann", made, "answer 12", "t0"), matching("bob", made, "", None),
            pairs(uow, "ann", made, old, now),
        )  # fmt: skip

    now, named, typed, nobodys, differing = await store.read(look)
    assert now == [3001, *range(3, 3000), 3002]
    assert named == {299, *range(2990, 3000)}
    assert typed == {12, 120, 123, 126, 129, *range(1200, 1300, 3)}
    assert nobodys == set()
    assert differing == ([3002], [(2, 3001)], [1, 3000])
    assert await store.write(lambda uow: uow.questions.remove("bob", [made])) == 0
    assert await store.write(lambda uow: uow.questions.remove("ann", [made])) == 1
    assert await store.read(lambda uow: uow.questions.questions("ann", made, [5])) == {}


async def test_numbers_that_somebody_else_took_are_not_given_twice(store: Store, editor: Editor) -> None:
    made = await store.write(lambda uow: editor.create(uow, "ann", "s", [], exact=True, note="", tags=(), origin="typed"))
    firsts = [await store.write(lambda uow: uow.questions.take_serials("ann", made, 10)) for _ in range(3)]
    assert firsts == [1, 11, 21]
    assert await store.write(lambda uow: uow.questions.take_serials("bob", made, 10)) is None
    assert await store.write(lambda uow: uow.questions.remove_unfinished("ann", 1 << 50)) == 0
