"""Looking into the files of datasets: pages, samples, lengths in tokens. The file work is done in threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from core.auth.principal import Principal
from core.datasets import preview
from core.datasets.exact import texts
from core.datasets.jobs import Jobs
from core.datasets.places import Places
from core.datasets.planning import plan_of
from core.datasets.reading import CannotRead, open_file
from core.datasets.records import plan_of_summary, problems_in, told_of
from core.datasets.tally import histogram
from core.datasets.types import DatasetVersion, Histogram, Layout, Preview, PreviewRow, Problem, ProblemPage
from core.errors import Conflict, EnvironmentProblem, NotFound

T = TypeVar("T")
#: Characters of one row that are counted in tokens.
_COUNTED: Final = 200_000
_ROWS: Final = 500


class Looking:
    """`call`: asks the training environment."""

    def __init__(self, jobs: Jobs, places: Places, call: Callable[..., Awaitable[Any]]) -> None:
        self._jobs, self._places, self._call = jobs, places, call

    async def page(self, principal: Principal, version: DatasetVersion, summary: str, start: int, count: int) -> Preview:
        """A page of rows. Raises NotFound(kind="dataset_file"), Conflict(what="dataset_unreadable")."""
        start, count = max(0, start), max(1, min(count, _ROWS))
        told = told_of(summary) if not version.stale else {}
        if version.path.endswith(".parquet"):
            return await self._parquet_page(principal, version, start, count, told)
        plan = plan_of_summary(told)
        folder = self._jobs.records(version.id) if plan is not None else None
        total = told["rows"] if plan is not None else None

        def read() -> Preview:
            return preview.page(version.path, self._places.within(principal), plan, folder, start, count, total)

        return await _readable(version, read)

    async def _parquet_page(self, principal: Principal, version: DatasetVersion, start: int, count: int, told: dict[str, Any]) -> Preview:
        if not await asyncio.to_thread(self._places.allowed, principal, version.path):
            raise NotFound(kind="dataset_file", reference=version.path)
        found = await self._call("parquet_rows", {"path": version.path, "start": start, "count": count})
        rows = tuple(
            PreviewRow(start + number, None, 0, len(text), text[: preview.SHOWN], json.loads(text), len(text) > preview.SHOWN)
            for number, text in enumerate(found["rows"])
        )
        return Preview(rows, start, found["total"] if not told else told["rows"])

    async def layout(self, principal: Principal, version: DatasetVersion) -> Layout:
        """What the rows seem to be, from the beginning of the file. Raises NotFound, Conflict(what="dataset_unreadable")."""

        def read() -> Layout:
            with open_file(version.path, within=self._places.within(principal)) as file:
                return plan_of(file, version.path, version.size).plan.shape.layout

        return await _readable(version, read)

    async def sample(self, principal: Principal, version: DatasetVersion, summary: str, count: int) -> list[tuple[int, Any]]:
        """Rows with their numbers, spread over the file; it has to be checked. Raises Conflict(what="dataset_unchecked")."""
        told = told_of(summary)
        plan = plan_of_summary(told)
        if plan is None or version.stale:
            raise Conflict(what="dataset_unchecked")
        total, folder = told["rows"], self._jobs.records(version.id)
        if plan.kind == "parquet":
            each = [number * total // count for number in range(count)] if total > count else list(range(total))
            found = await self._call("parquet_rows", {"path": version.path, "numbers": each})
            return [(number, json.loads(text)) for number, text in zip(each, found["rows"], strict=False)]
        return await _readable(version, lambda: preview.sample(version.path, self._places.within(principal), plan, folder, total, count))

    async def problems(self, version: DatasetVersion, rule: str, offset: int, limit: int) -> ProblemPage:
        """Kept problems of a version, a page of them."""
        counts = {each.rule: each.count for each in version.summary.rules} if version.summary else {}

        def read() -> ProblemPage:
            kept: list[Problem] = []
            total = 0
            for problem in problems_in(self._jobs.records(version.id), version.path):
                if rule and problem.rule != rule:
                    continue
                if offset <= total < offset + limit:
                    kept.append(problem)
                total += 1
            return ProblemPage(tuple(kept), total, counts.get(rule, 0) if rule else sum(counts.values()))

        return await asyncio.to_thread(read)

    async def token_lengths(self, principal: Principal, version: DatasetVersion, summary: str, model: str, sample: int) -> Histogram:
        """Raises EnvironmentProblem as `services.environment.call`, Conflict(what="dataset_unchecked")."""
        rows = await self.sample(principal, version, summary, max(1, min(sample, 5000)))
        said = ["\n".join(texts(value))[:_COUNTED] for _row, value in rows]
        if not said:
            raise Conflict(what="dataset_unusable", rule="no_usable_rows")
        answer = await self._call(
            "token_lengths", {"model": model, "texts": said}, opened=(model,) if principal.served and not principal.is_admin else None
        )
        lengths = sorted(int(length) for length in answer["lengths"])
        if not lengths:
            raise EnvironmentProblem(what="training_helper_failed", helper="token_lengths", rule="no_answer")
        total = version.summary.usable if version.summary else len(lengths)
        return (
            histogram(lengths, "tokens", lengths[0], lengths[-1], sum(lengths), len(lengths))
            if total == len(lengths)
            else _of(lengths, total)
        )


def _of(lengths: list[int], total: int) -> Histogram:
    found = histogram(lengths, "tokens", lengths[0], lengths[-1], sum(lengths), len(lengths))
    return Histogram(
        found.unit,
        found.edges,
        found.counts,
        found.least,
        found.most,
        found.mean,
        found.median,
        found.p95,
        len(lengths),
        max(total, len(lengths)),
    )


async def _readable(version: DatasetVersion, read: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(read)
    except CannotRead as error:
        if version.missing or error.rule in ("outside_folder", "unreadable"):
            raise NotFound(kind="dataset_file", reference=version.path) from None
        raise Conflict(what="dataset_unreadable", rule=error.rule) from None
