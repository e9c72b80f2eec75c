"""Does an answer give away which model wrote it? A blind vote is worth less then, and the voter is told so.

Names of models and families (Qwen, 通义千问, Claude, ...) count wherever they stand; names of makers that are also ordinary words of
answers (Google, Meta, 百度) only where the answer speaks of itself ("I was developed by Google", "我是由百度开发的").
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Naming:
    """`word`: as it stands in the answer, at characters start to end. `own`: it is a name of the model that wrote it or of its maker;
    otherwise the answer calls itself something else (as models taught by another's answers do)."""

    word: str
    start: int
    end: int
    own: bool


def namings(answer: str, model: str, *, provider: str = "") -> tuple[Naming, ...]:
    """Where `answer` names `model` (a name as sent to the provider, such as "qwen2.5-7b-instruct"), its family or its maker, or calls itself
    by any model's name; () when it keeps silent. `provider`: id or name of who serves it, which also gives a model away."""
    raise NotImplementedError
