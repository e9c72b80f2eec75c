"""What a model can probably do, told from its name where its provider does not say."""

from __future__ import annotations

import re
from typing import Literal

Capability = Literal["chat", "reasoning", "code", "vision", "embedding"]

_EMBEDDING = re.compile(r"embed|(?:^|[/:_-])(?:bge|gte|e5|m3e|minilm)(?:[/:_-]|$)|rerank")
_REASONING = re.compile(r"reason|think|(?:^|[/:_-])(?:r1|qwq|o[1-9]|gpt-oss|magistral)(?:[/:_.-]|$)|deepseek-r|gpt-5")
_CODE = re.compile(r"cod(?:er|e|estral|ex)|starcoder|devstral")
_VISION = re.compile(r"vision|(?:^|[/:_.-])vl(?:[/:_.-]|$)|[0-9]vl?(?:[/:_-]|$)|llava|gpt-4o|pixtral|omni|claude-|gemini|minicpm-v|-ocr")


def guess(name: str) -> tuple[Capability, ...]:
    """The capabilities that the name of a model suggests; an embedding model does not chat."""
    lowered = name.lower()
    if _EMBEDDING.search(lowered):
        return ("embedding",)
    found: list[Capability] = ["chat"]
    for capability, pattern in (("reasoning", _REASONING), ("code", _CODE), ("vision", _VISION)):
        if pattern.search(lowered):
            found.append(capability)  # type: ignore[arg-type]
    return tuple(found)
