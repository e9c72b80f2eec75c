"""What an answer costs, by the price list of the package genai-prices. It takes 150 ms to import: call from a thread."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from core.llm.endpoints import is_inner
from core.llm.events import Usage
from core.llm.presets import Preset, presets

_CURRENCY = "USD"
_MILLION = 1_000_000


class Cost(NamedTuple):
    """`amount` is None where the price is not known, and then `currency` is ""."""

    amount: Decimal | None
    currency: str


class Prices(NamedTuple):
    """The list prices of a million tokens."""

    input: Decimal
    output: Decimal
    currency: str


UNKNOWN = Cost(None, "")


def cost(preset_id: str, model: str, usage: Usage, *, endpoint: str | None = None) -> Cost:
    """The price of `usage`. `endpoint`: where it was asked (normalised), None for the preset's own.

    Models on one's own machines cost 0; what somebody else takes at another endpoint than the preset's own, nobody knows.
    """
    preset = presets().get(preset_id)
    if preset is None:
        return UNKNOWN
    if _is_free(preset, endpoint):
        return Cost(Decimal(0), _CURRENCY)
    if not _has_list(preset, endpoint):
        return UNKNOWN
    amount = _calculated(preset.prices, model, usage.input_tokens, usage.output_tokens)
    return UNKNOWN if amount is None else Cost(sum(amount, Decimal(0)), _CURRENCY)


def prices(preset_id: str, model: str, *, endpoint: str | None = None) -> Prices | None:
    """The list prices of a model, for the list of models; None where not known. `endpoint` as for `cost`."""
    preset = presets().get(preset_id)
    if preset is None:
        return None
    if _is_free(preset, endpoint):
        return Prices(Decimal(0), Decimal(0), _CURRENCY)
    if not _has_list(preset, endpoint):
        return None
    # Asked for a thousand tokens, because some prices step up with the length of the question.
    amounts = _calculated(preset.prices, model, 1000, 1000)
    if amounts is None:
        return None
    return Prices(amounts[0] * _MILLION / 1000, amounts[1] * _MILLION / 1000, _CURRENCY)


def _is_free(preset: Preset, endpoint: str | None) -> bool:
    """A server program of one's own, on a machine of one's own: the same program may be rented from somebody in the internet."""
    return preset.local and (endpoint is None or is_inner(endpoint))


def _has_list(preset: Preset, endpoint: str | None) -> bool:
    return bool(preset.prices) and endpoint in (None, preset.endpoint)


def _calculated(provider: str, model: str, input_tokens: int, output_tokens: int) -> tuple[Decimal, Decimal] | None:
    """(price of the input, price of the output), or None for a model that is not on the list."""
    import genai_prices

    usage = genai_prices.Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        found = genai_prices.calc_price(usage, model, provider_id=provider)
    except LookupError:
        return None
    return found.input_price, found.output_price
