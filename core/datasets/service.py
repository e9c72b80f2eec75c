"""Datasets: `Services.datasets`. Whoever asks sees and changes only their own.

A dataset is a name for versions; a version is one file, which this program never changes. Files are read by processes of their own
(core/datasets/check_process.py): nothing of that runs on the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.datasets.types import (
    Dataset,
    DatasetPage,
    DatasetVersion,
    Folder,
    FoundFile,
    Histogram,
    Preview,
    ProblemPage,
    Sort,
    Statistics,
    UsedBy,
)

if TYPE_CHECKING:
    from core.datasets.work import Work


class Datasets:
    """The datasets of all accounts."""

    # Looking -------------------------------------------------------------------------------------------------------

    async def datasets(
        self, principal: Principal, *, query: str = "", sort: Sort = "updated", limit: int = 100, offset: int = 0
    ) -> DatasetPage:
        """Those that have every word of `query` in name, note, format or file name."""
        raise NotImplementedError

    async def dataset(self, principal: Principal, dataset_id: str) -> Dataset:
        """By id or, failing that, by name. Raises NotFound(kind="dataset") for unknown ones and other people's."""
        raise NotImplementedError

    async def versions(self, principal: Principal, dataset_id: str) -> tuple[DatasetVersion, ...]:
        """Every version, the newest first."""
        raise NotImplementedError

    async def used_by(self, principal: Principal, *dataset_ids: str) -> UsedBy:
        """What would miss these datasets."""
        raise NotImplementedError

    async def problems(
        self, principal: Principal, dataset_id: str, *, version: int | None = None, rule: str = "", offset: int = 0, limit: int = 100
    ) -> ProblemPage:
        """What the last check found, in the order of the file; of one rule only where `rule` is given."""
        raise NotImplementedError

    async def statistics(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> Statistics | None:
        """Of the last check; None before one."""
        raise NotImplementedError

    async def token_lengths(
        self, principal: Principal, dataset_id: str, *, model: str, version: int | None = None, sample: int = 2000
    ) -> Histogram:
        """How many tokens the rows have with the tokenizer of `model` (a folder), from at most `sample` rows spread over the file.

        Raises EnvironmentProblem where there is no training environment or the tokenizer cannot be loaded.
        """
        raise NotImplementedError

    async def preview(
        self, principal: Principal, dataset_id: str, *, version: int | None = None, start: int = 0, count: int = 20
    ) -> Preview:
        """`count` rows from row `start` on, from a file of any size. Before a check only as far as is quickly reached from the start."""
        raise NotImplementedError

    async def rows(self, principal: Principal, dataset_id: str, *, version: int | None = None, count: int = 100) -> tuple[Any, ...]:
        """At most `count` rows, parsed, spread evenly over the file: for what needs a sample."""
        raise NotImplementedError

    async def info_entry(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> dict[str, Any]:
        """The entry of dataset_info.json that makes LLaMA-Factory load exactly this version, with an absolute `file_name`.

        Raises Conflict(what="dataset_unusable") for an unknown format and NotFound(kind="dataset_file") if the file is gone.
        """
        raise NotImplementedError

    # Adding --------------------------------------------------------------------------------------------------------

    async def browse(self, principal: Principal, path: str = "") -> Folder:
        """A folder to choose from; "" is where this person begins. A served person sees the own datasets folder and the named ones."""
        raise NotImplementedError

    async def inbox(self, principal: Principal) -> tuple[FoundFile, ...]:
        """Files of the own datasets folder (where sftp puts them) that are no dataset yet."""
        raise NotImplementedError

    async def add(self, principal: Principal, path: str, name: str | None = None, *, copy: bool = False) -> Dataset:
        """Make a dataset of a file. It is used where it lies unless `copy`, which puts a copy into the own datasets folder.

        Raises NotFound(kind="dataset_file"), InvalidInput("path", "not_allowed" | "not_a_regular_file" | ...), Conflict, QuotaExceeded.
        """
        raise NotImplementedError

    async def add_file(self, principal: Principal, dataset_id: str, path: str) -> Dataset:
        """A file as the next version of a dataset. Raises as `add`."""
        raise NotImplementedError

    # Changing ------------------------------------------------------------------------------------------------------

    async def rename(self, principal: Principal, dataset_id: str, name: str, *, note: str | None = None) -> Dataset:
        """Raises InvalidInput("name", ...), Conflict(what="dataset_name")."""
        raise NotImplementedError

    async def use_version(self, principal: Principal, dataset_id: str, version: int) -> Dataset:
        """Put another version in force."""
        raise NotImplementedError

    async def remove(self, principal: Principal, dataset_ids: Iterable[str], *, files: bool = True) -> int:
        """Forget datasets; how many. `files`: with the files that this program wrote; a linked file always stays.

        Raises Conflict(what="dataset_in_use") while a run that is not over needs one.
        """
        raise NotImplementedError

    # Long work -----------------------------------------------------------------------------------------------------

    async def check(self, principal: Principal, dataset_id: str, *, version: int | None = None) -> Work:
        """Begin to check, or join the check that runs. See core/datasets/work.py for progress, waiting and cancelling."""
        raise NotImplementedError

    async def repair(self, principal: Principal, dataset_id: str) -> Work:
        """Write a new version without what is mechanically wrong, and check that. Its `dataset` is the result."""
        raise NotImplementedError

    async def deduplicate(self, principal: Principal, dataset_id: str) -> Work:
        """Write a new version in which every row is there once (the first stays), and check it."""
        raise NotImplementedError

    async def split(self, principal: Principal, dataset_id: str, *, validation: float, seed: int = 42, name: str | None = None) -> Work:
        """Write two new datasets, NAME-train and NAME-validation. `validation`: a share below 1, or a number of rows.

        The same seed and file give the same split, whatever the machine.
        """
        raise NotImplementedError

    def work(self, principal: Principal) -> tuple[Work, ...]:
        """What runs for this person in this process, or ended a moment ago."""
        raise NotImplementedError

    # Seeing with the model's eyes ----------------------------------------------------------------------------------

    async def sample_for_template(self, principal: Principal, dataset_id: str, *, count: int = 20) -> Mapping[str, Any]:
        """What the template view needs: {"entry": the entry of dataset_info.json, "rows": rows, "total": their number in the file}."""
        raise NotImplementedError
