"""Rows of the database as the values that leave the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.training.failures.types import Failure
from core.training.types import RESUMABLE, Attempt, Run, RunState, WaitReason

#: What of a reason to wait names somebody's run.
_NAMING = ("run_id", "name")


def run_view(row: Any, position: int | None, *, reader: str | None) -> Run:
    """`reader`: the account that sees it. What is others' own business (options, folders, names in reasons) is left out for it."""
    mine = reader == row.owner_id
    state, total = RunState(row.state), row.total_steps
    resolved = _loaded(row.resolved)
    folder, output = _path(row.a_folder), _path(row.a_output_dir)
    return Run(
        id=row.id,
        name=row.name,
        kind=row.kind,
        state=state,
        wanted=row.wanted,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        configuration_id=row.configuration_id if mine else None,
        configuration_version=row.configuration_version,
        attempt=row.a_number or 0,
        attempts=row.attempt,
        retry_of=row.retry_of,
        priority=row.priority,
        position=position,
        gpus_wanted=row.gpus_wanted,
        gpu_uuids=tuple(json.loads(row.gpu_uuids or "[]")),
        processes=row.processes,
        slots=tuple(json.loads(row.a_slots or "[]")) if state.is_active else (),
        waiting_for=_waiting(row.waiting, reader) if state is RunState.PENDING else None,
        folder=folder if mine else None,
        output_dir=output if mine else None,
        step=row.step,
        total_steps=total,
        progress=_progress(state, row.step, total),
        exit_status=row.a_exit_status if state.is_over else None,
        failure=Failure.from_json(row.a_failure) if mine and state in {RunState.FAILED, RunState.LOST} else None,
        resumed_at_step=row.a_from_step,
        can_resume=bool(row.can_resume) and state in RESUMABLE and not (row.processes > 1 and "cpu:0" in (row.a_slots or "")),
        created_at=row.created_at,
        queued_at=row.queued_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        changed=row.changed,
        stage=str(resolved.get("stage", "")),
        method=str(resolved.get("method", "")),
        model=str(resolved.get("model", "")) if mine else "",
        options=resolved.get("options", {}) if mine else {},
    )


def attempt_view(row: Any) -> Attempt:
    return Attempt(
        number=row.number,
        state=RunState(row.state),
        resumed=bool(row.resumed),
        changes=_loaded(row.changes),
        options=_loaded(row.resolved).get("options", {}),
        folder=Path(row.folder),
        output_dir=Path(row.output_dir),
        slots=tuple(json.loads(row.slots or "[]")),
        from_step=row.from_step,
        last_step=row.last_step,
        total_steps=row.total_steps,
        exit_status=row.exit_status,
        failure=Failure.from_json(row.failure),
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def waiting_text(reason: WaitReason | None) -> str:
    """As it is kept in the database."""
    return "" if reason is None else json.dumps({"code": reason.code, "fields": dict(reason.fields)}, sort_keys=True)


def _waiting(text: str, reader: str | None) -> WaitReason | None:
    if not text:
        return WaitReason("next")
    found = json.loads(text)
    return WaitReason(found["code"], _seen_by(found["fields"], reader))


def _seen_by(fields: Mapping[str, Any], reader: str | None) -> dict[str, Any]:
    """The fields without names of runs that are not the reader's."""
    own = fields.get("owner_id", reader) == reader
    seen = {name: value if own or name not in _NAMING else "" for name, value in fields.items() if name != "owner_id"}
    if isinstance(holders := fields.get("holders"), list):
        seen["holders"] = [_seen_by(holder, reader) for holder in holders]
    return seen


def _progress(state: RunState, step: int, total: int | None) -> float | None:
    if state is RunState.COMPLETED:
        return 1.0
    return None if not total else min(1.0, step / total)


def _loaded(text: str) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
