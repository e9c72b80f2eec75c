"""What `modeltrain swanlab` and `modeltrain webui` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.errors import NotFound
from core.sanitise import json_safe, one_line, sanitise
from core.swanlab.export import finite
from core.swanlab.types import ArchiveInfo, Cleaned, CleanPreview, Experiment, ExperimentDetail, Project
from tui.commands.common import REFUSED, Invocation, err, out, print_json, print_table
from tui.glyphs import ASCII
from tui.i18n import _, ngettext
from tui.screens.swanlab import service_texts, texts

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.managed.types import Service


async def owner_id(services: Services, principal: Principal, email: str) -> str:
    """The id of the account with this e-mail, "" for none named. Raises NotFound, Forbidden."""
    if not email:
        return ""
    principal.require_admin("swanlab.others")
    for user in await services.accounts.list_users(principal):
        if user.email.casefold() == email.strip().casefold():
            return user.user_id
    raise NotFound(kind="user", reference=email)


# Services ----------------------------------------------------------------------------------------------------------------


def named(found: Sequence[Service], reference: str) -> Service:
    """The newest service of this id or name. Raises NotFound(kind="service")."""
    for item in found:
        if reference in (item.id, item.name):
            return item
    raise NotFound(kind="service", reference=reference)


def service_as_json(item: Service) -> dict[str, Any]:
    """A service as scripts get it. `port` is the one that it really has."""
    return {
        "id": item.id,
        "kind": item.kind,
        "name": item.name,
        "state": item.state,
        "host": item.host,
        "port": item.port or None,
        "port_asked": item.subject.get("port_asked") or None,
        "url": (item.url or None) if item.active else None,
        "directory": item.subject.get("folder"),
        "restarts": item.restarts,
        "failure": item.failure.rule if item.failure else None,
        "started_at": item.started_at,
        "ready_at": item.ready_at,
        "ended_at": item.ended_at,
    }


def print_started(invocation: Invocation, item: Service) -> int:
    """A service after waiting for it; exit status 0 if it answers."""
    if invocation.json:
        print_json(service_as_json(item))
    elif item.state == "ready":
        out(item.url)
        asked = item.subject.get("port_asked")
        if asked and asked != item.port:
            err(_("Port {asked} was taken, so it took {port}.").format(asked=asked, port=item.port))
        if service_texts.is_loopback(item):
            served = invocation.served is not None
            line = service_texts.remote(item) if served else service_texts.forward(item)
            err(_("From your own machine, with an account on this one: {line}").format(line=line))
        else:
            err(_(service_texts.OPEN_TO_NETWORK))
        err(_(service_texts.WEBUI_WARNING if item.kind == "webui" else service_texts.EVERYBODY))
    else:
        err(_("It does not answer yet.") if item.active else _("It did not start."))
        for text in service_texts.failure_lines(item):
            err(sanitise(text[0]))
    return 0 if item.state == "ready" else REFUSED


def print_stopped(invocation: Invocation, stopped: Sequence[Service]) -> int:
    if invocation.json:
        print_json([service_as_json(item) for item in stopped])
    elif not stopped:
        err(_("None of them runs."))
    else:
        count = len(stopped)
        out(ngettext("{count} was stopped.", "{count} were stopped.", count).format(count=count))
    return 0


def print_services(invocation: Invocation, found: Sequence[Service]) -> int:
    """All of them; exit status 1 where none answers."""
    if invocation.json:
        print_json([service_as_json(item) for item in found])
    elif not found:
        err(_("None was started yet."))
    else:
        rows = [(item.id, item.name, texts.service_state(item, ASCII)[0], item.url if item.active else "", item.restarts) for item in found]
        print_table((_("ID"), _("NAME"), _("STATE"), _("ADDRESS"), _("RESTARTS")), rows)
    return 0 if any(item.state == "ready" for item in found) else 1


# Projects and experiments ------------------------------------------------------------------------------------------------


def project_as_json(item: Project) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "experiments": item.experiments,
        "running": item.running,
        "pinned": item.pinned,
        "bytes": item.bytes,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "problem": item.problem or None,
    }


def project_row(item: Project) -> tuple[object, ...]:
    remark = _(texts.PROBLEMS.get(item.problem, "")) if item.problem else ""
    return item.id, one_line(item.name, 40), item.experiments, item.running, item.pinned, texts.size(item.bytes), remark


def experiment_as_json(item: Experiment) -> dict[str, Any]:
    return {
        "id": item.id,
        "project": item.project_id,
        "name": item.name,
        "state": item.state,
        "swanlab_state": item.logged_state,
        "run": item.run_id or None,
        "run_name": item.run_name or None,
        "created_at": item.created_at,
        "finished_at": item.finished_at,
        "bytes": item.bytes,
        "pinned": item.pinned,
        "metrics": list(item.tags),
    }


def experiment_headings() -> tuple[str, ...]:
    return _("ID"), _("NAME"), _("STATE"), _("PROJECT"), _("BEGUN"), _("SIZE"), _("PINNED")


def experiment_row(item: Experiment) -> tuple[object, ...]:
    pinned = _("pinned") if item.pinned else ""
    state = texts.state(item, ASCII)[0]
    return item.id, one_line(item.name, 40), state, item.project_id, texts.when(item.created_at), texts.size(item.bytes), pinned


def detail_as_json(detail: ExperimentDetail) -> dict[str, Any]:
    metrics = {
        item.name: {
            "count": item.count,
            "last": finite(item.last),
            "last_step": item.last_step,
            "best": finite(item.best),
            "best_step": item.best_step,
            "lowest": finite(item.lowest),
            "highest": finite(item.highest),
        }
        for item in detail.metrics
    }
    return experiment_as_json(detail.experiment) | {"metrics": metrics, "config": dict(detail.config)}


def print_detail(detail: ExperimentDetail, *, config: bool) -> None:
    for text, _token in texts.experiment_lines(detail.experiment, ASCII):
        out(text)
    rows = [
        (item.name, item.count, texts.number(item.last), texts.number(item.best), "" if item.best_step is None else item.best_step)
        for item in detail.metrics
    ]
    if rows:
        out()
        print_table((_("METRIC"), _("VALUES"), _("LAST"), _("BEST"), _("AT STEP")), rows)
    if config:
        out()
        for name, value in detail.config:
            out(f"{one_line(name)}: {one_line(value)}")


def printable(text: str) -> str:
    """An export for a terminal or a pipe: what a terminal would act on is written as \\uXXXX in JSON, and left out of CSV."""
    return json_safe(text) if text.startswith("{") else sanitise(text)


# Cleaning up -------------------------------------------------------------------------------------------------------------


def print_clean(invocation: Invocation, preview: CleanPreview, done: Cleaned | None) -> None:
    """What went or, without `done`, would go."""
    if invocation.json:
        going = [experiment_as_json(item) for item in preview.going]
        spared = [experiment_as_json(item.experiment) | {"why": item.why} for item in preview.spared]
        print_json({"removed": done is not None, "bytes": preview.bytes if done is None else done.bytes, "going": going, "spared": spared})
        return
    print_table(experiment_headings(), [experiment_row(item) for item in preview.going]) if preview.going else None
    for item in preview.spared:
        err(_("{name} stays: {why}.").format(name=one_line(item.experiment.name, 60), why=_(texts.SPARED[item.why])))
    count, size = len(preview.going), texts.size(preview.bytes)
    if done is not None:
        out(
            ngettext("{count} experiment was removed, {size}.", "{count} experiments were removed, {size}.", count).format(
                count=count, size=size
            )
        )
    elif not count:
        err(_("No experiment is meant by that: nothing would be removed."))
    else:
        err(
            ngettext(
                "{count} experiment would be removed, {size}. Nothing was: add --yes to do it.",
                "{count} experiments would be removed, {size}. Nothing was: add --yes to do it.",
                count,
            ).format(count=count, size=size)
        )


def archive_as_json(item: ArchiveInfo) -> dict[str, Any]:
    return {
        "id": item.id,
        "project": item.project_id,
        "experiments": item.experiments,
        "names": item.names,
        "bytes": item.bytes,
        "created_at": item.created_at,
        "problem": item.problem or None,
    }


def print_archives(invocation: Invocation, found: Sequence[ArchiveInfo]) -> None:
    if invocation.json:
        print_json([archive_as_json(item) for item in found])
    elif not found:
        err(_("There is no archive yet. Make one with: modeltrain swanlab archive ID"))
    else:
        rows = [
            (item.id, item.project_id, texts.archive_names(item), texts.when(item.created_at), texts.size(item.bytes)) for item in found
        ]
        print_table((_("ARCHIVE"), _("PROJECT"), _("EXPERIMENTS"), _("MADE"), _("SIZE")), rows)


def renamed(old: str, new: str) -> str:
    return _("“{old}” is now called “{new}”.").format(old=one_line(old), new=one_line(new))
