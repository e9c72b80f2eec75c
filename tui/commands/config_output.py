"""What `modeltrain config` prints: for people, and as JSON for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.errors import UNREACHABLE, InvalidInput, ProviderError
from core.llm.presets import preset
from core.models.checks import check_lowered
from core.sanitise import sanitise
from tui.commands.common import REFUSED, err, out, print_json, print_problem
from tui.errors import Problem, describe, duration
from tui.i18n import _

if TYPE_CHECKING:
    from core.errors import ModeltrainError
    from core.models.configurations import Configuration, ModelInfo, TestResult

#: Exit statuses of `test`, as those of `modeltrain chat`.
PROVIDER_ERROR = 4
NOT_REACHED = 5


def configuration_as_json(configuration: Configuration) -> dict[str, Any]:
    """A configuration as scripts get it; its key only masked."""
    parameters = configuration.parameters
    return {
        "id": configuration.id,
        "name": configuration.name,
        "provider": configuration.provider_id,
        "endpoint": configuration.endpoint,
        "model": configuration.model,
        "parameters": {
            "temperature": parameters.temperature,
            "top_p": parameters.top_p,
            "top_k": parameters.top_k,
            "max_tokens": parameters.max_tokens,
            "presence_penalty": parameters.presence_penalty,
            "frequency_penalty": parameters.frequency_penalty,
            "seed": parameters.seed,
            "stop": list(parameters.stop),
            "extra": dict(parameters.extra),
        },
        "system_prompt": configuration.system_prompt,
        "timeout_s": configuration.timeout_s,
        "note": configuration.note,
        "enabled": configuration.enabled,
        "default": configuration.is_default,
        "has_key": configuration.has_key,
        "key_hint": configuration.key_hint,
        "shared_key": configuration.shared_key,
        "key_missing": configuration.key_missing,
        "version": configuration.version,
        "created_at": configuration.created_at,
        "updated_at": configuration.updated_at,
    }


def tell_added(made: Configuration, *, as_json: bool) -> None:
    """What was saved, and what is still missing."""
    if as_json:
        print_json(configuration_as_json(made))
    else:
        out(_("Saved “{name}”.").format(name=made.name))
        if made.is_default:
            out(_("It is the default now."))
    if made.key_missing:
        err(_("This provider needs a key, and there is none yet. Set it with: modeltrain config key NAME"))
    try:
        check_lowered(preset(made.provider_id), made.model, made.parameters.temperature)
    except InvalidInput as advice:
        err(_("This provider takes a temperature of at most {max}, so that is sent.").format(max=advice.fields["maximum"]))


def key_state(configuration: Configuration) -> str:
    if configuration.has_key:
        return configuration.key_hint
    return _("shared") if configuration.shared_key else "-"


def state(configuration: Configuration) -> str:
    if not configuration.enabled:
        return _("disabled")
    if not configuration.provider_enabled:
        return _("provider closed")
    if configuration.key_missing:
        return _("key missing")
    return _("default") if configuration.is_default else _("ready")


def fields(configuration: Configuration, conversations: int) -> list[tuple[str, object]]:
    parameters = {name: value for name, value in configuration_as_json(configuration)["parameters"].items() if value not in (None, [], {})}
    return [
        (_("name"), configuration.name),
        (_("id"), configuration.id),
        (_("provider"), configuration.provider_id),
        (_("endpoint"), configuration.endpoint),
        (_("model"), configuration.model),
        (_("API key"), key_state(configuration)),
        *((name, value) for name, value in parameters.items()),
        (_("system prompt"), configuration.system_prompt),
        (_("timeout"), duration(configuration.timeout_s)),
        (_("note"), configuration.note),
        (_("state"), state(configuration)),
        (_("version"), configuration.version),
        (_("conversations"), conversations),
    ]


def result_as_json(result: TestResult) -> dict[str, Any]:
    usage, problem = result.usage, None if result.error is None else describe(result.error)
    return {
        "ok": result.ok,
        "answer": result.answer,
        "reasoning": result.reasoning,
        "finish": result.finish,
        "ttft_ms": result.ttft_ms,
        "total_ms": result.total_ms,
        "usage": None if usage is None else asdict(usage),
        "error": None if problem is None else _problem_as_json(problem),
    }


def _problem_as_json(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "message": problem.title, "why": problem.why, "remedy": problem.remedy}


def tell_result(result: TestResult) -> None:
    if result.reasoning:
        err(sanitise(result.reasoning).strip())
    if result.answer:
        out(sanitise(result.answer).strip())
    if result.error is not None:
        print_problem(describe(result.error))
        return
    err(_figures(result))


def _figures(result: TestResult) -> str:
    first, total = (result.ttft_ms or 0) / 1000, result.total_ms / 1000
    if result.usage is None:
        return _("It works: first token after {first:.2f} s, {total:.2f} s in all.").format(first=first, total=total)
    return _("It works: first token after {first:.2f} s, {total:.2f} s in all, {tokens_in} tokens in, {tokens_out} out.").format(
        first=first, total=total, tokens_in=result.usage.input_tokens, tokens_out=result.usage.output_tokens
    )


def status(error: ModeltrainError | None) -> int:
    """The exit status for the outcome of a test."""
    if error is None:
        return 0
    if isinstance(error, UNREACHABLE):
        return NOT_REACHED
    return PROVIDER_ERROR if isinstance(error, ProviderError) else REFUSED


def model_as_json(model: ModelInfo) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "display_name": model.display_name,
        "size_bytes": model.size_bytes,
        "parameters": model.parameters,
        "context_length": model.context_length,
        "capabilities": list(model.capabilities),
        "input_price": model.input_price,
        "output_price": model.output_price,
        "currency": model.currency,
        "available": model.available,
        "by_hand": model.by_hand,
        "refreshed_at": model.refreshed_at,
    }


def model_row(model: ModelInfo) -> tuple[str, str, str, str, str]:
    size = model.parameters or ("" if model.size_bytes is None else f"{model.size_bytes / 1e9:.1f} GB")
    context = "" if model.context_length is None else f"{model.context_length:,}"
    state = _("by hand") if model.by_hand else _("available") if model.available else _("gone")
    return model.name, size, context, ", ".join(model.capabilities), state
