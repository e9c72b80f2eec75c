"""Conversations, the tree of messages, parts and drafts on every kind of database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.chat import sending
from core.chat.sending import Asked, Moment
from core.errors import Conflict
from storage.repositories.messages import Part
from storage.unit_of_work import Storage, UnitOfWork

ASKED = Asked(None, "modèle-模型", "ollama")
ODD = "é 你好 \U0001f600 \u2028 \x1b[31m 'quoted' %_\\ end "


@pytest.fixture
def owners(storage: Storage) -> tuple[str, str]:
    def work(uow: UnitOfWork) -> None:
        for name in ("ann", "bob"):
            values = {"email": f"{name}@example.org", "nickname": name, "nickname_key": name, "password_hash": "x", "role": "user"}
            values |= {"language": "", "theme": "", "time_zone": "", "preferences": "", "last_sign_in_from": ""}
            uow.users.add(id=name, epoch=0, must_change_password=False, created_at=1, updated_at=1, **values)

    storage.write_now(work)
    return "ann", "bob"


def at(owner: str = "ann", now_ms: int = 1_000, generator: str = "host/boot/1/1.00") -> Moment:
    return Moment(owner, generator, now_ms)


def begin(uow: UnitOfWork, conversation: str, moment: Moment, title: str = "", **more: Any) -> None:
    uow.conversations.add(**sending.new_conversation(conversation, moment, title=title, **more))


def ask(uow: UnitOfWork, conversation: str, number: int, moment: Moment, text: str = "why") -> dict[str, Any]:
    row = sending.free_conversation(uow, moment, conversation)
    answer = sending.add_question(uow, moment, row, f"q{number}", f"a{number}", text, ASKED, None)
    uow.messages.change(f"a{number}", state="complete", generator="")
    return answer


def test_the_list_its_order_its_search_and_its_owner(storage: Storage, owners: tuple[str, str]) -> None:
    ann, bob = owners

    def work(uow: UnitOfWork) -> None:
        for number, title in enumerate(("Loss CURVES", "100% of it", "损失函数", "a_b", "pinned")):
            begin(uow, f"c{number}", at(ann, 1000 + number), title, pinned=title == "pinned")
        begin(uow, "theirs", at(bob), "Loss of bob")

    storage.write_now(work)

    def ids(**how: Any) -> list[str]:
        return storage.read_now(lambda uow: [row.id for row in uow.conversations.page(ann, **{"limit": 50, "offset": 0, **how})])

    assert ids() == ["c4", "c3", "c2", "c1", "c0"]
    assert ids(limit=2, offset=1) == ["c3", "c2"]
    assert (ids(query="loss"), ids(query="0%"), ids(query="a_"), ids(query="函数"), ids(query="\\")) == (["c0"], ["c1"], ["c3"], ["c2"], [])
    assert storage.read_now(lambda uow: uow.conversations.count(ann, query="loss")) == 1
    assert storage.read_now(lambda uow: uow.conversations.get(ann, "theirs")) is None
    assert storage.write_now(lambda uow: uow.conversations.change(ann, "theirs", title="stolen")) is False
    assert storage.read_now(lambda uow: uow.conversations.owned(ann, ["c0", "theirs", "no"])) == {"c0"}


def test_an_update_that_changes_nothing_still_finds_its_row(storage: Storage, owners: tuple[str, str]) -> None:
    """MySQL counts changed rows unless it is told to count found ones."""
    storage.write_now(lambda uow: begin(uow, "c", at(), "same"))
    assert storage.write_now(lambda uow: uow.conversations.change("ann", "c", title="same")) is True
    for _time in range(2):
        storage.write_now(lambda uow: uow.drafts.put("ann", "", "same", 5))
    assert storage.read_now(lambda uow: uow.drafts.get("ann", "")) == "same"


def test_the_trash_and_deleting_for_good(storage: Storage, owners: tuple[str, str]) -> None:
    def work(uow: UnitOfWork) -> None:
        begin(uow, "c", at())
        ask(uow, "c", 1, at())
        uow.drafts.put("ann", "c", "half", 5)

    storage.write_now(work)
    assert storage.write_now(lambda uow: uow.conversations.mark_deleted("ann", ["c"], 77)) == 1
    assert storage.read_now(lambda uow: uow.conversations.trashed_before(77)) == []
    assert storage.read_now(lambda uow: uow.conversations.trashed_before(78)) == [("ann", "c")]
    assert storage.write_now(lambda uow: uow.conversations.remove("bob", ["c"])) == 0
    assert storage.write_now(lambda uow: uow.conversations.remove("ann", ["c"])) == 1
    assert storage.read_now(lambda uow: uow.messages.parts(["q1"])) == {}
    assert storage.read_now(lambda uow: uow.messages.find("ann", "a1")) is None
    assert storage.read_now(lambda uow: uow.drafts.get("ann", "c")) == ""


def test_a_branch_is_read_by_its_tail_whatever_is_beside_it(storage: Storage, owners: tuple[str, str]) -> None:
    def work(uow: UnitOfWork) -> None:
        begin(uow, "c", at())
        for number in range(1, 6):
            ask(uow, "c", number, at(now_ms=1000 + number), f"question {number}")
        row = uow.conversations.get("ann", "c")
        sending.add_answer(uow, at(), row, "other", "q5", 9, ASKED)

    storage.write_now(work)

    def branch(last: str, limit: int) -> list[str]:
        return storage.read_now(lambda uow: [row.id for row in uow.messages.branch("ann", "c", last, limit)])

    assert branch("other", 3) == ["a4", "q5", "other"]
    assert branch("a5", 99) == [f"{role}{number}" for number in range(1, 6) for role in "qa"]
    assert branch("a5", 1) == ["a5"]
    assert branch("no", 5) == []
    assert storage.read_now(lambda uow: uow.messages.branch("bob", "c", "a5", 5)) == []
    assert storage.read_now(lambda uow: [node.id for node in uow.messages.outline("c", "q3")]) == ["q1", "a1", "q2", "a2", "q3"]


def test_every_character_and_much_of_it_comes_back(storage: Storage, owners: tuple[str, str]) -> None:
    long = "损失\U0001f600" * 100_000

    def work(uow: UnitOfWork) -> None:
        begin(uow, "c", at(), ODD.strip()[:50])
        ask(uow, "c", 1, at(), ODD)
        uow.messages.replace_parts("a1", 0, [Part(0, "reasoning", ODD), Part(1, "text", long)])

    storage.write_now(work)
    parts = storage.read_now(lambda uow: uow.messages.parts(["q1", "a1"]))
    assert parts == {"q1": [Part(0, "text", ODD)], "a1": [Part(0, "reasoning", ODD), Part(1, "text", long)]}
    assert storage.read_now(lambda uow: uow.messages.find("ann", "a1").model) == ASKED.model  # type: ignore[union-attr]


def test_pieces_are_replaced_from_where_they_changed(storage: Storage, owners: tuple[str, str]) -> None:
    def work(uow: UnitOfWork) -> None:
        begin(uow, "c", at())
        ask(uow, "c", 1, at())
        uow.messages.replace_parts("a1", 0, [Part(0, "text", "a"), Part(1, "text", "b"), Part(2, "text", "c")])
        uow.messages.replace_parts("a1", 1, [Part(1, "text", "B")])

    storage.write_now(work)
    assert storage.read_now(lambda uow: uow.messages.parts_from("a1", 0)) == [Part(0, "text", "a"), Part(1, "text", "B")]
    assert storage.read_now(lambda uow: uow.messages.parts_from("a1", 1)) == [Part(1, "text", "B")]


def test_only_an_answer_that_nobody_touched_is_marked_as_lost(storage: Storage, owners: tuple[str, str]) -> None:
    def work(uow: UnitOfWork) -> None:
        begin(uow, "c", at())
        row = sending.free_conversation(uow, at(), "c")
        sending.add_question(uow, at(), row, "q1", "a1", "why", ASKED, None)

    storage.write_now(work)
    (row,) = storage.read_now(lambda uow: uow.messages.generating(["c", "no"]))
    (also,) = storage.read_now(lambda uow: uow.messages.all_generating())
    assert (row.id, also.id, also.owner_id) == ("a1", "a1", "ann")
    assert not storage.write_now(lambda uow: uow.messages.change_generating("a1", row.generator, 999, state="truncated"))
    assert not storage.write_now(lambda uow: uow.messages.change_generating("a1", "other", row.alive_at, state="truncated"))
    assert storage.write_now(lambda uow: uow.messages.ask_to_stop("a1"))
    assert storage.write_now(lambda uow: uow.messages.change_generating("a1", row.generator, row.alive_at, state="truncated"))
    assert not storage.write_now(lambda uow: uow.messages.ask_to_stop("a1"))


def test_a_title_by_a_model_never_replaces_a_persons(storage: Storage, owners: tuple[str, str]) -> None:
    storage.write_now(lambda uow: begin(uow, "c", at(), "first words"))
    assert storage.write_now(lambda uow: uow.conversations.title_by_model("ann", "c", "By model"))
    assert not storage.write_now(lambda uow: uow.conversations.title_by_model("ann", "c", "Again"))
    storage.write_now(lambda uow: uow.conversations.change("ann", "c", title="Mine", title_source="user"))
    assert not storage.write_now(lambda uow: uow.conversations.title_by_model("ann", "c", "By model"))


def test_of_many_who_send_at_once_one_gets_through(storage: Storage, owners: tuple[str, str]) -> None:
    storage.write_now(lambda uow: begin(uow, "c", at()))
    together, now = threading.Barrier(6), 10**15

    def send(number: int) -> str:
        moment = at(now_ms=now, generator=f"elsewhere/boot/{number}/1.00")

        def work(uow: UnitOfWork) -> None:
            row = sending.free_conversation(uow, moment, "c")
            sending.add_question(uow, moment, row, f"q{number}", f"a{number}", "why", ASKED, None)

        together.wait()
        try:
            storage.write_now(work)
        except Conflict:
            return "refused"
        return "sent"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(send, range(6)))
    assert sorted(outcomes) == ["refused"] * 5 + ["sent"]
    assert storage.read_now(lambda uow: uow.conversations.get("ann", "c").message_count) == 2  # type: ignore[union-attr]


def test_drafts_saved_at_once_by_two_windows(storage: Storage, owners: tuple[str, str]) -> None:
    together = threading.Barrier(4)

    def save(number: int) -> None:
        together.wait()
        storage.write_now(lambda uow: uow.drafts.put("ann", "", f"draft {number}", number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(4)))
    assert storage.read_now(lambda uow: uow.drafts.get("ann", "")).startswith("draft ")


def plan(storage: Storage, statement: str) -> str:
    with storage.engine.connect() as connection:
        return " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=False)
def test_the_hot_paths_use_their_indexes(storage: Storage) -> None:
    listed = plan(
        storage,
        "SELECT * FROM conversations WHERE owner_id='a' AND kind='' AND deleted_at IS NULL "
        "ORDER BY pinned DESC, used_at DESC, id DESC LIMIT 50",
    )
    assert "ix_conversations_list" in listed
    assert "TEMP B-TREE" not in listed
    assert "ix_messages_conversation_id_depth" in plan(
        storage, "SELECT * FROM messages WHERE conversation_id='c' AND depth > 5 AND depth < 9"
    )
    assert "ix_messages_state" in plan(storage, "SELECT * FROM messages WHERE state='generating' AND conversation_id IN ('a', 'b')")
