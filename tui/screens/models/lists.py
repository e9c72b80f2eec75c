"""The columns and rows of the lists in the models area."""

from __future__ import annotations

from collections.abc import Mapping

from core.models.types import Configuration, ModelInfo, ProviderInfo, TestResult
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.screens.models import texts
from tui.widgets.rows import Column, Row

CONFIGURATION_COLUMNS = (
    Column("default", "", 1),
    Column("name", N_("Name"), 18, grow=True),
    Column("model", N_("Model"), 16),
    Column("provider", N_("Provider"), 12),
    Column("state", N_("State"), 10),
    Column("test", N_("Test"), 9),
)
PROVIDER_COLUMNS = (
    Column("glyph", "", 2),
    Column("name", N_("Provider"), 18),
    Column("state", N_("State"), 20),
    Column("key", N_("Key"), 14),
    Column("endpoint", N_("Endpoint"), 24, grow=True),
)
MODEL_COLUMNS = (
    Column("name", N_("Model"), 24, grow=True),
    Column("state", N_("State"), 15),
    Column("context", N_("Context"), 7, right=True),
    Column("capabilities", N_("Good for"), 20),
    Column("parameters", N_("Size"), 8, right=True),
    Column("price", N_("Price of a million tokens"), 26),
)


def configuration_row(item: Configuration, provider: str, result: TestResult | None, signs: Glyphs, *, testing: bool) -> Row:
    """`provider`: its name; `result`: of the last test in this session."""
    state, state_token = texts.state(item, signs)
    test, test_token = texts.test_short(result, signs, running=testing)
    cells = {"name": item.name, "model": item.model, "state": state, "test": test, "provider": provider}
    cells["default"] = signs.star if item.is_default else ""
    tokens = {"model": "dim", "state": state_token, "test": test_token, "default": "warn", "provider": "dim"}
    return Row(item.id, cells, tokens)


def provider_row(item: ProviderInfo, signs: Glyphs) -> Row:
    state, token = texts.provider_state(item, signs)
    glyph = item.ascii_glyph if signs.ascii else item.glyph
    cells = {"glyph": glyph, "name": item.name, "state": state, "key": texts.provider_key(item), "endpoint": item.endpoint}
    return Row(item.id, cells, {"glyph": "accent", "state": token, "key": "dim", "endpoint": "dim"})


def model_row(item: ModelInfo, signs: Glyphs) -> Row:
    state, token = texts.model_state(item, signs)
    cells = {
        "name": item.name,
        "state": state,
        "parameters": item.parameters or texts.size(item.size_bytes),
        "context": texts.context(item.context_length),
        "capabilities": texts.capabilities(item.capabilities),
        "price": texts.price(item),
    }
    dim = dict.fromkeys(("parameters", "context", "capabilities", "price"), "dim")
    return Row(item.id, cells, dim | {"state": token})


def no_configurations(*, searched: bool) -> list[tuple[str, str]]:
    """In place of an empty list: what belongs there and how the first is made."""
    if searched:
        return [(_("Nothing matches the search."), "text"), (_("Esc clears it."), "dim")]
    return [
        (_("No configuration yet."), "text"),
        (_("A configuration is a model at a provider, with its key and parameters."), "dim"),
        (_("Press {key} to make the first; the simulator needs no key.").format(key="n"), "accent"),
    ]


def no_models(*, searched: bool, endpoint: str) -> list[tuple[str, str]]:
    if searched:
        return [(_("Nothing matches the search."), "text"), (_("Esc clears it."), "dim")]
    if not endpoint:
        return [(_("Without a default endpoint there is no list of models: each configuration names its own."), "text")]
    return [
        (_("No models are known here yet."), "text"),
        (_("Press {look} to ask the provider for them, or {add} to add one by hand.").format(look="Ctrl+R", add="n"), "accent"),
    ]


def provider_name(providers: Mapping[str, ProviderInfo], provider_id: str) -> str:
    """The name of a provider, its id where it is closed to this person."""
    return providers[provider_id].name if provider_id in providers else provider_id
