"""Resolving and testing configurations against the simulator: what is asked, what comes back, and what is said when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from core import errors
from core.clock import Clock
from core.llm.events import StreamEvent, TextDelta
from core.llm.request import ChatRequest, Parameters
from core.models.configurations import ConfigurationDraft
from core.models.resolver import Resolver
from core.models.tester import ENOUGH_CHARACTERS, ENOUGH_TOKENS, ConfigurationTester
from core.models.types import ReadyModel
from tests.unit.models.conftest import KEY, House, until

PROTOCOLS = {"openai-compatible": "openai", "ollama": "ollama", "anthropic": "anthropic"}


def draft_on(house: House, provider: str, model: str, **changes: Any) -> ConfigurationDraft:
    endpoint = house.simulator.base_urls[PROTOCOLS[provider]]
    key = KEY if provider == "anthropic" else None
    draft = ConfigurationDraft(name=f"{provider} {model}", provider_id=provider, model=model, endpoint=endpoint, key=key)
    return replace(draft, **changes)


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_a_test_brings_answer_reasoning_times_and_tokens(house: House, provider: str) -> None:
    made = await house.configurations.create(house.ann, draft_on(house, provider, "sim-reasoning@0x40"))
    result = await house.configurations.test(house.ann, made.id)
    assert result.ok, result.error
    assert result.error is None
    assert result.answer
    assert result.reasoning
    assert result.usage is not None
    assert result.usage.output_tokens > 0
    assert result.ttft_ms is not None
    assert 0 <= result.ttft_ms <= result.total_ms
    assert result.finish == "stop"
    assert await house.configurations.test(house.ann, replace(made.draft(), name=""), configuration_id=made.id), "a name is not needed"


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("sim-401", errors.Unauthorized),
        ("sim-403", errors.AccessDenied),
        ("sim-404", errors.ModelNotFound),
        ("sim-no-such-thing", errors.ModelNotFound),
        ("sim-429", errors.RateLimited),
        ("sim-500", errors.ProviderFault),
        ("sim-html", errors.NotAStream),
        ("sim-empty", errors.EmptyStream),
        ("sim-cut-3@0x50", errors.StreamTruncated),
    ],
)
async def test_what_is_wrong_is_a_typed_error(house: House, provider: str, model: str, kind: type[errors.ProviderError]) -> None:
    result = await house.configurations.test(house.ann, draft_on(house, provider, model))
    assert not result.ok
    assert isinstance(result.error, kind) or (kind is errors.StreamTruncated and isinstance(result.error, errors.ConnectionLost))
    assert (bool(result.answer), result.ttft_ms is not None) == (("cut" in model), ("cut" in model))


async def test_what_is_not_reachable(house: House) -> None:
    port = house.simulator.port
    await house.simulator.stop()
    result = await house.configurations.test(house.ann, house_draft("http://127.0.0.1:" + str(port)))
    assert isinstance(result.error, errors.ConnectionRefused)
    unknown = await house.configurations.test(house.ann, house_draft("http://no-such-host.invalid"))
    assert isinstance(unknown.error, errors.NameNotResolved)


def house_draft(url: str) -> ConfigurationDraft:
    return ConfigurationDraft(name="x", provider_id="openai-compatible", model="m", endpoint=url)


async def test_a_test_is_short_whatever_the_model_does(house: House) -> None:
    limited = await house.configurations.test(house.ann, house.draft(model="sim-markdown@0x2000"))
    assert limited.ok
    assert limited.finish == "length"
    assert house.simulator.requests[-1].parameters["max_tokens"] == ENOUGH_TOKENS
    own = await house.configurations.test(house.ann, house.draft(model="sim-chat@0", parameters=Parameters(max_tokens=5)))
    assert own.ok
    assert house.simulator.requests[-1].parameters["max_tokens"] == 5


async def test_extra_json_keeps_its_own_limit_and_a_long_answer_is_left(house: House) -> None:
    parameters = Parameters(max_tokens=4_000, extra={"thinking": {"budget_tokens": 2_000}})
    result = await house.configurations.test(house.ann, house.draft(model="sim-markdown@0x4000", parameters=parameters))
    sent = house.simulator.requests[-1].parameters
    assert (sent["max_tokens"], sent["thinking"]) == (4_000, {"budget_tokens": 2_000})
    assert result.ok
    assert result.finish is None
    assert ENOUGH_CHARACTERS < len(result.answer) < ENOUGH_CHARACTERS * 4


async def test_a_test_has_an_end_even_if_the_model_never_begins(house: House) -> None:
    tester = ConfigurationTester(Resolver(house.store, house.gateway), clock=Clock(), limit_s=0.2)
    silent = await tester.test(house.ann, house.draft(model="sim-stall-head"))
    assert isinstance(silent.error, errors.StreamStalled)
    assert silent.error.fields["after_s"] == 0.2


class BeginsAndNeverEnds:
    """Its first word is there at once, before any time can have passed; then it takes for ever."""

    closed = False

    async def stream(self, _request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        try:
            yield TextDelta("Hello")
            await asyncio.Event().wait()
        finally:
            self.closed = True


async def test_a_test_has_an_end_even_if_the_answer_has_none(house: House) -> None:
    model = BeginsAndNeverEnds()

    class Resolves(Resolver):
        async def ready_draft(self, *arguments: Any) -> ReadyModel:
            return replace(await super().ready_draft(*arguments), chat_model=model)  # type: ignore[arg-type]

    tester = ConfigurationTester(Resolves(house.store, house.gateway), clock=Clock(), limit_s=0.05)
    slow = await tester.test(house.ann, house.draft(model="sim-chat@0"))
    assert slow.ok, "it works, and that is all a test wants to know"
    assert (slow.answer, slow.finish, slow.error) == ("Hello", None, None)
    assert slow.ttft_ms is not None and slow.ttft_ms <= slow.total_ms
    assert model.closed


async def test_a_configuration_has_its_own_patience(house: House) -> None:
    result = await house.configurations.test(house.ann, house.draft(model="sim-stall-2@0", timeout_s=2))
    assert isinstance(result.error, errors.StreamStalled)
    assert result.answer


async def test_cancelling_a_test_closes_the_request(house: House) -> None:
    task = asyncio.create_task(house.configurations.test(house.ann, house.draft(model="sim-markdown@20x2000")))
    await until(lambda: house.simulator.requests and house.simulator.requests[0].tokens_sent)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: house.simulator.requests[0].disconnected)


async def test_parameters_and_system_prompt_are_asked_with(house: House) -> None:
    parameters = Parameters(temperature=0.3, top_p=0.9, seed=7, stop=("END",), extra={"min_p": 0.05})
    made = await house.configurations.create(house.ann, house.draft(parameters=parameters, system_prompt="Be brief.", timeout_s=30))
    ready = await house.configurations.resolve(house.ann, made.name)
    assert (ready.parameters, ready.system_prompt, ready.timeout_s, ready.model) == (parameters, "Be brief.", 30, "sim-chat@0")
    assert (ready.configuration_id, ready.version, ready.provider_id) == (made.id, 1, "openai-compatible")
    assert (ready.preset.id, ready.endpoint, ready.key_source) == ("openai-compatible", house.endpoint, "none")
    assert (await house.configurations.test(house.ann, made.id)).ok
    record = house.simulator.requests[-1]
    assert record.system == "Be brief."
    sent = {name: record.parameters[name] for name in ("temperature", "top_p", "seed", "stop", "min_p")}
    assert sent == {"temperature": 0.3, "top_p": 0.9, "seed": 7, "stop": ["END"], "min_p": 0.05}


async def test_the_simulator_is_started_when_it_is_first_needed(house: House) -> None:
    assert house.control.simulator is None
    await house.configurations.ensure_starter(house.ann)
    assert house.control.simulator is None
    first, second = await asyncio.gather(*(house.configurations.resolve(house.ann) for _ in range(2)))
    assert house.control.simulator is not None
    assert first.endpoint == second.endpoint == house.control.simulator.base_urls["openai"]
    assert (await house.configurations.default(house.ann)) is not None
    stored = await house.configurations.by_name(house.ann, "Simulator")
    assert stored.endpoint == "simulator:", "the port of one process is not stored"


async def test_an_id_goes_before_a_name(house: House) -> None:
    first = await house.configurations.create(house.ann, house.draft("First"))
    named = await house.configurations.create(house.ann, house.draft(first.id))
    assert (await house.configurations.resolve(house.ann, first.id)).configuration_id == first.id
    assert (await house.configurations.by_name(house.ann, first.id)).id == named.id
    assert (await house.configurations.by_name(house.ann, "First")).id == first.id
    assert (await house.configurations.by_name(house.ann, named.id)).id == named.id


async def test_a_draft_that_cannot_work_says_why_without_asking(house: House) -> None:
    for change, field in (
        ({"model": ""}, "model"),
        ({"endpoint": "?"}, "endpoint"),
        ({"parameters": Parameters(temperature=9)}, "temperature"),
        ({"provider_id": "nobody"}, "provider_id"),
        ({"provider_id": "openai"}, "key"),
    ):
        result = await house.configurations.test(house.ann, house.draft(**change))
        assert isinstance(result.error, errors.InvalidInput)
        assert result.error.field == field
    assert house.simulator.requests == []
