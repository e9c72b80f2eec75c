"""The fields of a configuration, and what they hold before anybody changed them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from core.llm.request import Parameters
from core.models.templates import PARAMETER_TEMPLATES, apply_template
from core.models.types import DEFAULT_TIMEOUT_S, Configuration, ModelInfo
from tui.i18n import N_, _
from tui.screens.models import texts
from tui.widgets.choices import Choice, TextField, Toggle
from tui.widgets.fields import Field

NUMBERS = ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
#: Shown only when the advanced fields are unfolded.
ADVANCED = ("top_p", "top_k", "presence_penalty", "frequency_penalty", "seed", "stop", "extra", "timeout_s")
_DEFAULT_TEMPLATE = ""


def configuration_fields(provider_ids: Iterable[str]) -> Iterable[Field]:
    """The fields in the order of the form; those of the class "advanced" are folded at first."""
    yield Field(N_("Name"), hint=N_("what you call it"), id="field-name")
    yield Choice(N_("Provider"), dict.fromkeys(provider_ids, ""), id="field-provider_id")
    yield Field(N_("Endpoint"), hint=N_("the provider's default"), id="field-endpoint")
    yield Field(N_("API key"), password=True, id="field-key")
    yield Field(N_("Model"), hint=N_("Ctrl+R to pick one"), id="field-model")
    yield Choice(N_("Template"), dict(texts.TEMPLATES), id="field-template")
    yield Field(N_("Temperature"), hint=N_("0 to 2"), id="field-temperature")
    yield Field(N_("Max. tokens"), hint=N_("no limit of ours"), id="field-max_tokens")
    yield TextField(N_("System prompt"), hint=N_("type, or Enter to write it"), id="field-system_prompt")
    yield Field(N_("Note"), id="field-note")
    yield Toggle(N_("Enabled"), True, id="field-enabled")
    yield Field(N_("top_p"), hint=N_("0 to 1"), id="field-top_p", classes="advanced")
    yield Field(N_("top_k"), id="field-top_k", classes="advanced")
    yield Field(N_("Presence penalty"), hint=N_("-2 to 2"), id="field-presence_penalty", classes="advanced")
    yield Field(N_("Frequency penalty"), hint=N_("-2 to 2"), id="field-frequency_penalty", classes="advanced")
    yield Field(N_("Seed"), id="field-seed", classes="advanced")
    yield Field(N_("Stop words"), hint=N_("one or more, separated by |"), id="field-stop", classes="advanced")
    yield Field(N_("Extra JSON"), hint='{"chat_template_kwargs": {}}', id="field-extra", classes="advanced")
    yield Field(N_("Silence allowed, s"), id="field-timeout_s", classes="advanced")


def values_of(item: Configuration | None, provider_id: str, endpoint: str) -> dict[str, str]:
    """The values of `item` by field; of a new configuration at this provider for None."""
    parameters = item.parameters if item is not None else PARAMETER_TEMPLATES["balanced"]
    values = {name: text_of(getattr(parameters, name)) for name in NUMBERS}
    return values | {
        "name": item.name if item else "",
        "provider_id": item.provider_id if item else provider_id,
        "endpoint": item.endpoint if item else endpoint,
        "model": item.model if item else "",
        "stop": "|".join(parameters.stop),
        "extra": json.dumps(dict(parameters.extra), ensure_ascii=False) if parameters.extra else "",
        "timeout_s": f"{(item.timeout_s if item else DEFAULT_TIMEOUT_S):g}",
        "system_prompt": item.system_prompt if item else "",
        "note": item.note if item else "",
        "enabled": "yes" if item is None or item.enabled else "no",
        "template": template_of(parameters),
    }


def text_of(value: float | int | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def template_of(parameters: Parameters) -> str:
    for name in PARAMETER_TEMPLATES:
        if apply_template(parameters, name) == parameters:
            return name
    return _DEFAULT_TEMPLATE


def model_remark(model: ModelInfo) -> str:
    """What is known of a model, for behind its name in a list to choose from."""
    good_for = texts.capabilities([name for name in model.capabilities if name != "chat"])
    parts = [good_for, model.parameters or "", texts.context(model.context_length)]
    if model.by_hand:
        parts.append(_("by hand"))
    elif not model.available:
        parts.append(_("not available"))
    return " · ".join(part for part in parts if part)
