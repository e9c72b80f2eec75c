"""Sharing (C11): who may read, what of it, for how long; and that a reader changes nothing and learns nothing more."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from core import errors
from core.auth.principal import Principal, operator
from core.bootstrap import build_services
from core.chat.sharing import EVERYONE
from core.chat.types import ConversationView
from core.events import ConversationChanged, Event
from core.models.configurations import ConfigurationDraft
from tests.unit.chat.conftest import PASSWORD, House

SLOW = "sim-markdown@400x20000"
PROMPT = "you are a secret agent"


async def third(house: House, name: str = "cleo") -> Principal:
    await house.services.accounts.add_user(operator("test"), f"{name}@example.org", name, PASSWORD)
    return await house.services.accounts.principal_for(operator("test"), f"{name}@example.org")


async def talked(house: House, model: str = "sim-reasoning@0x40") -> str:
    """A conversation of ann's with one answer and a system prompt of its own."""
    sent = await house.send(model, "what now?", system=PROMPT)
    await house.watch(sent.answer_id)
    return sent.conversation_id


async def sees(house: House, who: Principal, conversation_id: str) -> ConversationView | None:
    try:
        return await house.chat.open(who, conversation_id)
    except errors.NotFound as error:
        assert error.fields == {"kind": "conversation", "reference": conversation_id}
        return None


class TestWhoMayRead:
    @pytest.mark.parametrize("name", ["bob", "BOB", " bob@example.org ", "Bob@Example.ORG"])
    async def test_a_colleague_called_by_name_or_e_mail(self, house: House, name: str) -> None:
        conversation = await talked(house)
        cleo = await third(house)
        assert await sees(house, house.bob, conversation) is None
        share = await house.chat.share(house.ann, conversation, name)
        assert (share.nickname, share.everyone) == ("bob", False)
        view = await sees(house, house.bob, conversation)
        assert view is not None and view.summary.owner == "ann" and len(view.messages) == 2
        assert await sees(house, cleo, conversation) is None
        mine = (await house.chat.shared_with_me(house.bob)).items
        assert [(item.id, item.owner) for item in mine] == [(conversation, "ann")]
        assert (await house.chat.shared_with_me(cleo)).total == (await house.chat.conversations(house.bob)).total == 0
        assert [item.shared for item in (await house.chat.conversations(house.ann)).items] == [True]

    async def test_everyone_also_who_comes_later(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.share(house.ann, conversation, EVERYONE)
        cleo = await third(house)
        for who in (house.bob, cleo):
            assert await sees(house, who, conversation) is not None
        assert (await house.chat.shared_with_me(house.ann)).total == 0, "one's own is not shared with oneself"
        assert [share.everyone for share in await house.chat.shares(house.ann, conversation)] == [True]

    async def test_taken_back_it_is_gone_at_once(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.share(house.ann, conversation, EVERYONE)
        await house.chat.share(house.ann, conversation, "bob")
        await house.chat.unshare(house.ann, conversation, EVERYONE)
        assert await sees(house, house.bob, conversation) is not None
        await house.chat.unshare(house.ann, conversation, "bob@example.org")
        assert await sees(house, house.bob, conversation) is None
        assert await house.chat.shares(house.ann, conversation) == ()
        with pytest.raises(errors.NotFound):
            await house.chat.unshare(house.ann, conversation, "bob")

    async def test_the_trash_ends_it_for_good(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.share(house.ann, conversation, "bob")
        await house.chat.delete(house.ann, [conversation])
        assert await sees(house, house.bob, conversation) is None
        assert (await house.chat.shared_with_me(house.bob)).total == 0
        with pytest.raises(errors.Conflict):
            await house.chat.share(house.ann, conversation, "bob")
        await house.chat.restore(house.ann, [conversation])
        assert await sees(house, house.bob, conversation) is None, "nobody shared it again"

    async def test_only_the_owner_shares_and_knows_with_whom(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.share(house.ann, conversation, "bob")
        cleo = await third(house)
        for who in (house.bob, cleo):
            for call in (
                house.chat.share(who, conversation, "cleo"),
                house.chat.share(who, conversation, EVERYONE),
                house.chat.unshare(who, conversation, "bob"),
                house.chat.shares(who, conversation),
            ):
                with pytest.raises(errors.NotFound) as refused:
                    await call
                assert refused.value.fields["kind"] == "conversation"

    async def test_names_that_are_nobodys_and_ones_own(self, house: House) -> None:
        conversation = await talked(house)
        await house.services.accounts.set_disabled(operator("test"), "bob@example.org", disabled=True)
        told = []
        for name in ("nobody", "nobody@example.org", "bob", "bob@example.org", "bo", "%", "x" * 5_000, "a\x00b\udcff"):
            with pytest.raises(errors.NotFound) as refused:
                await house.chat.share(house.ann, conversation, name)
            told.append(refused.value.fields["kind"])
        assert set(told) == {"user"}
        for name, rule in (("ann", "yourself"), ("ANN@example.org", "yourself"), ("  ", "required")):
            with pytest.raises(errors.InvalidInput) as wrong:
                await house.chat.share(house.ann, conversation, name)
            assert wrong.value.rule == rule

    async def test_names_cannot_be_tried_out(self, house: House) -> None:
        conversation = await talked(house)
        for number in range(10):
            await house.chat.share(house.ann, conversation, "bob")  # who knows a name is not held up
            with pytest.raises(errors.NotFound):
                await house.chat.share(house.ann, conversation, f"nobody{number}")
        with pytest.raises(errors.TooManyAttempts):
            await house.chat.share(house.ann, conversation, "bob")
        assert len(await house.chat.shares(house.ann, conversation)) == 1

    async def test_there_is_an_end_to_it(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("core.chat.sharing.MOST_READERS", 1)
        conversation = await talked(house)
        await third(house)
        await house.chat.share(house.ann, conversation, "bob")
        with pytest.raises(errors.InvalidInput) as full:
            await house.chat.share(house.ann, conversation, "cleo")
        assert full.value.rule == "too_many"
        await house.chat.share(house.ann, conversation, EVERYONE)


class TestWhatIsRead:
    async def test_what_was_said_and_nothing_more(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.save_draft(house.ann, conversation, "half a thought")
        await house.chat.share(house.ann, conversation, "bob")
        hers, his = await house.open(conversation), await house.chat.open(house.bob, conversation)
        assert his.system_prompt == "" and his.summary.configuration_id is None
        for mine, theirs in zip(hers.messages, his.messages, strict=True):
            assert (theirs.content, theirs.reasoning, theirs.model, theirs.usage) == (mine.content, mine.reasoning, mine.model, mine.usage)
            assert (theirs.configuration_id, theirs.provider_id, theirs.cost) == (None, "", None)
        whole = repr(his) + repr(await house.chat.export(house.bob, conversation))
        hidden = [
            hers.messages[1].configuration_id,
            house.ann.email,
            house.ann.user_id,
            PROMPT,
            "half a thought",
            house.simulator.base_urls["openai"],
        ]
        assert not [secret for secret in hidden if secret and secret in whole]
        with pytest.raises(errors.NotFound):
            await house.chat.draft(house.bob, conversation)

    async def test_an_error_says_its_kind_only(self, house: House) -> None:
        conversation = await talked(house, "sim-401")
        await house.chat.share(house.ann, conversation, "bob")
        hers, his = await house.open(conversation), await house.chat.open(house.bob, conversation)
        assert hers.messages[1].error is not None and hers.messages[1].error.fields
        error = his.messages[1].error
        assert error is not None and (error.code, error.fields) == (hers.messages[1].error.code, {})

    async def test_earlier_messages_and_the_export(self, house: House) -> None:
        conversation = await talked(house)
        await house.ask("sim-echo@0", "and then?", conversation)
        before = (await house.open(conversation)).messages[2].id
        with pytest.raises(errors.NotFound) as refused:
            await house.chat.earlier(house.bob, conversation, before)
        assert refused.value.fields == {"kind": "message", "reference": before}
        await house.chat.share(house.ann, conversation, "bob")
        assert [message.role for message in await house.chat.earlier(house.bob, conversation, before)] == ["user", "assistant"]
        exported = await house.chat.export(house.bob, conversation)
        assert [message["content"] for message in exported["messages"]][::2] == ["what now?", "and then?"]

    async def test_nothing_of_it_can_be_changed(self, house: House) -> None:
        conversation = await talked(house, "sim-cut-9@0")
        await house.chat.share(house.ann, conversation, "bob")
        before = await house.open(conversation)
        answer, chat, bob = before.messages[1].id, house.chat, house.bob
        for call in (
            chat.rename(bob, conversation, "mine"), chat.pin(bob, conversation, True), chat.delete(bob, [conversation]),
            chat.purge(bob, [conversation]), chat.set_system_prompt(bob, conversation, "x"), chat.send(bob, conversation, "hello"),
            chat.retry(bob, answer), chat.continue_answer(bob, answer), chat.stop(bob, answer), chat.save_draft(bob, conversation, "x"),
            chat.seen(bob, conversation), chat.unseen(bob, conversation), chat.restore(bob, [conversation]),
        ):  # fmt: skip
            with pytest.raises(errors.NotFound):
                await call
        after = await house.open(conversation)
        assert after.summary == before.summary and len(after.messages) == 2


class TestLive:
    async def test_a_reader_sees_the_answer_come_until_it_is_taken_back(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("core.chat.sharing._LOOK_S", 0.0)
        sent = await house.send(SLOW)
        with pytest.raises(errors.NotFound):
            await house.watch(sent.answer_id, house.bob)
        await house.chat.share(house.ann, sent.conversation_id, "bob")
        seen = 0
        with pytest.raises(errors.NotFound):
            async with asyncio.timeout(30), aclosing(house.chat.watch(house.bob, sent.answer_id, interval_s=0.01)) as updates:
                async for update in updates:
                    seen += len(update.text)
                    if seen > 100:
                        await house.chat.unshare(house.ann, sent.conversation_id, "bob")
        assert seen > 100
        await house.chat.stop(house.ann, sent.answer_id)
        await house.watch(sent.answer_id)

    async def test_the_end_of_a_watched_answer_is_bare_and_unread_for_its_owner(self, house: House) -> None:
        sent = await house.send("sim-echo@20", "hello there")
        await house.chat.share(house.ann, sent.conversation_id, "bob")
        watched = await house.watch(sent.answer_id, house.bob)
        assert watched.message.configuration_id is None and watched.message.content == watched.text
        assert [item.unread for item in (await house.chat.unread(house.ann)).items] == ["complete"], "a reader does not read for her"

    async def test_readers_are_told_here_and_in_other_processes(self, house: House) -> None:
        other = await build_services(house.services.settings)
        await other.chat.start_following(house.bob)
        here: list[Event] = []
        there: list[Event] = []
        house.services.events.subscribe(house.bob.user_id, here.append)
        other.events.subscribe(house.bob.user_id, there.append)
        conversation = await talked(house)
        assert here == []
        for share in ("bob", EVERYONE):
            await house.chat.share(house.ann, conversation, share)
            await other.chat.follow([house.bob.user_id])
            await house.chat.rename(house.ann, conversation, f"for {share}")
            await other.chat.follow([house.bob.user_id])
            await house.chat.unshare(house.ann, conversation, share)
            await other.chat.follow([house.bob.user_id])
            for heard in (here, there):
                assert len(heard) == 3 and all(isinstance(event, ConversationChanged) for event in heard)
                assert {event.conversation_id for event in heard[:2]} == {conversation}  # type: ignore[attr-defined]
                heard.clear()
        await other.close()


class TestCopy:
    async def test_a_reader_goes_on_in_a_conversation_of_their_own(self, house: House) -> None:
        conversation = await talked(house)
        await house.chat.share(house.ann, conversation, "bob")
        made = await house.chat.copy(house.bob, conversation)
        await house.chat.unshare(house.ann, conversation, "bob")
        hers, his = await house.open(conversation), await house.chat.open(house.bob, made.id)
        assert (his.summary.title, his.summary.message_count, his.summary.owner) == (hers.summary.title, 2, "")
        assert [(m.role, m.content, m.reasoning, m.model) for m in his.messages] == [
            (m.role, m.content, m.reasoning, m.model) for m in hers.messages
        ]
        assert not {m.id for m in his.messages} & {m.id for m in hers.messages}
        assert his.system_prompt == "" and his.messages[1].configuration_id is None
        draft = ConfigurationDraft(name="mine", provider_id="simulator", model="sim-echo@0")
        mine = await house.services.configurations.create(house.bob, draft)
        sent = await house.chat.send(house.bob, made.id, "go on", configuration_id=mine.id)
        await house.watch(sent.answer_id, house.bob)
        assert len((await house.chat.open(house.bob, made.id)).messages) == 4
        assert len((await house.open(conversation)).messages) == 2

    async def test_what_is_being_written_is_left_out(self, house: House) -> None:
        conversation = await talked(house)
        sent = await house.send(SLOW, "a long one", conversation)
        await house.until(sent.answer_id, 20)
        made = await house.chat.copy(house.ann, conversation)
        assert [m.content for m in (await house.open(made.id)).messages][:1] == ["what now?"]
        assert (await house.open(made.id)).summary.message_count == 2
        lone = await house.send(SLOW, "another")
        with pytest.raises(errors.Conflict):
            await house.chat.copy(house.ann, lone.conversation_id)
        for answer in (sent, lone):
            await house.chat.stop(house.ann, answer.answer_id)
            await house.watch(answer.answer_id)

    async def test_what_is_not_shared_is_not_copied(self, house: House) -> None:
        conversation = await talked(house)
        with pytest.raises(errors.NotFound):
            await house.chat.copy(house.bob, conversation)
        admin = replace(house.bob, role=operator("x").role)
        with pytest.raises(errors.NotFound):
            await house.chat.copy(admin, conversation)
