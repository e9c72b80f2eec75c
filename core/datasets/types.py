"""What the services for datasets take and give: frozen values, never rows of the database.

Offsets and sizes are in bytes, lines count from 1, rows (samples) from 0, moments are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: What the rows are. "preference" has chosen and rejected answers, "kto" a true or false tag, "text" plain text to read.
Format = Literal["alpaca", "sharegpt", "openai", "preference", "kto", "text", "unknown"]
#: How the rows are written down. "json": one array of objects.
FileKind = Literal["jsonl", "json", "csv", "txt", "parquet", "unknown"]
#: "file": LLaMA-Factory cannot load the file; "row": that row is lost, or ends the run; "remark": nothing is lost, but look at it.
Level = Literal["file", "row", "remark"]
#: "repairable": usable once it was repaired. "unchecked" until a check went through.
Verdict = Literal["unchecked", "usable", "repairable", "unusable"]
#: How a version came to be.
VersionOrigin = Literal["added", "repaired", "deduplicated", "split"]
Sort = Literal["name", "updated", "created", "rows", "size"]
WorkKind = Literal["check", "repair", "split", "deduplicate"]
WorkState = Literal["running", "done", "cancelled", "failed"]
#: Stages of LLaMA-Factory that rows of a kind can be trained in.
Stage = Literal["sft", "dpo", "kto", "rm", "pt"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What LLaMA-Factory has to be told about the rows: the values of an entry of dataset_info.json.

    `columns`: LLaMA-Factory's name of a column -> the key in the file; only those that are there. `tags`: all seven or none.
    """

    format: Format
    formatting: Literal["alpaca", "sharegpt", "openai"] = "alpaca"
    ranking: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What can be trained with such rows, the usual first."""
        return STAGES[self.format]


STAGES: dict[Format, tuple[Stage, ...]] = {
    "alpaca": ("sft", "pt"),
    "sharegpt": ("sft",),
    "openai": ("sft",),
    "preference": ("dpo", "rm"),
    "kto": ("kto",),
    "text": ("pt",),
    "unknown": (),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where. `line` is None where a file has no lines (Parquet); `row` None where no row is meant.

    `json_path` from the row on ("$.conversations[2].from"). `rule` and `fields` make the sentence and the remedy
    (tui/dataset_sentences.py); `fields` hold plain values, text from the file cut to 80 characters, never sanitised.
    """

    file: str
    rule: str
    level: Level
    line: int | None = None
    offset: int = 0
    row: int | None = None
    json_path: str = "$"
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often a rule was broken, exactly. `mechanical`: repair mends or takes out what is meant."""

    rule: str
    level: Level
    count: int
    mechanical: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` values lie in [edges[i], edges[i+1]); one edge more than counts. `unit`: what is counted ("characters", "tokens").

    `sampled`: how many values were looked at, where that is not all. `total`: of how many.
    """

    unit: Literal["characters", "tokens"]
    edges: tuple[int, ...]
    counts: tuple[int, ...]
    least: int
    most: int
    mean: float
    median: int
    p95: int
    sampled: int
    total: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the rows that are usable. `turns`: of one row, question and answer counted apart. `with_*`: rows that have one."""

    rows: int
    characters: int
    turns: int
    most_turns: int
    lengths: Histogram
    duplicates: int
    with_system: int = 0
    with_tools: int = 0
    with_images: int = 0


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What a check found. `rows` includes those that are lost; `usable` those that are trained on as meant.

    `problems` counts what is not a remark, exactly; examples of each rule are kept up to a limit (`cut`: not all are kept).
    `changed`: the file was another one at the end. `duplicates_exact` is False where more rows are there than can be remembered.
    """

    format: Format
    file_kind: FileKind
    layout: Layout
    rows: int
    usable: int
    problems: int
    remarks: int
    verdict: Verdict
    rules: tuple[RuleCount, ...]
    statistics: Statistics | None
    size: int
    seconds: float
    cut: bool = False
    changed: bool = False
    encoding: str = "utf-8"
    duplicates_exact: bool = True


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One state of a dataset: one file that is never changed by this program.

    `linked`: somebody's own file, used where it lies; else it is ours, beside the owner's datasets. `missing`: it is not there now;
    `stale`: it is not the file that was checked. `changes`: what a repair or the like changed, by rule.
    """

    id: str
    dataset_id: str
    version: int
    path: str
    file_kind: FileKind
    format: Format
    origin: VersionOrigin
    linked: bool
    size: int
    verdict: Verdict
    summary: CheckSummary | None
    changes: Mapping[str, int]
    created_at: int
    checked_at: int | None
    missing: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset with its version in force (the newest unless chosen otherwise)."""

    id: str
    name: str
    note: str
    current: DatasetVersion
    versions: int
    created_at: int
    updated_at: int

    @property
    def format(self) -> Format:
        return self.current.format

    @property
    def verdict(self) -> Verdict:
        return self.current.verdict


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """`total`: how many there are beside this page."""

    items: tuple[Dataset, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """Kept examples in the order of the file. `total`: how many are kept (of that rule); `counted`: how many there are, exactly."""

    items: tuple[Problem, ...]
    total: int
    counted: int


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as it stands in the file: `raw` its text (cut to a limit: `cut`), `value` what it parses to (None where it does not)."""

    row: int
    line: int | None
    offset: int
    size: int
    raw: str
    value: Any
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """`total` is None where nobody counted the rows yet."""

    rows: tuple[PreviewRow, ...]
    start: int
    total: int | None


@dataclass(frozen=True, slots=True)
class WorkProgress:
    """Where long work stands. `done` and `total` in bytes read; `rows`, `problems` so far; `left_s` None until it can be said."""

    kind: WorkKind
    state: WorkState
    done: int
    total: int
    rows: int
    problems: int
    seconds: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file or folder where datasets may be added from. `added`: the id of the dataset that it is already, "" for none."""

    name: str
    path: str
    is_folder: bool
    size: int
    modified_at: int
    file_kind: FileKind = "unknown"
    added: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a person may choose from. `parent` is None at the top. `place`: how the folder is called towards the person."""

    path: str
    place: str
    parent: str | None
    entries: tuple[FoundFile, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class UsedBy:
    """What would miss datasets: names of training configurations and of runs that are not over."""

    configurations: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        return not self.configurations and not self.runs
