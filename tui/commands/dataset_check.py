"""modeltrain dataset check: a file of this machine without any account or database, or a dataset of one's own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import REFUSED, Invocation, err, guarded, out, print_json, run_with_services
from tui.commands.dataset_output import Bar, finish
from tui.commands.files import is_served
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.datasets.types import CheckSummary, Problem

#: Exit status with problems; 2 where the file cannot be read.
WITH_PROBLEMS = 1
UNREADABLE = frozenset(["unreadable", "not_a_regular_file", "outside_folder", "needs_environment", "parquet_unreadable", "binary_file"])
#: Problems of one rule that are shown to a person.
_OF_A_RULE = 10


def check(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="PATH|DATASET", help=_("A file, or the id or name of a dataset."), show_default=False)],
    limit: Annotated[int, typer.Option(min=0, max=20_000, help=_("How many problems are printed with --json at most."))] = 20_000,
    remarks: Annotated[bool, typer.Option("--remarks", help=_("Print what is good to know, too."))] = False,
) -> None:
    invocation: Invocation = context.obj
    path = None if is_served() else _file(target)
    if path is not None:
        raise typer.Exit(guarded(invocation, lambda: _check_file(invocation, path, limit, remarks)))

    async def action(services: Services, principal: Principal) -> int:
        return await _check_dataset(services, principal, invocation, target, limit, remarks)

    raise typer.Exit(run_with_services(invocation, action))


def _file(target: str) -> str | None:
    """The file that is meant: what is there, or what looks like a path."""
    try:
        there = Path(target).expanduser().exists() or Path(target).expanduser().is_symlink()
    except (OSError, ValueError, RuntimeError):
        there = True  # a name that no file can have is told so by the check
    return target if there or "/" in target or Path(target).suffix.lower() in (".json", ".jsonl", ".csv", ".txt", ".parquet") else None


def _check_file(invocation: Invocation, path: str, limit: int, remarks: bool) -> int:
    from core.datasets.records import problems_in, summary_of
    from core.datasets.running import CHECK, run_process

    with tempfile.TemporaryDirectory(prefix="modeltrain-check-") as folder, Bar(quiet=invocation.json) as bar:
        request = {"path": str(Path(path).expanduser().absolute()), "out": folder, "parquet": _parquet(invocation, path)}
        told = asyncio.run(run_process(CHECK, request, bar.tell))["summary"]
        bar.close()
        problems = (replace(problem, file=path) for problem in problems_in(Path(folder), path))
        return _print(invocation, summary_of(told), problems, limit, remarks)


def _parquet(invocation: Invocation, path: str) -> list[str]:
    """How Parquet is read: by the training environment that the settings name or the one in the data folder."""
    if not path.lower().endswith(".parquet"):
        return []
    from core.datasets.jobs import parquet_command

    settings = invocation.settings()
    python = (settings.training.environment or settings.data_dir / "training-env") / "bin" / "python"
    return parquet_command(python if python.exists() else None)


async def _check_dataset(services: Services, principal: Principal, invocation: Invocation, target: str, limit: int, remarks: bool) -> int:
    """A dataset of one's own; a served person's file is checked as one that is forgotten again."""
    from core.errors import NotFound

    datasets, passing = services.datasets, False
    try:
        item = await datasets.dataset(principal, target)
    except NotFound:
        if not is_served():
            raise
        item, passing = await datasets.add(principal, target), True
    try:
        [checked] = await finish(await datasets.check(principal, item.id), quiet=invocation.json)
        if (summary := checked.current.summary) is None:
            return REFUSED
        page = await datasets.problems(principal, item.id, limit=20_000)
        file = target if passing else checked.current.path
        return _print(invocation, summary, (replace(each, file=file) for each in page.items), limit, remarks)
    finally:
        if passing:
            await datasets.remove(principal, [item.id], files=False)


def _print(invocation: Invocation, summary: CheckSummary, problems: Iterable[Problem], limit: int, remarks: bool) -> int:
    wanted = [problem for problem in problems if remarks or problem.level != "remark"]
    if invocation.json:
        for problem in wanted[:limit]:
            print_json(problem_as_json(problem))
        print_json({"summary": _summary_as_json(summary, shown=min(limit, len(wanted)), remarks=remarks)})
    else:
        _print_for_people(summary, wanted)
    if any(each.rule in UNREADABLE for each in summary.rules):
        return REFUSED
    return WITH_PROBLEMS if summary.problems else 0


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """As the documentation promises it (docs/datasets.md)."""
    from tui.dataset_sentences import problem_sentence, rule_remedy

    return {
        "file": problem.file,
        "line": problem.line,
        "offset": problem.offset,
        "json_path": problem.json_path,
        "rule": problem.rule,
        "message": problem_sentence(problem),
        "remedy": rule_remedy(problem.rule),
    }


def _summary_as_json(summary: CheckSummary, *, shown: int, remarks: bool) -> dict[str, Any]:
    """`cut` with the number of problems printed where that is not all of them."""
    statistics = summary.statistics
    counted = summary.problems + (summary.remarks - (statistics.duplicates if statistics else 0) if remarks else 0)
    return {
        "format": summary.format,
        "rows": summary.rows,
        "usable": summary.usable,
        "problems": summary.problems,
        "verdict": summary.verdict,
        "remarks": {each.rule: each.count for each in summary.rules if each.level == "remark"},
    } | ({"cut": True, "printed": shown} if shown < counted else {})


def _print_for_people(summary: CheckSummary, problems: list[Problem]) -> None:
    from core.sanitise import one_line
    from tui.dataset_sentences import problem_sentence, rule_remedy, rule_title
    from tui.screens.data.texts import FORMATS, VERDICTS

    counts = {each.rule: each.count for each in summary.rules if each.level != "remark"}
    for rule in counts:
        mine = [problem for problem in problems if problem.rule == rule]
        out(f"{rule_title(rule)}: {counts[rule]:,}")
        for problem in mine[:_OF_A_RULE]:
            place = one_line(problem.file) if problem.line is None else f"{one_line(problem.file)}:{problem.line}"
            where = "" if problem.json_path == "$" else f" {one_line(problem.json_path)}"
            out(f"  {place}{where}: {problem_sentence(problem)}")
        if counts[rule] > len(mine[:_OF_A_RULE]):
            out("  …")
        out(f"  → {rule_remedy(rule)}")
    for each in summary.rules:
        if each.level == "remark":
            out(f"{rule_title(each.rule)}: {each.count:,} ({rule_remedy(each.rule)})")
    said = ngettext("{problems} problem", "{problems} problems", summary.problems).format(problems=f"{summary.problems:,}")
    figures = _("{usable} of {rows} rows usable").format(usable=f"{summary.usable:,}", rows=f"{summary.rows:,}")
    out(f"{_(FORMATS[summary.format])} · {figures} · {said} · {_(VERDICTS[summary.verdict])}")
    if summary.verdict == "repairable":
        err(_("modeltrain dataset add and repair write a version without these problems."))
