"""Providers: who sees and changes them, which addresses served users reach, and the models they list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.auth.principal import operator
from core.errors import AddressNotAllowed, Conflict, Forbidden, InvalidInput, NotFound
from core.llm.presets import presets
from core.llm.request import ListedModel
from core.models.configurations import ConfigurationDraft
from storage.tables.accounts import AuditEvent
from storage.unit_of_work import UnitOfWork
from tests.unit.models.conftest import KEY, House, served

ADMINISTRATION: dict[str, Callable[[House, Any], Awaitable[Any]]] = {
    "set_enabled": lambda house, who: house.providers.set_enabled(who, "openai", False),
    "set_endpoint": lambda house, who: house.providers.set_endpoint(who, "openai", "https://proxy.example/v1"),
    "set_shared_key": lambda house, who: house.providers.set_shared_key(who, "openai", KEY),
    "allow": lambda house, who: house.providers.allow(who, "10.0.0.5"),
    "disallow": lambda house, who: house.providers.disallow(who, "10.0.0.5"),
    "allowed": lambda house, who: house.providers.allowed(who),
    "add_model_for_all": lambda house, who: house.providers.add_model(who, "ollama", "tiny", for_all=True),
}


@pytest.mark.parametrize("call", ADMINISTRATION.values(), ids=ADMINISTRATION)
async def test_only_administrators_administer(house: House, call: Callable[[House, Any], Awaitable[Any]]) -> None:
    before = await house.providers.list(house.admin)
    with pytest.raises(Forbidden):
        await call(house, house.ann)
    assert await house.providers.list(house.admin) == before
    assert await house.providers.allowed(house.admin) == ()


async def test_all_presets_are_there_in_their_order(house: House) -> None:
    listed = await house.providers.list(house.ann)
    assert [info.id for info in listed] == list(presets())
    assert listed[0].id == "simulator"
    assert {info.availability for info in listed} == {"enabled", "local_only"}
    assert all(info.enabled for info in listed)


async def test_what_served_users_see(house: House) -> None:
    offered = {info.id for info in await house.providers.list(house.served_ann)}
    local = {"ollama", "vllm", "sglang", "lmdeploy", "llamacpp"}
    assert offered == set(presets()) - local
    await house.providers.set_enabled(house.admin, "ollama", True)
    assert {info.id for info in await house.providers.list(house.served_ann)} == offered | {"ollama"}
    everything = {info.id: info.enabled for info in await house.providers.list(served(house.admin))}
    assert set(everything) == set(presets())
    assert not everything["vllm"]


async def test_a_disabled_provider_cannot_be_used(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    await house.providers.set_enabled(house.admin, "openai-compatible", False)
    assert "openai-compatible" not in {info.id for info in await house.providers.list(house.ann)}
    with pytest.raises(NotFound):
        await house.providers.get(house.ann, "openai-compatible")
    calls: list[Awaitable[Any]] = [
        house.configurations.resolve(house.ann, made.id),
        house.configurations.create(house.ann, house.draft("Other")),
        house.providers.refresh_models(house.ann, configuration_id=made.id),
    ]
    for call in calls:
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.fields == {"what": "provider_disabled", "provider": "OpenAI-compatible"}
    tested = await house.configurations.test(house.ann, made.id)
    assert isinstance(tested.error, Conflict)
    assert not (await house.configurations.get(house.ann, made.id)).provider_enabled
    renamed = await house.configurations.update(house.ann, made.id, replace(made.draft(), name="Kept"))
    assert renamed.name == "Kept"
    assert (await house.configurations.copy(house.ann, made.id)).name == "Kept 2"
    assert house.simulator.requests == []
    await house.providers.set_enabled(house.admin, "openai-compatible", True)
    assert (await house.configurations.test(house.ann, made.id)).ok


async def test_what_administrators_do_is_noted(house: House) -> None:
    root = operator("root")
    await house.providers.set_enabled(root, "openai", False)
    await house.providers.set_shared_key(house.admin, "openai", KEY)
    await house.providers.allow(house.admin, "10.0.0.5")
    await house.providers.allow(house.admin, "10.0.0.5")
    await house.providers.disallow(house.admin, "10.0.0.5")

    def noted(uow: UnitOfWork) -> list[tuple[str, str, str, str]]:
        events = uow.session.scalars(select(AuditEvent).order_by("at"))
        return [(event.action, event.actor_name, event.subject_id, event.details) for event in events]

    events = house.storage.read_now(noted)
    assert [event[:3] for event in events] == [
        ("provider.disabled", "root", "openai"),
        ("provider.shared_key_set", "adm", "openai"),
        ("address.allowed", "adm", ""),
        ("address.disallowed", "adm", ""),
    ]
    assert KEY not in repr(events)
    assert "10.0.0.5" in events[-1][3]


# Addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("  GPU-Box.Lan ", "gpu-box.lan"),
        ("gpu:8000", "gpu:8000"),
        ("10.0.0.5", "10.0.0.5"),
        ("127.1", "127.0.0.1"),
        ("10.0.0.5/8", "10.0.0.0/8"),
        ("::1", "::1"),
        ("[::1]:8000", "[::1]:8000"),
        ("fd00::/8", "fd00::/8"),
    ],
)
async def test_addresses_have_one_spelling(house: House, text: str, spelt: str) -> None:
    assert await house.providers.allow(house.admin, text) == spelt
    assert await house.providers.allow(house.admin, spelt) == spelt
    assert await house.providers.allowed(house.admin) == (spelt,)
    assert await house.providers.disallow(house.admin, text) == spelt
    assert await house.providers.allowed(house.admin) == ()
    with pytest.raises(NotFound):
        await house.providers.disallow(house.admin, text)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "http://host/v1", "host:0", "host:99999", "10.0.0.0/33", "x" * 300, "169.254.169.254", "a\x1b[2J"]
)
async def test_what_is_no_address_is_refused(house: House, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await house.providers.allow(house.admin, text)
    assert caught.value.field == "address"
    assert await house.providers.allowed(house.admin) == ()


async def test_inner_addresses_are_free_locally_and_guarded_for_served_users(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    assert (await house.configurations.test(house.ann, made.id)).ok
    asked = house.simulator.request_count
    refused = await house.configurations.test(house.served_ann, made.id)
    assert isinstance(refused.error, AddressNotAllowed)
    with pytest.raises(AddressNotAllowed):
        await house.providers.refresh_models(house.served_ann, configuration_id=made.id)
    assert house.simulator.request_count == asked
    await house.providers.allow(house.admin, f"127.0.0.1:{house.simulator.port}")
    assert (await house.configurations.test(house.served_ann, made.id)).ok
    await house.providers.disallow(house.admin, f"127.0.0.1:{house.simulator.port}")
    assert not (await house.configurations.test(house.served_ann, made.id)).ok


async def test_an_enabled_local_provider_is_reached_at_its_endpoint_and_nowhere_else(house: House) -> None:
    ollama = house.simulator.base_urls["ollama"]
    await house.providers.set_endpoint(house.admin, "ollama", ollama)
    await house.providers.set_enabled(house.admin, "ollama", True)
    draft = ConfigurationDraft(name="Local", provider_id="ollama", model="sim-chat@0")
    made = await house.configurations.create(house.served_ann, draft)
    assert made.endpoint == ollama
    assert (await house.configurations.test(house.served_ann, made.id)).ok
    moved = await house.configurations.update(house.served_ann, made.id, replace(draft, endpoint=ollama + "/inner"))
    assert isinstance((await house.configurations.test(house.served_ann, moved.id)).error, AddressNotAllowed)
    await house.providers.set_enabled(house.admin, "ollama", False)
    assert (await house.providers.policy(house.served_ann)).local_endpoints == ()


async def test_served_users_have_the_simulator_too(house: House) -> None:
    await house.configurations.ensure_starter(house.served_ann)
    draft = ConfigurationDraft(name="S", provider_id="simulator", model="sim-chat@0")
    assert (await house.configurations.test(house.served_ann, draft)).ok
    other = await house.configurations.test(house.served_ann, replace(draft, endpoint=house.endpoint))
    assert isinstance(other.error, AddressNotAllowed)


# Models --------------------------------------------------------------------------------------------------------------


class Listing:
    """A provider whose list of models a test sets (what it lists is the only thing that a fake does better than the simulator)."""

    def __init__(self, house: House) -> None:
        self.models: tuple[ListedModel, ...] = ()
        self._clients = house.clients

    def chat_model(self, *_arguments: Any, **_options: Any) -> Any:
        return self

    async def list_models(self) -> tuple[ListedModel, ...]:
        return self.models


def listing(house: House, monkeypatch: pytest.MonkeyPatch) -> Listing:
    fake = Listing(house)
    monkeypatch.setattr(house.gateway, "_clients", fake)
    return fake


@pytest.mark.parametrize(("provider", "protocol"), [("openai-compatible", "openai"), ("ollama", "ollama"), ("anthropic", "anthropic")])
async def test_models_are_asked_for_and_stored(house: House, provider: str, protocol: str) -> None:
    endpoint = house.simulator.base_urls[protocol]
    assert await house.providers.models(house.ann, provider, endpoint) == ()
    found = await house.providers.refresh_models(house.ann, provider, endpoint=endpoint, key=KEY)
    assert {"sim-chat", "sim-reasoning"} <= {model.name for model in found}
    assert all(model.available and model.own and not model.by_hand for model in found)
    asked = house.simulator.request_count
    assert await house.providers.models(house.ann, provider, endpoint) == found
    assert house.simulator.request_count == asked
    assert await house.providers.models(house.bob, provider, endpoint) == (), "what one person's key sees is not everybody's"


async def test_what_vanished_is_marked_and_what_returns_is_there_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = listing(house, monkeypatch)
    endpoint = house.endpoint

    async def refresh(*names: str) -> dict[str, bool]:
        fake.models = tuple(ListedModel(name, context_length=len(name)) for name in names)
        found = await house.providers.refresh_models(house.ann, "openai-compatible", endpoint=endpoint)
        return {model.name: model.available for model in found}

    mine = await house.providers.add_model(
        house.ann, "openai-compatible", "secret-preview", endpoint=endpoint, capabilities=("chat", "vision")
    )
    assert (mine.by_hand, mine.available, mine.capabilities) == (True, True, ("chat", "vision"))
    assert await refresh("b", "A") == {"A": True, "b": True, "secret-preview": True}
    assert await refresh("b") == {"A": False, "b": True, "secret-preview": True}
    assert await refresh("A", "b", "secret-preview") == {"A": True, "b": True, "secret-preview": True}
    assert await refresh() == {"A": False, "b": False, "secret-preview": False}, "seen in a list once, it is an ordinary model"


async def test_what_an_administrator_lists_is_everybodys(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = listing(house, monkeypatch)
    fake.models = (ListedModel("house-model", parameters="7.6B", size_bytes=4_700_000_000),)
    await house.providers.refresh_models(house.admin, "ollama")
    (seen,) = await house.providers.models(house.bob, "ollama")
    assert (seen.name, seen.own, seen.parameters, seen.size_bytes) == ("house-model", False, "7.6B", 4_700_000_000)
    fake.models = (ListedModel("house-model", parameters="8B"),)
    (own,) = await house.providers.refresh_models(house.bob, "ollama")
    assert (own.own, own.parameters) == (True, "8B"), "one's own sight goes first"
    assert [model.parameters for model in await house.providers.models(house.ann, "ollama")] == ["7.6B"]


async def test_a_hostile_listing_is_cut_to_what_can_be_asked_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = listing(house, monkeypatch)
    fake.models = (
        ListedModel("good", display_name="Good \x1b]0;x\x07model" + "!" * 400, parameters="x" * 99, size_bytes=2**80, context_length=-5),
        ListedModel("evil\x1b[2J"),
        ListedModel("two\nlines"),
        ListedModel("x" * 201),
        ListedModel(" "),
        ListedModel("good"),
        *(ListedModel(f"m{number}") for number in range(6_000)),
    )
    found = await house.providers.refresh_models(house.ann, "ollama")
    assert 4_000 < len(found) <= 5_000
    good = next(model for model in found if model.name == "good")
    assert all(model.name == model.name.strip() and "\x1b" not in model.name + model.display_name for model in found)
    assert (good.size_bytes, good.context_length) == (None, None)
    assert len(good.parameters or "") <= 32


async def test_refreshing_at_the_same_time_keeps_each_model_once(house: House) -> None:
    for _again in range(2):
        await asyncio.gather(*(house.providers.refresh_models(house.ann, "openai-compatible", endpoint=house.endpoint) for _ in range(6)))
    names = [model.name for model in await house.providers.models(house.ann, "openai-compatible", house.endpoint)]
    assert len(names) == len(set(names)) > 0


async def test_models_by_hand(house: House) -> None:
    made = await house.providers.add_model(house.ann, "ollama", " tiny ")
    assert (made.name, made.own, made.refreshed_at) == ("tiny", True, None)
    with pytest.raises(InvalidInput, match="taken"):
        await house.providers.add_model(house.ann, "ollama", "tiny")
    with pytest.raises(InvalidInput, match="control_characters"):
        await house.providers.add_model(house.ann, "ollama", "a\x1bb")
    with pytest.raises(InvalidInput, match="required"):
        await house.providers.add_model(house.ann, "openai-compatible", "tiny")
    with pytest.raises(NotFound):
        await house.providers.remove_model(house.bob, made.id)
    with pytest.raises(NotFound):
        await house.providers.remove_model(house.admin, made.id)
    everybodys = await house.providers.add_model(house.admin, "ollama", "common", for_all=True)
    with pytest.raises(NotFound):
        await house.providers.remove_model(house.ann, everybodys.id)
    await house.providers.remove_model(house.ann, made.id)
    await house.providers.remove_model(house.admin, everybodys.id)
    assert await house.providers.models(house.ann, "ollama") == ()


async def test_prices_are_noted_where_they_are_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = listing(house, monkeypatch)
    fake.models = (ListedModel("gpt-4o"), ListedModel("gpt-of-nobody"))
    known = {model.name: model for model in await house.providers.refresh_models(house.ann, "openai", key=KEY)}
    assert known["gpt-of-nobody"].input_price is None
    price, currency = known["gpt-4o"].input_price, known["gpt-4o"].currency
    assert price is not None
    assert 0 < price < 100
    assert currency == "USD"
    elsewhere = await house.providers.refresh_models(house.ann, "openai", endpoint="https://proxy.example/v1", key=KEY)
    assert {model.input_price for model in elsewhere} == {None}, "another endpoint may ask for something else"
    by_hand = await house.providers.add_model(house.ann, "openai", "gpt-4o-mini")
    assert by_hand.input_price is not None
    assert (await house.providers.add_model(house.ann, "ollama", "own")).input_price == 0


async def test_unknown_providers(house: House) -> None:
    for call in (
        house.providers.set_enabled(house.admin, "nobody", True),
        house.providers.models(house.ann, "nobody"),
        house.providers.refresh_models(house.ann, "nobody"),
        house.providers.get(house.ann, "nobody"),
    ):
        with pytest.raises(NotFound):
            await call
