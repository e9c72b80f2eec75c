"""Reads the evidence of an attempt: the ends of its files, never the whole of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.training.failures.types import Evidence, Exit


def gather(
    folder: Path,
    *,
    kind: str = "train",
    exit: Exit | None = None,  # noqa: A002 - the word of the evidence
    options: Mapping[str, Any] | None = None,
    environment_versions: Mapping[str, str] | None = None,
    stopped_by_us: bool = False,
    gpus: int = 0,
) -> Evidence:
    """The evidence of an attempt in `folder` (log.txt, run.yaml, output/trainer_log.jsonl, output/trainer_state.json).

    `options`: what run.yaml says, read from the folder where not given. Blocks for a few file reads; what is not there is left out.
    Never raises.
    """
    raise NotImplementedError
