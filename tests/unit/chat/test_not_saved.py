"""A database that does not take the answer: it is tried again, kept in memory, told, and never lost in silence."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from core import errors
from core.settings import ChatSettings, Settings
from storage import db
from tests.unit.chat.conftest import House

SLOW = "sim-markdown@600x900"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """SQLite waits 10 seconds for a lock; here it does not."""
    return replace(settings, lock_wait_s=0.05)


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Another program holds the database's lock."""
    path = db.sqlite_path(house.services.settings.database_url)
    assert path is not None
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def until_told(house: House, answer_id: str, *, ended: bool) -> errors.ModeltrainError:
    """The error that watchers are told, while the answer comes or once it has ended."""
    async for update in house.chat.watch(house.ann, answer_id, interval_s=0.01):
        if update.error is not None and (update.state != "generating") is ended:
            assert update.message is None
            return update.error
    raise AssertionError("nobody was told")


async def test_a_lock_in_mid_answer_is_told_and_survived(house: House) -> None:
    sent = await house.send("sim-markdown@400x9000")
    await house.until(sent.answer_id, 50)
    with locked(house):
        assert isinstance(await until_told(house, sent.answer_id, ended=False), errors.DatabaseBusy)
        seen = await house.until(sent.answer_id, 400)
    await house.chat.stop(house.ann, sent.answer_id)
    watched = await house.watch(sent.answer_id)
    assert (watched.message.state, watched.last.error) == ("stopped", None)
    assert watched.text.startswith(seen.text)
    assert (await house.open(sent.conversation_id)).messages[1].content == watched.text


async def test_the_end_is_saved_when_the_lock_is_gone(house: House) -> None:
    sent = await house.send(SLOW)
    await house.until(sent.answer_id, 50)
    with locked(house):
        assert isinstance(await until_told(house, sent.answer_id, ended=True), errors.DatabaseBusy)
    watched = await house.watch(sent.answer_id)
    assert (watched.message.state, watched.last.error) == ("complete", None)
    assert (await house.open(sent.conversation_id)).messages[1].content == watched.text


async def test_what_the_database_says_in_words_that_nobody_knows_loses_nothing(house: House) -> None:
    """A trigger of the administrator's own refuses every piece for a while."""
    path = db.sqlite_path(house.services.settings.database_url)
    assert path is not None
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    sent = await house.send("sim-markdown@400x9000")
    await house.until(sent.answer_id, 50)
    connection.execute("CREATE TRIGGER no BEFORE INSERT ON message_parts BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert isinstance(await until_told(house, sent.answer_id, ended=False), errors.StorageError)
    await house.chat.stop(house.ann, sent.answer_id)
    assert isinstance(await until_told(house, sent.answer_id, ended=True), errors.StorageError)
    connection.execute("DROP TRIGGER no")
    connection.close()
    watched = await house.watch(sent.answer_id)
    assert (watched.message.state, watched.last.error) == ("stopped", None)
    assert (await house.open(sent.conversation_id)).messages[1].content == watched.text


async def test_a_question_that_cannot_be_saved_is_an_error_and_its_draft_stays(house: House) -> None:
    configuration = await house.model("sim-echo@0")
    await house.chat.save_draft(house.ann, None, "my question")
    with locked(house), pytest.raises(errors.DatabaseBusy):
        await house.chat.send(house.ann, None, "my question", configuration_id=configuration)
    assert await house.chat.draft(house.ann, None) == "my question"
    assert (await house.chat.conversations(house.ann)).total == 0
    assert len(house.simulator.requests) == 0


class TestGivingUp:
    @pytest.fixture
    def chat_settings(self) -> ChatSettings:
        return ChatSettings(save_every_s=0.05, model_titles=False, keep_trying_s=0.3)

    async def test_the_answer_stays_in_memory_and_is_saved_when_it_is_opened(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        sent = await house.send(SLOW)
        await house.until(sent.answer_id, 50)
        with locked(house):
            watched = await house.watch(sent.answer_id)
            assert isinstance(watched.last.error, errors.DatabaseBusy)
            assert watched.message.state == "complete"
            assert watched.text == watched.message.content
            view = await house.open(sent.conversation_id)
            assert view.messages[1].content == watched.text, "from memory"
            with pytest.raises(errors.DatabaseBusy):
                await house.send("sim-echo@0", "next", sent.conversation_id)
        assert "could not be saved" in caplog.text
        state = await house.services.store.read(lambda uow: uow.messages.find(house.ann.user_id, sent.answer_id).state)  # type: ignore[union-attr]
        assert state == "generating"
        assert (await house.open(sent.conversation_id)).messages[1].content == watched.text
        state = await house.services.store.read(lambda uow: uow.messages.find(house.ann.user_id, sent.answer_id).state)  # type: ignore[union-attr]
        assert state == "complete"
        assert (await house.ask("sim-echo@0", "next", sent.conversation_id)).message.state == "complete"


async def test_closing_does_not_wait_for_ever(house: House, caplog: pytest.LogCaptureFixture) -> None:
    sent = await house.send(SLOW)
    await house.until(sent.answer_id, 50)
    with locked(house):
        async with asyncio.timeout(60):
            await house.services.supervisor.close()
    assert "could not be saved" in caplog.text


def limit_pages(engine: Engine, more: int | None) -> None:
    """Let the database grow by so many pages and no further (SQLITE_FULL), or lift the limit."""
    connections = [engine.connect() for _connection in range(5)]
    for connection in connections:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={1_000_000 if more is None else pages + more}")
        connection.rollback()
    for connection in connections:
        connection.close()


async def test_a_full_disk_loses_nothing(house: House) -> None:
    engine = house.services.store._storage.engine
    sent = await house.send("sim-markdown@20000x60000")
    limit_pages(engine, 3)
    assert isinstance(await until_told(house, sent.answer_id, ended=True), errors.DiskFull)
    limit_pages(engine, None)
    watched = await house.watch(sent.answer_id)
    assert (watched.message.state, watched.last.error) == ("complete", None)
    assert len(watched.text) > 100_000
    assert (await house.open(sent.conversation_id)).messages[1].content == watched.text
