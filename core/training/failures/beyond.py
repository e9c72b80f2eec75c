"""Causes that are not one line of the log: the kernel killed it, somebody did, the numbers ran away, nothing could be learned."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from core.training.failures.log import Log
from core.training.failures.remedies import calmer, fewer_checkpoints, less_memory
from core.training.failures.types import Evidence, Failure, LogExcerpt, Remedy

#: So little left on the disk of a run means that it was full: what did not fit is gone by now.
_FULL = 1 << 20
_SIGHUP, _SIGINT, _SIGABRT, _SIGBUS, _SIGKILL, _SIGSEGV, _SIGTERM = 1, 2, 6, 7, 9, 11, 15
_WORKER_DIED = re.compile(rb"exitcode\s*:\s*-(?P<signal>\d+) \(pid: \d+\)")
_ROOT_CAUSE = re.compile(rb"ChildFailedError|Root Cause \(first observed failure\)")
_ALL_MASKED = re.compile(rb"label_ids:\r?\n\[(?:-100(?:, )?)+\]")
#: One for each row that is left out. What is wrong with a row may be said before, too.
_SKIPPED = re.compile(rb"Dropped (?:invalid|lengthy) example")
_INVALID = re.compile(rb"Invalid (?:role tag|message count) in")


def ended_by(evidence: Evidence) -> int | None:
    """The signal that ended the job: its own, or of a shell's status 128 + n."""
    if evidence.exit is None:
        return None
    if evidence.exit.signal:
        return abs(evidence.exit.signal)
    status = evidence.exit.status or 0
    if status < 0:
        return -status
    return status - 128 if 128 < status < 160 else None


def worker_signal(log: Log) -> tuple[int, LogExcerpt] | None:
    """The signal that ended a worker of torchrun, with the launcher's line that says so."""
    match = log.find(_WORKER_DIED)
    return (int(match["signal"]), log.excerpt(match.start())) if match else None


def killed(evidence: Evidence, log: Log) -> Failure | None:
    """A signal ended it: the kernel for memory, or somebody."""
    worker = worker_signal(log)
    number = worker[0] if worker else ended_by(evidence)
    if number is None:
        return None
    proof = (worker[1],) if worker else _last(log)
    if number == _SIGKILL:
        if evidence.oom_killed:
            return Failure(
                "host_out_of_memory", {"signal": number}, (*less_memory(evidence, on_gpu=False), Remedy("more_host_memory")), proof
            )
        rule = "killed" if evidence.oom_killed is False else "killed_perhaps_memory"
        remedies = (Remedy("retry"),) if evidence.oom_killed is False else (*less_memory(evidence, on_gpu=False)[:2], Remedy("retry"))
        return Failure(rule, {"signal": number}, remedies, proof)
    if number == _SIGBUS:
        return Failure("shared_memory", {"signal": number}, (Remedy("no_data_workers", {"dataloader_num_workers": 0}),), proof)
    if number in (_SIGSEGV, _SIGABRT, 4, 8):
        return Failure("crashed", {"signal": number}, (Remedy("retry"), Remedy("repair_environment")), proof)
    return Failure("killed", {"signal": number}, (Remedy("retry"),), proof)


def full_disk(evidence: Evidence, log: Log) -> Failure | None:
    """Nothing is left where the run writes, whatever the log could still say."""
    if evidence.disk_free is None or evidence.disk_free > _FULL:
        return None
    return Failure("disk_full", {"free": evidence.disk_free}, fewer_checkpoints(evidence), _last(log))


def worker_died(evidence: Evidence, log: Log) -> Failure | None:
    """torchrun says that a worker failed, and nothing says why."""
    match = log.find(_ROOT_CAUSE)
    if match is None:
        return None
    return Failure("worker_died", {}, (Remedy("retry"), Remedy("one_gpu")), (log.excerpt(match.start()),))


def metric_lines(evidence: Evidence) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """The whole lines of the metrics' tail: place in it, text, value."""
    place = 0
    for line in evidence.metrics_tail.splitlines(keepends=True):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            yield place, line, value
        place += len(line)


def _bad(value: object) -> bool:
    """Whether a number is no number any more, as JSON or as text ("nan")."""
    try:
        return not math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def bad_loss(evidence: Evidence) -> tuple[int, bool, str] | None:
    """(first bad step, whether there was a good step before, the line): a loss or gradient that is no number, or a loss of exactly 0.

    transformers writes 0.0 where a loss was NaN (`logging_nan_inf_filter`), so several zeros in a row mean the same.
    """
    good, zeros = False, 0
    for _place, line, value in metric_lines(evidence):
        if "loss" not in value:
            continue
        text = line.decode("utf-8", "replace").strip()
        zeros = zeros + 1 if value["loss"] == 0 else 0
        bad_gradient = _bad(value.get("grad_norm"))
        if _bad(value["loss"]) or bad_gradient or zeros >= 2:
            step = value.get("current_steps", value.get("step", 0))
            return (int(step) if isinstance(step, int | float) else 0), good, text
        good = good or value["loss"] not in (0, None)
    return None


def diverged(evidence: Evidence, log: Log) -> Failure | None:
    """The loss is no number any more: from the first step on, nothing was left to learn from; later, the training ran away."""
    masked = _masked(evidence)
    if masked is not None:
        return masked
    found = bad_loss(evidence)
    if found is None:
        return None
    step, was_good, line = found
    proof = (LogExcerpt(-1, line),)
    if not was_good and not _rate_is_wild(evidence):
        return Failure(
            "nothing_to_learn", {"step": step}, (Remedy("see_what_model_sees"), *_longer(evidence), *calmer(evidence)[:1]), proof
        )
    return Failure("diverged", {"step": step}, calmer(evidence), proof)


def _rate_is_wild(evidence: Evidence) -> bool:
    from core.training.failures.remedies import DEFAULT_RATE, number

    return number(evidence.options, "learning_rate", DEFAULT_RATE) >= 0.01


def _longer(evidence: Evidence) -> tuple[Remedy, ...]:
    from core.training.failures.remedies import DEFAULT_CUTOFF, number

    cutoff = int(number(evidence.options, "cutoff_len", DEFAULT_CUTOFF))
    return (Remedy("longer_cutoff", {"cutoff_len": cutoff * 2}, {"before": cutoff, "after": cutoff * 2}),) if cutoff < 4096 else ()


def _masked(evidence: Evidence) -> Failure | None:
    """LLaMA-Factory prints its first sample: every label of it is -100, so nothing of it is trained on."""
    for log in (Log(evidence.log_head), Log.of(evidence)):
        if (match := log.find(_ALL_MASKED)) is not None:
            proof = (log.excerpt(match.start(), match.start() + 12),)
            return Failure("all_masked", {}, (Remedy("see_what_model_sees"), *_longer(evidence), Remedy("choose_template")), proof)
    return None


def skipped_rows(evidence: Evidence) -> Failure | None:
    """Rows that LLaMA-Factory left out with nothing but a warning; how many of them are in the ends of the log."""
    proof: list[LogExcerpt] = []
    count = 0
    for log in (Log(evidence.log_head), Log.of(evidence)):
        dropped = [match.start() for match in _SKIPPED.finditer(log.data)]
        invalid = [match.start() for match in _INVALID.finditer(log.data)]
        count += len(dropped)
        proof += [log.excerpt(place, exact=True) for place in sorted(invalid[:2] + dropped[:2])]
    if not count:
        return None
    return Failure("rows_skipped", {"count": count}, (Remedy("check_data"),), tuple(proof[:3]), "warning")


def _last(log: Log) -> tuple[LogExcerpt, ...]:
    last = log.last_line()
    return (last,) if last else ()
