"""What managed services take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from core.training.failures.types import Failure

ServiceKind = Literal["api", "vllm", "sglang", "swanlab", "webui"]
#: starting: its process runs (or is about to) and does not answer yet. ready: it answered a moment ago. failed: given up.
ServiceState = Literal["starting", "ready", "stopping", "stopped", "failed"]
ACTIVE: Final[tuple[ServiceState, ...]] = ("starting", "ready", "stopping")


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How a service is started, as data, so that any process can start it again.

    In `argv` and the values of `environment` and `files`, {host}, {port}, {folder} and, in `environment` and `files` only, {key} stand
    for what the attempt gets: arguments are read by everybody on the machine, so a key never stands there. `files` are written into the
    service's folder, for its owner only. `health_path`: GET there gives 200 once it is ready (`health_key`: with the key as a bearer
    token). `port_pattern`: a regular expression whose first group is the port that it really took, looked for in its log; "" where it
    takes the port that it was given. `slots`: GPUs it holds (core/training/slots.py), () for none.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    health_path: str = "/"
    health_key: bool = False
    port_pattern: str = ""
    ready_within_s: float = 600.0
    log_limit_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """`subject`: what it serves, plain values for its owner's screens (paths, ids, names). `host`: loopback unless an administrator says
    otherwise. `port`: 0 for a free one. `key`: "" for none; kept encrypted. `gpus`: ids of GPUs that it holds while it runs."""

    kind: ServiceKind
    name: str
    spec: ServiceSpec
    subject: Mapping[str, Any] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 0
    key: str = field(default="", repr=False)
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A managed service as its owner sees it. Times in milliseconds since the epoch.

    `port`: the one it really has, 0 while that is not known. `restarts`: how often it was started again after it ended by itself.
    `failure`: why it was given up, or why it ended last. `url`: to open, "" while there is no port.
    """

    id: str
    owner_id: str
    kind: ServiceKind
    name: str
    state: ServiceState
    host: str
    port: int
    subject: Mapping[str, Any]
    folder: Path
    configuration_id: str = ""
    gpus: tuple[str, ...] = ()
    restarts: int = 0
    failure: Failure | None = None
    created_at: int = 0
    started_at: int | None = None
    ready_at: int | None = None
    ended_at: int | None = None

    @property
    def url(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}" if self.port else ""

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def active(self) -> bool:
        return self.state in ACTIVE
