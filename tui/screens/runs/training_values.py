"""Between a draft and the fields of its form: which widget a field gets, what it shows, what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.training.configurations_types import FieldSpec, Remark, TrainingDraft
from tui.i18n import N_
from tui.screens.runs.picking import SEPARATOR, PickField
from tui.training_fields import choices, label
from tui.widgets.choices import Choice, TextField
from tui.widgets.fields import Field
from tui.widgets.form import field_id

#: Fields that are always there, whatever the service says: ours alone.
NAME = FieldSpec("name", "what", "text")
NOTE = FieldSpec("note", "what", "text", optional=True, advanced=True)
#: A change of these decides which fields there are.
DECIDING = ("stage", "method")


def with_ppo(spec: FieldSpec) -> FieldSpec:
    """The stage with PPO among its values: whoever looks for it there is told why it cannot be."""
    return replace(spec, choices=(*spec.choices, "ppo")) if spec.name == "stage" and "ppo" not in spec.choices else spec


#: What an empty field means, where "by itself" does not say it.
_EMPTY: dict[str, str] = {
    "note": "", "adapter_name_or_path": N_("none"), "max_samples": N_("all"), "max_steps": N_("as the epochs say"),
    "val_size": N_("nothing"),
    "save_total_limit": N_("all"), "neftune_noise_alpha": N_("none"), "loraplus_lr_ratio": N_("none"),
}  # fmt: skip


def make_field(spec: FieldSpec) -> Field:
    """The widget of a field."""
    title, name = label(spec.name), field_id(spec.name)
    match spec.kind:
        case "datasets":
            return PickField(title, hint=N_("Enter to choose"), id=name)
        case "yaml":
            return TextField(title, hint=N_("Enter to write YAML"), id=name)
        case "bool" | "choice" if spec.kind == "bool" or spec.choices:
            return Choice(title, choices(spec), id=name)
        case "model" | "template":
            return Field(title, hint=N_("Ctrl+R to choose"), id=name)
        case _:
            return Field(title, hint=_EMPTY.get(spec.name, N_("by itself")) if spec.optional else "", id=name)


def text_of(value: Any) -> str:
    """The value of a draft as its field holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return SEPARATOR.join(str(item) for item in value)
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def value_of(spec: FieldSpec, text: str) -> Any:
    """What was typed, as the draft holds it. Raises ValueError."""
    if spec.kind == "datasets":
        return tuple(part for part in text.split(SEPARATOR) if part)
    if spec.kind == "yaml":
        return text
    text = text.strip()
    if not text and spec.optional:
        return "" if spec.kind in ("text", "model", "template") and isinstance(getattr(TrainingDraft(), spec.name), str) else None
    if spec.kind == "bool":
        return text == "yes"
    if spec.kind == "int" or (spec.kind == "choice" and isinstance(getattr(TrainingDraft(), spec.name), int)):
        return int(text.replace("_", "").replace(",", ""))
    return float(text) if spec.kind == "float" else text


def draft_of(base: TrainingDraft, specs: Mapping[str, FieldSpec], texts: Mapping[str, str]) -> tuple[TrainingDraft, list[Remark]]:
    """`base` with what the fields hold, and what of it is no value of its kind."""
    changes: dict[str, Any] = {}
    problems: list[Remark] = []
    for name, text in texts.items():
        spec = specs.get(name)
        if spec is None:
            continue
        try:
            changes[name] = value_of(spec, text)
        except ValueError:
            if text.strip():
                problems.append(Remark("error", "not_a_number" if spec.kind == "float" else "not_an_integer", name))
            else:
                problems.append(Remark("error", "required", name))
    return replace(base, **changes), problems


def changed_fields(before: TrainingDraft, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `changes` that are fields of a draft and say something else than `before`; the others belong into its YAML."""
    return {name: value for name, value in changes.items() if hasattr(before, name) and getattr(before, name) != value}
