"""The report of a run: what it was made of, how it went, what came of it; as HTML, Markdown, CSV and JSON.

Words come from outside (tui/reports.py): this module knows no language. Everything that the run, its data or its log brought is sanitised
here and escaped by the template.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.sanitise import json_safe, one_line, sanitise
from core.training.failures import Failure, gather, warnings_of
from core.training.metrics import MetricsFile
from core.training.report_charts import Curve, svg, thinned
from core.training.results import Artifact, artifacts, read_json
from core.training.types import Attempt, Run

TEMPLATES: Final = Path(__file__).with_name("templates")
FORMS: Final = ("html", "md", "csv", "json", "pdf")
#: Curves of a report, in this order; what else was measured follows.
_FIRST: Final = ("loss", "eval_loss", "lr", "grad_norm")
#: Series of which the lowest value is the best; of the others, named here, the highest.
LOWER_IS_BETTER: Final = ("loss", "eval_loss", "train_loss", "perplexity")
HIGHER_IS_BETTER: Final = ("accuracy", "eval_accuracy", "rewards/accuracies", "rewards/margins", "reward")
#: Options that stand for places and switches of ours: no news to a reader.
_OURS: Final = frozenset(
    {"output_dir", "dataset_dir", "do_train", "report_to", "plot_loss", "enable_jit_checkpoint", "save_only_model", "disable_tqdm"}
    | {"overwrite_cache", "swanlab_logdir", "swanlab_mode", "swanlab_project", "swanlab_run_name", "export_dir"}
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One curve. `best` with its step, where it is known which way is better."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    last: float
    best: float | None = None
    best_step: int | None = None


@dataclass(frozen=True, slots=True)
class ReportData:
    """All of a report as plain values. `final`: what the trainer wrote at its end (all_results.json). Times in ms since the epoch.

    `options`: as LLaMA-Factory read them, without places of ours. `datasets`: name -> (file, format). `environment`: versions as they are
    now. `resources`: names of GPUs or "CPU", and what else is known.
    """

    run: Run
    attempts: tuple[Attempt, ...]
    options: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, str]]
    measured: tuple[Measured, ...]
    final: Mapping[str, float]
    warnings: tuple[Failure, ...]
    artifacts: tuple[Artifact, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Of work, over all attempts."""
        spent = [each.ended_at - each.started_at for each in self.attempts if each.ended_at is not None]
        return sum(spent) / 1000 if spent else None


def collect(run: Run, attempts: Sequence[Attempt], environment: Mapping[str, str], gpu_names: Mapping[str, str]) -> ReportData:
    """Read everything that a report says. Blocks (files of the run); what is not there is left out."""
    folder, output = run.folder, run.output_dir
    measured = measured_of(output) if output is not None else ()
    final = _numbers(read_json(output / "all_results.json")) if output is not None else {}
    options = _options(folder) if folder is not None else {}
    warnings: tuple[Failure, ...] = ()
    if folder is not None and run.state.value == "completed":
        warnings = warnings_of(gather(folder, options=options, output=output))
    return ReportData(
        run=run,
        attempts=tuple(sorted(attempts, key=lambda each: each.number)),
        options={name: value for name, value in (options or dict(run.options)).items() if name not in _OURS},
        datasets=_datasets(folder) if folder is not None else {},
        measured=measured,
        final={name: value for name, value in final.items() if name not in {one.name for one in measured}},
        warnings=warnings,
        artifacts=artifacts(output, export=run.kind == "export") if output is not None else (),
        environment=dict(sorted(environment.items())),
        resources=tuple(gpu_names.get(slot, slot) for slot in run.slots if not slot.startswith("cpu")) or ("CPU",),
    )


def measured_of(output: Path) -> tuple[Measured, ...]:
    """Every curve of an output folder, the most wanted first."""
    metrics = MetricsFile(output / "trainer_log.jsonl")
    metrics.read_new()
    metrics.read_state(output / "trainer_state.json")
    names = sorted(metrics.names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    found = []
    for name in names:
        steps, values = metrics.series(name)
        if len(steps):
            found.append(_measured(name, [int(step) for step in steps], [float(value) for value in values]))
    return tuple(found)


def _measured(name: str, steps: list[int], values: list[float]) -> Measured:
    whole = [(value, step) for step, value in zip(steps, values, strict=True) if math.isfinite(value)]
    best: tuple[float, int] | None = None
    if whole and name in LOWER_IS_BETTER:
        best = min(whole)
    elif whole and name in HIGHER_IS_BETTER:
        best = max(whole, key=lambda each: (each[0], -each[1]))
    return Measured(name, tuple(steps), tuple(values), values[-1], best[0] if best else None, best[1] if best else None)


def _options(folder: Path) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8")[: 1 << 20])
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return value if isinstance(value, dict) else {}


def _datasets(folder: Path) -> dict[str, dict[str, str]]:
    found = {}
    for name, entry in read_json(folder / "dataset_info.json").items():
        if isinstance(entry, dict):
            kind = str(entry.get("formatting") or "alpaca") + (" ranking" if entry.get("ranking") else "")
            found[str(name)] = {"file": Path(str(entry.get("file_name", ""))).name, "format": kind}
    return found


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)}


# Forms -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """What a report says, in the reader's language. `label(key)`: of the keys in templates/report.*; `moment(ms)`, `span(seconds)`."""

    label: Callable[[str], str]
    moment: Callable[[int | None], str]
    span: Callable[[float | None], str]
    failure: Callable[[Failure], tuple[str, list[str]]]
    state: Callable[[Run], str]
    language: str = "en"


def as_html(data: ReportData, words: Words) -> str:
    """One page that needs nothing else: no script, no font, no picture from elsewhere."""
    charts = [svg(name, [Curve(name, one.steps, one.values)]) for one in data.measured for name in (one_line(one.name),)]
    return _rendered("report.html.j2", data, words, charts=charts, escaped=True)


def as_markdown(data: ReportData, words: Words) -> str:
    """The same in words and tables; curves as one line of block characters each."""
    return _rendered("report.md.j2", data, words, charts=[sparkline(one.values) for one in data.measured], escaped=False)


def _rendered(name: str, data: ReportData, words: Words, *, charts: list[str], escaped: bool) -> str:
    import jinja2

    loader = jinja2.FileSystemLoader(TEMPLATES)
    made = jinja2.Environment(loader=loader, autoescape=escaped, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701 - Markdown escapes by `cell`
    made.filters |= {"plain": _plain, "cell": _cell, "number": _number}
    return made.get_template(name).render(data=data, run=data.run, w=words, charts=charts, failure=data.run.failure) + "\n"


def _plain(value: object) -> str:
    """Any value as text that may be shown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return sanitise(str(value)).replace("\n", " ")


def _cell(value: object) -> str:
    """A value inside a table of Markdown: one line, and nothing in it acts."""
    text = one_line(_plain(value))
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A curve in one line."""
    points = [value for _step, value in thinned(range(len(values)), values, width) if math.isfinite(value)][: width * 2]
    if not points:
        return ""
    low, high = min(points), max(points)
    return "".join("▁▂▃▄▅▆▇█"[round((value - low) / ((high - low) or 1) * 7)] for value in points)


def metrics_csv(data: ReportData) -> str:
    """A row a step, a column a series; empty where nothing was measured."""
    table: dict[int, dict[str, float]] = {}
    for one in data.measured:
        for step, value in zip(one.steps, one.values, strict=True):
            table.setdefault(step, {})[one.name] = value
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", *(_harmless(one.name) for one in data.measured)])
    for step in sorted(table):
        writer.writerow([step, *(table[step].get(one.name, "") for one in data.measured)])
    return out.getvalue()


def _harmless(text: str) -> str:
    """A heading that no spreadsheet takes for a formula."""
    text = one_line(text)
    return f"'{text}" if text[:1] in "=+-@" else text


def as_json(data: ReportData) -> str:
    """Everything, for programs. Numbers that are none are null."""
    run = data.run
    value = {
        "run": {"id": run.id, "name": run.name, "kind": run.kind, "state": str(run.state), "model": run.model, "method": run.method},
        "stage": run.stage,
        "step": run.step,
        "total_steps": run.total_steps,
        "seconds": data.seconds,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "options": dict(data.options),
        "datasets": {name: dict(entry) for name, entry in data.datasets.items()},
        "metrics": {
            one.name: [[step, _finite(number)] for step, number in zip(one.steps, one.values, strict=True)] for one in data.measured
        },
        "best": {one.name: {"value": one.best, "step": one.best_step} for one in data.measured if one.best is not None},
        "final": {name: _finite(number) for name, number in data.final.items()},
        "failure": json.loads(run.failure.to_json()) if run.failure is not None else None,
        "warnings": [json.loads(each.to_json()) for each in data.warnings],
        "attempts": [
            {"number": each.number, "state": str(each.state), "from_step": each.from_step, "last_step": each.last_step}
            for each in data.attempts
        ],
        "artifacts": [{"kind": each.kind, "name": each.path.name, "step": each.step, "bytes": each.size_bytes} for each in data.artifacts],
        "environment": dict(data.environment),
        "resources": list(data.resources),
    }
    return json_safe(json.dumps(value, ensure_ascii=False, indent=2, default=str)) + "\n"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
