"""Checks of the base model and of the template: is it there, is it whole, do they fit. Reads files; blocks shortly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import InvalidInput
from core.training.configurations_types import TrainingDraft
from core.training.environment_types import Catalogue
from core.training.memory_shape import ModelShape, cached_snapshot, missing_shards, read_shape, shape_of_name, weight_files
from core.training.options_paths import Named, Reach, find
from core.training.preflight_types import Check, Remedy

#: One of these makes a tokenizer.
_TOKENIZERS: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer_config.json", "spiece.model")
#: What a chat template says of the family it belongs to: (mark, model type's beginning or "", templates).
_MARKS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("<|start_header_id|>", "", ("llama3",)),
    ("<|header_start|>", "", ("llama4",)),
    ("<start_of_turn>", "gemma3", ("gemma3",)),
    ("<start_of_turn>", "gemma2", ("gemma2",)),
    ("<start_of_turn>", "", ("gemma", "gemma2")),
    ("<|im_start|>", "qwen3", ("qwen3_nothink", "qwen3")),
    ("<|im_start|>", "qwen2", ("qwen",)),
    ("<|im_start|>", "internlm2", ("intern2",)),
    ("<|im_start|>", "llama", ("chatml", "yi")),
    ("<|im_start|>", "", ("chatml", "qwen")),
    ("<<SYS>>", "", ("llama2",)),
    ("[INST]", "", ("mistral", "llama2")),
    ("<|assistant|>", "glm4", ("glm4",)),
    ("<|assistant|>", "phi3", ("phi",)),
    ("<|channel|>", "", ("gpt_oss",)),
)
_TEXT_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFound:
    """What is known of a base model. `folder`: where its files are, None for one that is only at a hub."""

    named: Named | None
    folder: Path | None
    shape: ModelShape | None
    checks: tuple[Check, ...]
    chat_template: str = ""


def look_at_model(text: str, reach: Reach, environment: Mapping[str, str], *, custom_code: bool) -> ModelFound:
    """Find a model and check its files. `custom_code`: whether code of its own may run."""
    try:
        named = find(text, reach, key="model_name_or_path")
    except InvalidInput as error:
        return ModelFound(None, None, None, (_refused(error),))
    if named.path is None:
        return _at_hub(named, environment)
    return ModelFound(named, named.path, read_shape(named.path), tuple(_folder_checks(named.path, custom_code)), chat_template(named.path))


def _refused(error: InvalidInput) -> Check:
    rule = {"empty": "model_missing", "path_not_allowed": "path_not_allowed"}.get(error.rule, "model_not_there")
    topic = "rights" if rule == "path_not_allowed" else "model"
    fields = {key: value for key, value in error.fields.items() if key not in ("field", "rule")}
    return Check(topic, rule, "fail", fields, (Remedy("choose_model", go="models"),))


def _at_hub(named: Named, environment: Mapping[str, str]) -> ModelFound:
    folder = cached_snapshot(named.hub, environment)
    fields = {"model": named.hub}
    if folder is not None:
        return ModelFound(named, folder, read_shape(folder), (Check("model", "model_cached", "ok", fields),), chat_template(folder))
    if environment.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        remedies = (Remedy("download_first", fields=fields), Remedy("choose_model", go="models"))
        return ModelFound(named, None, shape_of_name(named.hub), (Check("model", "model_not_cached", "fail", fields, remedies),))
    return ModelFound(named, None, shape_of_name(named.hub), (Check("model", "model_from_hub", "warn", fields),))


def _folder_checks(folder: Path, custom_code: bool) -> list[Check]:
    fields = {"path": str(folder)}
    choose = Remedy("choose_model", go="models")
    if not folder.is_dir():
        return [Check("model", "model_not_a_folder", "fail", fields, (choose,))]
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        return [Check("model", "model_is_adapter" if adapter else "model_no_config", "fail", fields, (choose,))]
    checks = []
    if not weight_files(folder):
        checks.append(Check("model", "model_no_weights", "fail", fields, (choose,)))
    if missing := missing_shards(folder):
        gone = fields | {"missing": missing[:5], "count": len(missing)}
        checks.append(Check("model", "model_incomplete", "fail", gone, (Remedy("download_again"), choose)))
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        checks.append(Check("model", "model_no_tokenizer", "fail", fields, (choose,)))
    shape = read_shape(folder)
    if shape is None:
        checks.append(Check("model", "model_unknown_config", "warn", fields))
    elif shape.own_code and not custom_code:
        checks.append(Check("model", "model_own_code", "warn", fields))
    return checks or [Check("model", "model_whole", "ok", fields)]


def chat_template(folder: Path) -> str:
    """The model's own chat template, "" where it has none."""
    try:
        return _text(folder / "chat_template.jinja")
    except OSError:
        pass
    try:
        found = json.loads(_text(folder / "tokenizer_config.json")).get("chat_template", "")
    except (OSError, ValueError, AttributeError):
        return ""
    if isinstance(found, list):
        found = next((each.get("template", "") for each in found if isinstance(each, dict) and each.get("name") == "default"), "")
    return found if isinstance(found, str) else ""


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_TEXT_LIMIT).decode("utf-8", "replace")


def fitting_templates(found: ModelFound, catalogue: Catalogue) -> tuple[str, ...]:
    """Templates that fit, the best first: of a model that LLaMA-Factory knows by name, else by what its chat template looks like."""
    names = [name for name in _names(found) if name]
    known = [model.template for name in names for model in catalogue.models if model.template and _same(model.hub, name)]
    marked: list[str] = []
    if found.chat_template and found.shape is not None:
        for mark, kind, templates in _MARKS:
            if mark in found.chat_template and found.shape.model_type.startswith(kind):
                marked += templates
                break
    return tuple(name for name in dict.fromkeys(known + marked) if name in catalogue.templates)


def _names(found: ModelFound) -> tuple[str, ...]:
    if found.named is None:
        return ()
    return (found.named.hub, found.named.path.name if found.named.path is not None else "")


def _same(hub: str, name: str) -> bool:
    return hub == name or hub.rpartition("/")[2].casefold() == name.rpartition("/")[2].casefold()


def template_checks(draft: TrainingDraft, found: ModelFound, catalogue: Catalogue) -> list[Check]:
    """Does the template exist, and was the model made with it."""
    fitting = fitting_templates(found, catalogue)
    remedies = tuple(Remedy("use_template", {"template": name}) for name in fitting[:2])
    fields = {"template": draft.template, "fitting": fitting[:3]}
    if not draft.template:
        if draft.stage == "pt":
            return []
        return [Check("template", "template_missing", "fail", fields, remedies or (Remedy("choose_template", go="configuration"),))]
    if draft.template not in catalogue.templates:
        level = "warn" if catalogue.source == "shipped" else "fail"
        return [Check("template", "template_unknown", level, fields, remedies)]  # type: ignore[arg-type]
    if fitting and draft.template not in fitting:
        return [Check("template", "template_unlike_model", "warn", fields, remedies)]
    if not fitting and found.folder is not None and not found.chat_template and draft.stage == "sft":
        return [Check("template", "template_for_base_model", "ok", fields)]
    return [Check("template", "template_fits" if fitting else "template_not_checked", "ok", fields)]
