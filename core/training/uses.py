"""What still needs the files of a run: model servers, other runs, training configurations. Looked for before the files are deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import Conflict

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

#: A server in one of these states has the model open, or is about to.
_SERVING = ("starting", "ready", "stopping")


def refuse_used(uow: UnitOfWork, row: Any, *, within: Path | None = None) -> None:
    """Raise Conflict(what="run_used") if somebody uses files of the run `row`, or those in the folder `within` of it.

    Servers and runs count whosever they are; training configurations only its owner's, who can see and change them.
    """
    told = {"what": "run_used", "run": row.name}
    for service in uow.services.in_states(_SERVING):
        if _names(service.subject, row.id, within):
            raise Conflict(**told, **({"user": service.name} if service.owner_id == row.owner_id else {}))
    for other in (*uow.runs.at_work(), *uow.runs.queue()):
        if other.id != row.id and _names(other.resolved, row.id, within):
            raise Conflict(**told, **({"user": other.name} if other.owner_id == row.owner_id else {}))
    for configuration in uow.training_configurations.readable(row.owner_id, shared=False):
        if _names(configuration.draft, row.id, within):
            raise Conflict(**told, user=configuration.name, configuration=configuration.name)


def _names(text: str, run_id: str, within: Path | None) -> bool:
    """Whether JSON has a path into a run's folder in it; a run is known by its id, however the path is spelled.

    Of a folder of the run the last part counts, too: "checkpoint-6" is found, and "checkpoint-60" is another one.
    """
    beginning = f"/runs/{run_id}/"
    if within is None:
        return beginning in text
    rest = within.as_posix().partition(beginning)[2]
    return any(f"{beginning}{rest}{end}" in text for end in ('"', "/", "\\\\"))
