"""What the services for providers and configurations take and give: frozen values, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from core.errors import ModeltrainError
from core.llm.events import FinishReason, Usage
from core.llm.request import ChatModel, Parameters

if TYPE_CHECKING:
    from core.llm.presets import Preset

#: The preset that needs nothing: a simulator on loopback, started by this program when it is first used.
SIMULATOR: Final = "simulator"
#: Its default endpoint: stands for wherever this process started its simulator.
SIMULATOR_ENDPOINT: Final = "simulator:"
#: Seconds of silence that a new configuration allows.
DEFAULT_TIMEOUT_S: Final = 120.0

Capability = Literal["chat", "reasoning", "code", "vision", "embedding"]
#: `local_only`: an inner address that nobody decided about; free from this machine's terminal, closed to served users.
Availability = Literal["enabled", "local_only", "disabled"]
Sort = Literal["name", "model", "provider", "updated", "created"]
#: Where the key of a request comes from.
KeySource = Literal["own", "shared", "none"]


class Keep(Enum):
    """The type of KEEP: "the key stays as it is stored", because a form never gets to see it."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider as it stands here. `endpoint`: the default one, "" where the person must name it. `enabled`: for who asks.

    `shared_key_hint` is for administrators only, "" for everybody else. The shared key goes to `shared_key_endpoint` and nowhere else.
    """

    id: str
    name: str
    glyph: str
    ascii_glyph: str
    endpoint: str
    needs_key: bool
    takes_key: bool
    protocol: str
    local: bool
    enabled: bool
    availability: Availability
    has_shared_key: bool = False
    shared_key_hint: str = ""
    shared_key_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that is known at an endpoint. `size_bytes`, `parameters` ("7.6B"), `context_length` (tokens): None where not said.

    Prices are for a million tokens, in `currency`. `available`: it was there at the last look (`refreshed_at`, None for a model that
    was added by hand and never seen in a list). `own`: seen with this person's own key, or added by this person.
    """

    id: str
    provider_id: str
    endpoint: str
    name: str
    display_name: str
    size_bytes: int | None
    parameters: str | None
    context_length: int | None
    capabilities: tuple[Capability, ...]
    input_price: Decimal | None
    output_price: Decimal | None
    currency: str
    available: bool
    own: bool
    refreshed_at: datetime | None

    @property
    def by_hand(self) -> bool:
        return self.refreshed_at is None


@dataclass(frozen=True, slots=True)
class ConfigurationDraft:
    """What a person filled in. `endpoint` "" means the provider's default. `key`: a new one, None for none, KEEP for the stored one.

    `timeout_s`: seconds of silence after which an answer counts as stalled.
    """

    name: str
    provider_id: str
    model: str
    endpoint: str = ""
    key: str | Keep | None = field(default=None, repr=False)
    parameters: Parameters = field(default_factory=Parameters)
    system_prompt: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    note: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """A model with parameters, as its owner sees it. The key itself never comes out but by `Configurations.show_key`.

    `key_hint`: the key masked ("sk-…ab12"). `shared_key`: without an own key, the provider's shared one is used. `key_missing`: the
    provider needs a key and there is neither. `key_cleared`: the change that gave this value cleared the stored key, because it was
    entered for another endpoint. `provider_enabled`: for its owner.
    """

    id: str
    name: str
    provider_id: str
    endpoint: str
    model: str
    parameters: Parameters
    system_prompt: str
    timeout_s: float
    note: str
    enabled: bool
    is_default: bool
    has_key: bool
    key_hint: str
    version: int
    created_at: datetime
    updated_at: datetime
    shared_key: bool = False
    key_missing: bool = False
    provider_enabled: bool = True
    key_cleared: bool = False

    def draft(self) -> ConfigurationDraft:
        """The same as a draft to edit; its key stays."""
        return ConfigurationDraft(
            name=self.name,
            provider_id=self.provider_id,
            model=self.model,
            endpoint=self.endpoint,
            key=KEEP,
            parameters=self.parameters,
            system_prompt=self.system_prompt,
            timeout_s=self.timeout_s,
            note=self.note,
            enabled=self.enabled,
        )


@dataclass(frozen=True, slots=True)
class ConfigurationVersion:
    """One state that a configuration was in; never changed."""

    version: int
    provider_id: str
    endpoint: str
    model: str
    parameters: Parameters
    system_prompt: str
    timeout_s: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UsedBy:
    """What would miss a configuration: conversations that ask it (those in the trash too), and whether it is the default."""

    conversations: int
    is_default: bool

    @property
    def nothing(self) -> bool:
        return not self.conversations and not self.is_default


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A configuration resolved: everything that an answer needs. The key is inside `chat_model` and nowhere else.

    `endpoint` is the one that is really asked (for the simulator: its address in this process). `configuration_id` is "" for a draft.
    `key_id` tells the keys of a process apart without telling them: what providers count requests by.
    """

    configuration_id: str
    configuration_name: str
    provider_id: str
    preset: Preset
    endpoint: str
    model: str
    parameters: Parameters
    system_prompt: str
    timeout_s: float
    version: int
    key_source: KeySource
    chat_model: ChatModel = field(repr=False)
    key_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a test brought. `answer` and `reasoning` are raw: sanitise before drawing. Times in milliseconds, None where nothing came.

    `finish` is None when the test had seen enough before the model was through. `error`: why it is not `ok`.
    """

    __test__ = False  # not a test class, whatever pytest makes of its name

    ok: bool
    answer: str = ""
    reasoning: str = ""
    ttft_ms: int | None = None
    total_ms: int = 0
    usage: Usage | None = None
    finish: FinishReason | None = None
    error: ModeltrainError | None = None


def mask(key: str) -> str:
    """`key` as it may be shown: the first three and the last four characters, or nothing of a key too short to spare them."""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= 12 else "…"
