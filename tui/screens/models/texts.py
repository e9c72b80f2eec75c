"""Configurations, tests and providers in words, for the models area."""

from __future__ import annotations

from collections.abc import Sequence

from core.llm.events import Usage
from core.models.types import Configuration, ModelInfo, ProviderInfo, TestResult
from core.sanitise import one_line
from tui.errors import describe
from tui.glyphs import Glyphs
from tui.i18n import N_, _

TEMPLATES = {"": N_("as below"), "precise": N_("precise"), "balanced": N_("balanced"), "creative": N_("creative"), "code": N_("code")}
SORTS = {"name": N_("by name"), "model": N_("by model"), "provider": N_("by provider"), "updated": N_("by last change")}


def state(configuration: Configuration, signs: Glyphs) -> tuple[str, str]:
    """Its state with its sign, and the token to draw it with."""
    if not configuration.provider_enabled:
        return f"{signs.stopped} {_('closed')}", "warn"
    if not configuration.enabled:
        return f"{signs.waiting} {_('disabled')}", "dim"
    return f"{signs.running} {_('enabled')}", "good"


def milliseconds(value: int | None) -> str:
    """A time in seconds, as people compare them."""
    return "–" if value is None else _("{seconds} s").format(seconds=f"{value / 1000:.1f}")


def tokens(usage: Usage | None) -> str:
    if usage is None:
        return ""
    text = _("{input} tokens in, {output} out") if usage.exact else _("about {input} tokens in, {output} out")
    return text.format(input=usage.input_tokens, output=usage.output_tokens)


def test_short(result: TestResult | None, signs: Glyphs, *, running: bool = False) -> tuple[str, str]:
    """A test beside its row: its sign with a figure or the cause, and the token."""
    if running:
        return f"{signs.running} {_('asking…')}", "accent"
    if result is None:
        return "", "dim"
    if result.ok:
        return f"{signs.done} {milliseconds(result.ttft_ms)}", "good"
    return f"{signs.failed} {describe(result.error).title if result.error else _('no answer')}", "bad"


def test_full(result: TestResult, signs: Glyphs) -> list[tuple[str, str]]:
    """A test in full: the answer and its figures, or cause and remedy."""
    if result.ok:
        figures = _("{first} to first token, {total} in all").format(
            first=milliseconds(result.ttft_ms), total=milliseconds(result.total_ms)
        )
        counted = tokens(result.usage)
        lines = [(f"{signs.done} {_('The model answers.')}", "good"), (f"{figures} · {counted}" if counted else figures, "dim")]
        if result.answer:
            lines.append((one_line(result.answer, 300), "text"))
        return lines
    if result.error is None:
        return [(f"{signs.failed} {_('The model gave no answer.')}", "bad")]
    problem = describe(result.error)
    parts = [(f"{signs.failed} {problem.title}", "bad"), (problem.why, "text"), (problem.remedy, "accent")]
    parts.append((_("Code: {code}").format(code=problem.code), "dim"))
    return [part for part in parts if part[0]]


def key_words(configuration: Configuration) -> str:
    """Which key a configuration is asked with."""
    if configuration.has_key:
        return one_line(configuration.key_hint)
    return _("shared key") if configuration.shared_key else _("none")


def summary(configuration: Configuration, provider: str) -> list[tuple[str, str]]:
    """A configuration in a line or two, for below the list where there is no room beside it."""
    parts = [provider, configuration.endpoint, _("Key: {value}").format(value=key_words(configuration))]
    return [(" · ".join(one_line(part) for part in parts if part), "dim"), *_closed(configuration)]


def _closed(configuration: Configuration) -> list[tuple[str, str]]:
    if configuration.provider_enabled:
        return []
    return [(_("Its provider is closed: an administrator opens it."), "warn")]


def details(configuration: Configuration, provider: str) -> list[tuple[str, str]]:
    """A configuration beside the list: what it asks, with what. `provider`: its name."""
    parameters = configuration.parameters
    lines = [
        (one_line(configuration.name), "bold"),
        *([(_("asked by default"), "warn")] if configuration.is_default else []),
        *_closed(configuration),
        (_("Provider: {value}").format(value=one_line(provider)), "text"),
        (_("Endpoint: {value}").format(value=one_line(configuration.endpoint)), "text"),
        (_("Model: {value}").format(value=one_line(configuration.model)), "text"),
        (_("Key: {value}").format(value=key_words(configuration)), "text"),
        (_("Temperature: {value}").format(value=_number(parameters.temperature)), "text"),
        (_("Max. tokens: {value}").format(value=_number(parameters.max_tokens)), "text"),
        (_("Silence allowed: {value} s").format(value=f"{configuration.timeout_s:g}"), "text"),
        (_("Version: {value}").format(value=configuration.version), "dim"),
    ]
    if configuration.system_prompt:
        lines += [("", ""), (_("System prompt: {value}").format(value=one_line(configuration.system_prompt, 200)), "text")]
    if configuration.note:
        lines += [("", ""), (one_line(configuration.note, 300), "dim")]
    return lines


def _number(value: float | int | None) -> str:
    return _("the provider's") if value is None else f"{value:g}"


def provider_state(provider: ProviderInfo, signs: Glyphs) -> tuple[str, str]:
    words = {"enabled": N_("enabled"), "local_only": N_("this machine only"), "disabled": N_("disabled")}
    token = {"enabled": "good", "local_only": "accent", "disabled": "dim"}[provider.availability]
    sign = signs.waiting if provider.availability == "disabled" else signs.running
    return f"{sign} {_(words[provider.availability])}", token


def provider_key(provider: ProviderInfo) -> str:
    if provider.has_shared_key:
        return one_line(provider.shared_key_hint) or _("shared")
    if provider.needs_key:
        return _("own key")
    return _("none needed")


def provider_facts(provider: ProviderInfo, signs: Glyphs) -> list[tuple[str, str]]:
    """What a provider is, above the list of its models."""
    state, token = provider_state(provider, signs)
    endpoint = one_line(provider.endpoint) or _("none by default: each configuration names its own")
    facts = [(state, token), (_("Endpoint: {value}").format(value=endpoint), "text")]
    facts.append((_("Key: {value}").format(value=provider_key(provider)), "text"))
    if provider.availability == "local_only":
        facts.append((_("It may be used from this machine's terminal; people who come over SSH need an administrator to open it."), "dim"))
    return facts


def model_state(model: ModelInfo, signs: Glyphs) -> tuple[str, str]:
    if model.by_hand:
        return f"{signs.star} {_('by hand')}", "accent"
    return (f"{signs.running} {_('available')}", "good") if model.available else (f"{signs.waiting} {_('not available')}", "dim")


CAPABILITIES = {
    "chat": N_("chat"),
    "reasoning": N_("reasoning"),
    "code": N_("code"),
    "vision": N_("vision"),
    "embedding": N_("embedding"),
}


def capabilities(found: Sequence[str]) -> str:
    return " · ".join(_(CAPABILITIES[name]) for name in found if name in CAPABILITIES)


def context(length: int | None) -> str:
    """A context length in thousands of tokens, as vendors write it."""
    if not length:
        return ""
    return f"{length // 1024} k" if length >= 1024 else str(length)


def size(count: int | None) -> str:
    return f"{count / 1024**3:.1f} GB" if count else ""


def price(model: ModelInfo) -> str:
    if model.input_price is None or model.output_price is None:
        return ""
    return _("{input} in, {output} out {currency}").format(
        input=f"{model.input_price:f}", output=f"{model.output_price:f}", currency=one_line(model.currency, 8)
    )
