"""The training environment and what it can do, as plain values (core/training/environment.py, core/training/catalogue.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

#: `missing`: nothing there; `installing`: an installation is under way; `broken`: there, but not usable (see problems).
EnvironmentKind = Literal["missing", "installing", "broken", "ready"]
StepState = Literal["pending", "running", "done", "failed"]
InstallKind = Literal["none", "running", "done", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class EnvironmentIssue:
    """`rule`: no_python, not_a_folder, unfinished, missing_package, damaged_package, wrong_version, failed_check; or, as a remark,
    other_version, no_dashboard, blank_in_path. `fields` make the sentence."""

    rule: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """`folder`: where it is, or would be. `python`: its interpreter, None where there is none.

    `versions`: installed distributions by name (llamafactory, swanlab, torch, transformers, peft, trl, accelerate, datasets, deepspeed,
    bitsandbytes, vllm, sglang, ...), told from their metadata without importing anything. `own`: made by `install` (else named by
    MODELTRAIN_TRAINING_ENV or by an administrator). `fingerprint` changes with any of the versions: what is cached for it is cached by it.
    """

    folder: Path
    state: EnvironmentKind
    python: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[EnvironmentIssue, ...] = ()
    own: bool = True
    fingerprint: str = ""

    @property
    def ready(self) -> bool:
        return self.state == "ready"

    def has(self, package: str) -> bool:
        """Whether a distribution is installed in it, by its normalised name."""
        return package in self.versions


@dataclass(frozen=True, slots=True)
class InstallStep:
    """`name`: venv, torch, stubs, llamafactory, extra:NAME, check. Times in milliseconds since the epoch."""

    name: str
    state: StepState = "pending"
    started_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class InstallProgress:
    """How far an installation is. `line`: the last line of its output, raw: sanitise before drawing. `log`: all of its output.

    `failed_step` and `exit_status` say where it ended when `kind` is failed. `interrupted`: the installer is gone without a word (killed,
    machine restarted); starting again goes on after the last step that was done. `problems`: what the check at the end said, raw.
    """

    kind: InstallKind
    steps: tuple[InstallStep, ...] = ()
    line: str = ""
    log: Path | None = None
    failed_step: str = ""
    exit_status: int | None = None
    cpu: bool = False
    extras: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.state == "done" for step in self.steps)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What really importing everything in the environment brought. `seconds` it took; `gpus`: how many torch sees."""

    ok: bool
    versions: Mapping[str, str]
    problems: tuple[EnvironmentIssue, ...] = ()
    gpus: int = 0
    cuda: str = ""
    bf16: bool = False
    seconds: float = 0.0


#: What an option takes. `path`: a file or folder; `list`: several texts separated by commas; `json`: a mapping.
OptionType = Literal["bool", "int", "float", "str", "choice", "json"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of LLaMA-Factory. `group`: model, data, training, finetuning, generating. `help` is its own English text.

    `minimum`, `maximum`: inclusive, None where there is no limit. `optional`: null is a value.
    """

    name: str
    group: str
    type: OptionType
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    help: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that LLaMA-Factory knows by name. `hub`: its name at the hub ("Qwen/Qwen2.5-7B-Instruct"); `template`: "" for none."""

    name: str
    hub: str
    template: str = ""
    multimodal: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the installed version knows. `source`: "environment" (all of it), "partial" (models and templates of the environment; its
    options are still being read), or "shipped" (no environment: the few that the application knows itself).

    `stages`, `methods`: LLaMA-Factory's own names; `unavailable` says why one of them cannot be used (stage -> rule).
    """

    source: Literal["environment", "partial", "shipped"]
    version: str
    models: tuple[KnownModel, ...]
    templates: tuple[str, ...]
    stages: tuple[str, ...]
    methods: tuple[str, ...]
    options: Mapping[str, Option]
    unavailable: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether an option that is not in it does not exist."""
        return self.source == "environment"
