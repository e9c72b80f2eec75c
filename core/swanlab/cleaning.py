"""Clean-up: which experiments a rule means, and their removal with rows and files together. Blocks: belongs into a thread."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import Conflict, NotFound
from core.swanlab import database, directory
from core.swanlab.types import Cleaned, CleanPreview, CleanRule, Experiment, RunTruths, Spared

_DAY_MS = 24 * 3600 * 1000


def preview(rule: CleanRule, by_project: Iterable[Sequence[Experiment]], *, now_ms: int) -> CleanPreview:
    """What `rule` means of these, each project's newest first. Pinned ones stay, and of those to be kept they count as any other."""
    going: list[Experiment] = []
    spared: list[Spared] = []
    for found in by_project:
        for place, item in enumerate(found):
            if not _meant(rule, item, place, now_ms):
                continue
            if item.state == "running":
                spared.append(Spared(item, "running"))
            elif item.pinned:
                spared.append(Spared(item, "pinned"))
            else:
                going.append(item)
    return CleanPreview(tuple(sorted(going, key=lambda item: item.created_at or 0)), tuple(spared))


def _meant(rule: CleanRule, item: Experiment, place: int, now_ms: int) -> bool:
    if rule.experiment_ids:
        return item.id in rule.experiment_ids
    if rule.keep is None and rule.older_than_days is None:
        return False
    beyond = rule.keep is None or place >= rule.keep
    old = rule.older_than_days is None or (item.created_at or 0) < now_ms - rule.older_than_days * _DAY_MS
    return beyond and old


def remove(folder: Path, experiment_ids: Collection[str], truths: RunTruths) -> Cleaned:
    """Remove experiments of one directory, all of them or, if one may not go, none.

    The folders step aside under the database's write lock, before the rows go; so a crash leaves either both or, aside, what `tidy` finds.
    Raises NotFound(kind="experiment"), Conflict(what="experiment_running" | "experiment_pinned"), EnvironmentProblem.
    """
    tidy(folder)
    moved: list[Path] = []
    try:
        with database.writing(folder) as connection:
            found = {item.id: item for item in directory.experiments(folder, truths)}  # under the lock: as it is now
            chosen = [checked(found, experiment_id) for experiment_id in experiment_ids]
            for item in chosen:
                if item.folder_there:
                    (folder / item.id).rename(aside := folder / f"{directory.GOING}{item.id}")
                    moved.append(aside)
            rows = [database.experiment_row(connection, item.id) for item in chosen]
            database.remove_rows(connection, [row["id"] for row in rows if row is not None])
    except BaseException:
        for aside in moved:
            aside.rename(folder / aside.name.removeprefix(directory.GOING))
        raise
    for aside in moved:
        shutil.rmtree(aside, ignore_errors=True)  # what is left of it, `tidy` removes
    return Cleaned(tuple(item.id for item in chosen), sum(item.bytes for item in chosen))


def checked(found: dict[str, Experiment], experiment_id: str) -> Experiment:
    """The experiment if it may be removed."""
    item = found.get(experiment_id)
    if item is None:
        raise NotFound(kind="experiment", reference=experiment_id)
    if item.state == "running":
        raise Conflict(what="experiment_running", experiment=item.name)
    if item.pinned:
        raise Conflict(what="experiment_pinned", experiment=item.name)
    return item


def tidy(folder: Path) -> None:
    """Put right what a crash left of a removal: a folder aside comes back if its row is still there, else it goes."""
    aside = [path for path in folder.glob(f"{directory.GOING}*") if path.is_dir() and not path.is_symlink()]
    if not aside:
        return
    with database.writing(folder) as connection:  # so that no removal under way is undone
        for path in aside:
            name = path.name.removeprefix(directory.GOING)
            if database.experiment_row(connection, name) is None:
                shutil.rmtree(path, ignore_errors=True)
            elif not (folder / name).exists():
                with suppress(OSError):
                    path.rename(folder / name)


def pin(own: Path, pinned: bool) -> None:
    """Pin the experiment of this folder, or let it go again. Raises NotFound where its files are gone."""
    mark = own / directory.PIN
    try:
        if pinned:
            mark.touch(mode=0o600)
        else:
            mark.unlink(missing_ok=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(kind="experiment", reference=own.name) from error
