"""The lists of the runs area: their columns and rows, and what an empty one says. Nothing here asks a service."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui import moments
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.training_sentences import install_step, method_words, model_words, span, stage_words, state
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingConfiguration
    from core.training.environment_types import EnvironmentState, InstallProgress
    from core.training.types import Run

_BAR = 8
RUN_COLUMNS = (
    Column("state", N_("State"), 12),
    Column("name", N_("Name"), 13, grow=True),
    Column("progress", N_("Steps"), 20),
    Column("left", N_("Left"), 8, right=True),
    Column("loss", N_("Loss"), 7, right=True),
    Column("model", N_("Model"), 18),
    Column("method", N_("Method"), 8),
    Column("slots", N_("GPU"), 6),
    Column("age", N_("Made"), 8, right=True),
)
#: As an administrator sees everybody's.
EVERYONE_COLUMNS = (*RUN_COLUMNS[:2], Column("owner", N_("Owner"), 10), *RUN_COLUMNS[2:])
CONFIGURATION_COLUMNS = (
    Column("name", N_("Name"), 20, grow=True),
    Column("method", N_("Method"), 8),
    Column("stage", N_("Stage"), 16),
    Column("model", N_("Base model"), 22),
    Column("data", N_("Datasets"), 8, right=True),
    Column("version", N_("Version"), 7, right=True),
    Column("owner", N_("Owner"), 12),
    Column("age", N_("Changed"), 8, right=True),
)
PATH_COLUMNS = (
    Column("done", "", 1),
    Column("step", "", 18),
    Column("state", N_("The way to a trained model"), 30, grow=True),
)
ENVIRONMENT_COLUMNS = (Column("done", "", 1), Column("what", N_("Part"), 34), Column("value", N_("Version"), 24, grow=True))
#: Steps of the way to the first run; also the ids of its rows.
ENVIRONMENT, DATASET, CONFIGURATION, RUN = "environment", "dataset", "configuration", "run"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the files of a run at work say beyond its row: the last `loss`, seconds that are left; None where not known."""

    loss: float | None = None
    left_s: float | None = None
    step: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is there of that which a run needs. `environment`: None while it is not known yet."""

    environment: EnvironmentState | None
    datasets: int = 0
    usable: int = 0
    configurations: int = 0

    @property
    def next_step(self) -> str:
        """The first step that is not done."""
        if self.environment is not None and not self.environment.ready:
            return ENVIRONMENT
        return RUN if self.usable else DATASET


def moment(milliseconds: int) -> datetime:
    """A moment as the services for training give it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def bar(fraction: float, cells: int, signs: Glyphs) -> str:
    """A bar of `cells` cells; full only at the very end."""
    full = min(cells, int(fraction * cells + 1e-9))
    return signs.full * full + signs.empty * (cells - full)


def steps_words(run: Run, figures: Figures) -> str:
    """Step and total, as far as they are known."""
    step, total = max(run.step, figures.step), run.total_steps or figures.total
    return f"{step:,}/{total:,}" if total else f"{step:,}" if step else ""


def progress(run: Run, figures: Figures, signs: Glyphs) -> str:
    """What the list says of how far a run is: its place in the queue, or its steps with a bar."""
    if run.position is not None:
        return _("place {number}").format(number=run.position)
    words, total = steps_words(run, figures), run.total_steps or figures.total
    if not total or not (run.state.is_active or run.state.value == "paused"):
        return words
    return f"{words} {bar(min(1.0, max(run.step, figures.step) / total), _BAR, signs)}"


def slots_words(run: Run, indexes: Mapping[str, int]) -> str:
    """Where a run works, or what it wants: numbers of GPUs, or the CPU. `indexes`: of GPUs by UUID."""
    if run.slots:
        if run.slots[0].startswith("cpu"):
            return _("CPU")
        return ",".join(str(indexes.get(uuid, "?")) for uuid in run.slots)
    if run.state.value == "pending":
        wanted = len(run.gpu_uuids) or run.gpus_wanted
        return _("{count} GPU").format(count=wanted) if wanted else _("CPU")
    return ""


def run_row(run: Run, figures: Figures, indexes: Mapping[str, int], signs: Glyphs, now: datetime, zone: tzinfo | None) -> Row:
    word, token = state(run, signs)
    cells = {
        "state": word,
        "name": run.name,
        "owner": run.owner_name,
        "progress": progress(run, figures, signs),
        "left": span(figures.left_s) if run.state.is_active else "",
        "loss": f"{figures.loss:.4g}" if figures.loss is not None else "",
        "model": model_words(run.model),
        "method": method_words(run.method) if run.kind == "train" else _("export"),
        "slots": slots_words(run, indexes),
        "age": moments.short(moment(run.created_at), now, zone),
    }
    dim = dict.fromkeys(("owner", "model", "method", "slots", "age", "left"), "dim")
    return Row(run.id, cells, dim | {"state": token})


def configuration_row(item: TrainingConfiguration, now: datetime, zone: tzinfo | None) -> Row:
    cells = {
        "name": item.name,
        "method": method_words(item.draft.method),
        "stage": stage_words(item.draft.stage),
        "model": model_words(item.draft.model_name_or_path),
        "data": str(len(item.draft.dataset_ids)) if item.draft.dataset_ids else "",
        "version": str(item.version),
        "owner": (_("shared") if item.shared else "") if item.mine else item.owner_name,
        "age": moments.short(moment(item.updated_at), now, zone),
    }
    return Row(item.id, cells, dict.fromkeys(("stage", "model", "data", "version", "owner", "age"), "dim"))


def path_rows(found: Beginning, signs: Glyphs) -> list[Row]:
    """The way to the first run, what is done ticked, what is next in colour."""
    environment = found.environment
    if environment is None:
        engine = _("looking…")
    elif environment.ready:
        engine = _("LLaMA-Factory {version} is ready").format(version=one_line(environment.versions.get("llamafactory", "?"), 20))
    else:
        engine = _("not ready: Enter shows what is missing")
    if found.usable:
        data = _("{count} usable").format(count=found.usable)
    else:
        data = _("none is usable yet: Enter leads to them") if found.datasets else _("none yet: Enter leads to where one is added")
    saved = _("{count} saved").format(count=found.configurations) if found.configurations else _("none yet; a quick run makes do without")
    steps = (
        (ENVIRONMENT, _("1 Environment"), engine, environment is not None and environment.ready),
        (DATASET, _("2 Dataset"), data, bool(found.usable)),
        (CONFIGURATION, _("3 Configuration"), saved, bool(found.configurations)),
        (RUN, _("4 Run"), _("Enter or n starts one, with everything checked before"), False),
    )
    return [_path_row(name, title, text, done, found.next_step, signs) for name, title, text, done in steps]


def _path_row(name: str, title: str, text: str, done: bool, following: str, signs: Glyphs) -> Row:
    colour = "good" if done else "accent" if name == following else "dim"
    cells = {"done": signs.done if done else signs.waiting, "step": title, "state": text}
    return Row(name, cells, {"done": colour, "step": "text" if colour != "dim" else "dim", "state": "dim" if done else colour})


def no_runs_match(*, searched: bool) -> list[tuple[str, str]]:
    """In place of runs that a search or a choice of states leaves out."""
    if searched:
        return [(_("Nothing matches the search."), "text"), (_("Esc clears it."), "dim")]
    return [(_("No run in this state."), "text"), (_("Press {key} to see the others.").format(key="f"), "dim")]


def no_configurations(*, searched: bool) -> list[tuple[str, str]]:
    if searched:
        return [(_("Nothing matches the search."), "text"), (_("Esc clears it."), "dim")]
    return [
        (_("No training configuration yet."), "text"),
        (_("It says how a model is trained: base model, method, learning rate and all the rest. It is kept in versions."), "dim"),
        (_("Press {key} to make the first; {other} takes over a YAML file of your own.").format(key="n", other="i"), "accent"),
    ]


#: What is shown of the environment, the most telling first; others are left out.
_PARTS = ("llamafactory", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "swanlab", "deepspeed", "bitsandbytes",
          "liger-kernel", "flash-attn", "vllm", "sglang")  # fmt: skip


def environment_rows(found: EnvironmentState | None, install: InstallProgress | None, signs: Glyphs) -> list[Row]:
    """The steps of an installation that is under way or ended badly, else the parts that are there."""
    if install is not None and install.steps and install.kind in ("running", "failed", "cancelled", "interrupted"):
        return [_step_row(step.name, step.state, signs) for step in install.steps]
    versions: Mapping[str, str] = found.versions if found is not None else {}
    return [
        Row(name, {"done": signs.done, "what": name, "value": versions[name]}, {"done": "good", "value": "dim"})
        for name in _PARTS
        if name in versions
    ]


def _step_row(name: str, reached: str, signs: Glyphs) -> Row:
    glyph = {"pending": signs.waiting, "running": signs.running, "done": signs.done, "failed": signs.failed}[reached]
    word = {"pending": "", "running": _("under way"), "done": _("done"), "failed": _("failed")}[reached]
    token = {"pending": "dim", "running": "accent", "done": "good", "failed": "bad"}[reached]
    return Row(name, {"done": glyph, "what": install_step(name), "value": word}, {"done": token, "value": token})


def names_of(runs: Sequence[Run], ids: Collection[str]) -> list[str]:
    """The names of those runs, sanitised."""
    return [one_line(run.name) for run in runs if run.id in ids]
