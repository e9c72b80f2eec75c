"""Models on disk: found below folders, described from config.json and the headers of their weights. Weights are never read. Blocks."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.inference.types import ModelFacts, Target
from core.training.results import ADAPTER, CONFIG, read_json

#: How deep below a model folder models lie (organisation/model/revision), and how many folders are looked at.
DEPTH, MOST_FOLDERS = 3, 5_000
#: safetensors: an 8-byte little-endian length, then so many bytes of JSON (the format's own limit is 100 MB).
_MOST_HEADER = 32 << 20
_WEIGHTS = (".safetensors", ".bin")


def model_id(path: str | Path) -> str:
    """The stable id of what lies at `path` (or of a hub name): 32 hex digits."""
    text = str(path)
    return hashlib.sha256(os.path.realpath(text).encode() if text.startswith("/") else text.encode("utf-8", "replace")).hexdigest()[:32]


def scan(folders: Iterable[Path]) -> tuple[Target, ...]:
    """Every model and adapter below `folders`, each once, by path."""
    found: dict[str, Target] = {}
    for folder in folders:
        for path in _models_below(folder):
            target = describe(path)
            if target is not None:
                found.setdefault(target.id, target)
    return tuple(found.values())


def _models_below(folder: Path) -> Iterator[Path]:
    left = MOST_FOLDERS
    waiting = [(folder, 0)]
    while waiting and left:
        here, depth = waiting.pop()
        left -= 1
        try:
            with os.scandir(here) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        names = {entry.name for entry in found}
        if names & {CONFIG, ADAPTER}:
            yield here
        elif depth < DEPTH:
            # A link counts right below the folder that an administrator named, and no deeper: no circle, no way out.
            below = [entry for entry in found if entry.is_dir(follow_symlinks=depth == 0) and not entry.name.startswith(".")]
            waiting += [(Path(entry.path), depth + 1) for entry in reversed(below)]


def describe(path: Path) -> Target | None:
    """The model at `path`; None where there are no weights."""
    names, size, newest = _files(path)
    if not any(name.endswith(_WEIGHTS) for name in names):
        return None
    adapter = read_json(path / ADAPTER) if ADAPTER in names else {}
    return Target(
        id=model_id(path),
        kind="adapter" if adapter else "base",
        name=path.name,
        path=str(path),
        base=str(adapter.get("base_model_name_or_path") or ""),
        size_bytes=size,
        facts=facts(path),
        finetuning_type="lora" if adapter else "",
        created_at=newest,
    )


def _files(path: Path) -> tuple[set[str], int, int]:
    names: set[str] = set()
    size = newest = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file():
                    found = entry.stat()
                    names.add(entry.name)
                    size += found.st_size
                    newest = max(newest, round(found.st_mtime * 1000))
    except OSError:
        return set(), 0, 0
    return names, size, newest


def facts(path: Path) -> ModelFacts:
    """What config.json and the headers of the safetensors files say."""
    config = read_json(path / CONFIG)
    inner = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    counts = _counted(path)
    architectures = config.get("architectures")
    length = inner.get("max_position_embeddings") if isinstance(inner, dict) else None
    return ModelFacts(
        architecture=str(architectures[0]) if isinstance(architectures, list) and architectures else str(config.get("model_type") or ""),
        parameters=sum(counts.values()) or None,
        precision=counts.most_common(1)[0][0] if counts else str(config.get("torch_dtype") or config.get("dtype") or "").upper(),
        quantisation=_quantisation(config.get("quantization_config")),
        context_length=length if isinstance(length, int) else None,
        chat_template=(path / "chat_template.jinja").is_file() or "chat_template" in read_json(path / "tokenizer_config.json"),
    )


def _quantisation(value: object) -> str:
    if not isinstance(value, Mapping):
        return ""
    method = str(value.get("quant_method") or "quantised")
    bits = value.get("bits") or (4 if value.get("load_in_4bit") else 8 if value.get("load_in_8bit") else None)
    return f"{method} {bits} bit" if bits else method


def _counted(path: Path) -> Counter[str]:
    """Parameters by precision, from the headers of all safetensors files."""
    counts: Counter[str] = Counter()
    for file in sorted(path.glob("*.safetensors")):
        for name, tensor in header(file).items():
            shape = tensor.get("shape") if name != "__metadata__" and isinstance(tensor, dict) else None
            if isinstance(shape, list) and all(isinstance(size, int) and size >= 0 for size in shape):
                counts[str(tensor.get("dtype", "?"))] += math.prod(shape)
    return counts


def header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file (https://github.com/huggingface/safetensors, Format); {} where there is none."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            size = int.from_bytes(os.pread(handle, 8, 0), "little")
            if not 0 < size <= min(_MOST_HEADER, os.fstat(handle).st_size):
                return {}
            value = json.loads(os.pread(handle, size, 8))
        finally:
            os.close(handle)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
