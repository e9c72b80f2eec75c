"""Why a run failed, in words: what happened, and what to change. By the rules and remedies of core/training/failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.sanitise import one_line
from core.training.failures.types import Failure, Remedy
from tui.errors import fill
from tui.i18n import N_, _
from tui.sentences import Candidates

_LONGEST = 300

#: What happened, by rule; the most telling first (see tui/sentences.py).
WHAT: dict[str, Candidates] = {
    "cuda_out_of_memory": (
        N_("The memory of GPU {gpu} was too small: {wanted} more were wanted, {free} of {total} were free."),
        N_("The memory of the GPU was too small: {wanted} more were wanted."),
        N_("The memory of the GPU was too small."),
    ),
    "host_out_of_memory": (N_("The memory of the machine was too small, and the run was ended for it."),),
    "shared_memory": (N_("The shared memory (/dev/shm) was too small for the processes that load data."),),
    "not_started": (
        N_("It could not be started: the program {path} is not there ({reason})."),
        N_("It could not be started: {reason}."),
        N_("It could not be started: {field} is not what it was ({rule})."),
        N_("It could not be started."),
    ),
    "disk_full": (N_("The disk was full."),),
    "dataset_unknown": (N_("The dataset “{dataset}” is not known to the run."), N_("A dataset is not known to the run.")),
    "data_file_missing": (N_("The data file {path} is not there any more."), N_("A data file is not there any more.")),
    "data_description_missing": (
        N_("The description of the data ({path}) cannot be read."),
        N_("The description of the data cannot be read."),
    ),
    "wrong_column": (N_("The data have no column “{column}”."), N_("The data lack a column that the run wants.")),
    "wrong_data_kind": (N_("The data are of another kind than this stage trains on: preferences, or plain answers."),),
    "no_valid_samples": (N_("Not one sample of the data can be used."),),
    "data_types_differ": (N_("The rows of the data are not alike: {said}"), N_("The rows of the data are not alike.")),
    "data_unreadable": (N_("The data cannot be read: {said}"), N_("The data cannot be read.")),
    "rows_skipped": (
        N_("At least {count} rows of the data were left out, without being counted anywhere else."),
        N_("Rows were left out."),
    ),
    "model_gated": (N_("The model may only be fetched by those whom its owner allowed."),),
    "adapter_missing": (N_("There is no adapter at {path}."), N_("The adapter is not there.")),
    "model_incomplete": (
        N_("The files of the model are not whole: {file} is missing."),
        N_("The files of the model are damaged: {said}"),
        N_("The files of the model are not whole."),
    ),
    "model_not_known": (
        N_("The training environment is too old for models of the type “{type}”."),
        N_("What lies at {path} is not a model that the training environment knows."),
        N_("The training environment does not know this kind of model."),
    ),
    "model_remote_code": (N_("The model brings program code of its own, which is not run unless it is trusted."),),
    "model_missing": (N_("There is no model “{model}”, neither on this machine nor at the hub."), N_("The model is not there.")),
    "hub_unreachable": (
        N_("The model had to be fetched, and {host} could not be reached."),
        N_("The model had to be fetched, and the hub could not be reached."),
    ),
    "tokenizer_missing": (N_("The tokenizer of the model could not be loaded."),),
    "unknown_option": (N_("LLaMA-Factory does not know these options: {keys}"), N_("LLaMA-Factory does not know some of the options.")),
    "unknown_template": (N_("There is no template “{template}”."), N_("There is no such template.")),
    "template_missing": (N_("The chat template does not fit: {said}"), N_("The model has no chat template that fits.")),
    "vocabulary_mismatch": (N_("A token is beyond the vocabulary of the model: tokenizer and model do not belong together."),),
    "shapes_differ": (
        N_("Adapter and model do not belong together: {weight} has another size."),
        N_("Adapter and model do not belong together."),
    ),
    "yaml_unreadable": (N_("The YAML of the run cannot be read: {said}"), N_("The YAML of the run cannot be read.")),
    "bad_value": (
        N_("The option “{option}” cannot have the value “{value}”."),
        N_("An option has a value that it cannot have: {said}"),
        N_("An option has a value that it cannot have."),
    ),
    "options_conflict": (N_("These options do not go together: {said}"), N_("Some options do not go together.")),
    "ppo_unsupported": (N_("PPO does not work in this version of LLaMA-Factory."),),
    "precision_unsupported": (N_("The device cannot compute in this precision."),),
    "attention_missing": (N_("FlashAttention is asked for, and is not installed."),),
    "package_missing": (
        N_("The package {package} is not in the training environment."),
        N_("A package is not in the training environment."),
    ),
    "environment_broken": (N_("The training environment does not work: {said}"), N_("The training environment does not work.")),
    "driver_too_old": (N_("The NVIDIA driver of this machine is too old for the installed PyTorch."),),
    "gpu_too_old": (N_("The installed PyTorch does not support this GPU."),),
    "no_gpu": (N_("No GPU could be used."),),
    "gpu_fault": (N_("The GPU reported a fault: {said}"), N_("The GPU reported a fault.")),
    "gpu_busy": (N_("The GPU was in use by somebody else."),),
    "port_taken": (N_("A port that was needed was taken by another program."),),
    "collective_failed": (N_("The processes of the run lost each other (NCCL)."),),
    "worker_died": (N_("One of the processes of the run ended, and did not say why."),),
    "no_permission": (N_("{path} may not be read or written."), N_("A file may not be read or written.")),
    "swanlab_failed": (N_("SwanLab could not be used."),),
    "checkpoint_unusable": (N_("The checkpoint at {path} cannot be used."), N_("There is no checkpoint that can be used.")),
    "runaway_numbers": (N_("The model computes with numbers that are none."),),
    "diverged": (N_("The training ran away: from step {step} on the loss is no number any more."), N_("The training ran away.")),
    "nothing_to_learn": (N_("From the first step on the loss is zero or no number: nothing of the samples is trained on."),),
    "all_masked": (N_("Every token of the first sample is masked: nothing of it is trained on."),),
    "killed": (N_("Somebody or something ended the run from outside (signal {signal})."), N_("The run was ended from outside.")),
    "killed_perhaps_memory": (N_("The run was killed (signal {signal}), most likely because the memory of the machine was used up."),),
    "crashed": (N_("The trainer crashed (signal {signal})."), N_("The trainer crashed.")),
    "stopped": (N_("The run was stopped."),),
    "lost": (N_("How the run ended cannot be known: the machine was restarted, or what watched it was killed."),),
    "service_not_ready": (N_("It did not answer within {seconds} seconds."), N_("It did not answer in time.")),
    "service_hangs": (N_("It stopped answering for {seconds} seconds."), N_("It stopped answering.")),
    "unknown_error": (N_("The trainer ended with {error}: {said}"), N_("The trainer ended with {error}.")),
    "unknown": (
        N_("The trainer ended with status {status}; its last words: {said}"),
        N_("The trainer ended with status {status}."),
        N_("The trainer ended, and nothing says why."),
    ),
}

#: What to do, by the code of the remedy.
REMEDY: dict[str, Candidates] = {
    "smaller_batch": (
        N_("Take a batch of {after} instead of {before}, and accumulate {accumulation} of them: the same steps with less memory."),
    ),
    "gradient_checkpointing": (N_("Switch gradient checkpointing on: slower, and much less memory."),),
    "shorter_cutoff": (N_("Cut samples off at {after} tokens instead of {before}."),),
    "longer_cutoff": (N_("Cut samples off at {after} tokens instead of {before}, so that answers are left."),),
    "liger_kernel": (N_("Use the Liger kernel, which needs less memory for the loss (its package must be installed)."),),
    "lora": (N_("Train with LoRA instead of all weights."),),
    "qlora": (N_("Load the model in 4 bits (QLoRA)."),),
    "shard_over_gpus": (N_("Spread the model over the GPUs with DeepSpeed ZeRO-3."),),
    "more_gpus": (N_("Give it a larger GPU, or more of them."),),
    "more_host_memory": (N_("Free memory of the machine: end other runs, or load less data at a time."),),
    "more_shared_memory": (N_("Enlarge /dev/shm of this machine or container."),),
    "no_data_workers": (N_("Load the data without processes of their own."),),
    "free_disk": (N_("Free space on the disk: old checkpoints are listed under Results."),),
    "keep_fewer_checkpoints": (N_("Keep only the last two checkpoints."),),
    "save_less_often": (N_("Save a checkpoint every {after} steps instead of {before}."),),
    "choose_dataset": (N_("Choose the dataset anew in the training configuration."),),
    "add_data_again": (N_("Put the file back, or add the dataset anew under Data."),),
    "map_columns": (N_("Say under Data which column is which."),),
    "check_data": (N_("Check the dataset under Data: it names each row with its line, and repairs what can be repaired."),),
    "see_what_model_sees": (N_("Look at what the model sees of the samples, under Data."),),
    "choose_other_data": (N_("Choose a dataset of the other kind."),),
    "stage_dpo": (N_("Train on preferences: set the stage to DPO."),),
    "stage_sft": (N_("Train on answers: set the stage to SFT."),),
    "choose_model": (N_("Choose a model that is on this machine, or correct its name."),),
    "choose_adapter": (N_("Choose an adapter that was trained on this very model."),),
    "choose_template": (N_("Choose the template that belongs to the model."),),
    "download_model_by_hand": (N_("Ask its owner for access and fetch it by hand into a model folder."),),
    "download_model_again": (N_("Fetch the model again: its files are not whole."),),
    "use_local_model": (N_("Use a model that is on this machine."),),
    "check_network": (N_("Check the network of this machine, or name a mirror (HF_ENDPOINT)."),),
    "trust_remote_code": (N_("If you trust it: an administrator can allow its code (trust_remote_code)."),),
    "upgrade_environment": (N_("Upgrade the training environment."),),
    "remove_keys": (N_("Take {keys} out of the configuration."), N_("Take those options out of the configuration.")),
    "edit_yaml": (N_("Correct the YAML of the configuration."),),
    "correct_option": (N_("Correct the option in the configuration."),),
    "resize_vocabulary": (N_("Let the vocabulary of the model grow to that of the tokenizer."),),
    "do_without_package": (N_("Do without it: the option that needs {package} is switched off."), N_("Do without it.")),
    "install_package": (N_("Install {package} into the training environment."), N_("Install it into the training environment.")),
    "attention_auto": (N_("Let LLaMA-Factory choose the attention."),),
    "repair_environment": (N_("Repair the training environment: see the tab Environment under Runs."),),
    "update_driver": (N_("Update the NVIDIA driver."),),
    "older_torch": (N_("Install a PyTorch that fits this machine."),),
    "other_gpu": (N_("Take another GPU."),),
    "look_at_gpus": (N_("See who uses the GPUs."),),
    "train_on_cpu": (N_("Train on the CPU: slow, but it needs no GPU."),),
    "one_gpu": (N_("Train on one GPU."),),
    "fp16": (N_("Compute in fp16 instead of bf16."),),
    "bf16": (N_("Compute in bf16 instead of fp16."),),
    "full_precision": (N_("Compute in full precision."),),
    "lower_rate": (N_("Take a learning rate of {after} instead of {before}."),),
    "warm_up": (N_("Warm up over the first tenth of the steps."),),
    "clip_gradients": (N_("Clip gradients at 1.0."),),
    "without_swanlab": (N_("Train without SwanLab: our own curves stay."),),
    "allow_path": (N_("Let the account of modeltrain read and write there."),),
    "start_over": (N_("Begin from the start."),),
    "retry": (N_("Try it again as it is."),),
    "read_log": (N_("Read the log from there on."),),
}


def _shown(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as text that may be drawn; what says nothing is left out."""
    return {name: one_line(str(value), _LONGEST) for name, value in fields.items() if value not in (None, "")}


def what(failure: Failure) -> str:
    """What happened, in a sentence. Sanitised; one line."""
    return fill(WHAT.get(failure.rule, WHAT["unknown"]), _shown(failure.fields)) or _("The run failed.")


def remedy(one: Remedy) -> str:
    """What to do, in a sentence; "" for a remedy of a newer program."""
    return fill(REMEDY.get(one.code, ()), _shown(one.fields))


def remedies(failure: Failure) -> list[str]:
    """What to do, a sentence each, the best first."""
    return [text for each in failure.remedies if (text := remedy(each))]


def changes(values: Mapping[str, Any]) -> str:
    """The options that a remedy sets, as "name = value, name = value"; taken out ones as "name = –"."""
    return ", ".join(f"{one_line(name, 60)} = {'–' if value is None else one_line(str(value), 60)}" for name, value in values.items())
