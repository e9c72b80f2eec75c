"""Every option of the installed LLaMA-Factory with type, default, choices and help. Takes long: it imports all of it.

{} -> {"version", "transformers", "options": [{"name", "group", "type", "default", "choices", "help", "optional"}]}
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from protocol import serve

GROUPS = {
    "ModelArguments": "model",
    "DataArguments": "data",
    "TrainingArguments": "training",
    "FinetuningArguments": "finetuning",
    "GeneratingArguments": "generating",
}


def describe(question: dict[str, Any]) -> dict[str, Any]:
    del question
    import transformers
    from llamafactory.extras.env import VERSION
    from llamafactory.hparams.parser import _TRAIN_ARGS

    options = []
    for group in _TRAIN_ARGS:
        hints = typing.get_type_hints(group)
        options += [_option(each, hints[each.name], GROUPS[group.__name__]) for each in dataclasses.fields(group) if each.init]
    return {"version": VERSION, "transformers": transformers.__version__, "options": options}


def _option(each: dataclasses.Field[Any], hint: Any, group: str) -> dict[str, Any]:
    kind, choices, optional = _kind(hint)
    default = each.default if each.default is not dataclasses.MISSING else None
    if each.default_factory is not dataclasses.MISSING:
        default = each.default_factory()
    default = default.value if isinstance(default, Enum) else default
    if not isinstance(default, (bool, int, float, str, list, dict, type(None))):
        default = None
    return {
        "name": each.name,
        "group": group,
        "type": kind,
        "default": default,
        "choices": choices,
        "help": str(each.metadata.get("help", "")),
        "optional": optional or default is None,
    }


def _kind(hint: Any) -> tuple[str, list[str], bool]:
    """Type, choices, whether None is allowed."""
    members = list(typing.get_args(hint)) if typing.get_origin(hint) in (typing.Union, types.UnionType) else [hint]
    optional = type(None) in members
    members = [member for member in members if member is not type(None)]
    for member in members:
        if isinstance(member, type) and issubclass(member, Enum):
            return "choice", [str(value.value) for value in member], optional
        if typing.get_origin(member) is typing.Literal:
            words = [value for value in typing.get_args(member) if isinstance(value, str)]
            if words:
                return "choice", words, optional
    plain = {member for member in members if isinstance(member, type)}
    for kind, name in ((bool, "bool"), (dict, "json"), (float, "float"), (int, "int")):
        if kind in plain and not (kind is bool and str in plain):
            return name, [], optional
    if any(typing.get_origin(member) is dict or member is dict for member in members):
        return "json", [], optional
    return "str", [], optional


if __name__ == "__main__":
    serve(describe)
