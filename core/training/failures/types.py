"""What an explanation of a failed run is made of: evidence in, a failure with its proof and its remedies out. Plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol


class Exit(Protocol):
    """How a process ended (core/processes, JobExit): `status` 0..255, or `signal` where one ended it."""

    @property
    def status(self) -> int | None: ...
    @property
    def signal(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """A piece of the log that proves something. `offset`: its first byte in the log file. `text` is raw: sanitise before drawing."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to change. `changes`: options of the training configuration with their new values (None: take the option out).

    A remedy without changes is something that a person does elsewhere (free the disk, repair the dataset). `fields` fill the sentence.
    """

    code: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)


Severity = Literal["failed", "warning"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ended badly (or, with the severity "warning", what is wrong with one that completed).

    `rule` is stable ("cuda_out_of_memory", ...; all are in core/training/failures/rules.py); sentences are in tui/failure_sentences.py.
    """

    rule: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()
    proof: tuple[LogExcerpt, ...] = ()
    severity: Severity = "failed"

    def to_json(self) -> str:
        """As text for the database."""
        return json.dumps(
            {
                "rule": self.rule,
                "fields": dict(self.fields),
                "remedies": [{"code": one.code, "changes": dict(one.changes), "fields": dict(one.fields)} for one in self.remedies],
                "proof": [[one.offset, one.text] for one in self.proof],
                "severity": self.severity,
            },
            ensure_ascii=True,
            default=str,
        )

    @classmethod
    def from_json(cls, text: str | None) -> Failure | None:
        """The failure that `to_json` wrote; None for nothing ("" or None)."""
        if not text:
            return None
        value = json.loads(text)
        return cls(
            rule=value["rule"],
            fields=value["fields"],
            remedies=tuple(Remedy(one["code"], one["changes"], one["fields"]) for one in value["remedies"]),
            proof=tuple(LogExcerpt(int(offset), said) for offset, said in value["proof"]),
            severity=value["severity"],
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the rules look at. `failures.gather(folder, ...)` reads it; tests build it by hand.

    folder: of the attempt. kind: "train", "export" or "service". exit: None where nobody saw the end (lost).
    log_tail: the last bytes of the log (256 KiB are plenty), `log_tail_offset` where they begin in it; log_head: its first bytes
    (only what lies before the tail). metrics_tail: the last bytes of trainer_log.jsonl. options: what run.yaml said.
    oom_killed: the kernel or the cgroup killed something of the job for memory, None where that cannot be told.
    disk_free: bytes free where the folder is, None where that cannot be told. stopped_by_us: a person asked for the end.
    gpus: how many GPUs the run had (0 on CPU). steps: (global_step, max_steps) of trainer_state.json, None where it is not there.
    """

    folder: Path
    kind: str = "train"
    exit: Exit | None = None
    log_tail: bytes = b""
    metrics_tail: bytes = b""
    oom_killed: bool | None = None
    disk_free: int | None = None
    log_tail_offset: int = 0
    log_head: bytes = b""
    options: Mapping[str, Any] = field(default_factory=dict)
    environment_versions: Mapping[str, str] = field(default_factory=dict)
    stopped_by_us: bool = False
    gpus: int = 0
    steps: tuple[int, int] | None = None
