"""What a new account begins with: configurations that answer before any key is entered. They say what they are: a simulator."""

from __future__ import annotations

from typing import Final

from core.models.types import SIMULATOR, ConfigurationDraft

#: The first becomes the default. `@40`: tokens a second, the pace at which one reads along.
STARTERS: Final = (
    ConfigurationDraft(name="Simulator", provider_id=SIMULATOR, model="sim-reasoning@40"),
    ConfigurationDraft(name="Simulator Markdown", provider_id=SIMULATOR, model="sim-markdown@40"),
)
