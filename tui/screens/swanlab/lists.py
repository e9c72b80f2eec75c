"""Columns and rows of the lists about SwanLab."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from core.swanlab.types import ArchiveInfo, Experiment, MetricSummary
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.moments import short
from tui.screens.swanlab import texts
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from core.managed.types import Service

EXPERIMENT_COLUMNS = (
    Column("pin", "", 1),
    Column("name", N_("Experiment"), 16, grow=True),
    Column("state", N_("State"), 12),
    Column("project", N_("Project"), 12),
    Column("begun", N_("Begun"), 8),
    Column("size", N_("Size"), 8, right=True),
)
ARCHIVE_COLUMNS = (
    Column("names", N_("Experiments"), 20, grow=True),
    Column("project", N_("Project"), 14),
    Column("made", N_("Made"), 8),
    Column("size", N_("Size"), 8, right=True),
)
SERVICE_COLUMNS = (
    Column("kind", N_("Service"), 18, grow=True),
    Column("state", N_("State"), 11),
    Column("address", N_("Address"), 22),
    Column("name", N_("Of"), 14),
)
METRIC_COLUMNS = (
    Column("name", N_("Metric"), 14, grow=True),
    Column("last", N_("Last"), 10, right=True),
    Column("best", N_("Best"), 10, right=True),
    Column("step", N_("at step"), 8, right=True),
)
Empty = tuple[tuple[str, str], ...]


def experiment_row(item: Experiment, signs: Glyphs, now: datetime) -> Row:
    state, token = texts.state(item, signs)
    begun = texts.moment(item.created_at)
    cells = {
        "pin": signs.star if item.pinned else "",
        "name": item.name,
        "state": state,
        "project": item.project_id,
        "begun": short(begun, now) if begun else "",
        "size": texts.size(item.bytes),
    }
    return Row(item.id, cells, {"pin": "warn", "state": token, "project": "dim", "begun": "dim", "size": "dim"})


def archive_row(item: ArchiveInfo, now: datetime) -> Row:
    made = texts.moment(item.created_at)
    cells = {
        "names": texts.archive_names(item),
        "project": item.project_id,
        "made": short(made, now) if made else "",
        "size": texts.size(item.bytes),
    }
    return Row(item.id, cells, {"names": "bad" if item.problem else "text", "project": "dim", "made": "dim", "size": "dim"})


def service_row(item: Service, signs: Glyphs) -> Row:
    state, token = texts.service_state(item, signs)
    cells = {"kind": _(texts.KINDS[item.kind]), "name": item.name, "state": state, "address": item.url if item.active else ""}
    return Row(item.id, cells, {"state": token, "name": "dim", "address": "accent"})


def metric_row(item: MetricSummary) -> Row:
    step = "" if item.best_step is None else str(item.best_step)
    best = "" if item.best is None else texts.number(item.best)
    cells = {"name": item.name, "last": texts.number(item.last), "best": best, "step": step}
    return Row(item.name, cells, {"best": "good", "step": "dim"})


def no_experiments(*, searched: bool, problem: str) -> Empty:
    if problem:
        return ((_("This project cannot be shown: {why}.").format(why=_(texts.PROBLEMS.get(problem, N_("it cannot be read")))), "bad"),)
    if searched:
        return ((_("Nothing has these words."), "dim"), (_("Esc clears the search."), "dim"))
    return (
        (_("Nothing was logged to SwanLab yet."), "text"),
        (_("Every run is logged here by itself while it trains, where SwanLab is installed in the training environment."), "dim"),
        (_("Esc goes back to the runs; n there starts one."), "accent"),
    )


def no_archives() -> Empty:
    return (
        (_("There is no archive yet."), "text"),
        (_("An archive keeps experiments in a small file, from which they can be brought back."), "dim"),
        (_("Mark experiments with Space, then a puts them into one."), "accent"),
    )


def no_services(*, admin: bool) -> Empty:
    found = [
        (_("No dashboard was started yet."), "text"),
        (_("n starts SwanLab's own dashboard over one of your projects, to be opened in a browser."), "accent"),
    ]
    if admin:
        found.append((_("b starts LLaMA-Factory's web interface."), "accent"))
    return tuple(found)
