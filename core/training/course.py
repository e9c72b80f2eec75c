"""How long a run will go: samples, batches, steps. The same arithmetic as transformers 5.6 (Trainer.set_initial_training_values)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.training.preflight_types import Course

#: LLaMA-Factory's and transformers' own defaults of what decides the course.
EPOCHS: Final = 3.0
BATCH: Final = 8


@dataclass(frozen=True, slots=True)
class Samples:
    """How many are trained on and evaluated on; None where that cannot be told before they are read."""

    train: int | None
    evaluate: int | None

    @classmethod
    def of(cls, options: Mapping[str, Any], rows: Sequence[int | None]) -> Samples:
        """From the samples of each dataset. Packing and text (stage pt) are cut anew, so their number is not known."""
        most = options.get("max_samples")
        mixed = options.get("streaming") or options.get("mix_strategy", "concat") != "concat"
        if mixed or not rows or any(count is None for count in rows):
            return cls(None, None)
        total = sum(min(count, int(most)) if most else count for count in rows if count is not None)
        train, evaluate = _split(total, float(options.get("val_size") or 0))
        return cls(None if _recut(options) else train, evaluate)


def _recut(options: Mapping[str, Any]) -> bool:
    return bool(options.get("packing") or options.get("neat_packing") or options.get("stage") == "pt")


def _split(total: int, val_size: float) -> tuple[int, int]:
    """As datasets.train_test_split: a share is rounded up; above 1 it is a number."""
    if val_size <= 1e-6:
        return total, 0
    aside = int(val_size) if val_size > 1 else math.ceil(total * val_size)
    return max(total - aside, 0), min(aside, total)


def steps_per_epoch(samples: int, batch: int, accumulation: int, workers: int) -> int:
    """Optimizer steps of one epoch: batches are shared out over the workers, the last ones made whole."""
    batches = math.ceil(math.ceil(samples / batch) / workers)
    return max(math.ceil(batches / accumulation), 1)


def total_steps(samples: Samples, options: Mapping[str, Any], workers: int) -> int | None:
    """Steps of the optimizer of the whole run, None where that cannot be told."""
    most = options.get("max_steps")
    if isinstance(most, int) and most > 0:
        return most
    if not samples.train:
        return None
    return math.ceil(float(options.get("num_train_epochs", EPOCHS)) * _an_epoch(samples.train, options, workers))


def _an_epoch(samples: int, options: Mapping[str, Any], workers: int) -> int:
    batch, accumulation = int(options.get("per_device_train_batch_size", BATCH)), int(options.get("gradient_accumulation_steps", 1))
    return steps_per_epoch(samples, batch, accumulation, workers)


def log_every(steps: int | None) -> int:
    """Steps between two points of the curves: some hundreds of points, and not one a minute in a short run."""
    if steps is None:
        return 5
    return 1 if steps <= 200 else min(max(steps // 200, 2), 50)


def save_every(steps: int | None) -> int:
    """Steps between two checkpoints: about ten in a run, never more than 500 steps of work at stake."""
    if steps is None:
        return 200
    return min(max(math.ceil(steps / 10), 5), 500)


def in_steps(value: Any, steps: int | None, otherwise: int) -> int:
    """A number of steps, or below 1 a share of all of them, as transformers reads logging_steps, save_steps and eval_steps."""
    if not value:
        return otherwise
    if value >= 1:
        return int(value)
    return max(math.ceil(steps * value), 1) if steps else otherwise


def course_of(options: Mapping[str, Any], rows: Sequence[int | None], workers: int, eval_rows: Sequence[int | None] = ()) -> Course:
    """What the screen says about it. `options`: with the values that planning filled in."""
    samples = Samples.of(options, rows)
    steps = total_steps(samples, options, workers)
    epoch = _an_epoch(samples.train, options, workers) if samples.train else None
    saves = in_steps(options.get("save_steps"), steps, save_every(steps))
    batch = int(options.get("per_device_train_batch_size", BATCH)) * int(options.get("gradient_accumulation_steps", 1))
    evaluate = samples.evaluate
    if eval_rows:
        evaluate = sum(count for count in eval_rows if count is not None) if all(count is not None for count in eval_rows) else None
    return Course(
        samples=samples.train,
        eval_samples=evaluate,
        effective_batch=batch * workers,
        steps_per_epoch=epoch,
        total_steps=steps,
        epochs=None if steps is None or epoch is None else steps / epoch,
        logging_steps=in_steps(options.get("logging_steps"), steps, log_every(steps)),
        save_steps=saves,
        checkpoints=None if steps is None else math.ceil(steps / saves),
    )
