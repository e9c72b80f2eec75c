"""Checks of the data: usable, of the right kind for the stage, enough of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.datasets.types import STAGES
from core.training.configurations_types import TrainingDraft
from core.training.preflight_types import Check, Course, Remedy

if TYPE_CHECKING:
    from core.datasets.types import Dataset

#: Characters of a token, roughly, in text that is not Chinese; less only makes the warning come later.
_CHARACTERS: Final = 4


def dataset_checks(dataset: Dataset, draft: TrainingDraft) -> list[Check]:
    """What can be said about one dataset for that stage."""
    version, fields = dataset.current, {"dataset": dataset.name}
    look = Remedy("check_dataset", fields=fields, go="datasets")
    if version.missing:
        return [Check("data", "data_gone", "fail", fields | {"path": version.path}, (Remedy("add_again", fields=fields, go="datasets"),))]
    if version.verdict == "unusable":
        return [Check("data", "data_unusable", "fail", fields, (Remedy("look_at_problems", fields=fields, go="datasets"),))]
    checks = _kind(dataset, draft)
    if version.verdict == "unchecked":
        checks.append(Check("data", "data_unchecked", "warn", fields, (look,)))
    elif version.stale:
        checks.append(Check("data", "data_changed", "warn", fields, (look,)))
    elif version.verdict == "repairable" and version.summary is not None:
        lost = {"problems": version.summary.problems, "rows": version.summary.rows, "usable": version.summary.usable}
        checks.append(Check("data", "data_with_problems", "warn", fields | lost, (Remedy("repair_dataset", fields=fields, go="datasets"),)))
    checks += _lengths(dataset, draft)
    rows = version.summary.usable if version.summary is not None else None
    return checks or [Check("data", "data_usable", "ok", fields | {"rows": rows})]


def _kind(dataset: Dataset, draft: TrainingDraft) -> list[Check]:
    stages = STAGES[dataset.current.format]
    if dataset.current.verdict == "unchecked" and dataset.current.format == "unknown":
        return []
    if draft.stage in stages:
        return []
    fields = {"dataset": dataset.name, "format": dataset.current.format, "stage": draft.stage, "stages": stages}
    remedies = tuple(Remedy("use_stage", {"stage": stage}) for stage in stages[:2])
    return [Check("data", "data_wrong_kind", "fail", fields, (*remedies, Remedy("choose_dataset", go="datasets")))]


def _lengths(dataset: Dataset, draft: TrainingDraft) -> list[Check]:
    """Whether the cutoff takes something off many samples, as far as characters tell."""
    summary = dataset.current.summary
    if summary is None or summary.statistics is None:
        return []
    lengths = summary.statistics.lengths
    each = 1 if lengths.unit == "tokens" else _CHARACTERS
    if lengths.p95 <= draft.cutoff_len * each:
        return []
    tokens = -(-lengths.p95 // each)
    wanted = next((size for size in (1024, 2048, 4096, 8192, 16_384, 32_768) if size >= tokens), 65_536)
    fields = {"dataset": dataset.name, "p95": tokens, "cutoff": draft.cutoff_len}
    return [Check("data", "data_truncated", "warn", fields, (Remedy("longer_cutoff", {"cutoff_len": wanted}),))]


def course_checks(course: Course, draft: TrainingDraft) -> list[Check]:
    """Whether the run makes sense as a whole."""
    fields = {"samples": course.samples, "steps": course.total_steps, "batch": course.effective_batch}
    if course.samples == 0:
        return [Check("course", "no_samples_left", "fail", fields, (Remedy("smaller_val_size", {"val_size": None}),))]
    if course.samples is None or course.total_steps is None:
        return [Check("course", "course_unknown", "unknown", fields)]
    checks = []
    if course.effective_batch > course.samples:
        smaller = max(course.samples // max(draft.per_device_train_batch_size * 4, 1), 1)
        checks.append(
            Check("course", "batch_beyond_data", "warn", fields, (Remedy("less_accumulation", {"gradient_accumulation_steps": smaller}),))
        )
    elif course.total_steps < 10:
        checks.append(
            Check("course", "few_steps", "warn", fields, (Remedy("more_epochs", {"num_train_epochs": draft.num_train_epochs * 3}),))
        )
    return checks or [Check("course", "course_known", "ok", fields)]
