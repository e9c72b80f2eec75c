"""The list, the trash, drafts, long conversations; and that nothing of it is reachable for anybody else."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from core import errors
from core.auth.principal import operator
from core.bootstrap import build_services
from core.chat import sending
from core.chat.service import Chat
from core.clock import Clock
from core.settings import DAY
from storage.repositories.messages import Part
from storage.unit_of_work import UnitOfWork
from tests.unit.chat.conftest import House

NOBODY = "0" * 32


async def long_conversation(house: House, count: int, *, siblings: int = 0) -> str:
    """A conversation of `count` messages, written at once; `siblings` old answers beside each answer."""
    at = sending.Moment(house.ann.user_id, "", house.services.clock.now_ms())
    conversation_id = house.services.ids.new()

    def work(uow: UnitOfWork) -> None:
        uow.conversations.add(**sending.new_conversation(conversation_id, at, title="Long"))
        last = None
        for depth in range(count):
            role = "assistant" if depth % 2 else "user"
            for sibling in range(siblings + 1 if role == "assistant" else 1):
                message_id = f"{depth:030d}{sibling:02d}"
                values = sending.new_message(message_id, conversation_id, at, parent_id=last, depth=depth, role=role)
                uow.messages.add(values)
                uow.messages.replace_parts(message_id, 0, [Part(0, "text", f"message {depth}.{sibling}")])
            last = message_id
        uow.conversations.change(house.ann.user_id, conversation_id, leaf_id=last, message_count=count)

    await house.services.store.write(work)
    return conversation_id


async def titles(house: House, **arguments: Any) -> list[str]:
    return [item.title for item in (await house.chat.conversations(house.ann, **arguments)).items]


class TestList:
    async def test_the_last_used_is_first_and_pinned_ones_are_before_all(self, house: House) -> None:
        made = [await house.chat.create(house.ann, title=f"c{number}") for number in range(3)]
        assert await titles(house) == ["c2", "c1", "c0"]
        await house.ask("sim-echo@0", "hello", made[0].id)
        assert await titles(house) == ["c0", "c2", "c1"]
        await house.chat.pin(house.ann, made[1].id, True)
        assert await titles(house) == ["c1", "c0", "c2"]
        assert (await house.chat.conversations(house.ann)).items[0].pinned

    async def test_pages(self, house: House) -> None:
        for number in range(5):
            await house.chat.create(house.ann, title=f"c{number}")
        page = await house.chat.conversations(house.ann, limit=2, offset=2)
        assert ([item.title for item in page.items], page.total) == (["c2", "c1"], 5)
        assert (await house.chat.conversations(house.ann, limit=2, offset=9)).items == ()
        assert (await house.chat.conversations(house.ann, limit=-1, offset=-1)).items == ()

    async def test_search_finds_words_and_takes_wildcards_literally(self, house: House) -> None:
        for title in ("Loss of 100% after a step", "Loss curves", "损失函数的曲线", "under_score"):
            await house.chat.create(house.ann, title=title)
        assert await titles(house, query="LOSS") == ["Loss curves", "Loss of 100% after a step"]
        assert await titles(house, query="step loss") == ["Loss of 100% after a step"]
        assert await titles(house, query="0%") == ["Loss of 100% after a step"]
        assert await titles(house, query="r_s") == ["under_score"]
        assert await titles(house, query="函数") == ["损失函数的曲线"]
        assert await titles(house, query="'; drop table messages; --") == []

    async def test_an_answer_being_made_is_told(self, house: House) -> None:
        sent = await house.send("sim-markdown@400x4000")
        (item,) = (await house.chat.conversations(house.ann)).items
        assert item.generating
        assert (await house.open(sent.conversation_id)).summary.generating
        await house.chat.stop(house.ann, sent.answer_id)
        await house.watch(sent.answer_id)
        (item,) = (await house.chat.conversations(house.ann)).items
        assert not item.generating


class TestTrash:
    async def test_deleted_restored_and_deleted_for_good(self, house: House) -> None:
        sent = await house.send("sim-echo@0", "hello")
        await house.watch(sent.answer_id)
        assert await house.chat.delete(house.ann, [sent.conversation_id]) == 1
        assert await titles(house) == []
        (item,) = (await house.chat.conversations(house.ann, trash=True)).items
        assert item.deleted_at is not None
        with pytest.raises(errors.NotFound):
            await house.open(sent.conversation_id)
        assert len((await house.chat.open(house.ann, sent.conversation_id, trash=True)).messages) == 2
        with pytest.raises(errors.Conflict) as refused:
            await house.send("sim-echo@0", "again", sent.conversation_id)
        assert refused.value.fields["what"] == "in_trash"
        assert await house.chat.restore(house.ann, [sent.conversation_id]) == 1
        assert len((await house.open(sent.conversation_id)).messages) == 2
        assert await house.chat.purge(house.ann, [sent.conversation_id]) == 1
        with pytest.raises(errors.NotFound):
            await house.chat.open(house.ann, sent.conversation_id, trash=True)

    async def test_all_or_nothing(self, house: House) -> None:
        made = await house.chat.create(house.ann, title="kept")
        for method in (house.chat.delete, house.chat.purge):
            with pytest.raises(errors.NotFound):
                await method(house.ann, [made.id, NOBODY])
        assert await titles(house) == ["kept"]

    async def test_deleting_stops_the_answer_and_keeps_what_came(self, house: House) -> None:
        sent = await house.send("sim-markdown@400x4000")
        seen = await house.until(sent.answer_id, 100)
        watching = asyncio.create_task(house.watch(sent.answer_id))
        await house.chat.delete(house.ann, [sent.conversation_id])
        assert (await watching).message.state == "stopped"
        await house.chat.restore(house.ann, [sent.conversation_id])
        assert (await house.open(sent.conversation_id)).messages[1].content.startswith(seen.text)

    async def test_deleting_for_good_ends_the_answer(self, house: House) -> None:
        sent = await house.send("sim-markdown@400x4000")
        await house.until(sent.answer_id, 100)
        watching = asyncio.create_task(house.watch(sent.answer_id))
        await house.chat.purge(house.ann, [sent.conversation_id])
        watched = await watching
        assert isinstance(watched.last.error, errors.NotFound)
        assert await titles(house) == []

    async def test_the_trash_is_emptied_after_thirty_days(self, house: House) -> None:
        old, young, kept = [await house.chat.create(house.ann, title=title) for title in ("old", "young", "kept")]
        await house.chat.delete(house.ann, [old.id])
        now = house.services.clock.wall()
        await house.services.store.write(
            lambda uow: uow.conversations.mark_deleted(house.ann.user_id, [old.id], round((now - 30 * DAY - 60) * 1000))
        )
        await house.chat.delete(house.ann, [young.id])
        other = await build_services(house.services.settings)
        page = await other.chat.conversations(house.ann, trash=True)
        await other.close()
        assert [item.title for item in page.items] == ["young"]
        assert await titles(house) == [kept.title]


class TestNames:
    async def test_the_first_question_names_a_conversation(self, house: House) -> None:
        await house.ask("sim-echo@0", "\n  ## Why is *this* loss flat after step two hundred of the run?\nSecond line")
        assert await titles(house) == ["Why is *this* loss flat after step two hundred of…"]

    async def test_a_persons_title_stays(self, house: House) -> None:
        made = await house.chat.create(house.ann, title="Mine")
        await house.ask("sim-echo@0", "hello", made.id)
        await house.chat.rename(house.ann, made.id, "  Still \x1b[31m mine\n ")
        await house.ask("sim-echo@0", "hello again", made.id)
        assert await titles(house) == ["Still mine"]

    @pytest.mark.parametrize("title", ["", " \n", "\x1b[0m", "x" * 201])
    async def test_titles_that_cannot_be(self, house: House, title: str) -> None:
        made = await house.chat.create(house.ann)
        with pytest.raises(errors.InvalidInput):
            await house.chat.rename(house.ann, made.id, title)


class TestDrafts:
    async def test_a_draft_is_kept_for_each_conversation_and_goes_when_it_is_sent(self, house: House) -> None:
        made = await house.chat.create(house.ann)
        await house.chat.save_draft(house.ann, None, "new")
        for text in ("ol", "old"):
            await house.chat.save_draft(house.ann, made.id, text)
        assert (await house.chat.draft(house.ann, None), await house.chat.draft(house.ann, made.id)) == ("new", "old")
        assert await house.chat.draft(house.bob, None) == ""
        await house.ask("sim-echo@0", "old", made.id)
        assert (await house.chat.draft(house.ann, None), await house.chat.draft(house.ann, made.id)) == ("new", "")
        await house.ask("sim-echo@0", "new")
        assert await house.chat.draft(house.ann, None) == ""
        await house.chat.save_draft(house.ann, made.id, "x")
        await house.chat.save_draft(house.ann, made.id, "")
        assert await house.chat.draft(house.ann, made.id) == ""

    async def test_a_draft_outlives_the_program(self, house: House) -> None:
        await house.chat.save_draft(house.ann, None, "half a question 半个问题")
        other = await build_services(house.services.settings)
        assert await other.chat.draft(house.ann, None) == "half a question 半个问题"
        await other.close()


class TestLong:
    async def test_the_tail_and_what_is_before_it(self, house: House) -> None:
        conversation = await long_conversation(house, 1205, siblings=1)
        view = await house.chat.open(house.ann, conversation, tail=200)
        assert (len(view.messages), view.earlier) == (200, 1005)
        assert view.messages[-1].content == "message 1204.0"
        assert view.messages[-2].content == "message 1203.1"
        found = list(view.messages)
        while found[0].parent_id is not None:
            page = await house.chat.earlier(house.ann, conversation, found[0].id)
            assert len(page) in (500, 5)
            found[:0] = page
        assert len(found) == 1205
        assert [message.parent_id for message in found[1:]] == [message.id for message in found[:-1]]
        assert await house.chat.earlier(house.ann, conversation, found[0].id) == ()

    async def test_short_conversations_have_nothing_before(self, house: House) -> None:
        empty = await house.chat.create(house.ann)
        view = await house.open(empty.id)
        assert (view.messages, view.earlier) == ((), 0)
        conversation = await long_conversation(house, 4)
        for tail, count, earlier in ((4, 4, 0), (3, 3, 1), (1, 1, 3), (0, 1, 3), (99, 4, 0)):
            view = await house.chat.open(house.ann, conversation, tail=tail)
            assert (len(view.messages), view.earlier) == (count, earlier)

    async def test_export_has_the_whole_branch(self, house: House) -> None:
        conversation = await long_conversation(house, 700, siblings=1)
        exported = await house.chat.export(house.ann, conversation)
        assert set(exported) == {"id", "title", "messages"}
        assert len(exported["messages"]) == 700
        assert set(exported["messages"][0]) == {"id", "role", "content", "reasoning", "model", "state", "created_at"}


# Who may --------------------------------------------------------------------------------------------------------------


async def first_update(chat: Chat, principal: Any, answer_id: str) -> None:
    async for _update in chat.watch(principal, answer_id):
        return


def calls(conversation: str, message: str, configuration: str) -> dict[str, Callable[[Chat, Any], Awaitable[Any]]]:
    """A call of every method of Chat that names something; by method."""
    return {
        "open": lambda chat, who: chat.open(who, conversation, trash=True),
        "earlier": lambda chat, who: chat.earlier(who, conversation, message),
        "export": lambda chat, who: chat.export(who, conversation),
        "rename": lambda chat, who: chat.rename(who, conversation, "stolen"),
        "pin": lambda chat, who: chat.pin(who, conversation, True),
        "delete": lambda chat, who: chat.delete(who, [conversation]),
        "restore": lambda chat, who: chat.restore(who, [conversation]),
        "purge": lambda chat, who: chat.purge(who, [conversation]),
        "set_configuration": lambda chat, who: chat.set_configuration(who, conversation, configuration),
        "set_system_prompt": lambda chat, who: chat.set_system_prompt(who, conversation, "stolen"),
        "send": lambda chat, who: chat.send(who, conversation, "hello"),
        "watch": lambda chat, who: first_update(chat, who, message),
        "stop": lambda chat, who: chat.stop(who, message),
        "retry": lambda chat, who: chat.retry(who, message),
        "continue_answer": lambda chat, who: chat.continue_answer(who, message),
        "save_draft": lambda chat, who: chat.save_draft(who, conversation, "stolen"),
        "draft": lambda chat, who: chat.draft(who, conversation),
        "create": lambda chat, who: chat.create(who, configuration_id=configuration),
        "seen": lambda chat, who: chat.seen(who, conversation),
        "unseen": lambda chat, who: chat.unseen(who, conversation),
        "share": lambda chat, who: chat.share(who, conversation, "ann"),
        "unshare": lambda chat, who: chat.unshare(who, conversation, "ann"),
        "shares": lambda chat, who: chat.shares(who, conversation),
        "copy": lambda chat, who: chat.copy(who, conversation),
    }


METHODS = sorted(calls("", "", ""))


async def outcome(call: Awaitable[Any]) -> tuple[str, dict[str, Any]]:
    try:
        await call
    except errors.ModeltrainError as error:
        return error.code, error.fields
    return "done", {}


@pytest.mark.parametrize("generating", [False, True])
@pytest.mark.parametrize("method", METHODS)
async def test_anothers_is_unknown(house: House, method: str, generating: bool) -> None:
    configuration = await house.model("sim-markdown@400x4000" if generating else "sim-cut-9@0")
    sent = await house.chat.send(house.ann, None, "my secret plans", configuration_id=configuration)
    if generating:
        await house.until(sent.answer_id, 50)
    else:
        await house.watch(sent.answer_id)
    theirs = await outcome(calls(sent.conversation_id, sent.answer_id, configuration)[method](house.chat, house.bob))
    nobodys = await outcome(calls(NOBODY, NOBODY, NOBODY)[method](house.chat, house.bob))
    assert theirs[0] == nobodys[0] == "not_found"
    assert theirs[1]["kind"] == nobodys[1]["kind"]
    admin = replace(house.bob, role=operator("x").role)
    assert (await outcome(calls(sent.conversation_id, sent.answer_id, configuration)[method](house.chat, admin)))[0] == "not_found"
    if generating:
        await house.chat.stop(house.ann, sent.answer_id)
        await house.watch(sent.answer_id)
    view = await house.open(sent.conversation_id)
    assert (view.summary.title, view.summary.message_count, view.system_prompt) == ("my secret plans", 2, "")
    assert await house.chat.draft(house.ann, sent.conversation_id) == ""


@pytest.mark.parametrize("method", METHODS)
async def test_what_can_be_no_id_is_unknown(house: House, method: str) -> None:
    """Bytes of the command line that are no UTF-8 arrive as lone surrogates, which no driver takes."""
    for impossible in ("\udcff", "a\x00b", "\ud800" * 70):
        code, fields = await outcome(calls(impossible, impossible, impossible)[method](house.chat, house.ann))
        assert code == "not_found"
        assert fields["reference"] == impossible


async def trashed(house: House, title: str, days: float) -> str:
    """A conversation that was deleted so many days ago."""
    made = await house.chat.create(house.ann, title=title)
    moment = house.services.clock.now_ms() - round(days * 86_400_000)
    await house.services.store.write(lambda uow: uow.conversations.mark_deleted(house.ann.user_id, [made.id], moment))
    return made.id


async def test_the_trash_is_emptied_of_what_is_older_than_thirty_days(house: House) -> None:
    old, young = await trashed(house, "old", 30.01), await trashed(house, "young", 29.9)
    kept = await house.chat.create(house.ann, title="kept")
    await house.chat.clean_up()
    assert [row.id for row in (await house.chat.conversations(house.ann, trash=True)).items] == [young]
    assert [row.id for row in (await house.chat.conversations(house.ann)).items] == [kept.id]
    assert (await outcome(house.chat.restore(house.ann, [old])))[0] == "not_found"


async def test_what_is_brought_back_while_the_trash_is_emptied_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program starts, and has just looked what is old."""
    old = await trashed(house, "old", 31)
    store = house.services.store
    write = store.write

    async def after_a_change_of_mind(work: Any) -> Any:
        await write(lambda uow: uow.conversations.mark_deleted(house.ann.user_id, [old], None))
        return await write(work)

    monkeypatch.setattr(store, "write", after_a_change_of_mind)
    await house.chat.clean_up()
    assert [row.id for row in (await house.chat.conversations(house.ann)).items] == [old]


@pytest.mark.parametrize("query", ["a " * 3_000, " ".join(map(str, range(3_000))), "x" * 100_000])
async def test_a_search_may_be_as_long_as_it_likes(house: House, query: str) -> None:
    await house.chat.create(house.ann, title="a")
    assert (await house.chat.conversations(house.ann, query=query)).total == (1 if query.startswith("a") else 0)


async def test_every_method_is_in_that_test() -> None:
    public = {name for name, _method in inspect.getmembers(Chat, inspect.isfunction) if not name.startswith("_")}
    assert public - set(METHODS) == {
        "conversations",
        "clean_up",
        "shared_with_me",
        "unread",
        "place",
        "save_place",
        "start_following",
        "follow",
    }, "these name nothing of anybody's"


async def test_the_operator_has_no_conversations(house: House) -> None:
    nobody = operator("root")
    for call in (
        house.chat.conversations(nobody),
        house.chat.create(nobody),
        house.chat.draft(nobody, None),
        house.chat.send(nobody, None, "hello"),
        first_update(house.chat, nobody, NOBODY),
    ):
        with pytest.raises(errors.Forbidden):
            await call


async def test_the_clock_of_a_conversation_is_in_utc(house: House) -> None:
    before = Clock().now()
    made = await house.chat.create(house.ann)
    assert made.created_at.tzinfo is not None
    assert abs((made.created_at - before).total_seconds()) < 5
