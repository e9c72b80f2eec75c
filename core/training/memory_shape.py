"""What a base model is made of: its config.json and the headers of its weight files, read without loading a weight."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

#: Largest config and header that are read, in bytes; real ones have some kilobytes, and a megabyte for a thousand tensors.
_CONFIG_LIMIT: Final = 4 << 20
_HEADER_LIMIT: Final = 64 << 20
_FILES_LIMIT: Final = 1000
_DTYPE_BYTES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1}
_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.")
_SIZE_IN_NAME: Final = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?[bB](?![A-Za-z])")
#: (billions of parameters, hidden size, layers, intermediate size, vocabulary) of usual dense models: Qwen2.5 and Llama 3.
_USUAL: Final = (
    (0.5, 896, 24, 4864, 151_936),
    (1.5, 1536, 28, 8960, 151_936),
    (3.0, 2048, 36, 11_008, 151_936),
    (8.0, 4096, 32, 14_336, 128_256),
    (14.0, 5120, 48, 13_824, 152_064),
    (32.0, 5120, 64, 27_648, 152_064),
    (72.0, 8192, 80, 29_568, 152_064),
)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map of the layers: `name` as LoRA targets are named ("q_proj"), `layer` its number, `count` how many of it (experts)."""

    name: str
    layer: int
    inputs: int
    outputs: int
    count: int = 1

    @property
    def parameters(self) -> int:
        return self.inputs * self.outputs * self.count


@dataclass(frozen=True, slots=True)
class ModelShape:
    """`parameters`: all; `file_bytes`: of the weight files, 0 where none is known. `kv_width`, `query_width`: outputs of k and q.

    `quantised_bits`: of weights that are stored quantised, 0 for none. `exact`: counted in the weight files, not guessed from a name.
    """

    architecture: str
    model_type: str
    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    kv_width: int
    query_width: int
    parameters: int
    linears: tuple[Linear, ...]
    file_bytes: int = 0
    max_length: int | None = None
    quantised_bits: int = 0
    multimodal: bool = False
    own_code: bool = False
    exact: bool = True

    @property
    def layer_parameters(self) -> int:
        """Of all linear maps of the layers: what is quantised."""
        return sum(linear.parameters for linear in self.linears)


def read_shape(folder: Path) -> ModelShape | None:
    """The shape of a model's folder; None where its config.json does not say. Raises nothing."""
    try:
        with (folder / "config.json").open("rb") as file:
            config = json.loads(file.read(_CONFIG_LIMIT))
        return _counted(shape_of_config(config), folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    """As the configuration says. Raises KeyError, TypeError or ValueError for one that is none."""
    text = config.get("text_config") or config.get("llm_config") or config
    hidden, layers = int(text["hidden_size"]), int(text["num_hidden_layers"])
    heads = int(text.get("num_attention_heads") or 1)
    head_width = int(text.get("head_dim") or hidden // heads)
    query, kv = heads * head_width, int(text.get("num_key_value_heads") or heads) * head_width
    intermediate = int(text.get("intermediate_size") or 4 * hidden)
    vocabulary = int(text.get("vocab_size") or config.get("vocab_size") or 0)
    if min(hidden, layers, heads) < 1 or max(hidden, layers, intermediate, vocabulary) > 10_000_000:
        raise ValueError("not a model")
    linears = tuple(_usual_linears(text, hidden, layers, intermediate, query, kv))
    tied = bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)))
    parameters = sum(linear.parameters for linear in linears) + vocabulary * hidden * (1 if tied else 2) + (2 * layers + 1) * hidden
    quantised = config.get("quantization_config") or {}
    return ModelShape(
        architecture=str((config.get("architectures") or [""])[0]),
        model_type=str(config.get("model_type", "")),
        hidden=hidden,
        layers=layers,
        heads=heads,
        intermediate=intermediate,
        vocabulary=vocabulary,
        kv_width=kv,
        query_width=query,
        parameters=parameters,
        linears=linears,
        max_length=_max_length(text),
        quantised_bits=_bits(quantised) if isinstance(quantised, dict) else 0,
        multimodal="vision_config" in config or "audio_config" in config,
        own_code="auto_map" in config,
        exact=False,
    )


def _max_length(text: Mapping[str, Any]) -> int | None:
    found = text.get("max_position_embeddings")
    return found if isinstance(found, int) and found > 0 else None


def _bits(quantised: Mapping[str, Any]) -> int:
    if quantised.get("load_in_4bit"):
        return 4
    if quantised.get("load_in_8bit"):
        return 8
    found = quantised.get("bits") or quantised.get("w_bit") or (8 if quantised else 0)
    return int(found) if isinstance(found, int) else 0


def _usual_linears(text: Mapping[str, Any], hidden: int, layers: int, intermediate: int, query: int, kv: int) -> Iterator[Linear]:
    experts = int(text.get("num_experts") or text.get("num_local_experts") or text.get("n_routed_experts") or 1)
    width = int(text.get("moe_intermediate_size") or intermediate) if experts > 1 else intermediate
    for layer in range(layers):
        yield Linear("q_proj", layer, hidden, query)
        yield Linear("k_proj", layer, hidden, kv)
        yield Linear("v_proj", layer, hidden, kv)
        yield Linear("o_proj", layer, query, hidden)
        yield Linear("gate_proj", layer, hidden, width, experts)
        yield Linear("up_proj", layer, hidden, width, experts)
        yield Linear("down_proj", layer, width, hidden, experts)


def _counted(shape: ModelShape, folder: Path) -> ModelShape:
    """With what the weight files really hold, where they are safetensors."""
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    size = 0
    for path in weight_files(folder):
        size += path.stat().st_size
        if path.suffix == ".safetensors":
            tensors |= _header(path)
    shape = replace(shape, file_bytes=size)
    if not tensors or shape.quantised_bits:
        return shape  # packed weights do not have the shape that they stand for
    linears = tuple(_found_linears(tensors))
    parameters = sum(_product(dimensions) for _, dimensions in tensors.values())
    return replace(shape, parameters=parameters, linears=linears or shape.linears, exact=bool(linears))


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold a model's weights: safetensors, else PyTorch's."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())[:_FILES_LIMIT]
    except OSError:
        return ()
    safe = [name for name in names if name.endswith(".safetensors") and not name.startswith(("adapter_", "value_head"))]
    pickled = [name for name in names if name.startswith(("pytorch_model", "model")) and name.endswith(".bin")]
    return tuple(folder / name for name in safe or pickled)


def missing_shards(folder: Path) -> tuple[str, ...]:
    """Weight files that the index names and that are not there: a download that was cut off."""
    for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        try:
            with (folder / index).open("rb") as file:
                named = set(json.loads(file.read(_HEADER_LIMIT))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        return tuple(sorted(str(name) for name in named if not (folder / Path(str(name)).name).is_file()))
    return ()


def _header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Names, types and shapes of a safetensors file. Format: 8 bytes of length, little endian, then JSON. Raises ValueError."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(_HEADER_LIMIT, path.stat().st_size):
            raise ValueError("not a safetensors file")
        found = json.loads(file.read(length))
    return {
        str(name): (str(each["dtype"]), tuple(int(number) for number in each["shape"]))
        for name, each in found.items()
        if name != "__metadata__"
    }


def _found_linears(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Iterator[Linear]:
    for name, (_, dimensions) in tensors.items():
        layer = _LAYER.search(name)
        if layer is None or not name.endswith(".weight") or len(dimensions) != 2 or "visual" in name or "vision" in name:
            continue
        yield Linear(name.removesuffix(".weight").rpartition(".")[2], int(layer[1]), dimensions[1], dimensions[0])


def _product(dimensions: tuple[int, ...]) -> int:
    product = 1
    for number in dimensions:
        product *= number
    return product


def shape_of_name(name: str) -> ModelShape | None:
    """A guess from "Qwen2.5-7B-Instruct": the usual model of that size, scaled to it. None where the name has no size."""
    sizes = [float(found) for found in _SIZE_IN_NAME.findall(name.rpartition("/")[2])]
    if not sizes or not 0 < sizes[0] <= 2000:
        return None
    billions, hidden, layers, intermediate, vocabulary = min(_USUAL, key=lambda usual: abs(usual[0] - sizes[0]))
    config = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": hidden // 64, "intermediate_size": intermediate}
    shape = shape_of_config(config | {"vocab_size": vocabulary, "num_key_value_heads": max(hidden // 512, 1)})
    scale = sizes[0] * 1e9 / shape.parameters
    linears = tuple(replace(linear, count=1) for linear in shape.linears)
    del billions
    return replace(
        shape, parameters=round(sizes[0] * 1e9), linears=linears, exact=False, intermediate=round(intermediate * max(scale, 0.5))
    )


def cached_snapshot(name: str, environment: Mapping[str, str]) -> Path | None:
    """Where the hub's cache holds a model (huggingface_hub's layout), None where it does not."""
    home = Path(environment.get("HF_HOME") or Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    hub = Path(environment.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
    try:
        revision = (hub / "refs" / "main").read_text(encoding="ascii").strip()
        folder = hub / "snapshots" / revision
        return folder if re.fullmatch(r"[0-9a-f]{7,64}", revision) and (folder / "config.json").is_file() else None
    except (OSError, UnicodeError):
        return None
