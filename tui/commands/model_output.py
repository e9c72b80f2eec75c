"""What `modeltrain model` prints: models and their servers, as rows, as pages and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.sanitise import one_line
from tui import failure_sentences
from tui.commands.common import print_pairs
from tui.i18n import _
from tui.model_sentences import KINDS, STATES, parameters, size

if TYPE_CHECKING:
    from core.inference.types import Target
    from core.managed.types import Service


def target_as_json(target: Target) -> dict[str, Any]:
    """A model as scripts get it."""
    facts = target.facts
    return {
        "id": target.id,
        "name": target.name,
        "kind": target.kind,
        "path": target.path,
        "base": target.base or None,
        "run": target.run_id or None,
        "step": target.step,
        "complete": target.complete,
        "bytes": target.size_bytes,
        "architecture": facts.architecture or None,
        "parameters": facts.parameters,
        "precision": facts.precision or None,
        "quantisation": facts.quantisation or None,
        "context_length": facts.context_length,
        "template": target.template or None,
        "metrics": dict(target.metrics),
        "note": target.note,
        "server": service_as_json(target.service) if target.service is not None else None,
    }


def service_as_json(service: Service) -> dict[str, Any]:
    """A server as scripts get it. Its key is in its model configuration, and nowhere else."""
    failure = service.failure
    return {
        "id": service.id,
        "name": service.name,
        "model": service.subject.get("target_id"),
        "state": service.state,
        "with": service.kind,
        "url": service.url or None,
        "port": service.port or None,
        "configuration": service.configuration_id or None,
        "gpus": list(service.gpus),
        "restarts": service.restarts,
        "log": str(service.log),
        "failure": None
        if failure is None
        else {
            "rule": failure.rule,
            "message": failure_sentences.what(failure),
            "remedy": next(iter(failure_sentences.remedies(failure)), ""),
            "proof": [{"offset": each.offset, "text": each.text} for each in failure.proof],
        },
    }


def target_row(target: Target) -> tuple[str, ...]:
    state = _(STATES[target.service.state][1]) if target.service is not None else ""
    kind = _(KINDS[target.kind]) if target.complete else _("incomplete")
    step = str(target.step) if target.step is not None else ""
    weight = size(target.size_bytes) if target.size_bytes else ""
    return (target.id[:12], one_line(target.name, 50), kind, step, weight, parameters(target.facts.parameters), state)


def service_row(service: Service) -> tuple[str, ...]:
    return (service.id, one_line(service.name, 50), _(STATES[service.state][1]), service.url, service.kind)


def print_target(target: Target) -> None:
    """A model with everything that is known, a line each."""
    facts = target.facts
    lines = [
        (_("Model"), target.id),
        (_("Name"), target.name),
        (_("Kind"), _(KINDS[target.kind]) if target.complete else _("incomplete")),
        (_("Path"), target.path),
        (_("Base"), target.base),
        (_("Run"), target.run_name),
        (_("Step"), "" if target.step is None else str(target.step)),
        (_("Size"), size(target.size_bytes) if target.size_bytes else ""),
        (_("Architecture"), facts.architecture),
        (_("Parameters"), parameters(facts.parameters)),
        (_("Precision"), " ".join(part for part in (facts.precision, facts.quantisation) if part)),
        (_("Template"), target.template),
        (_("Metrics"), "  ".join(f"{name} {value:.5g}" for name, value in target.metrics.items())),
        (_("Note"), target.note),
        (_("Server"), f"{_(STATES[target.service.state][1])} {target.service.url}" if target.service is not None else ""),
    ]
    print_pairs((name, one_line(value, 500)) for name, value in lines if value)


def failure_lines(service: Service) -> list[str]:
    """Why a server is not there, and what to do."""
    if service.failure is None:
        return [_("“{name}” does not answer yet; look again with “modeltrain model list --servers”.").format(name=one_line(service.name))]
    said = [failure_sentences.what(service.failure)]
    said += [f"  {one_line(each.text, 300)}" for each in service.failure.proof]
    return said + [f"  · {text}" for text in failure_sentences.remedies(service.failure)]
