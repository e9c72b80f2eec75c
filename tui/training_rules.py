"""What is wrong with the options of a training configuration, a YAML file or a request for a run: one sentence by rule."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates

TRAINING_RULES: dict[str, Candidates] = {
    # Options
    "unknown_key": (N_("LLaMA-Factory knows no “{key}”; is {near} meant?"), N_("LLaMA-Factory knows no “{key}”."), N_("Not known."),),
    "unsure_key": (N_("“{key}” cannot be checked as long as there is no training environment."), N_("Cannot be checked yet."),),
    "ours": (N_("“{key}” is set by modeltrain at the start; yours is left out."), N_("Set at the start."),),
    "denied": (N_("“{key}” is for administrators: it reaches beyond your own files."), N_("For administrators only."),),
    "renamed": (N_("“{key}” is called “{new}” now."), N_("It has another name now."),),
    "comments_lost": (N_("Comments of the file are not kept."),),
    "deepspeed_unknown": (N_("The DeepSpeed file is not taken over: choose a stage of ZeRO, its file is made at the start."),),
    "interpolation": (N_("No ${…} here: such a value would be replaced by something else."),),
    "wrong_type": (N_("Must be {expected_words}."), N_("Not of the right kind.")),
    "not_a_choice": (
        N_("Not one of its values; is {near} meant?"), N_("One of: {choices}."), N_("Not one of its values."),
    ),
    "unprintable": (N_("Has characters that cannot be shown."),),
    "model_missing": (N_("Needed to start a run."),),
    "template_missing": (N_("Needed to start a run."),),
    "template_unknown": (N_("No template “{value}”; is {near} meant?"), N_("There is no such template.")),
    "val_size_unused": (N_("Not used: datasets to evaluate on are named."),),
    "zero3_and_quantization": (N_("ZeRO 3 does not go with 8 bits: take 4 bits, or ZeRO 2."),),
    "ppo_not_in_this_version": (N_("PPO does not run in this LLaMA-Factory: it needs an older trl. Take DPO or KTO."),),
    "adapter_needs_lora": (N_("An adapter can only go on with LoRA."),),
    "quantization_needs_lora": (N_("Quantised weights cannot be trained themselves: take QLoRA."),),
    "quantization_and_resize": (N_("The vocabulary of a quantised model cannot be resized."),),
    "quantization_and_pissa": (N_("PiSSA does not go with a quantised model."),),
    "quantization_and_fp8": (N_("fp8 does not go with a quantised model."),),
    "two_precisions": (N_("Either bf16 or fp16."),),
    "only_sft": (N_("Only in the stage SFT."),),
    "prompt_and_history": (N_("Either train on questions, or only on the last answer."),),
    "best_model_not_here": (N_("The best model cannot be loaded at the end of a reward model's run."),),
    "best_model_needs_evaluation": (N_("Needs evaluation as often as checkpoints are saved."),),
    "smoothing_needs_sigmoid": (N_("Label smoothing goes with the loss sigmoid only."),),
    "galore_and_lora": (N_("GaLore, APOLLO and BAdam do not go with LoRA."),),
    "pissa_not_here": (N_("PiSSA does not go with this stage."),),
    "only_lora": (N_("Only with LoRA."),),
    "llama_pro_and_full": (N_("LLaMA Pro does not go with the method full."),),
    "streaming_needs_steps": (N_("Streaming needs a number of steps: its end is not known."),),
    "streaming_val_size": (N_("With streaming, a number of samples to set aside, not a share."),),
    "streaming_and_max_samples": (N_("Does not go with streaming."),),
    "probs_need_interleave": (N_("Probabilities need a strategy that interleaves datasets."),),
    "needs_gpu": (N_("DeepSpeed needs a GPU, and none is asked for."),),
    "not_cached": (N_("{value} was never downloaded to this machine."), N_("It was never downloaded to this machine.")),
    "needed": (N_("It is needed here."),),
    # YAML
    "not_yaml": (N_("Not YAML: line {line}, column {column}."), N_("Not YAML.")),
    "too_large": (N_("At most {size}."), N_("Too large.")),
    "not_a_mapping": (N_("Not a list of names and values, as in “learning_rate: 1e-4”."),),
    "duplicate_key": (N_("“{key}” is there twice (line {line})."), N_("A name is there twice.")),
    "key_not_text": (N_("A name is not a text (line {line})."), N_("A name is not a text.")),
    "alias": (N_("No “&” and “*” here (line {line})."), N_("No “&” and “*” here.")),
    "tag": (N_("No “{tag}” here (line {line})."), N_("No “!” here.")),
    "several_documents": (N_("Several documents in one file: give one."),),
    # Paths, places, requests
    "not_absolute": (N_("A whole path, beginning with “/”."),),
    "not_there": (N_("There is nothing at {value}."), N_("There is nothing there.")),
    "path_not_allowed": (
        N_("{value} is outside your own folders and those for everybody."), N_("Outside your own folders and those for everybody."),
    ),
    "changed_since": (N_("It is not what it was when the run was asked for: start the run anew."),),
    "not_an_environment": (N_("No LLaMA-Factory in {value}: name the folder of its virtual environment."), N_("No LLaMA-Factory there.")),
    "no_python": (N_("There is no Python in {value}."), N_("There is no Python in it.")),
    "file_or_configuration": (N_("Either a YAML file or --config NAME."),),
    "not_an_assignment": (N_("“{value}” is not OPTION=VALUE."), N_("Not OPTION=VALUE.")),
    "nothing_suggested": (N_("The explanation of this run suggests no other options: change them with --set."),),
    "ambiguous": (N_("Several runs begin with {value}: give more of it."), N_("Several fit: give more of it.")),
}  # fmt: skip
