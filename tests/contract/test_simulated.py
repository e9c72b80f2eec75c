"""Every model of the simulator, every fault and every framing, on every wire format."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from core import errors
from core.llm.client import ModelClients
from core.llm.simulator.catalogue import FAULTY, FRAMED, PLAIN, REASONING, STATUS
from core.llm.simulator.server import Simulator
from tests.contract.asking import ask
from tests.contract.wires import Wire, chat_model, question

#: Models that fail, and how.
FAILING: dict[str, type[errors.ProviderError]] = {
    "sim-400": errors.BadRequest,
    "sim-401": errors.Unauthorized,
    "sim-403": errors.AccessDenied,
    "sim-404": errors.ModelNotFound,
    "sim-408": errors.ProviderFault,
    "sim-413": errors.BadRequest,
    "sim-429": errors.RateLimited,
    "sim-500": errors.ProviderFault,
    "sim-502": errors.ProviderFault,
    "sim-503": errors.ProviderFault,
    "sim-529": errors.ProviderFault,
    "sim-redirect": errors.BadRequest,
    "sim-cut": errors.StreamTruncated,
    "sim-no-end": errors.StreamTruncated,
    "sim-reset": errors.ConnectionLost,
    "sim-drop": errors.ConnectionLost,
    "sim-stall": errors.StreamStalled,
    "sim-stall-head": errors.StreamStalled,
    "sim-error-in-200": errors.ProviderFault,
    "sim-error-in-200-stream": errors.ProviderFault,
    "sim-error-text": errors.ProviderFault,
    "sim-error-event": errors.ProviderFault,
    "sim-error-then-done": errors.ProviderFault,
    "sim-garbage": errors.ProviderFault,
    "sim-html": errors.NotAStream,
    "sim-empty": errors.EmptyStream,
}
#: Failing models that say something first.
PARTIAL = {"sim-cut", "sim-no-end", "sim-reset", "sim-stall", "sim-error-event", "sim-error-then-done", "sim-garbage"}
FLOODS = {"sim-flood", "sim-long-line"}
#: What depends on the format, or on time, has a test of its own.
APART = {"sim-no-done", "sim-done-only", "sim-json-other", "sim-delay", "sim-unterminated"}
WORKING = [model.name for model in (*PLAIN, *REASONING, *FAULTY, *FRAMED) if model.name not in {*FAILING, *FLOODS, *APART}]
FINISH = {"sim-length": "length", "sim-filter": "content_filter"}


@pytest.fixture(scope="module", autouse=True)
def _every_model_has_its_place() -> None:
    known = {*FAILING, *FLOODS, *APART, *WORKING}
    assert {model.name for model in (*PLAIN, *REASONING, *STATUS, *FAULTY, *FRAMED)} == known


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = Simulator()
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_models_that_answer(wire: Wire, clients: ModelClients, simulator: Simulator, name: str, stream: bool) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    outcome = await ask(model, question(f"{name}@maxx60", stream=stream))
    assert outcome.error is None
    assert outcome.finish == FINISH.get(name, "stop")
    assert outcome.text.strip()
    assert not outcome.cut
    assert not outcome.text.startswith(("<", "[", "◁"))
    assert outcome.usage is not None


@pytest.mark.parametrize("name", [model.name for model in REASONING if model.name != "sim-unterminated"])
async def test_reasoning_is_told_from_the_answer(wire: Wire, clients: ModelClients, simulator: Simulator, name: str) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    outcome = await ask(model, question(f"{name}@maxx200"))
    assert outcome.reasoning.strip()
    assert outcome.text.strip()
    assert outcome.reasoning.strip() not in outcome.text
    for tag in ("think>", "thought", "reason>", "THINK"):
        assert tag not in outcome.text


async def test_reasoning_that_never_ends_is_cut(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    outcome = await ask(chat_model(clients, wire, simulator.base_urls[wire.name]), question("sim-unterminated@maxx60"))
    assert (outcome.text, outcome.cut) == ("", True)
    assert outcome.reasoning


@pytest.mark.parametrize("name", FAILING)
async def test_models_that_fail(wire: Wire, clients: ModelClients, simulator: Simulator, name: str) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    outcome = await ask(model, question(f"{name}@maxx60", silence_s=1.5))
    assert type(outcome.problem) is FAILING[name]
    assert bool(outcome.text) == (name in PARTIAL) == outcome.problem.fields["partial"]
    assert outcome.problem.fields["provider"] == wire.preset_id
    assert outcome.problem.fields["model"] == f"{name}@maxx60"


async def test_the_answer_after_a_failure_is_whole(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    await ask(model, question("sim-cut@maxx60"))
    assert (await ask(model, question("sim-chat@maxx60"))).finish == "stop"


@pytest.mark.parametrize("name", sorted(FLOODS))
async def test_a_flood_fills_no_memory(wire: Wire, clients: ModelClients, simulator: Simulator, name: str) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    tracemalloc.start()
    outcome = await ask(model, question(f"{name}@max"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert type(outcome.problem) is errors.ResponseTooLarge
    assert peak < 64_000_000


@pytest.mark.parametrize(("argument", "seconds"), [("30", 30.0), ("absurd", None), ("none", None), ("past", 0.0)])
async def test_retry_after(
    wire: Wire, clients: ModelClients, simulator: Simulator, pauses: list[float], argument: str, seconds: float | None
) -> None:
    outcome = await ask(chat_model(clients, wire, simulator.base_urls[wire.name]), question(f"sim-429-{argument}"))
    assert outcome.problem.fields["retry_after_s"] == seconds
    assert pauses == ([0.0, 0.0] if seconds == 0.0 else [])


async def test_the_end_mark_alone_and_the_finish_reason_alone(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    nothing = await ask(model, question("sim-done-only@max"))
    no_mark = await ask(model, question("sim-no-done@maxx60"))
    assert nothing.text == ""
    if wire.name == "ollama":  # its end mark carries the finish reason: an answer without words, and a cut one
        assert nothing.finish == "stop"
        assert type(no_mark.problem) is errors.StreamTruncated
    else:
        assert type(nothing.problem) is errors.EmptyStream
        assert no_mark.finish == "stop"


async def test_json_that_is_no_answer(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    outcome = await ask(chat_model(clients, wire, simulator.base_urls[wire.name]), question("sim-json-other"))
    # With lines of JSON, one object that says nothing is a stream without its end.
    assert type(outcome.problem) is (errors.StreamTruncated if wire.name == "ollama" else errors.NotAStream)
    assert outcome.text == ""


async def test_patience_is_longer_than_a_delay(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    model = chat_model(clients, wire, simulator.base_urls[wire.name])
    assert (await ask(model, question("sim-delay-300@maxx20", silence_s=60))).finish == "stop"
    assert type((await ask(model, question("sim-delay-600@maxx20", silence_s=0.2))).problem) is errors.StreamStalled


async def test_the_models_are_listed(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    models = await chat_model(clients, wire, simulator.base_urls[wire.name]).list_models()
    assert [model.name.removesuffix(":latest") for model in models] == sorted(simulator.models, key=str.lower)
    by_name = {model.name.removesuffix(":latest"): model for model in models}
    assert "reasoning" in by_name["sim-reasoning"].capabilities


async def test_the_key_is_sent_and_nothing_else_of_it_is_kept(wire: Wire, clients: ModelClients, simulator: Simulator) -> None:
    await ask(chat_model(clients, wire, simulator.base_urls[wire.name], "sk-the-key-of-a-test"), question("sim-chat@maxx5"))
    assert "sk-the-key-of-a-test" not in repr(simulator.requests)
    assert len(simulator.requests) == 1
