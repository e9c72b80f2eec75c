"""Nothing is lost with a link: what ended unseen is unread, the place is kept, and another process's changes are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import event

from core.auth.principal import Principal
from core.bootstrap import Services, build_services
from core.chat.changes import Changes
from core.chat.places import SPOTS, ReadingPlace, Spot, decoded, encoded
from core.errors import NotFound
from core.events import ConversationChanged, Event
from tests.unit.chat.conftest import House

SLOW = "sim-markdown@400x20000"


@pytest.fixture
async def other(house: House) -> AsyncIterator[Services]:
    """Another process on the same data: services of its own, which share nothing with the house's but the database."""
    services = await build_services(house.services.settings)
    yield services
    await services.close()


def listening(services: Services, principal: Principal) -> list[Event]:
    heard: list[Event] = []
    services.events.subscribe(principal.user_id, heard.append)
    return heard


async def unread(house: House) -> dict[str, str]:
    return {item.id: item.unread for item in (await house.chat.unread(house.ann)).items}


class TestUnread:
    async def test_an_answer_that_ends_while_nobody_looks_is_unread_until_it_is_seen(self, house: House) -> None:
        sent = await house.send("sim-echo@0")
        async for _update in house.chat.watch(house.ann, sent.answer_id, looking=False):
            pass
        assert await unread(house) == {sent.conversation_id: "complete"}
        assert [item.unread for item in (await house.chat.conversations(house.ann)).items] == ["complete"]
        await house.open(sent.conversation_id)  # by a script, or to see whether it changed
        assert (await house.chat.unread(house.ann)).total == 1
        await house.chat.seen(house.ann, sent.conversation_id)
        assert await unread(house) == {}

    async def test_what_somebody_watches_is_read(self, house: House) -> None:
        await house.ask("sim-echo@0")
        assert await unread(house) == {}

    async def test_it_says_how_the_answer_ended(self, house: House) -> None:
        for model in ("sim-cut@0", "sim-401"):
            async for _update in house.chat.watch(house.ann, (await house.send(model)).answer_id, looking=False):
                pass
        assert sorted((await unread(house)).values()) == ["failed", "truncated"]

    async def test_who_stopped_it_knows_of_it(self, house: House) -> None:
        sent = await house.send(SLOW)
        await house.until(sent.answer_id, 50)
        await house.chat.stop(house.ann, sent.answer_id)
        async for _update in house.chat.watch(house.ann, sent.answer_id, looking=False):
            pass
        assert await unread(house) == {}

    async def test_the_end_of_a_server_stops_no_answer_in_its_owners_name(self, house: House) -> None:
        served = replace(house.services.settings, served=True)
        services = await build_services(served)
        sent = await services.chat.send(house.ann, None, "why", configuration_id=await house.model(SLOW))
        async for update in services.chat.watch(house.ann, sent.answer_id, interval_s=0.01):
            if len(update.text) > 20:
                break
        await services.close()
        answer = (await house.open(sent.conversation_id)).messages[1]
        assert (answer.state, answer.error and answer.error.code) == ("truncated", "answer_interrupted")
        assert answer.can_continue
        assert await unread(house) == {sent.conversation_id: "truncated"}

    async def test_a_new_question_needs_no_mark_on_the_old_answer(self, house: House) -> None:
        sent = await house.send("sim-echo@0")
        async for _update in house.chat.watch(house.ann, sent.answer_id, looking=False):
            pass
        await house.ask("sim-echo@0", "more", sent.conversation_id)
        assert await unread(house) == {}

    async def test_a_broken_link_may_take_back_that_it_was_seen(self, house: House) -> None:
        sent = await house.send("sim-echo@0")
        await house.watch(sent.answer_id)
        await house.chat.unseen(house.ann, sent.conversation_id)
        assert await unread(house) == {sent.conversation_id: "complete"}
        for call in (house.chat.seen, house.chat.unseen):
            with pytest.raises(NotFound):
                await call(house.bob, sent.conversation_id)

    async def test_what_lies_in_the_trash_waits_for_nobody(self, house: House) -> None:
        sent = await house.send("sim-echo@0")
        async for _update in house.chat.watch(house.ann, sent.answer_id, looking=False):
            pass
        await house.chat.delete(house.ann, [sent.conversation_id])
        assert (await house.chat.unread(house.ann)).total == 0


class TestPlace:
    async def test_it_is_kept_for_each_account_and_the_last_one_wins(self, house: House) -> None:
        assert await house.chat.place(house.ann) == ReadingPlace()
        first = ReadingPlace("chat", "c1", False, {"c1": Spot("m1", "block", 3, 2, 9)})
        await house.chat.save_place(house.ann, first)
        assert await house.chat.place(house.ann) == first
        await house.chat.save_place(house.ann, ReadingPlace("models", "c2", True))
        assert await house.chat.place(house.ann) == ReadingPlace("models", "c2", True)
        assert await house.chat.place(house.bob) == ReadingPlace()

    def test_only_the_last_spots_are_kept(self) -> None:
        spots = {f"c{number}": Spot(f"m{number}") for number in range(SPOTS + 5)}
        kept = decoded(encoded(ReadingPlace("chat", spots=spots)))
        assert list(kept.spots) == list(spots)[5:]

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "3", '{"spots": 3}', '{"spots": {"c": [1]}}', '{"spots": {"c": ["m", "k", "x", 1, 1]}}', "["]
    )
    def test_what_is_damaged_is_no_place(self, text: str) -> None:
        assert decoded(text).spots == {}

    @pytest.mark.parametrize(("line", "before", "after", "wanted"), [(5, 10, 10, 5), (5, 10, 20, 10), (9, 10, 3, 2), (3, 0, 1, 0)])
    def test_a_line_is_found_again_at_another_width(self, line: int, before: int, after: int, wanted: int) -> None:
        assert Spot("m", "block", 0, line, before).line_of(after) == wanted


class TestFollowing:
    async def test_another_process_learns_of_every_change(self, house: House, other: Services) -> None:
        await other.chat.start_following(house.ann)
        heard = listening(other, house.ann)
        made = await house.chat.create(house.ann, title="one")
        await other.chat.follow([house.ann.user_id])
        assert heard == [ConversationChanged(house.ann.user_id, made.id)]
        heard.clear()
        await other.chat.follow([house.ann.user_id])
        assert heard == []
        sent = await house.send("sim-echo@0", conversation=made.id)
        await house.watch(sent.answer_id)
        await other.chat.follow([house.ann.user_id])
        assert ConversationChanged(house.ann.user_id, made.id) in heard
        heard.clear()
        for change in (
            house.chat.rename(house.ann, made.id, "two"),
            house.chat.pin(house.ann, made.id, True),
            house.chat.unseen(house.ann, made.id),
            house.chat.delete(house.ann, [made.id]),
            house.chat.restore(house.ann, [made.id]),
        ):
            await change
            await other.chat.follow([house.ann.user_id])
            assert heard == [ConversationChanged(house.ann.user_id, made.id)]
            heard.clear()
        await house.chat.purge(house.ann, [made.id])
        await other.chat.follow([house.ann.user_id])
        assert heard == [ConversationChanged(house.ann.user_id, "")], "what is gone has no name any more"

    async def test_ones_own_changes_are_told_once(self, house: House) -> None:
        await house.chat.start_following(house.ann)
        heard = listening(house.services, house.ann)
        made = await house.chat.create(house.ann)
        assert heard == [ConversationChanged(house.ann.user_id, made.id)]
        await house.chat.follow([house.ann.user_id])
        assert len(heard) == 1

    async def test_ones_own_change_hides_nobody_elses(self, house: House, other: Services) -> None:
        await house.chat.start_following(house.ann)
        heard = listening(house.services, house.ann)
        theirs = await other.chat.create(house.ann)
        mine = await house.chat.create(house.ann)
        await house.chat.follow([house.ann.user_id])
        assert {event.conversation_id for event in heard if isinstance(event, ConversationChanged)} == {mine.id, theirs.id}

    async def test_nobody_hears_of_anybody_elses(self, house: House, other: Services) -> None:
        await other.chat.start_following(house.bob)
        heard = listening(other, house.bob)
        await house.chat.create(house.ann)
        await other.chat.follow([house.bob.user_id, house.ann.user_id])
        assert heard == []

    async def test_a_clock_that_goes_back_hides_nothing(self, house: House, other: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        await other.chat.start_following(house.ann)
        heard = listening(other, house.ann)
        monkeypatch.setattr(type(house.services.clock), "now_ms", lambda _clock: 1_000)
        await house.chat.create(house.ann)
        await other.chat.follow([house.ann.user_id])
        assert len(heard) == 1

    async def test_an_idle_look_is_one_query(self, house: House) -> None:
        people = [house.ann.user_id, house.bob.user_id]
        await house.chat.start_following(house.ann)
        await house.chat.create(house.ann)
        await house.chat.follow(people)
        asked: list[str] = []
        engine = house.services.store._storage.engine
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
        await house.chat.follow(people)
        asked.remove("BEGIN")
        assert len(asked) == 1 and "chat_changes" in asked[0], asked

    async def test_who_left_is_forgotten(self, house: House) -> None:
        for person in (house.ann, house.bob):
            await house.chat.start_following(person)
        changes = house.chat._store
        assert isinstance(changes, Changes)
        await house.chat.follow([house.ann.user_id, house.bob.user_id])
        await house.chat.follow([house.ann.user_id])
        assert set(changes._seen) == {house.ann.user_id, ""}
        await house.chat.follow([])
        assert changes._seen == {}
