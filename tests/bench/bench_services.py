"""Service calls of the chat on SQLite: a list among 10,000 conversations, saving messages, opening a conversation of 10,000 messages."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.chat import context, sending
from core.chat.answer import AnswerText
from core.chat.saving import AnswerSaver, Place
from core.chat.types import Sent
from core.llm.events import Finished, StreamEvent, TextDelta, Usage
from core.llm.request import ChatRequest
from core.models.types import ReadyModel
from core.settings import AuthSettings, ChatSettings, load_settings
from storage.repositories.messages import Part
from storage.unit_of_work import UnitOfWork
from tests.bench.table import Row, percentile, print_table

CONVERSATIONS = MESSAGES = 10_000
ROUNDS = 300
TEXT = "The learning rate reached its floor, and the loss stays flat from there. " * 8


class Instant:
    """A chat model that answers at once, so that the services alone are measured."""

    async def stream(self, _request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        yield TextDelta(TEXT)
        yield Usage(10, 10)
        yield Finished("stop")


async def fill(services: Services, ann: Principal) -> Sent:
    """Ten thousand conversations of one exchange each, and one of ten thousand messages (the last question is returned)."""
    at = sending.Moment(ann.user_id, "", services.clock.now_ms())
    ids = services.ids
    asked = sending.Asked(None, "m", "simulator")
    for start in range(0, CONVERSATIONS, 1000):

        def work(uow: UnitOfWork, start: int = start) -> None:
            for number in range(start, start + 1000):
                conversation_id = ids.new()
                then = replace(at, now_ms=at.now_ms - number * 60_000)
                uow.conversations.add(**sending.new_conversation(conversation_id, then, title=f"Conversation {number} about the loss"))
                row = uow.conversations.get(ann.user_id, conversation_id)
                answer_id = ids.new()
                sending.add_question(uow, then, row, ids.new(), answer_id, TEXT, asked, None)
                uow.messages.change(answer_id, state="complete", generator="")

        await services.store.write(work)
    return await _long(services, ann, at)


async def _long(services: Services, ann: Principal, at: sending.Moment) -> Sent:
    conversation_id, ids = services.ids.new(), [services.ids.new() for _number in range(MESSAGES)]

    def work(uow: UnitOfWork) -> None:
        uow.conversations.add(**sending.new_conversation(conversation_id, at, title="Long"))
        for depth, message_id in enumerate(ids):
            values = {"parent_id": ids[depth - 1] if depth else None, "depth": depth, "role": "assistant" if depth % 2 else "user"}
            uow.messages.add(sending.new_message(message_id, conversation_id, at, **values))
            uow.messages.replace_parts(message_id, 0, [Part(0, "text", TEXT)])
        uow.conversations.change(ann.user_id, conversation_id, leaf_id=ids[-1], message_count=MESSAGES)

    await services.store.write(work)
    return Sent(conversation_id, ids[-2], ids[-1])


async def timed(call: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> list[float]:
    """Wall milliseconds of each call."""
    values = []
    for _round in range(rounds):
        began = time.perf_counter()
        await call()
        values.append((time.perf_counter() - began) * 1000)
    return values


async def measure(services: Services, ann: Principal, long: Sent) -> list[Row]:
    chat, rows = services.chat, []

    def add(figure: str, values: list[float], goal: str = "") -> None:
        rows.append(Row(figure, values, "ms"))
        rows.append(Row("    p95", [percentile(values, 0.95)], "ms", goal))

    add("list 50 of 10,000 conversations", await timed(lambda: chat.conversations(ann)), "<= 5 ms")
    add("list page 100 of them", await timed(lambda: chat.conversations(ann, offset=5000), 50))
    add("search their titles", await timed(lambda: chat.conversations(ann, query="777 loss"), 50))
    add("save a message (question and the place of its answer)", await timed(await saves(services, ann)), "<= 5 ms")
    add("save a growing answer (16 KB and what is new)", await timed(await grows(services, ann, long)), "<= 5 ms")
    add("save a draft", await timed(lambda: chat.save_draft(ann, long.conversation_id, TEXT)), "<= 5 ms")
    add("send, up to the answer's start", await sends(services, ann))
    add("open 10,000 messages (the last 200)", await timed(lambda: chat.open(ann, long.conversation_id), 50))
    first = (await chat.open(ann, long.conversation_id)).messages[0].id
    add("500 messages before them", await timed(lambda: chat.earlier(ann, long.conversation_id, first), 50))

    def turns(uow: UnitOfWork) -> object:
        return context.branch_turns(uow, long.conversation_id, long.question_id)

    add("the context of 10,000 messages", await timed(lambda: services.store.read(turns), 20))
    return rows


async def saves(services: Services, ann: Principal) -> Callable[[], Awaitable[object]]:
    made, ids = await services.chat.create(ann), services.ids

    async def save() -> None:
        at = sending.Moment(ann.user_id, "", services.clock.now_ms())
        question_id, answer_id = ids.new(), ids.new()

        def work(uow: UnitOfWork) -> None:
            row = sending.free_conversation(uow, at, made.id)
            sending.add_question(uow, at, row, question_id, answer_id, TEXT, sending.Asked(None, "m", "simulator"), None)
            uow.messages.change(answer_id, state="complete", generator="")

        await services.store.write(work)

    return save


async def grows(services: Services, ann: Principal, long: Sent) -> Callable[[], Awaitable[object]]:
    text = AnswerText()
    place = Place(ann.user_id, long.conversation_id, long.answer_id, "")
    saver = AnswerSaver(services.store, services.clock, place, text, lambda: None)

    async def save() -> None:
        text.append("text", TEXT)
        await saver.progress()

    return save


async def sends(services: Services, ann: Principal) -> list[float]:
    made, values = await services.chat.create(ann), []
    for _round in range(100):
        began = time.perf_counter()
        sent = await services.chat.send(ann, made.id, TEXT)
        values.append((time.perf_counter() - began) * 1000)
        async for _update in services.chat.watch(ann, sent.answer_id):
            pass
    return values


async def run(folder: Path) -> None:
    settings = replace(load_settings(folder, {}), auth=AuthSettings(bcrypt_cost=4), chat=ChatSettings(model_titles=False))
    services = await build_services(settings)
    await services.accounts.add_user(operator("bench"), "ann@example.org", "ann", "correct horse 7 battery")
    ann = await services.accounts.principal_for(operator("bench"), "ann@example.org")
    await services.configurations.ensure_starter(ann)
    real = services.configurations.resolve

    async def resolve(principal: Principal, reference: str | None = None) -> ReadyModel:
        return replace(await real(principal, reference), chat_model=Instant())

    services.configurations.resolve = resolve  # type: ignore[method-assign]
    try:
        print_table(await measure(services, ann, await fill(services, ann)))
    finally:
        await services.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "data"))


if __name__ == "__main__":
    main()
