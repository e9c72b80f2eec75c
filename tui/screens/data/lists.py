"""The columns and rows of the lists in the data area."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from core.datasets.types import Dataset, DatasetVersion, FoundFile
from core.datasets.work import Work
from tui import moments
from tui.glyphs import Glyphs
from tui.i18n import N_, _
from tui.screens.data import texts
from tui.widgets.file_picker import FileEntry
from tui.widgets.rows import Column, Row

DATASET_COLUMNS = (
    Column("name", N_("Name"), 18, grow=True),
    Column("verdict", N_("Verdict"), 16),
    Column("rows", N_("Rows"), 9, right=True),
    Column("format", N_("Format"), 10),
    Column("size", N_("Size"), 8, right=True),
    Column("version", N_("Version"), 7, right=True),
    Column("checked", N_("Checked"), 8, right=True),
)
INBOX_COLUMNS = (
    Column("name", N_("File"), 24, grow=True),
    Column("kind", N_("Kind"), 8),
    Column("size", N_("Size"), 9, right=True),
    Column("changed", N_("Changed"), 8, right=True),
)
VERSION_COLUMNS = (
    Column("version", N_("Version"), 8, right=True),
    Column("in_force", "", 2),
    Column("origin", N_("How it came to be"), 20, grow=True),
    Column("verdict", N_("Verdict"), 22),
    Column("rows", N_("Rows"), 11, right=True),
    Column("size", N_("Size"), 9, right=True),
    Column("made", N_("Made"), 16),
)


def moment(milliseconds: int | None) -> datetime | None:
    """A moment of core, None for none."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def short(milliseconds: int | None, now: datetime, zone: tzinfo | None) -> str:
    when = moment(milliseconds)
    return "" if when is None else moments.short(when, now, zone)


def dataset_row(item: Dataset, work: Work | None, signs: Glyphs, now: datetime, zone: tzinfo | None) -> Row:
    """`work`: what is under way with it."""
    version, summary = item.current, item.current.summary
    verdict, token = (
        f"{texts.verdict_sign(version.verdict, signs)} {_(texts.SHORT[version.verdict])}",
        texts.VERDICT_TOKENS[version.verdict],
    )
    if version.missing:
        verdict, token = f"{signs.lost} {_('file is gone')}", "bad"
    elif version.stale:
        verdict, token = f"{signs.lost} {_('changed')}", "warn"
    if work is not None:
        share = work.progress.done / work.progress.total if work.progress.total else 0.0
        verdict, token = f"{signs.running} {share:.0%}", "accent"
    cells = {
        "name": item.name,
        "verdict": verdict,
        "rows": f"{summary.rows:,}" if summary is not None else "",
        "format": _(texts.FORMATS[version.format]) if version.checked_at is not None else "",
        "size": texts.size(version.size),
        "version": str(version.version),
        "checked": short(version.checked_at, now, zone),
    }
    tokens = {"verdict": token, "format": "dim", "size": "dim", "version": "dim", "checked": "dim"}
    return Row(item.id, cells, tokens)


def inbox_row(item: FoundFile, now: datetime, zone: tzinfo | None) -> Row:
    kind = _(texts.FILE_KINDS[item.file_kind])
    cells = {"name": item.name, "kind": kind, "size": texts.size(item.size), "changed": short(item.modified_at, now, zone)}
    return Row(item.path, cells, {"kind": "dim", "size": "dim", "changed": "dim"})


def file_entry(item: FoundFile, names: Mapping[str, str], now: datetime, zone: tzinfo | None) -> FileEntry:
    """A file or folder for the picker. `names`: of datasets by id."""
    if item.is_folder:
        return FileEntry(item.name, folder=True, changed=short(item.modified_at, now, zone))
    known = _("is “{name}”").format(name=names[item.added]) if item.added in names else _("is added") if item.added else ""
    kind = "" if item.file_kind == "unknown" else _(texts.FILE_KINDS[item.file_kind])
    return FileEntry(
        item.name,
        folder=False,
        size=texts.size(item.size),
        changed=short(item.modified_at, now, zone),
        remark=known or kind,
        fits=item.file_kind != "unknown",
    )


def version_row(item: DatasetVersion, current: int, signs: Glyphs, zone: tzinfo | None) -> Row:
    verdict, token = texts.verdict(item.verdict, signs)
    if item.missing:
        verdict, token = f"{signs.lost} {_('file is gone')}", "bad"
    made = moment(item.created_at)
    cells = {
        "version": str(item.version),
        "in_force": signs.star if item.version == current else "",
        "origin": _(texts.ORIGINS[item.origin]),
        "verdict": verdict,
        "rows": f"{item.summary.rows:,}" if item.summary is not None else "",
        "size": texts.size(item.size),
        "made": moments.full(made, zone) if made is not None else "",
    }
    return Row(str(item.version), cells, {"in_force": "warn", "verdict": token, "rows": "dim", "size": "dim", "made": "dim"})


def no_datasets(*, searched: bool, command: str) -> list[tuple[str, str]]:
    """What an empty list says. `command`: how a file is put here from elsewhere, "" on a local terminal."""
    if searched:
        return [(_("No dataset matches."), "dim")]
    lines = [
        (_("No dataset yet. A dataset is a file of examples that a model is trained on."), "text"),
        ("", "dim"),
        (_("Press {key} to add a file: JSON, JSONL, CSV, TXT or Parquet. It is checked at once.").format(key="n"), "accent"),
    ]
    if command:
        lines += [("", "dim"), (_("From another machine, put it here first:"), "dim"), (command, "text")]
    return lines


def empty_inbox(folder: str, command: str) -> list[tuple[str, str]]:
    """What an empty inbox says. `folder`: on a local terminal, where it is; `command`: what puts a file there over SSH."""
    lines = [(_("No file waits here to become a dataset."), "dim"), ("", "dim")]
    if command:
        lines += [(_("Put one here from your own machine:"), "text"), (command, "accent")]
    else:
        lines += [(_("Files that you put into this folder are offered here:"), "text"), (folder, "accent")]
    return [*lines, ("", "dim"), (_("Right: choose a file of this machine."), "dim")]
