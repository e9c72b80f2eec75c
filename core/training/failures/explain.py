"""Applies the rules, the most telling first."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from core.training.failures import beyond
from core.training.failures.log import Log, Raised
from core.training.failures.types import Evidence, Failure, LogExcerpt, Remedy

if TYPE_CHECKING:
    from core.training.failures.rules import Rule

_log = logging.getLogger(__name__)
#: Characters of a value taken from the log.
_FIELD = 300


def explain(evidence: Evidence) -> Failure:
    """Why this run ended badly: the first rule that fits, else "unknown" with the last line that was said. Never raises."""
    try:
        return _explain(evidence)
    except Exception:
        # An explanation that fails must not cost the run its end.
        _log.exception("a failed run could not be explained")
        return Failure("unknown", {}, (Remedy("read_log"),))


def _explain(evidence: Evidence) -> Failure:
    from core.training.failures.rules import RULES  # a hundred patterns are compiled there: not at the start of the program

    log = Log.of(evidence)
    if evidence.stopped_by_us:
        return Failure("stopped", {}, (Remedy("retry"),))
    if (found := _too_early(evidence, log)) is not None:
        return found
    end = log.end()
    raised = end.raised()
    for rule in RULES:
        if (failure := _apply(rule, evidence, end, raised)) is not None:
            return failure
    for look in (beyond.full_disk, beyond.killed, beyond.diverged):
        if (failure := look(evidence, log)) is not None:
            return failure
    if raised is not None:
        return Failure(
            "unknown_error", {"error": raised.kind, "said": raised.said[:_FIELD]}, (Remedy("read_log"),), _proof(end, raised, None)
        )
    if (failure := beyond.worker_died(evidence, end)) is not None:
        return failure
    return _nothing_said(evidence, log)


def _too_early(evidence: Evidence, log: Log) -> Failure | None:
    """Status 126 and 127, or the shim's word that the program could not be executed: there was nothing to start."""
    status = evidence.exit.status if evidence.exit is not None else None
    reason = str(getattr(evidence.exit, "reason", ""))
    if status not in (126, 127) and not reason.startswith("not_started"):
        return None
    last = log.last_line()
    said = reason.partition(":")[2].strip() or (last.text[:_FIELD] if last else "")
    return Failure("environment_broken", {"said": said}, (Remedy("repair_environment"),), (last,) if last else ())


def _nothing_said(evidence: Evidence, log: Log) -> Failure:
    last = log.last_line()
    proof = (last,) if last else ()
    if evidence.exit is None:
        return Failure("lost", {}, (Remedy("retry"),), proof)
    fields = {"status": evidence.exit.status, "said": last.text[:_FIELD] if last else ""}
    return Failure("unknown", fields, (Remedy("read_log"), Remedy("retry")), proof)


def _apply(rule: Rule, evidence: Evidence, log: Log, raised: Raised | None) -> Failure | None:
    for pattern in rule.patterns:
        match = log.find(pattern)
        if match is None or (rule.where and not _inside(rule.where, log, raised)):
            continue
        fields = {name: _text(value) for name, value in match.groupdict().items() if value}
        return Failure(rule.name, fields, rule.remedies(evidence, fields), _proof(log, raised, log.excerpt(match.start(), match.start())))
    return None


def _inside(where: bytes, log: Log, raised: Raised | None) -> bool:
    return raised is not None and where in log.traceback_of(raised)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip(" \t'\"")[:_FIELD]


def _proof(log: Log, raised: Raised | None, line: LogExcerpt | None) -> tuple[LogExcerpt, ...]:
    """The line that proves it and, where that is another one, the exception at the end."""
    lines = [line] if line is not None else []
    if raised is not None:
        end = log.excerpt(raised.start)
        if all(end.offset != other.offset for other in lines):
            lines.append(end)
    return tuple(lines)


def warnings_of(evidence: Evidence) -> tuple[Failure, ...]:
    """What a run that ended well (status 0) still should be told: skipped rows, a loss of zero. Of the severity "warning"."""
    try:
        found = (beyond.skipped_rows(evidence), beyond.diverged(evidence, Log.of(evidence)))
    except Exception:
        _log.exception("a run could not be looked at for warnings")
        return ()
    return tuple(replace(each, severity="warning") for each in found if each is not None)
