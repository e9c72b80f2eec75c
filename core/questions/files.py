"""Files of questions: where they may lie for whom, opened to be read, and written whole or not at all. All of it blocks.

Somebody at this machine may name any file that the account of the machine can use. Somebody served over SSH names files below the own
folders, as in sftp, and may read those of TrainingSettings.dataset_folders; links are not followed out of them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from core.auth.principal import Principal
from core.errors import Conflict, DiskFull, EnvironmentProblem, InvalidInput, ModeltrainError, NotFound
from core.files.opened import Reading
from core.files.service import UserFiles
from core.questions.reading import open_regular


class Target(Protocol):
    """A file that grows where nobody sees it until `commit`. `discard` leaves nothing."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> None: ...
    def discard(self) -> None: ...


class QuestionFiles:
    """`folders`: what everybody may read (absolute)."""

    def __init__(self, files: UserFiles, folders: tuple[Path, ...]) -> None:
        self._files, self._folders = files, folders

    def open(self, principal: Principal, path: str) -> BinaryIO:
        """A file to read. Raises NotFound(kind="question_file"), InvalidInput("path", ...)."""
        self._named(path)
        if not principal.served:
            return open_regular(Path(path).expanduser())
        absolute = Path(path)
        if absolute.is_absolute() and any(absolute.resolve().is_relative_to(folder.resolve()) for folder in self._folders):
            return open_regular(absolute.resolve())
        try:
            reading = self._files.open_reading(principal, self._own(principal, path))
        except InvalidInput:
            raise
        except ModeltrainError:
            raise NotFound(kind="question_file", reference=path) from None
        return io.BufferedReader(_Raw(reading), 1 << 16)

    def create(self, principal: Principal, path: str, *, replace: bool) -> Target:
        """A file to write. Raises Conflict(what="file_exists"), EnvironmentProblem(what="file_not_writable"), InvalidInput, NotFound."""
        self._named(path)
        if not principal.served:
            return LocalTarget(Path(path).expanduser(), replace=replace)
        return _OwnTarget(self._files, principal, self._own(principal, path), replace=replace)

    @staticmethod
    def _named(path: str) -> None:
        if not path.strip():
            raise InvalidInput("path", "required")
        if "\x00" in path:
            raise InvalidInput("path", "control_characters")

    def _own(self, principal: Principal, path: str) -> str:
        """A name as in sftp of what may be named by its real place, too (the file picker does)."""
        root = self._files.folder(principal).resolve()
        absolute = Path(path)
        if absolute.is_absolute() and absolute.is_relative_to(root):
            return str(absolute.relative_to(root))
        return path


class _Raw(io.RawIOBase):
    """A file of an account's own as one of Python's."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._at = reading, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._reading.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._reading.info().st_size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._reading.commit()
        super().close()


@contextlib.contextmanager
def _refusals(path: object) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise Conflict(what="file_exists") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull() from error
        raise EnvironmentProblem(what="file_not_writable", path=str(path), reason=error.strerror or "") from error


class LocalTarget:
    """A file of this machine, for its owner's eyes only until somebody changes that."""

    def __init__(self, path: Path, *, replace: bool) -> None:
        self._path, self._replace = path, replace
        self._part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
        with _refusals(path):
            if not replace and os.path.lexists(path):
                raise FileExistsError
            if path.is_dir():
                raise EnvironmentProblem(what="file_not_writable", path=str(path), reason=os.strerror(errno.EISDIR))
            self._file = os.fdopen(os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")

    def write(self, data: bytes) -> None:
        with _refusals(self._path):
            self._file.write(data)

    def commit(self) -> None:
        try:
            with _refusals(self._path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                if self._replace:
                    self._part.replace(self._path)
                else:
                    _place(self._part, self._path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


def _place(part: Path, path: Path) -> None:
    """Give the file its name unless something has it already; file systems without links are trusted with a look."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError from None
        part.replace(path)
    else:
        part.unlink()


class _OwnTarget:
    def __init__(self, files: UserFiles, principal: Principal, path: str, *, replace: bool) -> None:
        self._upload = files.open_writing(principal, path, replace=replace)
        self._at = 0

    def write(self, data: bytes) -> None:
        self._at += self._upload.write(self._at, data)

    def commit(self) -> None:
        self._upload.commit()

    def discard(self) -> None:
        self._upload.discard()


#: Opens a file to read, as often as needed.
Open = Callable[[], BinaryIO]
