"""Properties: whatever comes, in whatever pieces, folding the updates gives the saved message, and the database gets it whole."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import errors
from core.chat import answer as growing
from core.chat.answer import AnswerText, SavedPiece
from core.llm.events import Finished, ReasoningCut, ReasoningDelta, ReasoningRegrouped, StreamEvent, TextDelta, Usage
from core.llm.request import ChatRequest
from core.models.types import ReadyModel
from tests.unit.chat.conftest import House, Watched

TEXT = st.text(st.characters(codec=None), min_size=1, max_size=40)
#: What a model may say; surrogates and NUL included, which no wire format lets through, but a new one might.
STEPS = st.lists(
    st.one_of(
        st.builds(TextDelta, TEXT),
        st.builds(ReasoningDelta, TEXT),
        st.just("regroup"),
        st.just("pause"),
        st.just(ReasoningCut()),
        st.builds(TextDelta, st.just("x" * 20_000)),
    ),
    max_size=12,
)
ENDS = st.sampled_from(
    [Finished("stop"), Finished("length"), errors.StreamTruncated(), errors.ProviderFault(), RuntimeError("a fault of ours"), None]
)


class Scripted:
    """A chat model that says what it is told; a pause lets watchers and the database see what there is."""

    def __init__(self, steps: list[object], end: object) -> None:
        self._steps = steps
        self._end = end
        self.closed = False

    async def stream(self, _request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        said = ""
        try:
            for step in self._steps:
                if step == "pause":
                    await asyncio.sleep(0.005)
                elif step == "regroup":
                    if said:
                        yield ReasoningRegrouped(said)
                    said = ""
                else:
                    said += step.text if isinstance(step, TextDelta) else ""
                    yield step  # type: ignore[misc]
            yield Usage(3, 5)
            if isinstance(self._end, Exception):
                raise self._end
            if isinstance(self._end, Finished):
                yield self._end
        finally:
            self.closed = True


@pytest.fixture
def resolved(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Scripted]:
    """Put a Scripted here, and it is what every configuration asks."""
    script: list[Scripted] = []
    real = house.services.configurations.resolve

    async def resolve(*arguments: object) -> ReadyModel:
        return replace(await real(*arguments), chat_model=script[-1])  # type: ignore[arg-type]

    monkeypatch.setattr(house.services.configurations, "resolve", resolve)
    return script


async def follow(house: House, answer_id: str, interval_s: float) -> Watched:
    return await house.watch(answer_id, interval_s=interval_s)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, end=ENDS)
async def test_folding_the_updates_gives_the_saved_message(
    house: House, resolved: list[Scripted], caplog: pytest.LogCaptureFixture, steps: list[object], end: object
) -> None:
    resolved.append(Scripted(steps, end))
    sent = await house.send("sim-echo@0", "hello")
    every, some = await asyncio.gather(follow(house, sent.answer_id, 0.0), follow(house, sent.answer_id, 0.004))
    stored = (await house.open(sent.conversation_id)).messages[1]
    for watched in (every, some):
        assert watched.updates[0].reset
        assert (watched.text, watched.reasoning) == (watched.message.content, watched.message.reasoning)
        assert (stored.content, stored.reasoning, stored.state) == (watched.text, watched.reasoning, watched.message.state)
    assert not {"\x00"} & set(stored.content + stored.reasoning)
    assert resolved[-1].closed
    if isinstance(end, RuntimeError):
        assert "a fault of ours" in caplog.text, "nothing is swallowed"
    if not isinstance(end, Finished):
        assert stored.state in ("failed", "truncated")


class Rows:
    """What the database would hold: `replace_parts` of the repository."""

    def __init__(self) -> None:
        self.pieces: dict[int, SavedPiece] = {}
        self.written = 0

    def save(self, text: AnswerText, *, works: bool = True) -> None:
        epoch = text.epoch
        first, pieces = text.unsaved()
        if not works:
            text.not_saved()
            return
        self.pieces = {ordinal: piece for ordinal, piece in self.pieces.items() if ordinal < first}
        self.pieces |= {piece.ordinal: piece for piece in pieces}
        self.written += sum(len(piece.content) for piece in pieces)
        text.saved(first, pieces, epoch)

    def text(self, kind: str) -> str:
        return "".join(piece.content for _ordinal, piece in sorted(self.pieces.items()) if piece.kind == kind)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["text", "reasoning"]), st.text(max_size=30)),
        st.tuples(st.sampled_from(["save", "fail", "regroup", "look"]), st.just("")),
    ),
    max_size=40,
)


@given(operations=OPERATIONS, piece=st.integers(1, 20))
def test_pieces_are_saved_whole_and_read_from_anywhere(operations: list[tuple[str, str]], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "PIECE", piece)
        text, rows = AnswerText(), Rows()
        content = reasoning = ""
        for what, value in operations:
            if what == "text":
                text.append("text", value)
                content += value
            elif what == "reasoning":
                text.append("reasoning", value)
                reasoning += value
            elif what == "regroup":
                text.regroup(0, content)
                content, reasoning = "", reasoning + content
            elif what == "look":
                for position in range(len(content) + 2):
                    assert text.since("text", position) == content[position:]
            else:
                rows.save(text, works=what == "save")
        assert (text.content, text.reasoning) == (content, reasoning)
        assert text.bytes == len((content + reasoning).encode())
        rows.save(text)
        assert (rows.text("text"), rows.text("reasoning")) == (content, reasoning)


def test_saving_a_long_answer_often_writes_little_more_than_it_has() -> None:
    text, rows = AnswerText(), Rows()
    for _second in range(400):
        for _token in range(50):
            text.append("text", "token ")
        rows.save(text)
    assert rows.text("text") == "token " * 20_000
    assert rows.written < 400 * (growing.PIECE + 300), "never more than a piece, and what is new, at once"


async def test_a_burst_does_not_hold_up_the_loop(house: House, resolved: list[Scripted]) -> None:
    resolved.append(Scripted([TextDelta("x ")] * 20_000, Finished("stop")))
    sent = await house.send("sim-echo@0", "hello")
    turns = 0
    watching = asyncio.create_task(house.watch(sent.answer_id))
    while not watching.done():
        turns += 1
        await asyncio.sleep(0)
    assert (await watching).text == "x " * 20_000
    assert turns > 50


async def test_a_watcher_that_leaves_is_forgotten(house: House, resolved: list[Scripted]) -> None:
    resolved.append(Scripted(["pause", TextDelta("a")] * 20, Finished("stop")))
    sent = await house.send("sim-echo@0", "hello")
    generation = house.chat._answering.find(house.ann.user_id, sent.answer_id)
    assert generation is not None
    watching = asyncio.create_task(house.watch(sent.answer_id))
    await house.until(sent.answer_id, 3)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert not generation._watchers
    assert (await house.watch(sent.answer_id)).message.state == "complete"
