"""Datasets as the shell prints them, and the progress of long work on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.sanitise import one_line, sanitise
from tui.commands.common import out
from tui.i18n import _

if TYPE_CHECKING:
    from core.datasets.types import Dataset, DatasetVersion, PreviewRow, UsedBy
    from core.datasets.work import Work


class Bar:
    """How far a process is, on standard error if that is a terminal; nothing else is said there meanwhile."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def tell(self, done: int, total: int, rows: int, problems: int) -> None:
        if self._shown and total:
            figures = _("{share} %  {rows} rows  {problems} problems").format(
                share=min(100, 100 * done // total), rows=f"{rows:,}", problems=f"{problems:,}"
            )
            sys.stderr.write(f"\r{figures}\x1b[K")
            sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False


async def finish(work: Work, *, quiet: bool) -> tuple[Dataset, ...]:
    """Wait for the end of long work, which is called off with the command. Raises what went wrong."""
    with Bar(quiet=quiet) as bar:
        stop = work.subscribe(lambda progress: bar.tell(progress.done, progress.total, progress.rows, progress.problems))
        try:
            await work.wait()
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            stop()
    return work.results


def as_json(item: Dataset) -> dict[str, Any]:
    current = version_as_json(item.current)
    return {"id": item.id, "name": item.name, "note": item.note, "versions": item.versions, "created_at": item.created_at} | current


def version_as_json(version: DatasetVersion) -> dict[str, Any]:
    summary = version.summary
    return {
        "version": version.version,
        "path": version.path,
        "format": version.format,
        "file_kind": version.file_kind,
        "origin": version.origin,
        "linked": version.linked,
        "size": version.size,
        "verdict": version.verdict,
        "rows": summary.rows if summary else None,
        "usable": summary.usable if summary else None,
        "problems": summary.problems if summary else None,
        "rules": {each.rule: each.count for each in summary.rules} if summary else {},
        "changes": dict(version.changes),
        "checked_at": version.checked_at,
        "missing": version.missing,
        "stale": version.stale,
    }


def row(item: Dataset) -> Sequence[object]:
    from tui.screens.data.texts import FORMATS, VERDICTS

    summary = item.current.summary
    return (
        item.id,
        item.name,
        _(FORMATS[item.format]),
        f"{summary.rows:,}" if summary else "",
        f"{summary.usable:,}" if summary else "",
        _(VERDICTS[item.verdict]),
        item.current.version,
        f"{item.current.size:,}",
    )


def print_dataset(item: Dataset, versions: Sequence[DatasetVersion] = (), used: UsedBy | None = None) -> None:
    from tui.dataset_sentences import rule_remedy, rule_title
    from tui.screens.data.texts import FORMATS, ORIGINS, VERDICTS

    current, summary = item.current, item.current.summary
    out(f"{one_line(item.name)}  {item.id}")
    out(f"{_(FORMATS[item.format])} · {_(VERDICTS[item.verdict])} · {one_line(current.path)}")
    if summary is not None:
        out(_("{usable} of {rows} rows usable").format(usable=f"{summary.usable:,}", rows=f"{summary.rows:,}"))
        for each in summary.rules:
            out(f"  {each.count:,} × {rule_title(each.rule)}: {rule_remedy(each.rule)}")
    for rule, count in current.changes.items():
        out("  " + _("changed {count} ×: {what}").format(count=f"{count:,}", what=rule_title(rule)))
    if current.missing:
        out(_("The file is not there."))
    for version in versions:
        rows = f"{version.summary.rows:,}" if version.summary else "?"
        out(f"  {version.version}  {_(ORIGINS[version.origin])}  {_(VERDICTS[version.verdict])}  {rows}  {one_line(version.path)}")
    for name in (*(used.configurations if used else ()), *(used.runs if used else ())):
        out("  " + _("used by {name}").format(name=one_line(name)))


def preview_row(each: PreviewRow) -> str:
    place = _("row {row}").format(row=each.row) if each.line is None else _("row {row}, line {line}").format(row=each.row, line=each.line)
    return f"— {place}\n{sanitise(each.raw)}"
