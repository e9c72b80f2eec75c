"""Providers in the models area: the page of one with its models, what administrators set, models by hand."""

from __future__ import annotations

from dataclasses import replace

from core.auth.principal import Origin
from core.llm.simulator.server import Simulator
from core.models.types import ConfigurationDraft
from core.settings import Settings
from tests.tui.world import World, add_first_admin, signed_in, world
from tui.screens.models.provider import ProviderScreen
from tui.widgets.form import Form
from tui.widgets.rows import Rows

BOB = ("bob@example.org", "Bob", "correct horse 8 staple")


def rows(seen: World) -> Rows:
    return seen.app.screen.query_one(Rows)


async def open_provider(seen: World, provider_id: str) -> None:
    await seen.press("alt+6")
    await seen.until("Simulator Markdown")
    await seen.press("right")
    await seen.until("SiliconFlow")
    while rows(seen).current_id != provider_id:
        await seen.press("j")
    await seen.press("enter")
    await seen.until(lambda: isinstance(seen.app.screen, ProviderScreen) and "Endpoint:" in seen.text)


async def test_the_page_of_a_provider_lists_its_models_plain_ones_first_and_makes_a_configuration(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await open_provider(seen, "simulator")
        assert "No models are known here yet." in seen.text
        assert "Enter open" not in seen.lines()[-1], "nothing there to open"
        await seen.press("ctrl+r")
        await seen.until("This is what the provider lists now.")
        assert [row.cells["name"] for row in rows(seen).rows[:3]] == ["sim-chat", "sim-reasoning", "sim-markdown"]
        assert seen.fits()
        await seen.press("slash")
        await seen.type("markdown")
        await seen.until(lambda: len(rows(seen).rows) == 1)
        await seen.press("enter", "enter")
        await seen.until("new configuration")
        form = seen.app.screen.query_one(Form)
        assert (form["provider_id"], form["model"]) == ("simulator", "sim-markdown")
        await seen.put("name", "From the page")
        await seen.press("ctrl+s")
        await seen.until(lambda: isinstance(seen.app.screen, ProviderScreen))
        made = await seen.services.configurations.by_name(seen.app.context.principal, "From the page")
        assert made.model == "sim-markdown"
        await seen.press("escape")
        await seen.until(lambda: len(rows(seen).rows) > 1)
        await seen.press("escape")
        await seen.until("SiliconFlow")


async def test_models_are_added_and_removed_by_hand(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        await open_provider(seen, "vllm")
        await seen.press("n")
        await seen.until("by hand")
        await seen.press("ctrl+s")
        await seen.until("Something must be here.")
        await seen.put("model", "qwen2.5-7b")
        await seen.press("ctrl+s")
        await seen.until(lambda: [row.cells["name"] for row in rows(seen).rows] == ["qwen2.5-7b"])
        (model,) = await seen.services.providers.models(seen.app.context.principal, "vllm")
        assert model.by_hand and not model.own, "an administrator adds for everybody"
        await seen.press("n")
        await seen.put("model", "qwen2.5-7b")
        await seen.press("ctrl+s")
        await seen.until("Already taken.")
        await seen.press("d")
        await seen.until("Remove the model “qwen2.5-7b” from the list?")
        await seen.press("y")
        await seen.until("No models are known here yet.")


async def test_a_stored_model_can_be_picked_though_the_provider_does_not_answer(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        principal = seen.app.context.principal
        await seen.services.providers.add_model(principal, "vllm", "kept-in-mind", endpoint="http://127.0.0.1:9/v1")
        draft = ConfigurationDraft("Aa down", "vllm", "x", endpoint="http://127.0.0.1:9/v1")
        await seen.services.configurations.create(principal, draft)
        await seen.press("alt+6")
        await seen.until("Aa down")
        await seen.press("g", "enter")
        await seen.until("Template")
        await seen.press("ctrl+r")
        await seen.until("These were known before.")
        assert "kept-in-mind" in seen.text and "by hand" in seen.text
        await seen.press("enter")
        await seen.until(lambda: seen.app.screen.query_one(Form)["model"] == "kept-in-mind")


async def test_administrators_set_the_default_endpoint(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        simulator = Simulator()
        await simulator.start()
        try:
            await open_provider(seen, "openai-compatible")
            assert "each configuration names its own" in seen.text
            assert "Ctrl+R" not in seen.lines()[-1], "there is nothing to ask yet"
            await seen.press("o")
            await seen.until("The default endpoint of OpenAI-compatible")
            await seen.type("nonsense")
            await seen.until("Must begin with http:// or https://.")
            await seen.press("end", "ctrl+u")
            await seen.type(simulator.base_urls["openai"])
            await seen.press("enter")
            await seen.until(f"Endpoint: {simulator.base_urls['openai']}")
            await seen.press("ctrl+r")
            await seen.until("This is what the provider lists now.")
            await seen.until("sim-chat")
        finally:
            await simulator.stop()


async def test_a_key_is_asked_for_where_one_is_needed_and_a_failure_says_what_to_do(settings: Settings) -> None:
    async with signed_in(settings, size=(80, 24)) as seen:
        principal = seen.app.context.principal
        await seen.services.providers.set_endpoint(principal, "openai", "http://127.0.0.1:9/v1")
        await open_provider(seen, "openai")
        await seen.press("ctrl+r")
        await seen.until("It is used once and not stored.")
        await seen.type("sk-not-kept")
        await seen.press("enter")
        await seen.until("Nothing answers at http://127.0.0.1:9/v1.")
        assert "sk-not-kept" not in seen.text
        assert seen.fits()


async def test_setting_up_a_local_provider_says_that_it_opens_it(settings: Settings) -> None:
    async with signed_in(settings) as seen:
        await open_provider(seen, "vllm")
        await seen.press("o")
        await seen.until("This also opens vLLM to everybody")


async def test_others_than_administrators_are_offered_only_what_they_may(settings: Settings) -> None:
    principal = await add_first_admin(settings)
    async with world(settings, size=(80, 24)) as seen:
        await seen.services.accounts.add_user(principal, *BOB)
        bob = await seen.services.accounts.sign_in(BOB[0], BOB[2], origin=Origin("local"))
        await seen.app.signed_in(bob, keep=False)
        await seen.until("Good to see you")
        await open_provider(seen, "simulator")
        line = seen.lines()[-1]
        assert "on/off" not in line and "shared key" not in line and "endpoint" not in line
        await seen.press("n")
        await seen.until("by hand")
        assert "For everybody" not in seen.text
        await seen.put("model", "mine-only")
        await seen.press("ctrl+s")
        await seen.until("mine-only")
        (model,) = await seen.services.providers.models(bob.principal, "simulator")
        assert model.own


async def test_each_configuration_says_which_provider_it_asks(settings: Settings) -> None:
    for size in ((120, 40), (80, 24)):
        folder = settings.data_dir / str(size[0])
        place = replace(settings, data_dir=folder, database_url=f"sqlite:///{folder}/modeltrain.db")
        async with signed_in(place, size=size) as seen:
            principal = seen.app.context.principal
            await seen.services.configurations.create(
                principal, ConfigurationDraft("Aa deep", "deepseek", "deepseek-chat", key="sk-1234567890")
            )
            await seen.press("alt+6")
            await seen.until("Aa deep")
            await seen.press("g")
            row = next(line for line in seen.lines() if "Aa deep" in line and "enabled" in line)
            assert "DeepSeek" in row and "deepseek-chat" in row
            await seen.until("api.deepseek.com")
            assert "Test" in seen.lines()[2], "the column of the tests has room, too"
