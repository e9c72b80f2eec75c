"""Batches on every kind of database: asked, answered, put back, judged, listed in every order, deleted."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

import pytest

from core.batches.asking import Item, Outcome, Snapshot
from core.batches.desk import Desk
from core.batches.rows import draft_text, score_columns
from core.batches.types import AnswerSort, BatchDraft, JudgeSetting
from core.clock import Clock
from core.llm.request import Parameters
from core.persistence import Store
from core.scoring.types import Score
from storage.tables.accounts import User
from storage.unit_of_work import Storage, UnitOfWork

SNAPSHOT = Snapshot("openai-compatible", "http://127.0.0.1:9/v1", "模型-m", Parameters(seed=3), "", 30.0)
NUMBER = 12


@pytest.fixture
def store(storage: Storage) -> Store:
    def add(uow: UnitOfWork) -> None:
        for who in ("ann", "bob"):
            account: dict[str, Any] = {"id": who, "email": f"{who}@example.org", "nickname": who, "nickname_key": who}
            uow.session.add(User(**account, password_hash="x", role="user", created_at=1, updated_at=1))

    storage.write_now(add)
    return Store(storage)


def lay_out(uow: UnitOfWork, batch_id: str, owner: str = "ann", state: str = "running") -> None:
    draft = draft_text(BatchDraft("set", ("one", "two"), scorer="contains", judge=JudgeSetting("judge")))
    uow.batches.add(
        id=batch_id, owner_id=owner, name=f"Probe “{batch_id}” 试", state=state, set_name="Fragen", questions=NUMBER, total=2 * NUMBER,
        draft=draft, created_at=int(batch_id[-1], 16), started_at=5,
    )  # fmt: skip
    made = [
        {"id": f"{batch_id}-{name}", "batch_id": batch_id, "ordinal": place, "source_id": name, "name": name, "model": f"模型-{name}",
         "snapshot": SNAPSHOT.to_json(), "total": NUMBER}
        for place, name in enumerate(("one", "two"))
    ]  # fmt: skip
    uow.batches.add_configurations(made)
    uow.batches.add_questions(
        [
            {"id": f"{batch_id}-q{number}", "batch_id": batch_id, "number": number, "content": f"Frage {number} 100% “哪_里” \U0001f600",
             "expected": "里" if number % 2 else None, "type": "odd" if number % 2 else "Odd", "weight": 0.1 + number}
            for number in range(1, NUMBER + 1)
        ]
    )  # fmt: skip
    uow.batches.add_answers(
        [
            {"id": f"{batch_id}-{number}-{place}", "batch_id": batch_id, "configuration_id": each["id"],
             "question_id": f"{batch_id}-q{number}", "ordinal": 2 * number + place}
            for number in range(1, NUMBER + 1) for place, each in enumerate(made)
        ]
    )  # fmt: skip


def answered(item: Item, *, cost: str = "", **changes: Any) -> Outcome:
    entry = {
        "id": item.id, "state": "answered", "content": f"在那里 {item.number}", "reasoning": "", "finish": "stop", "input_tokens": 3,
        "output_tokens": item.number, "reasoning_tokens": None, "usage_exact": True, "ttft_ms": 10, "ttfa_ms": 11,
        "total_ms": 100 - item.number, "error": "", "attempts": 1, "from_cache": False,
    }  # fmt: skip
    return Outcome(item, entry | changes)


def counts(uow: UnitOfWork) -> list[tuple[Any, ...]]:
    return [
        (
            row.total,
            row.answered,
            row.failed,
            row.asking,
            row.cached,
            row.scored,
            row.output_tokens,
            round(row.score, 6),
            round(row.weight, 6),
        )
        for row in uow.batches.configurations_of(["b1"])
    ]


async def desk_of(store: Store, batch_id: str) -> Desk:
    assignment = await Desk.take_over(store, batch_id)
    assert assignment is not None
    return Desk(store, Clock(), assignment)


async def test_asking_answering_and_putting_back_keep_the_counts(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    desk = await desk_of(store, "b1")
    claimed = await desk.claim(("b1-one", "b1-two"), 10)
    assert [item.number for item in claimed.items] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    await desk.save([answered(item) for item in claimed.items[:6]])
    await desk.save([answered(claimed.items[0], content="never")])  # there already
    await desk.save([answered(claimed.items[6], state="failed", content="", error='{"code":"rate_limited","fields":"{}"}')])
    await desk.put_back(claimed.items[7:])
    rows = await store.read(lambda uow: [(row.answered, row.failed, row.asking) for row in uow.batches.configurations_of(["b1"])])
    assert rows == [(3, 1, 0), (3, 0, 0)]
    while await desk.score_some():  # what the saver had no time for
        pass
    scored = await store.read(lambda uow: [(row.scored, round(row.score, 6)) for row in uow.batches.configurations_of(["b1"])])
    assert scored == [(2, 4.2), (2, 4.2)]  # of the odd ones something is expected; their weights
    assert await desk.left() == 2 * NUMBER - 7
    again = await desk.claim(("b1-two",), 100)
    assert [item.number for item in again.items] == [*range(4, NUMBER + 1)]
    before = await store.read(counts)
    await store.write(lambda uow: uow.batches.recount("b1"))
    assert await store.read(counts) == before


async def test_who_lost_a_batch_claims_nothing_and_what_it_brings_is_taken(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    old = await desk_of(store, "b1")
    item, other = (await old.claim(("b1-one",), 2)).items
    new = await desk_of(store, "b1")
    await new.put_in_order()
    assert (await old.claim(("b1-one",), 2)).state == "lost"
    assert await old.look() == "lost"
    assert not await old.become("paused", of=("running",))
    assert [each.id for each in (await new.claim(("b1-one",), 1)).items] == [item.id]
    await old.save([answered(item), answered(other)])
    assert [each.number for each in (await new.claim(("b1-one",), 1)).items] == [3]
    rows = await store.read(lambda uow: [(row.answered, row.asking) for row in uow.batches.configurations_of(["b1"])])
    assert rows == [(2, 1), (0, 0)]


async def test_the_cache_is_of_one_owner(store: Store) -> None:
    for batch_id, owner in (("b1", "ann"), ("b2", "ann"), ("b3", "bob")):
        await store.write(lambda uow, batch_id=batch_id, owner=owner: lay_out(uow, batch_id, owner))  # type: ignore[misc]
    first = await desk_of(store, "b1")
    await first.save([answered(item) for item in (await first.claim(("b1-one",), 3)).items])
    hers, his = [await (await desk_of(store, name)).claim((f"{name}-one",), 5) for name in ("b2", "b3")]
    assert ([outcome.item.number for outcome in hers.cached], len(hers.items)) == ([1, 2, 3], 2)
    assert hers.cached[0].entry["content"] == "在那里 1"
    assert (his.cached, len(his.items)) == ((), 5)
    assert await (await desk_of(store, "b2")).save(hers.cached)


async def test_many_claim_at_once_and_each_question_once(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    desk = await desk_of(store, "b1")
    claims = await asyncio.gather(*(desk.claim(("b1-one", "b1-two"), 3) for _ in range(8)))
    ids = [item.id for claimed in claims for item in claimed.items]
    assert len(ids) == len(set(ids)) == 2 * NUMBER


async def test_answers_are_read_in_every_order_and_found_by_what_they_say(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    desk = await desk_of(store, "b1")
    await desk.save([answered(item) for item in (await desk.claim(("b1-one",), 5)).items])

    def page(uow: UnitOfWork, sort: str = "number", query: str = "", owner: str = "ann", **where: Any) -> tuple[list[int], int]:
        wanted = {"state": None, "configuration_id": None, "type": None} | where
        rows, total = uow.batches.answers_page(owner, "b1", where=wanted, query=query, sort=sort, limit=5, offset=0)
        return [row.q_number for row in rows], total

    for sort in get_args(AnswerSort):
        assert (await store.read(lambda uow, sort=sort: page(uow, sort)))[1] == 2 * NUMBER  # type: ignore[misc]
    assert await store.read(lambda uow: page(uow, "total")) == ([5, 4, 3, 2, 1], 2 * NUMBER)
    assert await store.read(lambda uow: page(uow, state="answered")) == ([1, 2, 3, 4, 5], 5)
    assert await store.read(lambda uow: page(uow, type="Odd", state="answered")) == ([2, 4], 2)
    assert await store.read(lambda uow: page(uow, query="FRAGE 12")) == ([12, 12], 2)
    assert await store.read(lambda uow: page(uow, query="在那里 5")) == ([5], 1)
    assert (await store.read(lambda uow: page(uow, query="100%")))[1] == 2 * NUMBER
    assert (await store.read(lambda uow: page(uow, query="_")))[1] == 2 * NUMBER
    assert await store.read(lambda uow: page(uow, query="%%")) == ([], 0)
    assert await store.read(lambda uow: page(uow, owner="bob")) == ([], 0)
    changed = await store.read(lambda uow: uow.batches.by_id("b1").changed)  # type: ignore[union-attr]
    newest = await store.read(lambda uow: [row.q_number for row in uow.batches.newest("b1", changed - 1, 3)])
    assert newest == [5, 4, 3]
    assert len(await store.read(lambda uow: uow.batches.figures("b1"))) == 2 * NUMBER
    assert len(await store.read(lambda uow: uow.batches.output_of_model("ann", "模型-one", 3))) == 3


async def test_judgements_are_paired_scored_and_put_back(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    desk = await desk_of(store, "b1")
    await desk.save([answered(item) for item in (await desk.claim(("b1-one", "b1-two"), 4)).items])

    def judge(uow: UnitOfWork) -> None:
        pairs = [("b1-1-0", "b1-1-1", turned) for turned in (False, True)]
        rows = [
            {
                "id": f"j{place}",
                "batch_id": "b1",
                "left_id": left,
                "right_id": right,
                "turned": turned,
                "ordinal": place,
                "state": "waiting",
            }
            for place, (left, right, turned) in enumerate([*pairs, ("b1-2-0", None, False), ("b1-2-1", None, False)])
        ]
        uow.batches.add_judgements(rows)

    await store.write(judge)
    waiting = await store.read(lambda uow: [(row.id, row.left_content, row.right_content) for row in uow.batches.open_judgements("b1")])
    assert waiting == [("j0", "在那里 1", "在那里 1"), ("j1", "在那里 1", "在那里 1"), ("j2", "在那里 2", None), ("j3", "在那里 2", None)]
    await store.write(lambda uow: uow.batches.change_judgements(["j0"], state="answered", verdict="left", reason="kürzer"))
    await store.write(lambda uow: uow.batches.change_judgements(["j1", "j2"], state="failed", error="{}"))
    rows, total = await store.read(lambda uow: uow.batches.judgements_page("ann", "b1", 10, 0))
    assert (total, rows[0].verdict, rows[0].t_state, rows[0].number) == (1, "left", "failed", 1)
    assert (await store.read(lambda uow: uow.batches.judgements_page("bob", "b1", 10, 0)))[1] == 0
    assert await store.read(lambda uow: uow.batches.judged("b1")) == (3, 4)
    assert await store.write(lambda uow: uow.batches.put_back_judgements("b1", ("failed",))) == 2
    assert await store.read(lambda uow: uow.batches.judgements_left("b1")) == 3
    await desk.save_scores([("b1-2-0", 2.1, score_columns(Score(0.5, None, "judge", {"grade": 5})))])
    scored = await store.read(lambda uow: [row.scored for row in uow.batches.configurations_of(["b1"])])
    assert scored == [2, 1]


async def test_lists_and_deletion(store: Store) -> None:
    await store.write(lambda uow: lay_out(uow, "b1"))
    await store.write(lambda uow: lay_out(uow, "b2", state="paused"))
    await store.write(lambda uow: lay_out(uow, "b3", owner="bob"))
    await store.write(lambda uow: lay_out(uow, "b4", state="making"))

    def listed(uow: UnitOfWork, query: str = "", states: tuple[str, ...] = ()) -> list[str]:
        rows, total = uow.batches.listed("ann", query=query, states=states, limit=10, offset=0)
        assert total == len(rows)
        return [row.id for row in rows]

    assert await store.read(listed) == ["b2", "b1"]
    assert await store.read(lambda uow: listed(uow, "PROBE 模型-ONE")) == ["b2", "b1"]
    assert await store.read(lambda uow: listed(uow, states=("paused",))) == ["b2"]
    assert await store.read(lambda uow: listed(uow, "\x00\ud800")) == []
    assert await store.read(lambda uow: uow.batches.find("ann", "Probe “b1” 试").id) == "b1"  # type: ignore[union-attr]
    assert await store.read(lambda uow: uow.batches.get("ann", "b4")) is None
    assert not await store.write(lambda uow: uow.batches.remove("bob", "b1"))
    assert await store.write(lambda uow: uow.batches.remove("ann", "b1"))
    await store.write(lambda uow: uow.batches.remove_half_made(100))
    assert await store.read(lambda uow: [row.id for row in uow.batches.active()]) == ["b3"]
    assert await store.read(lambda uow: uow.batches.by_id("b4")) is None
    assert await store.read(lambda uow: uow.batches.left("b2")) == 2 * NUMBER
