"""Titles (C8): from the question without a model; from the model after the first answer; a person's own is never replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors
from core.chat import titles
from core.llm.events import Finished, ReasoningDelta, ReasoningRegrouped, StreamEvent, TextDelta
from core.llm.request import ChatRequest
from core.models.types import ReadyModel
from core.settings import ChatSettings
from tests.unit.chat.conftest import House

ANY = st.text(st.characters(codec=None), max_size=300)


def units(title: str) -> int:
    """Words and Chinese characters."""
    return len(titles._UNIT.findall(title))


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Why is the loss flat?", "Why is the loss flat?"),
        ("one two three four five six seven eight nine ten", "one two three four five six seven eight nine ten"),
        ("one two three four five six seven eight nine ten, eleven", "one two three four five six seven eight nine ten…"),
        ("为什么损失函数在第二百步之后不再下降？", "为什么损失函数在第二…"),
        ("损失为什么不变？", "损失为什么不变？"),
        ("用 Python 写代码", "用 Python 写代码"),
        ("\n\n  # Heading\nmore", "Heading"),
        ("```python\nprint(1)\n```", "python"),
        ("---\n***\nreal text", "real text"),
        ("\x1b[31mred\x1b[0m \u202e alert", "red alert"),
        ("???", "???"),
        ("x" * 500, "x" * 80 + "…"),
    ],
)
def test_the_fallback(question: str, title: str) -> None:
    assert titles.fallback(question) == title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Loss Plateau After Warm-up", "Loss Plateau After Warm-up"),
        ('"Loss Plateau."\n', "Loss Plateau"),
        ("**Title: Loss Plateau**", "Loss Plateau"),
        ("标题：《损失不变的原因》。", "损失不变的原因"),
        ("\n\n# Loss\nbecause you asked", "Loss"),
        ("one two three four five six seven eight nine ten eleven twelve", "one two three four five six seven eight nine ten"),
        ("一二三四五六七八九十十一十二", "一二三四五六七八九十"),
        ("\x1b]0;owned\x07Fine", "Fine"),
        ("[/bold] [red]x", "[/bold] [red]x"),
        ("...", ""),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_what_a_model_says_is_cleaned(said: str, title: str) -> None:
    assert titles.cleaned(said) == title


@given(ANY)
def test_titles_are_short_safe_lines_whatever_is_said(text: str) -> None:
    for title in (titles.fallback(text), titles.cleaned(text)):
        assert units(title) <= titles.UNITS + 1, "the mark may make one more"
        assert len(title) <= titles.CHARACTERS + 1
        assert "\n" not in title
        assert not any(character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff" for character in title)


# By the model -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def chat_settings(request: pytest.FixtureRequest) -> ChatSettings:
    """Patience for a title on any machine; only where the model hangs it is waited out."""
    return ChatSettings(save_every_s=0.05, title_timeout_s=0.3 if "hangs" in request.node.name else 30.0)


async def settled(house: House) -> None:
    """Until nothing is under way."""
    async with asyncio.timeout(60):
        while tasks := house.services.supervisor._tasks:
            await asyncio.wait(tasks)


async def title_of(house: House, conversation_id: str) -> str:
    await settled(house)
    return (await house.open(conversation_id)).summary.title


async def test_the_model_names_the_conversation_after_the_first_answer_only(house: House) -> None:
    question = "please tell me why the loss stays flat after step two hundred of the run"
    sent = await house.send("sim-chat@0", question)
    assert (await house.open(sent.conversation_id)).summary.title == titles.fallback(question)
    await house.watch(sent.answer_id)
    named = await title_of(house, sent.conversation_id)
    assert named != titles.fallback(question)
    assert units(named) <= titles.UNITS
    asked = len(house.simulator.requests)
    assert "title" in house.simulator.requests[-1].system
    await house.ask("sim-chat@0", "and now?", sent.conversation_id)
    assert await title_of(house, sent.conversation_id) == named
    assert len(house.simulator.requests) == asked + 1, "no second title"


async def test_a_title_of_ones_own_is_never_replaced(house: House) -> None:
    made = await house.chat.create(house.ann, title="Mine")
    await house.ask("sim-chat@0", "why is the loss flat", made.id)
    assert await title_of(house, made.id) == "Mine"
    assert len(house.simulator.requests) == 1


async def test_a_title_given_while_the_model_thinks_wins(house: House) -> None:
    sent = await house.send("sim-chat@0", "why is the loss flat after all these many steps of training")
    await house.watch(sent.answer_id)
    await house.chat.rename(house.ann, sent.conversation_id, "Mine")
    assert await title_of(house, sent.conversation_id) == "Mine"


async def test_who_cannot_wait_leaves_the_naming_to_the_next_answer(house: House) -> None:
    sent = await house.send("sim-chat@0", "why is the loss flat after all these many steps of training", name=False)
    await house.watch(sent.answer_id)
    fallback = await title_of(house, sent.conversation_id)
    assert len(house.simulator.requests) == 1
    await house.ask("sim-chat@0", "and now to something completely different", sent.conversation_id)
    assert await title_of(house, sent.conversation_id) != fallback
    assert len(house.simulator.requests) == 3


class Fails:
    """A model that answers questions, and does something else when it is asked for a title."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.asked_for_title = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        if request.system is None:
            yield TextDelta("An answer.")
            yield Finished("stop")
            return
        self.asked_for_title += 1
        if self.how == "refuses":
            raise errors.RateLimited(retry_after_s=1)
        if self.how == "breaks":
            raise ZeroDivisionError
        if self.how == "hangs":
            await asyncio.Event().wait()
        if self.how == "thinks":
            yield ReasoningDelta("A title, a title...")
        if self.how == "regroups":
            yield TextDelta("thinking about it")
            yield ReasoningRegrouped("thinking about it")
            yield TextDelta("A Better One")
        if self.how == "rambles":
            while True:
                yield TextDelta("Sure! Here is a wonderful title for you. ")
        yield Finished("stop")


@pytest.mark.parametrize("how", ["refuses", "breaks", "hangs", "thinks", "rambles", "says nothing", "regroups"])
async def test_whatever_the_model_does_nothing_breaks(house: House, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    real, model = house.services.configurations.resolve, Fails(how)

    async def resolve(*arguments: object) -> ReadyModel:
        return replace(await real(*arguments), chat_model=model)  # type: ignore[arg-type]

    monkeypatch.setattr(house.services.configurations, "resolve", resolve)
    sent = await house.send("sim-chat@0", "why is the loss flat")
    watched = await house.watch(sent.answer_id)
    assert watched.message.state == "complete", "the answer does not wait for the title"
    expected = "A Better One" if how == "regroups" else "why is the loss flat"
    assert await title_of(house, sent.conversation_id) == expected
    assert model.asked_for_title == 1
    for text in ("two", "three", "four", "five"):
        await house.ask("sim-chat@0", text, sent.conversation_id)
        await settled(house)
    assert model.asked_for_title == (1 if how == "regroups" else 3), "then it is left alone"


async def test_closing_does_not_wait_for_a_title(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = house.services.configurations.resolve

    async def resolve(*arguments: object) -> ReadyModel:
        return replace(await real(*arguments), chat_model=Fails("hangs"))  # type: ignore[arg-type]

    monkeypatch.setattr(house.services.configurations, "resolve", resolve)
    sent = await house.send("sim-chat@0", "why is the loss flat")
    await house.watch(sent.answer_id)
    async with asyncio.timeout(12):  # the title is waited for longer, and so are tasks that do not end
        await house.services.supervisor.close()
    assert (await house.open(sent.conversation_id)).messages[1].state == "complete"
