"""What is checked of a request for a run, and the columns that it becomes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.errors import Forbidden, InvalidInput
from core.training.slots import CPU
from core.training.types import RunRequest

if TYPE_CHECKING:
    from core.training.planning import ResolvedRun

LONGEST_NAME = 100
MOST_GPUS = 64
MOST_PROCESSES = 16
PRIORITIES = (-100, 100)
UNNAMED = "run"


def check(principal: Principal, request: RunRequest) -> None:
    """Raises InvalidInput(name, gpus, gpu_uuids, processes, priority), Forbidden."""
    checked_name(request.name)
    _within("gpus", request.gpus, 0, MOST_GPUS)
    _within("processes", request.processes, 1, MOST_PROCESSES)
    if len(set(request.gpu_uuids)) != len(request.gpu_uuids) or not all(_is_uuid(uuid) for uuid in request.gpu_uuids):
        raise InvalidInput("gpu_uuids", "unknown", value=", ".join(request.gpu_uuids)[:200])
    check_priority(principal, request.priority)


def check_priority(principal: Principal, priority: int) -> None:
    """Whoever asks may step back; only administrators let somebody go first."""
    _within("priority", priority, *PRIORITIES)
    if priority > 0 and not principal.is_admin:
        raise Forbidden(action="run.priority")


def checked_name(name: str) -> str:
    """The name on one line, without what cannot be stored. Raises InvalidInput."""
    plain = "".join(" " if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} else each for each in name)
    wanted = " ".join(plain.split())
    if len(wanted) > LONGEST_NAME:
        raise InvalidInput("name", "too_long", max=LONGEST_NAME)
    return wanted


def columns(request: RunRequest, resolved: ResolvedRun, moment: int, position: int) -> dict[str, Any]:
    """Of a new run."""
    return {
        "name": checked_name(request.name) or _name_of(resolved),
        "kind": request.kind,
        "state": "pending",
        "configuration_id": request.configuration_id,
        "configuration_version": request.version,
        "resolved": resolved.to_json(),
        "retry_of": request.extra.get("retry_of"),
        "gpus_wanted": len(request.gpu_uuids) or request.gpus,
        "gpu_uuids": json.dumps(request.gpu_uuids) if request.gpu_uuids else "",
        "processes": request.processes,
        "priority": request.priority,
        "position": position,
        "created_at": moment,
        "queued_at": moment,
    }


def again(moment: int, position: int) -> dict[str, Any]:
    """Of a run that is queued once more, behind everybody."""
    queued = {"state": "pending", "wanted": "", "waiting": "", "queued_at": moment, "position": position}
    return queued | {"not_before": 0, "tries": 0, "asked_at": None, "can_resume": False}


def cannot_go_on(row: Any) -> bool:
    """Whether the current attempt is one of several processes on the CPU, whose checkpoints transformers 5.6 cannot load again."""
    return row.processes > 1 and CPU in json.loads(row.a_slots or "[]")


def as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), default=str) if value else ""


def _name_of(resolved: ResolvedRun) -> str:
    """The model's last name with the method: "Qwen3-4B lora sft"."""
    model = resolved.model.rstrip("/").rpartition("/")[2]
    return checked_name(" ".join(each for each in (model, resolved.method, resolved.stage) if each)[:LONGEST_NAME]) or UNNAMED


def _within(field: str, value: int, minimum: int, maximum: int) -> None:
    if not minimum <= value <= maximum:
        raise InvalidInput(field, "out_of_range", min=minimum, max=maximum)


def _is_uuid(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum()
