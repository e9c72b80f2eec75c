"""Datasets on every kind of database: names once for each owner, versions, what uses them, many at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from core.clock import Clock, Identifiers
from core.datasets.editing import Editor, used_by
from core.datasets.home import Home
from core.errors import Conflict
from core.persistence import Store
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork


@pytest.fixture
def store(storage: Storage) -> Store:
    def add(uow: UnitOfWork) -> None:
        for who in ("ann", "bob"):
            account = {"id": who, "email": f"{who}@example.org", "nickname": who, "nickname_key": who}
            uow.session.add(User(**account, password_hash="x", role="user", created_at=1, updated_at=1))

    storage.write_now(add)
    return Store(storage)


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    clock = Clock()
    return Editor(clock, Identifiers(clock), Home(tmp_path / "data"))


@pytest.fixture
def version(tmp_path: Any) -> dict[str, Any]:
    path = tmp_path / "rows “数据”.jsonl"
    path.write_bytes(b"{}\n")
    return {"path": path, "origin": "added", "linked": True}


async def test_names_versions_and_what_a_check_found(store: Store, editor: Editor, version: dict[str, Any]) -> None:
    made = await store.write(lambda uow: editor.add(uow, "ann", "Daten für Ärzte", exact=True, **version))
    with pytest.raises(Conflict):
        await store.write(lambda uow: editor.add(uow, "ann", "Daten für Ärzte", exact=True, **version))
    other_case = await store.write(lambda uow: editor.add(uow, "ann", "daten für ärzte", exact=True, **version))
    his = await store.write(lambda uow: editor.add(uow, "bob", "Daten für Ärzte", exact=True, **version))
    number = await store.write(
        lambda uow: editor.next_version(uow, "ann", made, **version | {"origin": "repaired"}, changes={"not_text": 3})
    )
    told = {"file_kind": "jsonl", "format": "alpaca", "size": 1 << 40, "mtime_ns": (1 << 62) + 1, "verdict": "usable", "rows": 1 << 33}

    def check(uow: UnitOfWork) -> None:
        row = uow.datasets.version("ann", made, number)
        assert row is not None
        editor.checked(uow, "ann", made, row.id, told | {"text": "“数据” \U0001f600"})
        editor.checked(uow, "bob", made, row.id, told | {"verdict": "unusable"})

    await store.write(check)

    def look(uow: UnitOfWork) -> tuple[Any, ...]:
        row = uow.datasets.get("ann", made)
        assert row is not None
        assert uow.datasets.get("bob", made) is None and uow.datasets.get("ann", his) is None
        assert uow.datasets.by_name("ann", "daten für ärzte").id == other_case
        assert uow.datasets.versions_of("bob", made) == []
        assert set(uow.datasets.paths("bob").values()) == {his}
        return row.version, row.versions, row.v_size, row.v_mtime_ns, row.v_verdict, json.loads(row.v_summary)["text"], row.v_changes

    expected = (2, 2, 1 << 40, (1 << 62) + 1, "usable", "“数据” \U0001f600", '{"not_text": 3}')
    assert await store.read(look) == expected
    assert await store.write(lambda uow: uow.datasets.remove("bob", [made])) == 0
    assert await store.write(lambda uow: uow.datasets.remove("ann", [made, other_case])) == 2
    assert await store.read(lambda uow: len(uow.datasets.all("bob"))) == 1


async def test_many_add_at_once(store: Store, editor: Editor, version: dict[str, Any]) -> None:
    def add(uow: UnitOfWork) -> str:
        assert uow.datasets.lock_owner("ann")
        return editor.add(uow, "ann", "rows", exact=False, **version)

    made = await asyncio.gather(*(store.write(add) for _number in range(8)))
    assert len(set(made)) == 8
    assert await store.read(lambda uow: set(uow.datasets.names("ann"))) == {"rows", *(f"rows {number}" for number in range(2, 9))}


async def test_what_uses_a_dataset(store: Store, editor: Editor, version: dict[str, Any], tmp_path: Path) -> None:
    home = Home(tmp_path / "data")
    made = await store.write(lambda uow: editor.add(uow, "ann", "rows", exact=True, **version))

    def use(uow: UnitOfWork) -> None:
        uow.training_configurations.add(
            id="c" * 32, owner_id="ann", name="night", note="", shared=False, version=2, created_at=1, updated_at=1
        )
        for number, ids in ((1, [made]), (2, [])):
            draft = json.dumps({"dataset_ids": ids})
            uow.training_configurations.add_version(
                id=str(number) * 32, configuration_id="c" * 32, version=number, draft=draft, created_at=1, created_by="ann"
            )

    await store.write(use)
    assert (await store.read(lambda uow: used_by(uow, "ann", [made], home))).nothing
    await store.write(lambda uow: uow.training_configurations.change("ann", "c" * 32, version=1))
    assert (await store.read(lambda uow: used_by(uow, "ann", [made], home))).configurations == ("night",)
    assert (await store.read(lambda uow: used_by(uow, "bob", [made], home))).nothing
