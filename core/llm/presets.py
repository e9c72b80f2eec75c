"""The providers that are known beforehand, read from presets.toml when first asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from core.errors import NotFound
from core.llm.profiles import DEFAULT_PROFILE, Profile

Protocol = Literal["openai", "ollama", "anthropic"]
KeyNeed = Literal["required", "optional", "none"]
_DATA = Path(__file__).with_name("presets.toml")


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider as it is offered. `endpoint` is "" where a person must give one; `prices` is the id in genai-prices or ""."""

    id: str
    name: str
    glyph: str
    ascii_glyph: str
    endpoint: str
    key: KeyNeed
    protocol: Protocol
    local: bool
    models_path: str
    prices: str = ""
    profile: Profile = DEFAULT_PROFILE

    @property
    def needs_key(self) -> bool:
        return self.key == "required"

    @property
    def takes_key(self) -> bool:
        return self.key != "none"


@functools.cache
def _data() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


@functools.cache
def presets() -> Mapping[str, Preset]:
    """All presets by id, in the order in which they are offered."""
    made = {}
    for row in _data()["preset"]:
        profile = DEFAULT_PROFILE.with_changes(row.get("profile", {}))
        made[row["id"]] = Preset(**{**row, "profile": profile})
    return MappingProxyType(made)


def preset(preset_id: str) -> Preset:
    """The preset of that id. Raises NotFound(kind="provider")."""
    found = presets().get(preset_id)
    if found is None:
        raise NotFound(kind="provider", reference=preset_id)
    return found


def profile_for(provider: Preset, model: str) -> Profile:
    """The profile of `model` at this provider: the provider's, changed by every row of presets.toml that matches the name."""
    profile = provider.profile
    name = model.lower()
    for row in _data().get("model", ()):
        if fnmatchcase(name, row["match"]):
            profile = profile.with_changes(row["profile"])
    return profile
