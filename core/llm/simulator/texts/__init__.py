"""The texts of the simulator, as data files: blocks that are separated by a line with %%."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def blocks(name: str) -> tuple[str, ...]:
    """The blocks of texts/NAME.md, without blanks around them."""
    text = files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return tuple(block.strip() for block in text.split("\n%%\n"))
