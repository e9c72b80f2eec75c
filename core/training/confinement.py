"""What a program that reads somebody's models and data may not reach: everything of the server but what that person may use.

The files of a model name further files: which pieces its weights have, where the words of its tokenizer are. LLaMA-Factory opens them with
the rights of the server's account. So whatever runs for a served person who is no administrator is confined (core/processes/confine.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.processes.confining import confined
from core.settings import Settings


def hidden(settings: Settings) -> tuple[Path, ...]:
    """The data folder with everybody's files, and the secrets that may lie elsewhere."""
    found = [settings.data_dir]
    if settings.master_key_file is not None:
        found.append(settings.master_key_file)
    if (database := settings.database_file) is not None:
        found += [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))]
    return tuple(found)


def for_everybody(settings: Settings) -> tuple[Path, ...]:
    """Folders that may lie below the hidden ones, and are meant for everybody."""
    return (settings.data_dir / "models", *settings.training.model_folders, *settings.training.dataset_folders)


def held(command: Iterable[str], settings: Settings, opened: Iterable[Path | str], temporary: Path | str | None = None) -> tuple[str, ...]:
    """`command` so that of the server's own files it reaches `opened` and what everybody may use."""
    return confined(command, hidden=hidden(settings), opened=(*opened, *for_everybody(settings)), temporary=temporary)
