"""What each fault of the simulator comes to in the shell, and the command line in this process, where starting one for each is too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.auth.principal import operator
from core.bootstrap import build_services
from core.models.types import ConfigurationDraft
from core.settings import load_settings
from tests.shell import Outcome

#: Preset and format by which it is asked.
PROTOCOLS = {"openai-compatible": "openai", "ollama": "ollama", "anthropic": "anthropic"}
EMAIL = "ann@example.org"
Run = Callable[..., Outcome]


@dataclass(frozen=True)
class Fault:
    """`model`: sim-MODEL; `status` of the command; `finish` and `code` of its JSON; `came`: part of the answer came before.

    `again`: the second time the same question is asked (sim-flaky-MODEL), it works; if not, the program itself asks again.
    """

    model: str
    status: int
    finish: str
    code: str | None
    came: bool = False
    again: bool = True
    only: tuple[str, ...] = tuple(PROTOCOLS)


FAULTS = (
    Fault("400", 4, "error", "bad_request", again=False),  # OpenAI: asked again without the option that servers refuse most
    Fault("401", 4, "error", "unauthorized"),
    Fault("403", 4, "error", "access_denied"),
    Fault("404", 4, "error", "model_not_found"),
    Fault("408", 4, "error", "provider_fault"),
    Fault("413", 4, "error", "bad_request"),
    Fault("429-none", 4, "error", "rate_limited", again=False),
    Fault("500", 4, "error", "provider_fault"),
    Fault("502", 4, "error", "provider_fault", again=False),
    Fault("503", 4, "error", "provider_fault", again=False),
    Fault("529", 4, "error", "provider_fault", again=False),
    Fault("redirect", 4, "error", "bad_request"),
    Fault("drop", 4, "error", "connection_lost", again=False),
    Fault("cut", 3, "truncated", "stream_truncated", came=True),
    Fault("reset", 3, "truncated", "connection_lost", came=True),
    Fault("stall", 3, "truncated", "stream_stalled", came=True),
    Fault("stall-head", 4, "error", "stream_stalled"),
    Fault("no-end", 3, "truncated", "stream_truncated", came=True),
    Fault("no-done", 3, "truncated", "stream_truncated", came=True, only=("ollama",)),
    Fault("error-in-200", 4, "error", "provider_fault"),
    Fault("error-in-200-stream", 4, "error", "provider_fault"),
    Fault("error-text", 4, "error", "provider_fault"),
    Fault("error-event", 4, "error", "provider_fault", came=True),
    Fault("error-then-done", 4, "error", "provider_fault", came=True),
    Fault("garbage", 4, "error", "provider_fault", came=True),
    Fault("json-other", 4, "error", "not_a_stream", only=("openai-compatible", "anthropic")),
    Fault("json-other", 4, "error", "stream_truncated", only=("ollama",)),
    Fault("html", 4, "error", "not_a_stream"),
    Fault("empty", 4, "error", "empty_stream"),
    Fault("done-only", 4, "error", "empty_stream"),
    Fault("length", 3, "length", None, came=True, again=False),
    Fault("filter", 3, "truncated", None, came=True, again=False),
)
#: Models that only seem to fail.
WORKING = ("json", "no-finish", "no-usage", "no-usage-option", "delay-200", "limited")
FLOODS = ("flood", "long-line")


async def configure(data: Path, base_urls: dict[str, str], models: dict[str, tuple[str, str]], *, timeout_s: float = 1.0) -> None:
    """Make configurations of ann's: {name: (preset, model)}; a shell command for each would take a second."""
    services = await build_services(load_settings(data, {}))
    try:
        ann = await services.accounts.principal_for(operator("test"), EMAIL)
        for name, (preset, model) in models.items():
            endpoint = base_urls[PROTOCOLS[preset]] if preset in PROTOCOLS else ""
            draft = ConfigurationDraft(name=name, provider_id=preset, endpoint=endpoint, model=model, key="sk-test", timeout_s=timeout_s)
            await services.configurations.create(ann, draft)
    finally:
        await services.close()


def configure_now(data: Path, simulator: dict[str, Any], models: dict[str, tuple[str, str]], *, timeout_s: float = 1.0) -> None:
    """As `configure`, from a test that is no coroutine."""
    asyncio.run(configure(data, simulator["base_urls"], models, timeout_s=timeout_s))
