"""How much memory of a GPU a training takes: an estimate whose every part is shown with the numbers it is made of.

Sources. States of the optimizer and what ZeRO divides: Rajbhandari et al., "ZeRO" (2020), section 3. Four-bit weights: Dettmers et al.,
"QLoRA" (2023): 4 bits, and 0.127 bits a parameter for the doubly quantised constants (0.5 without). Activations: counted as in
Korthikanti et al., "Reducing Activation Recomputation in Large Transformer Models" (2022), section 4, for a gated layer in 16 bits. What is
kept in 32 bits, and which copies there are: model/adapter.py and train/trainer_utils.py of LLaMA-Factory 0.9.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.training.course import BATCH
from core.training.memory_shape import Linear, ModelShape
from core.training.preflight_types import MemoryEstimate, Term

GIB: Final = 1 << 30
#: Bytes that CUDA, its libraries and kernels take before anything is loaded.
CONTEXT: Final = 700 << 20
#: Of the rest, what the allocator cannot use because of its pieces.
FRAGMENTS: Final = 0.05
#: Bytes of optimizer states for a trained parameter, by words in the optimizer's name; AdamW's two states in 32 bits otherwise.
_OPTIMIZERS: Final = (("8bit", 2), ("4bit", 1), ("lion", 4), ("sgd", 0), ("adafactor", 0), ("lomo", 0), ("adagrad", 4), ("rmsprop", 4))
_ADAMW: Final = 8
_DOUBLE_QUANTISED: Final = 0.127
_QUANTISED: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Setting:
    """What of the options decides, in plain numbers."""

    shape: ModelShape
    options: Mapping[str, Any]
    zero: int
    offload: bool
    gpus: int

    @property
    def method(self) -> str:
        return str(self.options.get("finetuning_type", "lora"))

    @property
    def compute_bytes(self) -> int:
        return 2 if any(self.options.get(name) for name in ("bf16", "fp16", "pure_bf16")) else 4

    @property
    def sequences(self) -> int:
        """Rows in one forward pass: preferences have two each, KTO one of another sample beside it."""
        batch = int(self.options.get("per_device_train_batch_size", BATCH))
        return batch * (2 if self.options.get("stage") in ("dpo", "rm", "kto") else 1)

    @property
    def length(self) -> int:
        return int(self.options.get("cutoff_len", 2048))

    def share(self, stage: int) -> int:
        """By how many what ZeRO divides from `stage` on is divided."""
        return self.gpus if self.zero >= stage else 1


def estimate(
    shape: ModelShape,
    options: Mapping[str, Any],
    *,
    deepspeed: str = "none",
    gpus: int = 1,
    free: int | None = None,
    capacity: int | None = None,
    cpu: bool = False,
) -> MemoryEstimate:
    """Bytes on each of `gpus`, with everything that a step has in memory at its peak. `cpu`: in the machine's memory instead."""
    number, _, offload = deepspeed.partition("-")
    setting = _Setting(shape, options, int(number) if number.isdecimal() else -1, bool(offload), max(gpus, 1))
    trained = trainable(shape, options)
    terms = [_weights(setting, trained), _adapter(setting, trained), _gradients(setting, trained), _optimizer(setting, trained)]
    terms += [_reference(setting), _activations(setting), _logits(setting)]
    kept = [term for term in terms if term is not None and term.bytes > 0]
    subtotal = sum(term.bytes for term in kept)
    fragments = round(subtotal * FRAGMENTS)
    name, whose = ("program", "PyTorch") if cpu else ("context", "CUDA")
    kept.append(Term(name, CONTEXT + fragments, f"{CONTEXT >> 20} MiB of {whose} + {FRAGMENTS:.0%} of {_gib(subtotal)}"))
    return MemoryEstimate(tuple(kept), sum(term.bytes for term in kept), free, capacity, shape.parameters, trained)


def trainable(shape: ModelShape, options: Mapping[str, Any]) -> int:
    """How many parameters are trained."""
    method = str(options.get("finetuning_type", "lora"))
    if method == "full":
        return shape.parameters
    if method == "freeze":
        return _frozen_layers(shape, int(options.get("freeze_trainable_layers", 2)))
    rank = int(options.get("lora_rank", 8))
    targets = _targets(str(options.get("lora_target", "all")))
    dora = bool(options.get("use_dora"))
    return sum(_adapted(linear, rank, dora) for linear in shape.linears if targets is None or linear.name in targets)


def _targets(text: str) -> set[str] | None:
    names = {name.strip() for name in text.split(",")}
    return None if "all" in names else names


def _adapted(linear: Linear, rank: int, dora: bool) -> int:
    return linear.count * (rank * (linear.inputs + linear.outputs) + (linear.outputs if dora else 0))


def _frozen_layers(shape: ModelShape, wanted: int) -> int:
    layers = min(abs(wanted), shape.layers)
    chosen = range(shape.layers - layers, shape.layers) if wanted > 0 else range(layers)
    return sum(linear.parameters for linear in shape.linears if linear.layer in chosen) + 2 * layers * shape.hidden


# The parts ---------------------------------------------------------------------------------------------------------


def _weights(setting: _Setting, trained: int) -> Term:
    shape, bits = setting.shape, int(setting.options.get("quantization_bit") or 0)
    if shape.quantised_bits and shape.file_bytes:
        size, formula = float(shape.file_bytes), f"{_gib(shape.file_bytes)} of files, stored in {shape.quantised_bits} bits"
    elif bits:
        more = (_DOUBLE_QUANTISED if setting.options.get("double_quantization", True) else _QUANTISED) if bits == 4 else 0.0
        layers, rest = shape.layer_parameters, max(shape.parameters - shape.layer_parameters, 0)
        size = layers * (bits + more) / 8 + rest * setting.compute_bytes
        formula = f"{layers:,} x {bits + more:g} bits + {rest:,} x {setting.compute_bytes} bytes"
    elif setting.method in ("full", "freeze") and setting.zero < 0 and not setting.options.get("pure_bf16"):
        # What is trained is kept in 32 bits, and autocast makes 16-bit copies of it for the pass.
        frozen = shape.parameters - trained
        each = 4 + (2 if setting.compute_bytes == 2 else 0)
        size = float(trained * each + frozen * setting.compute_bytes)
        formula = f"{trained:,} x {each} bytes" + (f" + {frozen:,} x {setting.compute_bytes} bytes" if frozen else "")
    else:
        size, formula = float(shape.parameters * setting.compute_bytes), f"{shape.parameters:,} x {setting.compute_bytes} bytes"
    if setting.zero == 3:
        if setting.offload:
            largest = max((linear.parameters for linear in shape.linears), default=0) * 7 * setting.compute_bytes
            return Term("weights", largest, f"{_gib(largest)}: one layer at a time; the others are in the machine's memory")
        return Term("weights", round(size / setting.gpus), f"({formula}) / {setting.gpus} GPUs" if setting.gpus > 1 else formula)
    return Term("weights", round(size), formula)


def _adapter(setting: _Setting, trained: int) -> Term | None:
    if setting.method in ("full", "freeze"):
        return None
    return Term("adapter", trained * 4, f"{trained:,} x 4 bytes")


def _gradients(setting: _Setting, trained: int) -> Term:
    each = 2 if (setting.zero >= 0 and setting.compute_bytes == 2) or setting.options.get("pure_bf16") else 4
    return _divided("gradients", trained, each, setting.share(2))


def _optimizer(setting: _Setting, trained: int) -> Term | None:
    if setting.offload:
        return None
    name = str(setting.options.get("optim", "adamw_torch"))
    each = next((size for word, size in _OPTIMIZERS if word in name), _ADAMW)
    # DeepSpeed trains 16-bit weights and keeps a 32-bit copy of them with the states.
    each += 4 if setting.zero >= 0 and setting.compute_bytes == 2 else 0
    return _divided("optimizer", trained, each, setting.share(1))


def _divided(name: str, count: int, each: int, share: int) -> Term:
    formula = f"{count:,} x {each} bytes" + (f" / {share} GPUs" if share > 1 else "")
    return Term(name, count * each // share, formula)


def _reference(setting: _Setting) -> Term | None:
    """The model that preferences are measured against; LoRA uses its own base for it."""
    stage, options = setting.options.get("stage"), setting.options
    needed = stage == "kto" or (stage == "dpo" and options.get("pref_loss", "sigmoid") not in ("orpo", "simpo"))
    if not needed or (setting.method == "lora" and not options.get("ref_model")):
        return None
    return _divided("reference", setting.shape.parameters, setting.compute_bytes, setting.share(3))


def _layer_bytes(setting: _Setting) -> int:
    """What one layer keeps of one token for the way back: inputs of norms, projections, attention and the gated part."""
    shape, width = setting.shape, setting.compute_bytes
    experts = max((linear.count for linear in shape.linears), default=1)
    gated = (
        shape.intermediate
        if experts == 1
        else min(experts, 8) * next((linear.outputs for linear in shape.linears if linear.count > 1), shape.intermediate)
    )
    attention = 2 * shape.query_width + 3 * shape.kv_width + shape.query_width
    return width * (4 * shape.hidden + attention + 4 * gated) + 8 * shape.hidden


def _activations(setting: _Setting) -> Term:
    shape, tokens = setting.shape, setting.sequences * setting.length
    layer = _layer_bytes(setting) * tokens
    if setting.options.get("flash_attn") == "disabled":
        layer += 5 * shape.heads * setting.sequences * setting.length**2
    seen = f"{setting.sequences} x {setting.length:,} tokens"
    if setting.options.get("disable_gradient_checkpointing"):
        return Term("activations", layer * shape.layers, f"{seen} x {_layer_bytes(setting):,} bytes x {shape.layers} layers")
    kept = setting.compute_bytes * shape.hidden * tokens * shape.layers
    formula = f"{seen} x {setting.compute_bytes} bytes x {shape.hidden:,} hidden x {shape.layers} layers + one layer of {_gib(layer)}"
    return Term("activations", kept + layer, formula)


def _logits(setting: _Setting) -> Term | None:
    """Of the last layer: in 16 bits, in 32 bits for the loss, and their gradient. Liger's loss never has them whole."""
    if setting.options.get("enable_liger_kernel"):
        return None
    each = setting.compute_bytes + 4 + 4
    size = setting.sequences * setting.length * setting.shape.vocabulary * each
    return Term("logits", size, f"{setting.sequences} x {setting.length:,} tokens x {setting.shape.vocabulary:,} words x {each} bytes")


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB" if size >= GIB // 10 else f"{size / (1 << 20):.1f} MiB"
