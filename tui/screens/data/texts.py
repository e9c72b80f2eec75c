"""Datasets in words, for the data area: verdicts, formats, sizes, times, what a version is."""

from __future__ import annotations

from core.datasets.types import Dataset, DatasetVersion, FileKind, Format, Sort, Verdict, VersionOrigin, WorkKind, WorkProgress
from core.sanitise import one_line
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext

SORTS: dict[Sort, str] = {
    "updated": N_("by last change"),
    "name": N_("by name"),
    "rows": N_("by rows"),
    "size": N_("by size"),
    "created": N_("by age"),
}
FORMATS: dict[Format, str] = {
    "alpaca": "Alpaca",
    "sharegpt": "ShareGPT",
    "openai": "OpenAI",
    "preference": N_("preference"),
    "kto": "KTO",
    "text": N_("plain text"),
    "unknown": N_("unknown"),
}
FILE_KINDS: dict[FileKind, str] = {
    "jsonl": "JSONL",
    "json": "JSON",
    "csv": "CSV",
    "txt": "TXT",
    "parquet": "Parquet",
    "unknown": N_("unknown"),
}
VERDICTS: dict[Verdict, str] = {
    "unchecked": N_("not checked yet"),
    "usable": N_("usable"),
    "repairable": N_("usable after repair"),
    "unusable": N_("unusable"),
}
#: The same where there is little room.
SHORT: dict[Verdict, str] = {
    "unchecked": N_("not checked"),
    "usable": N_("usable"),
    "repairable": N_("needs repair"),
    "unusable": N_("unusable"),
}
VERDICT_TOKENS: dict[Verdict, str] = {"unchecked": "dim", "usable": "good", "repairable": "warn", "unusable": "bad"}
ORIGINS: dict[VersionOrigin, str] = {
    "added": N_("as it was added"),
    "repaired": N_("repaired"),
    "deduplicated": N_("without duplicates"),
    "split": N_("split off"),
}
#: What is under way, with the name of its dataset.
WORKS: dict[WorkKind, str] = {
    "check": N_("Checking “{name}”"),
    "repair": N_("Repairing “{name}”"),
    "split": N_("Splitting “{name}”"),
    "deduplicate": N_("Taking duplicates out of “{name}”"),
}


def verdict_sign(verdict: Verdict, signs: Glyphs) -> str:
    return {"unchecked": signs.waiting, "usable": signs.done, "repairable": "!", "unusable": signs.failed}[verdict]


def verdict(value: Verdict, signs: Glyphs) -> tuple[str, str]:
    """The verdict with its sign, and the token to draw it with."""
    return f"{verdict_sign(value, signs)} {_(VERDICTS[value])}", VERDICT_TOKENS[value]


def size(count: int) -> str:
    """Bytes as people compare them."""
    if count < 1000:
        return f"{count} B"
    exponent = 1 if count < 999_500 else 2 if count < 999_500_000 else 3
    amount, unit = count / 1000**exponent, ("", "kB", "MB", "GB")[exponent]
    return f"{amount:.0f} {unit}" if amount >= 100 else f"{amount:.1f} {unit}"


def time_left(seconds: float) -> str:
    """Seconds as a clock shows them: 0:07, 12:30, 1:02:30."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{last:02}" if hours else f"{minutes}:{last:02}"


def rows(count: int) -> str:
    return ngettext("{count} row", "{count} rows", count).format(count=f"{count:,}")


def problems(count: int) -> str:
    return ngettext("{count} problem", "{count} problems", count).format(count=f"{count:,}")


def format_of(version: DatasetVersion) -> str:
    """Format and kind of file: "ShareGPT in JSONL"."""
    return _("{format} in {file}").format(format=_(FORMATS[version.format]), file=_(FILE_KINDS[version.file_kind]))


def work_words(kind: WorkKind, name: str) -> str:
    return _(WORKS[kind]).format(name=one_line(name, 40))


def work_figures(progress: WorkProgress) -> list[str]:
    """How far long work is, the most important first: time left, bytes, rows, problems."""
    found = [_("{time} left").format(time=time_left(progress.left_s))] if progress.left_s is not None else []
    if progress.total:
        found.append(_("{done} of {total}").format(done=size(progress.done), total=size(progress.total)))
    if progress.rows:
        found.append(rows(progress.rows))
    if progress.kind == "check" or progress.problems:
        found.append(problems(progress.problems))
    return found


def missing(version: DatasetVersion) -> str:
    """What is the matter with the file of a version, "" for nothing."""
    if version.missing:
        return _("The file is no longer where it was. Put it back, or delete this dataset.")
    if version.stale:
        return _("The file changed since it was checked. Press {key} to check it again.").format(key="c")
    return ""


def usable(item: Dataset) -> bool:
    return item.verdict == "usable" and not item.current.missing
