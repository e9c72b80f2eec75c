"""Experiments, archives and dashboards in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.sanitise import one_line
from core.swanlab.types import ArchiveInfo, CleanPreview, Experiment, ExperimentState, MetricSummary, Project
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.moments import full

if TYPE_CHECKING:
    from core.managed.types import Service

#: State -> (field of Glyphs, word, token).
STATES: dict[ExperimentState, tuple[str, str, str]] = {
    "running": ("running", N_("running"), "good"),
    "paused": ("paused", N_("paused"), "warn"),
    "completed": ("done", N_("completed"), "good"),
    "failed": ("failed", N_("failed"), "bad"),
    "cancelled": ("stopped", N_("stopped"), "dim"),
    "lost": ("lost", N_("lost"), "warn"),
    "ended": ("stopped", N_("cut off"), "warn"),
}
SERVICE_STATES: dict[str, tuple[str, str, str]] = {
    "starting": ("waiting", N_("starting"), "accent"),
    "ready": ("running", N_("ready"), "good"),
    "stopping": ("stopped", N_("stopping"), "accent"),
    "stopped": ("stopped", N_("stopped"), "dim"),
    "failed": ("failed", N_("failed"), "bad"),
}
KINDS = {"swanlab": N_("SwanLab dashboard"), "webui": N_("LLaMA-Factory web interface")}
PROBLEMS = {
    "damaged": N_("its database is damaged"),
    "foreign": N_("its database is not SwanLab's"),
    "busy": N_("another program holds its database"),
    "unreadable": N_("its files cannot be read"),
    "missing": N_("its database is missing"),
}
SPARED = {"pinned": N_("pinned"), "running": N_("still running")}
_UNITS = ("B", "kB", "MB", "GB", "TB")
Lines = list[tuple[str, str]]


def size(count: int) -> str:
    """Bytes as people read them, in steps of 1000."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {_UNITS[unit]}"


def number(value: float | None) -> str:
    """A figure of a metric with four digits that count."""
    return "–" if value is None else f"{value:.4g}"


def moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def when(ms: int | None) -> str:
    found = moment(ms)
    return "–" if found is None else full(found)


def state(item: Experiment, signs: Glyphs) -> tuple[str, str]:
    """A sign with the word, and the token."""
    sign, word, token = STATES[item.state]
    return f"{getattr(signs, sign)} {_(word)}", token


def service_state(service: Service, signs: Glyphs) -> tuple[str, str]:
    sign, word, token = SERVICE_STATES[service.state]
    return f"{getattr(signs, sign)} {_(word)}", token


def experiment_lines(item: Experiment, signs: Glyphs) -> Lines:
    """What an experiment is, beside the list."""
    word, token = state(item, signs)
    lines: Lines = [(one_line(item.name), "bold"), (word, token)]
    if item.logged_state == "running" and item.state != "running":
        lines.append((_("SwanLab itself goes on showing it as running: whatever wrote it was ended by force."), "dim"))
    if item.run_name:
        lines.append((_("Run: {value}").format(value=one_line(item.run_name)), "text"))
    lines += [
        (_("Project: {value}").format(value=one_line(item.project_id)), "text"),
        (_("Begun: {value}").format(value=when(item.created_at)), "text"),
        (_("Size: {value}").format(value=size(item.bytes)), "text"),
    ]
    if item.pinned:
        lines.append((f"{signs.star} {_('Pinned: never removed by a clean-up.')}", "warn"))
    if not item.folder_there:
        lines.append((_("Its files are gone; only its entry is left. d removes that."), "warn"))
    return lines


def experiment_summary(item: Experiment, signs: Glyphs) -> Lines:
    """The same below the list, where there is little room."""
    lines = experiment_lines(item, signs)
    word, token = state(item, signs)
    facts = [word, *([one_line(item.run_name)] if item.run_name else []), when(item.created_at), size(item.bytes)]
    return [(f"{one_line(item.name)} · {' · '.join(facts)}", token), *(line for line in lines[2:] if line[1] in ("dim", "warn"))]


def metric_lines(metrics: tuple[MetricSummary, ...], most: int) -> Lines:
    """The last and best values of the metrics that tell most."""
    ordered = sorted(metrics, key=_telling)
    lines: Lines = []
    for item in ordered[:most]:
        text = _("{name}: {last}").format(name=one_line(item.name, 40), last=number(item.last))
        if item.best is not None:
            text = _("{name}: {last} · best {best} at {step}").format(
                name=one_line(item.name, 40), last=number(item.last), best=number(item.best), step=item.best_step
            )
        lines.append((text, "text"))
    if len(ordered) > most:
        lines.append((_("Enter shows all {count}.").format(count=len(ordered)), "dim"))
    return lines


def _telling(item: MetricSummary) -> tuple[bool, bool, bool]:
    """Curves with a best value first; single values and counters, which every run has, last."""
    counter = item.name.endswith(("/epoch", "/global_step"))
    return item.name.startswith("single_value/"), counter, item.best is None


def project_word(item: Project) -> str:
    """A project in one line, for choosing one."""
    if item.problem:
        return _(PROBLEMS.get(item.problem, N_("it cannot be read")))
    count = ngettext("{count} experiment", "{count} experiments", item.experiments).format(count=item.experiments)
    return f"{count} · {size(item.bytes)}"


def archive_names(item: ArchiveInfo) -> str:
    if item.problem:
        return _("damaged: it cannot be restored")
    return ", ".join(one_line(name, 40) for name in item.names)


def preview_lines(found: CleanPreview, most: int = 12) -> str:
    """What a clean-up would remove, and what it spares, for the question before it."""
    lines = [
        f"{one_line(item.name, 40)}  {one_line(item.project_id, 20)}  {when(item.created_at)}  {size(item.bytes)}" for item in found.going
    ]
    if len(lines) > most:
        more = len(lines) - most
        lines = [*lines[:most], ngettext("and {count} more", "and {count} more", more).format(count=more)]
    if found.spared:
        spared = [f"{one_line(item.experiment.name, 40)} ({_(SPARED[item.why])})" for item in found.spared[:most]]
        if len(found.spared) > most:
            spared.append("…")
        lines += ["", _("These stay: {names}").format(names=", ".join(spared))]
    return "\n".join(lines)
