"""What is wrong with a draft, field by field. Pure: forms ask at each key."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from core.errors import InvalidInput
from core.sanitise import one_line
from core.training.configurations_fields import BY_NAME, METHODS, STAGES
from core.training.configurations_options import draft_options
from core.training.configurations_types import Remark, TrainingDraft
from core.training.environment_types import Catalogue
from core.training.options import check_options
from core.training.options_rules import conflicts

NAME_LIMIT: Final = 100
NOTE_LIMIT: Final = 2_000
DATASETS_LIMIT: Final = 50
#: Fields that an option is said under; what is none of the form's is said under its YAML.
_FIELD_OF: Final = {
    "finetuning_type": "method",
    "use_dora": "method",
    "bf16": "precision",
    "fp16": "precision",
    "disable_gradient_checkpointing": "gradient_checkpointing",
}


def clean_name(text: str) -> str:
    """`text` as a name is stored: one line, in one way of composing characters, without what a terminal would act on."""
    return unicodedata.normalize("NFC", one_line(text))


def check_draft(draft: TrainingDraft, catalogue: Catalogue, *, unrestricted: bool, taken_names: Collection[str] = ()) -> tuple[Remark, ...]:
    """Everything that can be said without looking outside. Errors keep it from being saved; warnings only from being started."""
    return (*_texts(draft, taken_names), *_choices(draft), *_needs(draft), *_options(draft, catalogue, unrestricted=unrestricted))


def _texts(draft: TrainingDraft, taken_names: Collection[str]) -> list[Remark]:
    found = []
    name = clean_name(draft.name)
    if not name:
        found.append(Remark("error", "empty", "name"))
    elif len(name) > NAME_LIMIT:
        found.append(Remark("error", "too_long", "name", {"limit": NAME_LIMIT}))
    elif name in taken_names:
        found.append(Remark("error", "taken", "name", {"value": name}))
    if len(draft.note) > NOTE_LIMIT:
        found.append(Remark("error", "too_long", "note", {"limit": NOTE_LIMIT}))
    for field in ("model_name_or_path", "template", "adapter_name_or_path", "lora_target", "freeze_trainable_modules"):
        text = getattr(draft, field)
        if not text.isprintable():
            found.append(Remark("error", "unprintable", field))
    return found


def _choices(draft: TrainingDraft) -> list[Remark]:
    found = []
    if draft.stage == "ppo":
        found.append(Remark("error", "ppo_not_in_this_version", "stage"))
    elif draft.stage not in STAGES:
        found.append(Remark("error", "not_a_choice", "stage", {"choices": STAGES}))
    if draft.method not in (*METHODS, "oft"):
        found.append(Remark("error", "not_a_choice", "method", {"choices": METHODS}))
    for field in ("precision", "deepspeed", "eval_strategy", "quantization_bit", "swanlab_mode"):
        spec = BY_NAME[field]
        if str(getattr(draft, field)) not in spec.choices:
            found.append(Remark("error", "not_a_choice", field, {"choices": spec.choices}))
    if len(draft.dataset_ids) > DATASETS_LIMIT or len(draft.eval_dataset_ids) > DATASETS_LIMIT:
        found.append(Remark("error", "too_many", "dataset_ids", {"limit": DATASETS_LIMIT}))
    return found


def _needs(draft: TrainingDraft) -> list[Remark]:
    """What is missing for a start, not for saving."""
    found = []
    if not draft.model_name_or_path.strip():
        found.append(Remark("warning", "model_missing", "model_name_or_path"))
    if not draft.template and draft.stage != "pt":
        found.append(Remark("warning", "template_missing", "template"))
    if draft.val_size and draft.eval_dataset_ids:
        found.append(Remark("warning", "val_size_unused", "val_size"))
    if draft.deepspeed in ("3", "3-offload") and draft.method == "qlora" and draft.quantization_bit == 8:
        found.append(Remark("warning", "zero3_and_quantization", "deepspeed"))
    return found


def _options(draft: TrainingDraft, catalogue: Catalogue, *, unrestricted: bool) -> list[Remark]:
    try:
        options = draft_options(draft)
    except InvalidInput as error:
        return [Remark("error", error.rule, "extra", {key: value for key, value in error.fields.items() if key not in ("field", "rule")})]
    except (TypeError, ValueError):
        return [Remark("error", "not_a_choice", "quantization_bit", {"choices": BY_NAME["quantization_bit"].choices})]
    # Names and folders are looked at before a start; here they may be missing.
    options = {name: value for name, value in options.items() if value != ""}
    clean, remarks = check_options(options, catalogue, unrestricted=unrestricted)
    template = [] if draft.template in ("", *catalogue.templates) else [_unknown_template(draft, catalogue)]
    if draft.method not in (*METHODS, "oft") or draft.stage not in STAGES:
        return [*map(_placed, remarks), *template]
    if draft.swanlab and draft.swanlab_mode == "cloud" and not unrestricted:
        remarks = (*remarks, Remark("error", "denied", "swanlab_mode"))  # it would go into the account of whoever runs the server
    return [*map(_placed, (*remarks, *conflicts(clean))), *template]


def _unknown_template(draft: TrainingDraft, catalogue: Catalogue) -> Remark:
    from core.training.options import nearest

    level = "warning" if catalogue.source == "shipped" else "error"
    return Remark(level, "template_unknown", "template", {"value": draft.template, "near": nearest(draft.template, catalogue.templates)})  # type: ignore[arg-type]


def _placed(remark: Remark) -> Remark:
    """Under the field of the form where there is one. The option stays in the fields."""
    field = _FIELD_OF.get(remark.key, remark.key if remark.key in BY_NAME else "extra")
    return replace(remark, key=field, fields={"key": remark.key, **remark.fields})


def first_error(remarks: tuple[Remark, ...]) -> InvalidInput | None:
    """What keeps it from being saved."""
    found = next((remark for remark in remarks if remark.level == "error"), None)
    if found is None:
        return None
    return InvalidInput(found.key, found.rule, **{key: value for key, value in found.fields.items() if key not in ("field", "rule")})
