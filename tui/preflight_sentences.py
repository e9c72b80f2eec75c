"""The checks before a start in words: topic, what was found, what to do about it, the terms of the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui.errors import fill
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.rules import BY_RULE
from tui.sentence import Candidates
from tui.training_fields import EXPECTED, label_words
from tui.training_sentences import plain

if TYPE_CHECKING:
    from core.training.preflight_types import Check, Remedy

TOPICS: dict[str, str] = {
    "environment": N_("Environment"),
    "model": N_("Model"),
    "template": N_("Template"),
    "data": N_("Data"),
    "options": N_("Options"),
    "memory": N_("Memory"),
    "gpus": N_("GPUs"),
    "disk": N_("Disk"),
    "port": N_("Port"),
    "course": N_("Course"),
    "rights": N_("Rights"),
}
TERMS: dict[str, str] = {
    "weights": N_("weights of the model"),
    "adapter": N_("adapter"),
    "gradients": N_("gradients"),
    "optimizer": N_("optimizer"),
    "activations": N_("activations"),
    "logits": N_("logits"),
    "reference": N_("reference model"),
    "context": N_("CUDA itself"),
}
CHECKS: dict[str, Candidates] = {}
REMEDIES: dict[str, Candidates] = {}


def topic_words(topic: str) -> str:
    return _(TOPICS[topic]) if topic in TOPICS else one_line(topic, 20)


def term_words(name: str) -> str:
    return _(TERMS[name]) if name in TERMS else one_line(name, 24)


def level_sign(level: str, signs: Glyphs) -> tuple[str, str]:
    """The sign of a check and its token."""
    return {"ok": (signs.done, "good"), "warn": ("!", "warn"), "fail": (signs.failed, "bad")}.get(level, (signs.lost, "dim"))


def check_words(check: Check) -> str:
    """What a check found, in a sentence."""
    fields = _plain(dict(check.fields))
    said = fill(CHECKS.get(check.rule, ()), fields) or fill(BY_RULE.get(check.rule, ()), fields)
    if not said:
        return one_line(check.rule.replace("_", " "), 80)
    key = fields.get("key", "")
    return f"{label_words(key)}: {said}" if check.topic == "options" and key and key not in said else said


def remedy_words(remedy: Remedy) -> str:
    """What to do about it, in a sentence."""
    fields = _plain({**remedy.changes, **remedy.fields})
    said = fill(REMEDIES.get(remedy.code, ()), fields)
    if said:
        return said
    changes = ", ".join(f"{label_words(name)} {one_line(str(value), 40)}" for name, value in remedy.changes.items())
    return _("Set {changes}.").format(changes=changes) if changes else one_line(remedy.code.replace("_", " "), 80)


def _plain(fields: dict[str, object]) -> dict[str, str]:
    shown = plain(fields)
    expected = shown.get("expected", "")
    if expected:
        shown["expected_words"] = _(EXPECTED[expected]) if expected in EXPECTED else expected
    for name, alias in (("limit", "max"), ("minimum", "min"), ("maximum", "max"), ("limit_size", "size")):
        if name in shown:
            shown.setdefault(alias, shown[name])
    return shown
