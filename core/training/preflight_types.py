"""What is said before a start: checks with remedies, the estimate of GPU memory, steps to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something to do about it. `code` names the sentence; `changes`: fields of TrainingDraft that would do it, "" for none.

    `go`: a place in the application that helps: "environment", "datasets", "configuration", "models", "runs", or "".
    """

    code: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    go: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """`topic`: environment, model, template, data, options, memory, disk, port, course, rights. `rule` names the sentence.

    A `fail` keeps the run from starting; a `warn` does not; `unknown` could not be told.
    """

    topic: str
    rule: str
    level: Level
    fields: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """A part of the memory that is needed.

    `name`: weights, adapter, gradients, optimizer, activations, logits, reference, context (on the CPU: program).

    `formula`: how its bytes come about, as text with the numbers in it ("7,615,616,512 parameters x 2 bytes").
    """

    name: str
    bytes: int
    formula: str


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes on each GPU. `total`: the sum of the terms. `free`, `capacity`: of the smallest GPU meant, None where none is known.

    `trainable`, `parameters`: how many of the model's weights are trained, and how many there are.
    """

    terms: tuple[Term, ...]
    total: int
    free: int | None = None
    capacity: int | None = None
    parameters: int = 0
    trainable: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """How the run will go. `samples`: trained on; `effective_batch`: samples a step over all GPUs; None where not known."""

    samples: int | None
    eval_samples: int | None
    effective_batch: int
    steps_per_epoch: int | None
    total_steps: int | None
    epochs: float | None
    logging_steps: int
    save_steps: int
    checkpoints: int | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """All of it. `yaml`: the exact file that LLaMA-Factory will read. `disk_needed`, `disk_free`: bytes; None where not known."""

    checks: tuple[Check, ...]
    course: Course
    memory: MemoryEstimate | None = None
    disk_needed: int | None = None
    disk_free: int | None = None
    yaml: str = ""

    @property
    def ready(self) -> bool:
        """Whether nothing fails."""
        return all(check.level != "fail" for check in self.checks)

    @property
    def warnings(self) -> int:
        return sum(check.level == "warn" for check in self.checks)
