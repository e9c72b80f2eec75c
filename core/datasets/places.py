"""Where datasets may lie for whom, and what can be chosen from. All of it blocks.

Somebody at this machine may name any file that the account of the machine can read. Somebody served over SSH may name files below the
own `datasets` folder and below the folders of TrainingSettings.dataset_folders, and nothing else; links are resolved before that.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.auth.principal import Principal
from core.datasets.reading import ENDINGS
from core.datasets.types import Folder, FoundFile
from core.errors import InvalidInput, ModeltrainError, NotFound
from core.files.names import acceptable
from core.files.service import UserFiles

#: Entries of a folder that are shown.
MOST = 2000
OWN = "datasets"


class Places:
    """`folders`: what everybody may use (absolute)."""

    def __init__(self, files: UserFiles, folders: tuple[Path, ...]) -> None:
        self._files, self._folders = files, folders

    def own(self, principal: Principal) -> Path:
        """The account's own datasets folder, made if it is missing; its real path."""
        return (self._files.folder(principal) / OWN).resolve()

    def within(self, principal: Principal) -> tuple[str, ...]:
        """Real folders that files must lie below; () for anywhere."""
        if not principal.served:
            return ()
        return (str(self.own(principal)), *(str(folder.resolve()) for folder in self._folders if folder.exists()))

    def find(self, principal: Principal, path: str) -> Path:
        """The real path of a regular file that `principal` may use.

        Raises NotFound(kind="dataset_file"), InvalidInput("path", "not_allowed" | "not_a_file" | "not_readable").
        """
        if "\x00" in path or not path.strip():
            raise InvalidInput("path", "required" if not path.strip() else "control_characters")
        try:
            real = self._named(principal, path).resolve(strict=True)
            info = real.stat()
        except (OSError, RuntimeError):  # RuntimeError: links in a circle
            raise NotFound(kind="dataset_file", reference=path) from None
        allowed = self.within(principal)
        if allowed and not any(real.is_relative_to(folder) for folder in allowed):
            raise NotFound(kind="dataset_file", reference=path)  # as if it were not there: what else is on the server is nobody's business
        if not stat.S_ISREG(info.st_mode):
            raise InvalidInput("path", "not_a_file", value=path)
        if not os.access(real, os.R_OK):
            raise InvalidInput("path", "not_readable", value=path)
        return real

    def _named(self, principal: Principal, path: str) -> Path:
        """What a person means: a served one names files from the root of the own folders on, like in sftp."""
        if not principal.served:
            return Path(path).expanduser()
        absolute = Path(path)
        roots = [self.own(principal), *self._folders, *(folder.resolve() for folder in self._folders)]
        if absolute.is_absolute() and any(absolute.is_relative_to(root) for root in roots):
            return absolute
        try:
            return self._files.resolve(principal, path)
        except ModeltrainError:
            raise NotFound(kind="dataset_file", reference=path) from None

    def allowed(self, principal: Principal, path: str) -> bool:
        """Whether a kept path may still be used, links resolved as they are now."""
        allowed = self.within(principal)
        return not allowed or any(Path(path).resolve().is_relative_to(folder) for folder in allowed)

    def browse(self, principal: Principal, path: str, added: Mapping[str, str]) -> Folder:
        """The folder `path` ("place" of another one does as well), or where this person begins: at this machine, where the program was
        started. Raises NotFound."""
        own = self.own(principal)
        tops = [own, *(folder.resolve() for folder in self._folders if folder.is_dir())]
        if principal.served and not path.strip("/") and len(tops) > 1:
            entries = tuple(FoundFile(self._place(principal, top), str(top), True, 0, 0) for top in tops)
            return Folder("", "/", None, entries)
        folder = self._folder(principal, path, own, tops)
        if not folder.is_dir() or (principal.served and not any(folder.is_relative_to(top) for top in tops)):
            raise NotFound(kind="dataset_file", reference=path)
        parent: str | None = str(folder.parent) if folder.parent != folder else None
        if principal.served and folder in tops:
            parent = "" if len(tops) > 1 else None
        entries, cut = _entries(folder, added, links=not principal.served)
        return Folder(str(folder), self._place(principal, folder), parent, entries, cut)

    @staticmethod
    def _folder(principal: Principal, path: str, own: Path, tops: Sequence[Path]) -> Path:
        """The real folder that a person means; where it may be is judged by whoever asks."""
        if not principal.served:
            return (Path(path).expanduser() if path else Path.cwd()).resolve()
        if not path.strip("/"):
            return own
        named = Path(path).resolve()
        # As in sftp, the root is that of the own folders.
        return named if any(named.is_relative_to(top) for top in tops) else (own.parent / path.strip("/")).resolve()

    def _place(self, principal: Principal, folder: Path) -> str:
        root = self.own(principal).parent
        return "/" + str(folder.relative_to(root)) if principal.served and folder.is_relative_to(root) else str(folder)

    def inbox(self, principal: Principal, added: Mapping[str, str]) -> tuple[FoundFile, ...]:
        """Files in the own datasets folder, at most two levels down, that are no dataset yet; the newest first."""
        own = self.own(principal)
        found = list(_entries(own, added)[0])
        for entry in [entry for entry in found if entry.is_folder][:100]:
            found += _entries(Path(entry.path), added)[0]
        new = [entry for entry in found if not entry.is_folder and not entry.added and entry.file_kind != "unknown"]
        return tuple(sorted(new, key=lambda entry: -entry.modified_at))


def _entries(folder: Path, added: Mapping[str, str], *, links: bool = False) -> tuple[tuple[FoundFile, ...], bool]:
    """Folders and regular files, by name; hidden ones and unfinished uploads are left out. `links`: those that links lead to, too."""
    found: list[FoundFile] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) > MOST:
                    break
                if entry.name.startswith(".") or entry.name.endswith(".part") or not acceptable(entry.name):
                    continue
                try:
                    info = entry.stat(follow_symlinks=links)
                except OSError:
                    continue
                is_folder = stat.S_ISDIR(info.st_mode)
                if is_folder or stat.S_ISREG(info.st_mode):
                    path = str(folder / entry.name)
                    kind = "unknown" if is_folder else ENDINGS.get(Path(entry.name).suffix.lower(), "unknown")
                    found.append(FoundFile(entry.name, path, is_folder, info.st_size, info.st_mtime_ns // 10**6, kind, added.get(path, "")))
    except OSError:
        return (), False
    ordered = sorted(found[:MOST], key=lambda each: (not each.is_folder, each.name.lower()))
    return tuple(ordered), len(found) > MOST
