"""The fields of a training configuration in words: label, what it does, the words of its choices, what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui.errors import fill, remark
from tui.i18n import N_, _
from tui.rules import BY_RULE
from tui.training_sentences import METHODS, STAGES, plain

if TYPE_CHECKING:
    from core.training.configurations_types import FieldSpec, Remark

GROUPS: dict[str, str] = {
    "what": N_("What is trained"),
    "data": N_("Data"),
    "course": N_("Course"),
    "memory": N_("Memory and speed"),
    "lora": N_("LoRA"),
    "freeze": N_("Freeze"),
    "preference": N_("Preferences"),
    "watching": N_("Saving and watching"),
    "extra": N_("Everything else"),
}
#: Field of a draft -> (label, what it does).
WORDS: dict[str, tuple[str, str]] = {
    "name": (N_("Name"), N_("What you call it.")),
    "note": (N_("Note"), N_("For yourself, or for those you share it with.")),
    "stage": (N_("Stage"), N_("What kind of training; it decides what the data must look like.")),
    "method": (N_("Method"), N_("Which weights change. LoRA needs the least memory for its quality; full changes all of them.")),
    "model_name_or_path": (N_("Base model"), N_("A folder with a model, or its name at the hub. Ctrl+R shows what is known.")),
    "template": (N_("Template"), N_("How questions and answers are put together for this model; it must be the model's own.")),
    "dataset_ids": (N_("Datasets"), N_("What is trained on. Left empty, they are chosen at the start.")),
    "eval_dataset_ids": (
        N_("To evaluate on"),
        N_("Datasets that are never trained on; their loss shows whether it learns or only remembers."),
    ),
    "adapter_name_or_path": (N_("Adapter to go on"), N_("An adapter of an earlier run whose training goes on.")),
    "cutoff_len": (N_("Cut-off length"), N_("Tokens of a sample that are kept; what is longer is cut off. Memory grows with it.")),
    "max_samples": (N_("At most, samples"), N_("Of each dataset; good for a quick trial.")),
    "val_size": (N_("Set aside to check"), N_("A share (0.1) or number of samples that is not trained on but evaluated on.")),
    "packing": (N_("Packing"), N_("Short samples are put together up to the cut-off length: faster with short samples.")),
    "train_on_prompt": (N_("Train on questions"), N_("Learn the questions too, not only the answers.")),
    "mask_history": (N_("Only last answer"), N_("Of a conversation only the last answer is learnt.")),
    "enable_thinking": (N_("Thinking"), N_("For models that reason: whether the template asks for it.")),
    "num_train_epochs": (N_("Epochs"), N_("How often all samples are gone through.")),
    "max_steps": (N_("At most, steps"), N_("Ends after so many steps, whatever the epochs say.")),
    "per_device_train_batch_size": (N_("Batch of a GPU"), N_("Samples at a time on each GPU. The first to lower when memory is short.")),
    "gradient_accumulation_steps": (
        N_("Accumulation"),
        N_("Batches before the weights change. Batch x accumulation x GPUs is the effective batch."),
    ),
    "learning_rate": (N_("Learning rate"), N_("How far each step goes: about 1e-4 for LoRA, 1e-5 for full, 5e-6 for DPO.")),
    "lr_scheduler_type": (N_("Schedule"), N_("How the learning rate falls over the run.")),
    "warmup_steps": (N_("Warm-up"), N_("Steps in which the learning rate rises; a share of all steps when below 1.")),
    "weight_decay": (N_("Weight decay"), N_("Pulls weights towards zero; 0 for LoRA as a rule.")),
    "max_grad_norm": (N_("Gradient limit"), N_("Gradients are cut to this norm, against jumps of the loss.")),
    "optim": (N_("Optimizer"), N_("paged_adamw_8bit and adafactor need less memory than adamw_torch.")),
    "seed": (N_("Seed"), N_("The same seed and data give the same run.")),
    "neftune_noise_alpha": (N_("NEFTune noise"), N_("Noise on the embeddings (5 to 15) that can make chat models better.")),
    "precision": (N_("Precision"), N_("bf16 where the GPU can; fp16 on older ones; fp32 needs twice the memory.")),
    "gradient_checkpointing": (
        N_("Save activations"),
        N_("Computes activations again instead of keeping them: far less memory, a fifth slower."),
    ),
    "flash_attn": (N_("Attention"), N_("How attention is computed: auto takes the fastest that is there.")),
    "enable_liger_kernel": (N_("Liger kernels"), N_("Faster kernels with less memory, where liger-kernel is installed.")),
    "deepspeed": (N_("DeepSpeed"), N_("Spreads optimizer (ZeRO-2) and weights (ZeRO-3) over the GPUs, or into the machine's memory.")),
    "lora_rank": (N_("LoRA rank"), N_("Size of the adapter: 8 for a style, 16 to 64 for more to learn.")),
    "lora_alpha": (N_("LoRA alpha"), N_("How strongly the adapter acts; left empty, twice the rank.")),
    "lora_dropout": (N_("LoRA dropout"), N_("0 to 0.1; helps a little with few samples.")),
    "lora_target": (N_("LoRA on"), N_("Which layers get an adapter: all, or names separated by commas.")),
    "use_rslora": (N_("Rank-stabilised"), N_("Scales by the root of the rank: for high ranks.")),
    "loraplus_lr_ratio": (N_("LoRA+ ratio"), N_("Learning rate of B over A; 16 is usual.")),
    "quantization_bit": (N_("Bits of weights"), N_("4 needs a quarter of the memory of the base model, 8 a half.")),
    "freeze_trainable_layers": (N_("Layers to train"), N_("How many of the last layers change (negative: the first).")),
    "freeze_trainable_modules": (N_("Modules to train"), N_("Which parts of these layers, or all.")),
    "pref_loss": (N_("Loss"), N_("sigmoid is DPO itself; orpo and simpo need no reference model.")),
    "pref_beta": (N_("Beta"), N_("How closely it stays to the base model: higher is closer.")),
    "pref_ftx": (N_("SFT share"), N_("Weight of the plain loss on the chosen answers beside the preference.")),
    "kto_chosen_weight": (N_("Weight of good"), N_("Raise it where good answers are fewer.")),
    "kto_rejected_weight": (N_("Weight of bad"), N_("Raise it where bad answers are fewer.")),
    "logging_steps": (N_("A figure every"), N_("Steps between two points of the curves; left empty, about 200 points in all.")),
    "save_steps": (N_("Checkpoint every"), N_("Steps between two checkpoints; left empty, about five in all.")),
    "save_total_limit": (N_("Checkpoints kept"), N_("Older ones are deleted. Empty: all are kept.")),
    "eval_strategy": (N_("Evaluate"), N_("When the samples set aside are looked at.")),
    "eval_steps": (N_("Evaluate every"), N_("Steps between two evaluations.")),
    "per_device_eval_batch_size": (N_("Batch to evaluate"), N_("Samples at a time when evaluating.")),
    "swanlab": (N_("SwanLab"), N_("Also write the run into the dashboard of SwanLab.")),
    "swanlab_mode": (
        N_("SwanLab writes"),
        N_("On this machine, for its dashboard; to be uploaded later with “swanlab sync”; or at once into its cloud."),
    ),
    "extra": (N_("Everything else"), N_("Any other option of LLaMA-Factory, as YAML. It wins over the fields above.")),
}
#: The words of choices that are not names known from LLaMA-Factory.
CHOICES: dict[str, Mapping[str, str]] = {
    "stage": STAGES,
    "method": METHODS,
    "precision": {"auto": N_("as the GPU can")},
    "eval_strategy": {"auto": N_("when there is something set aside"), "no": N_("never"),
                      "steps": N_("by steps"), "epoch": N_("each epoch")},
    "swanlab_mode": {"local": N_("on this machine"), "offline": N_("to be uploaded later"), "cloud": N_("into its cloud")},
    "deepspeed": {
        "none": N_("none"), "0": N_("ZeRO 0: plain"), "2": N_("ZeRO 2"), "2-offload": N_("ZeRO 2, optimizer in main memory"),
        "3": N_("ZeRO 3"), "3-offload": N_("ZeRO 3, all in main memory"),
    },
}  # fmt: skip
EXPECTED = {
    "int": N_("a whole number"), "float": N_("a number"), "bool": N_("yes or no"), "str": N_("a text"), "list": N_("a list"),
    "json": N_("a mapping"), "mapping": N_("a mapping"), "choice": N_("one of its values"),
}  # fmt: skip


def label(name: str) -> str:
    """The untranslated label of a field, for widgets that translate."""
    return WORDS[name][0] if name in WORDS else name


def label_words(name: str) -> str:
    """The label of a field or option, translated; an option of LLaMA-Factory without words of ours stays as it is."""
    name = name.removeprefix("extra.")
    return _(WORDS[name][0]) if name in WORDS else one_line(name, 60)


def meaning(spec: FieldSpec) -> str:
    """What a field does: our sentence, else LLaMA-Factory's own."""
    return _(WORDS[spec.name][1]) if spec.name in WORDS else one_line(spec.help, 300)


def meaning_of(name: str) -> str:
    """What a field does, in our words; "" where there are none."""
    return _(WORDS[name][1]) if name in WORDS else ""


#: A limit that nobody comes near says nothing.
_FAR = 1e6


def limits(spec: FieldSpec) -> str:
    """The range of a field in few cells; "" without one that matters."""
    least = spec.minimum if spec.minimum is not None and spec.minimum > -_FAR else None
    most = spec.maximum if spec.maximum is not None and spec.maximum < _FAR else None
    if least is not None and most is not None:
        return _("{min} to {max}").format(min=_number(least), max=_number(most))
    if least is not None:
        return _("from {min}").format(min=_number(least))
    return _("up to {max}").format(max=_number(most)) if most is not None else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def choices(spec: FieldSpec) -> dict[str, str]:
    """The values of a field with their untranslated words, in order; with "" first where it may be left to the program."""
    words = CHOICES.get(spec.name, {})
    values = ["yes", "no"] if spec.kind == "bool" else list(spec.choices)
    known = {"yes": N_("yes"), "no": N_("no")} if spec.kind == "bool" else {}
    found = {value: words.get(value, known.get(value, "")) for value in values}
    return {"": N_("by itself")} | found if spec.optional else found


def remark_words(found: Remark) -> str:
    """A remark about a draft, in a sentence."""
    fields = plain({"key": found.key, **found.fields})
    expected = fields.get("expected", "")
    if expected:
        fields["expected_words"] = _(EXPECTED[expected]) if expected in EXPECTED else expected
    for name, alias in (("limit", "max"), ("minimum", "min"), ("maximum", "max"), ("limit_size", "size")):
        if name in fields:
            fields.setdefault(alias, fields[name])
    return fill(BY_RULE.get(found.rule, ()), fields) or remark(found.rule)


def preset_words(method: str, stage: str) -> str:
    """A starting point in words."""
    return f"{_(METHODS[method])}, {_(STAGES[stage])}"
