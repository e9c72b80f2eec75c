"""What LLaMA-Factory is started with: files, argv and environment of one attempt. Pure: everything comes in, nothing is looked up.

A run is *resolved* when it is asked for (`services.training.resolve`): configuration, datasets and rights become one plain value that is
stored with the run. When its turn comes the scheduler knows folder, slots and port, and `plan` makes the files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from core.errors import InvalidInput
from core.training.course import Samples, log_every, save_every, total_steps
from core.training.deepspeed import deepspeed_file
from core.training.environment_types import EnvironmentState
from core.training.environment_variables import trainer_environment
from core.training.options_yaml import FLOAT

YAML_FILE: Final = "run.yaml"
DATA_FILE: Final = "dataset_info.json"
OUTPUT: Final = "output"
#: How many checkpoints are kept where nobody said so.
CHECKPOINTS_KEPT: Final = 3
#: What the datasets library takes for a pattern, or a chain of archives: such a name would mean other files as well, or none.
_PATTERN: Final = re.compile(r"[*?\[\]]|::")


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """What a run is made of, checked for its owner. JSON in and out by `to_json`/`from_json`: stored with the run's attempt.

    `options`: LLaMA-Factory's options without those that depend on folder and slots. `datasets`: entries of dataset_info.json by name, to
    be trained on; `eval_datasets`: to be evaluated on. `rows`: samples of each of `datasets`, None where not known. `deepspeed`: "none"
    or a ZeRO stage as in TrainingDraft. `swanlab`: whether to log to it, `swanlab_mode`: as in TrainingDraft. `paths`: real paths that
    were allowed and must still be themselves at the start. `offline`: nothing is fetched from a hub. `stage`, `method`, `model`,
    `template`: for lists, as a person calls them. `confined`: it was asked for by somebody served, and reaches
    nothing of the server but what it is made of.
    """

    kind: Literal["train", "export"]
    options: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    eval_datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: tuple[int | None, ...] = ()
    deepspeed: str = "none"
    swanlab: bool = False
    swanlab_mode: str = "local"
    paths: tuple[str, ...] = ()
    offline: bool = False
    stage: str = ""
    method: str = ""
    model: str = ""
    template: str = ""
    confined: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ResolvedRun:
        """What `to_json` made, of a version before or after this one, too: whoever lives starts what others queued."""
        known = {each.name for each in fields(cls)}
        values = {key: value for key, value in json.loads(text).items() if key in known}
        return cls(**values | {"rows": tuple(values["rows"]), "paths": tuple(values["paths"])})


@dataclass(frozen=True, slots=True)
class Place:
    """Where and with what an attempt runs. `folder`: the attempt's own, absolute; its `output` is below it, unless `output` names another.

    `gpu_uuids`: empty for the CPU, where `processes` counts (torchrun's for more than one). `port`: free, for torchrun's rendezvous; needed
    for more than one process or DeepSpeed. `swanlab_folder`: absolute log folder of the owner's dashboard; `project`: its project.
    `cpu_threads`: of each process (OMP_NUM_THREADS). `inherited`: the environment of whoever starts it, of which little is passed on.
    """

    folder: Path
    run_id: str
    run_name: str
    environment: EnvironmentState
    gpu_uuids: tuple[str, ...] = ()
    processes: int = 1
    port: int | None = None
    output: Path | None = None
    swanlab_folder: Path | None = None
    project: str = "modeltrain"
    cpu_threads: int = 1
    inherited: Mapping[str, str] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        """How many processes train."""
        return len(self.gpu_uuids) or self.processes

    @property
    def output_folder(self) -> Path:
        return self.output if self.output is not None else self.folder / OUTPUT


@dataclass(frozen=True, slots=True)
class Plan:
    """`files`: texts by name, to be written into the folder (0600). `argv`: started with the folder as its working directory.

    `links`: what is to lie in the folder under another name. `environment` is whole: nothing else may be passed on. `total_steps`:
    None where it cannot be told beforehand.
    """

    files: Mapping[str, str]
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    total_steps: int | None
    output: Path
    links: Mapping[str, str] = field(default_factory=dict)


def plan(run: ResolvedRun, place: Place) -> Plan:
    """The files, argv and environment of one attempt.

    Raises InvalidInput: ("environment", "no_python") without an interpreter, ("port", "needed") where several processes have none.
    """
    python = place.environment.python
    if python is None:
        raise InvalidInput("environment", "no_python")
    distributed = run.kind == "train" and (place.workers > 1 or run.deepspeed != "none")
    if distributed and place.port is None:
        raise InvalidInput("port", "needed")
    files = _train_files(run, place) if run.kind == "train" else {YAML_FILE: yaml_text(_export_options(run, place))}
    return Plan(
        files=files,
        # By the interpreter: the first line of an installed script is limited in length, and must not have blanks.
        argv=(str(python), str(python.parent / "llamafactory-cli"), run.kind, YAML_FILE),
        environment=trainer_environment(
            place.inherited,
            bin_folder=python.parent,
            gpu_uuids=place.gpu_uuids,
            processes=place.workers if distributed else 0,
            port=place.port,
            cpu_threads=place.cpu_threads,
            offline=run.offline,
            cache=place.folder / "cache",
        ),
        total_steps=steps_of(run, place.workers) if run.kind == "train" else None,
        output=place.output_folder,
        links=_data(run)[1],
    )


def yaml_text(options: Mapping[str, Any]) -> str:
    """Options as YAML that says what it means: `eval_strategy: 'no'` stays a text, small floats stay numbers.

    Texts that only LLaMA-Factory's reader takes for numbers ("1e5") are quoted, too (core/training/options_yaml.py).
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: Any, value: str) -> Any:
        # Line ends of Unicode, which a reader folds into blanks unless they are written as escapes.
        style = '"' if any(end in value for end in "\x85\u2028\u2029") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))
    return str(yaml.dump(dict(options), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000))


def steps_of(run: ResolvedRun, workers: int) -> int | None:
    """The steps of the optimizer that the run will take on so many processes."""
    return total_steps(Samples.of(run.options, run.rows), run.options, workers)


def train_options(run: ResolvedRun, place: Place) -> dict[str, Any]:
    """All options of a training, in the order in which they are best read."""
    options = dict(run.options)
    steps = steps_of(run, place.workers)
    options |= {"do_train": True, "output_dir": str(place.output_folder), "report_to": "none", "plot_loss": False}
    options |= {"enable_jit_checkpoint": True, "save_only_model": False, "disable_tqdm": True, "overwrite_cache": False}
    options |= {"dataset_dir": str(place.folder), "dataset": ",".join(run.datasets)}
    if run.eval_datasets:
        options["eval_dataset"] = ",".join(run.eval_datasets)
    options.setdefault("save_strategy", "steps")
    options.setdefault("logging_steps", log_every(steps))
    options.setdefault("save_steps", save_every(steps))
    options.setdefault("save_total_limit", CHECKPOINTS_KEPT)
    options.setdefault("include_num_input_tokens_seen", "non_padding")
    if options.get("eval_strategy") == "steps":
        options.setdefault("eval_steps", options["save_steps"])
    if run.deepspeed != "none":
        options["deepspeed"] = deepspeed_file(run.deepspeed)[0]
    if not place.gpu_uuids:
        options |= {"use_cpu": True, "bf16": False, "fp16": False}
    return options | _swanlab_options(run, place)


def _swanlab_options(run: ResolvedRun, place: Place) -> dict[str, Any]:
    # In local mode swanlab ends the training at once where its dashboard's package is not there.
    needed = ("swanlab", "swanboard") if run.swanlab_mode == "local" else ("swanlab",)
    there = all(place.environment.has(package) for package in needed)
    if not run.swanlab or place.swanlab_folder is None or not there:
        return {"use_swanlab": False, "swanlab_mode": "local"}
    return {
        "use_swanlab": True,
        # Its default is the cloud, which fails without a key.
        "swanlab_mode": run.swanlab_mode,
        "swanlab_project": place.project,
        "swanlab_run_name": place.run_name,
        "swanlab_logdir": str(place.swanlab_folder),
    }


def _train_files(run: ResolvedRun, place: Place) -> dict[str, str]:
    files = {
        YAML_FILE: yaml_text(train_options(run, place)),
        DATA_FILE: json.dumps(_data(run)[0], ensure_ascii=False, indent=2) + "\n",
    }
    if run.deepspeed != "none":
        name, text = deepspeed_file(run.deepspeed)
        files[name] = text
    return files


def _data(run: ResolvedRun) -> tuple[dict[str, Mapping[str, Any]], dict[str, str]]:
    """The entries of dataset_info.json, and the links by which files with odd names are found."""
    entries: dict[str, Mapping[str, Any]] = {**run.datasets, **run.eval_datasets}
    links: dict[str, str] = {}
    for name, entry in entries.items():
        path = str(entry.get("file_name", ""))
        if _PATTERN.search(path):
            link = f"data_{len(links) + 1}{Path(path).suffix}"
            links[link] = path
            entries[name] = {**entry, "file_name": link}
    return entries, links


def _export_options(run: ResolvedRun, place: Place) -> dict[str, Any]:
    options = dict(run.options)
    options["export_dir"] = str(place.output_folder)
    return options
