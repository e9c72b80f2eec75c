"""Models on this machine in words: rows, details, states. Nothing here asks a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import failure_sentences
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.model_sentences import KINDS, STATES, parameters, short, size
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from core.inference.types import Target
    from core.managed.types import Service

COLUMNS = (
    Column("name", N_("Name"), 22, grow=True),
    Column("kind", N_("Kind"), 12),
    Column("state", N_("Server"), 12),
    Column("step", N_("Step"), 8, right=True),
    Column("loss", N_("Loss"), 8, right=True),
    Column("size", N_("Size"), 9, right=True),
    Column("parameters", N_("Parameters"), 10, right=True),
    Column("base", N_("Base"), 20),
)
Lines = list[tuple[str, str]]


def server(service: Service | None, signs: Glyphs) -> tuple[str, str]:
    """The state of its server with its sign, and the token to draw it with; nothing where there is none."""
    if service is None:
        return "", "dim"
    glyph, word, token = STATES[service.state]
    return f"{getattr(signs, glyph)} {_(word)}", token


def row(target: Target, service: Service | None, signs: Glyphs) -> Row:
    said, token = server(service, signs)
    kind = _(KINDS[target.kind]) if target.complete else _("incomplete")
    loss = target.metrics.get("eval_loss", target.metrics.get("loss"))
    cells = {
        "name": target.name,
        "kind": kind,
        "state": said,
        "step": f"{target.step:,}" if target.step is not None else "",
        "loss": f"{loss:.4f}" if loss is not None else "",
        "size": size(target.size_bytes) if target.size_bytes else "",
        "parameters": parameters(target.facts.parameters),
        "base": short(target.base),
    }
    return Row(target.id, cells, {"state": token, "kind": "text" if target.complete else "warn", "base": "dim"})


def details(target: Target, service: Service | None, signs: Glyphs, *, path_shown: bool) -> Lines:
    facts = target.facts
    parts = [
        _(KINDS[target.kind]),
        facts.architecture,
        parameters(facts.parameters),
        facts.precision,
        facts.quantisation,
        size(target.size_bytes) if target.size_bytes else "",
        _("context {count}").format(count=facts.context_length) if facts.context_length else "",
    ]
    lines: Lines = [(one_line(target.name), "bold"), (" · ".join(one_line(part) for part in parts if part), "dim")]
    if target.base:
        lines.append((_("Made of {base}").format(base=one_line(target.base if path_shown else short(target.base))), "dim"))
    if path_shown:
        lines.append((one_line(target.path), "dim"))
    if target.metrics:
        shown = "  ".join(f"{one_line(name)} {value:.4g}" for name, value in target.metrics.items())
        lines.append((shown, "text"))
    if not target.complete:
        lines.append((_("It is not whole: it is being written, or was cut off. It cannot be used."), "warn"))
    if target.note:
        lines.append((one_line(target.note, 500), "text"))
    return lines + service_lines(service, signs)


def service_lines(service: Service | None, signs: Glyphs) -> Lines:
    """How its server is, and why it was given up."""
    if service is None:
        return []
    said, token = server(service, signs)
    lines: Lines = [(" · ".join(part for part in (said, service.kind, service.url) if part), token)]
    if service.failure is not None:
        lines.append((failure_sentences.what(service.failure), "bad"))
        lines += [(each.text, "dim") for each in service.failure.proof[:2]]
        lines += [(text, "text") for text in failure_sentences.remedies(service.failure)[:2]]
    return [(one_line(text, 400), token) for text, token in lines]


def nothing(searched: bool, *, of_run: bool) -> Sequence[tuple[str, str]]:
    """What an empty list says."""
    if searched:
        return ((_("Nothing matches."), "dim"),)
    if of_run:
        return ((_("This run left nothing behind yet: the first checkpoint appears here."), "dim"),)
    return (
        (_("No models on this machine yet."), "text"),
        (_("What runs bring appears here by itself. Folders of base models are named by MODELTRAIN_MODEL_FOLDERS."), "dim"),
    )
