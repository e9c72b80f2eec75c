"""The checks before a start in words: topic, what was found, what to do about it, the terms of the memory."""

from __future__ import annotations

import re
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
    "program": N_("PyTorch itself"),
}
CHECKS: dict[str, Candidates] = {
    # The environment
    "environment_ready": (N_("LLaMA-Factory {version} is ready."), N_("It is ready.")),
    "environment_other_version": (
        N_("LLaMA-Factory is {found}; modeltrain was tried with {wanted}."), N_("Another version than the one modeltrain was tried with."),
    ),
    "environment_missing": (N_("LLaMA-Factory is not installed yet."),),
    "environment_installing": (N_("LLaMA-Factory is being installed; wait for it."),),
    "environment_broken": (N_("It is there but not usable: {package} is missing."), N_("It is there but not usable.")),
    "swanlab_no_account": (N_("Nobody has signed in to the cloud of SwanLab here: “swanlab login” of the training environment does."),),
    "package_missing": (N_("{package} is needed for these options, and is not installed."),),
    "blank_in_environment": (N_("There is a blank in {path}: LLaMA-Factory cannot start several processes from there."),),
    # The model
    "model_whole": (N_("It is whole: {path}"),),
    "model_cached": (N_("{model} was downloaded already."),),
    "model_from_hub": (N_("{model} is downloaded from the hub at the start; that takes its time and disk."),),
    "model_not_cached": (N_("{model} was never downloaded, and this machine works without the hub."),),
    "model_missing": (N_("No base model is named."),),
    "model_not_there": (N_("There is nothing at {value}."), N_("It is not there.")),
    "model_not_a_folder": (N_("{path} is not a folder."),),
    "model_is_adapter": (N_("{path} is an adapter, not a base model: name the model that it belongs to."),),
    "model_no_config": (N_("There is no config.json in {path}: this is no model of transformers."),),
    "model_no_weights": (N_("There are no weights in {path}."),),
    "model_incomplete": (N_("Files of its weights are missing ({count}): {missing}"), N_("Files of its weights are missing.")),
    "model_no_tokenizer": (N_("There is no tokenizer in {path}."),),
    "model_unknown_config": (N_("Its config.json is of a kind that is not known here; its memory cannot be told."),),
    "model_own_code": (N_("It brings code of its own, which is not run here: it may not load."),),
    # The template
    "template_fits": (N_("{template} is the model's own."),),
    "template_not_checked": (N_("Whether {template} fits this model cannot be told."),),
    "template_for_base_model": (N_("{template}; the model has none of its own, so any will do."),),
    "template_missing": (N_("No template is named; {fitting} would fit."), N_("No template is named.")),
    "template_unknown": (N_("LLaMA-Factory knows no template {template}."),),
    "template_unlike_model": (N_("{template} is not the model's own; {fitting} would be."), N_("{template} is not the model's own.")),
    # The data
    "no_dataset": (N_("No dataset is chosen."),),
    "dataset_removed": (N_("A dataset that it names is not there any more."),),
    "data_usable": (N_("“{dataset}” is usable: {rows} samples."), N_("“{dataset}” is usable.")),
    "data_gone": (N_("The file of “{dataset}” is gone: {path}"),),
    "data_unusable": (N_("“{dataset}” is unusable as it is."),),
    "data_unchecked": (N_("“{dataset}” was never checked: what is wrong with it would show in the middle of the run."),),
    "data_changed": (N_("“{dataset}” is not the file that was checked."),),
    "data_with_problems": (N_("{problems} problems in “{dataset}”: only {usable} of {rows} samples would be trained on."),),
    "data_wrong_kind": (N_("The samples of “{dataset}” ({format}) are not for this stage ({stage})."),),
    "data_truncated": (N_("Many samples of “{dataset}” are longer (about {p95} tokens) than the cut-off of {cutoff}."),),
    "dataset_unusable": (N_("A dataset is unusable as it is."),),
    # The course
    "course_known": (N_("{steps} steps over {samples} samples."),),
    "course_unknown": (N_("How many steps it takes cannot be told yet."),),
    "no_samples_left": (N_("No sample is left to train on."),),
    "batch_beyond_data": (N_("One step would take {batch} samples, and there are only {samples}."),),
    "few_steps": (N_("Only {steps} steps: hardly anything is learnt."),),
    # GPUs, memory, disk
    "gpus_there": (N_("{wanted} of {total}: {names}"), N_("They are there.")),
    "gpu_not_there": (N_("The GPU {uuid} is not in this machine."),),
    "no_gpu_here": (N_("There is no GPU here: it runs on the CPU, slowly."),),
    "more_gpus_than_there_are": (N_("{wanted} are wanted, and there are {total}."),),
    "deepspeed_needs_gpu": (N_("DeepSpeed needs a GPU."),),
    "on_cpu": (N_("It runs on the CPU."),),
    "gpu_without_bf16": (N_("{gpu} cannot compute in bf16."),),
    "full_precision": (N_("fp32 takes twice the memory and time of bf16."),),
    "memory_unknown": (N_("What it needs cannot be told."),),
    "memory_too_small": (N_("About {needed_size} are needed, and there are {capacity_size}."),),
    "memory_in_use": (N_("About {needed_size} are needed; {free_size} are free now, the rest is in use."),),
    "memory_tight": (N_("About {needed_size} of {free_size}: it may just fit."),),
    "memory_enough": (N_("About {needed_size} of {free_size}."),),
    "disk_unknown": (N_("What it needs cannot be told."),),
    "disk_too_small": (N_("About {needed_size} are needed and {reserve_size} are to stay free; there are {free_size}."),),
    "disk_enough": (N_("About {needed_size} of {free_size}."),),
    "port_free": (N_("Its processes meet at a free port of this machine."),),
    "no_port": (N_("No port of this machine is free for its processes to meet."),),
    # Options
    "needs_gpu": (N_("DeepSpeed needs a GPU."),),
    "options_fine": (N_("All are known and in range."),),
}  # fmt: skip
REMEDIES: dict[str, Candidates] = {
    "swanlab_local": (N_("Let SwanLab write on this machine only."),),
    "install_environment": (N_("Install the training environment."),),
    "install_extra": (N_("Install it into the training environment (Runs, Environment, i)."),),
    "change_configuration": (N_("Change it in the configuration."),),
    "choose_model": (N_("Choose another base model."),),
    "download_first": (N_("Download it on a machine with a network, and name its folder."),),
    "download_again": (N_("Download it again."),),
    "use_template": (N_("Use the template {template}."),),
    "choose_template": (N_("Choose a template."),),
    "choose_dataset": (N_("Choose a dataset that fits."),),
    "check_dataset": (N_("Check “{dataset}” under Data."),),
    "add_again": (N_("Bring the file back, or add it again under Data."),),
    "look_at_problems": (N_("Look at its problems under Data."),),
    "repair_dataset": (N_("Repair it under Data (R): what is wrong is put right in a new version."),),
    "use_stage": (N_("Train in the stage {stage}."),),
    "longer_cutoff": (N_("Set the cut-off to {cutoff_len} tokens."),),
    "smaller_val_size": (N_("Set nothing aside to evaluate on."),),
    "less_accumulation": (N_("Set the accumulation to {gradient_accumulation_steps}."),),
    "more_epochs": (N_("Go through the data {num_train_epochs} times."),),
    "without_deepspeed": (N_("Do without DeepSpeed."),),
    "use_fp16": (N_("Use fp16."),),
    "mixed_precision": (N_("Take the precision that the GPU can."),),
    "checkpoint_gradients": (N_("Compute activations again instead of keeping them."),),
    "smaller_batch": (N_("A batch of 1 with an accumulation of {gradient_accumulation_steps}: the same effect, less memory."),),
    "use_lora": (N_("Train an adapter (LoRA) instead of all weights."),),
    "use_qlora": (N_("Hold the base model in 4 bits (QLoRA)."),),
    "shorter_cutoff": (N_("Cut samples off at {cutoff_len} tokens."),),
    "use_zero3": (N_("Spread the weights over the GPUs (ZeRO 3)."),),
    "fewer_checkpoints": (N_("Keep one checkpoint only."),),
    "free_disk": (N_("Delete runs that are not needed any more, with their files."),),
}


def topic_words(topic: str) -> str:
    return _(TOPICS[topic]) if topic in TOPICS else one_line(topic, 20)


def term_words(name: str) -> str:
    return _(TERMS[name]) if name in TERMS else one_line(name, 24)


#: The words in the formulas of core.training.memory, as they stand there; the longer ones first.
_FORMULA_WORDS = (
    N_("one layer at a time; the others are in the machine's memory"),
    N_("of files, stored in"),
    N_("one layer of"),
    N_("of PyTorch"),
    N_("tokens"),
    N_("layers"),
    N_("hidden"),
    N_("bytes"),
    N_("words"),
    N_("bits"),
    N_("of"),
)
_FORMULA_WORD = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in _FORMULA_WORDS))


def formula_words(formula: str) -> str:
    """The formula of a term of the memory, with its words in the language of the session."""
    return _FORMULA_WORD.sub(lambda found: _(found[0]), one_line(formula, 200))


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
