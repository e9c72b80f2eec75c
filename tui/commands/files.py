"""Files that commands are given by name: the only door to them.

On the machine itself a name is a file of the account that runs the command. For somebody who is signed in over SSH it is a file below
their own folders on the server (core/files), or "-"; no other file of the server can be reached.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING

from core.documents.replacing import replacing
from core.errors import DiskFull, EnvironmentProblem, ModeltrainError

if TYPE_CHECKING:
    from core.files.service import UserFiles
    from tui.commands.common import Served

#: Bytes of a file with a key or a password that are read.
_LONGEST = 64 * 1024
#: Bytes that are copied at a time.
_CHUNK = 1024 * 1024
STANDARD = "-"
#: Without a default: as long as it was not said whose the files are, none can be named.
_served: ContextVar[Served | None] = ContextVar("modeltrain_served")


def is_served() -> bool:
    """Whether the command runs for somebody who is signed in over SSH."""
    return _served.get(None) is not None


def use_files_of(served: Served | None) -> None:
    """From now on, in this context, names are those of this person's own files; None: those of the machine's account."""
    _served.set(served)


class NamedFile:
    """A file as it was named on the command line: the `parser` of every option and argument that names one.

    It cannot be opened but through the methods here, so nobody can forget whose file it is. Raises LookupError where that was never said.
    """

    __slots__ = ("_name", "_served")

    def __init__(self, name: str) -> None:
        self._name = name
        self._served = _served.get()

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"NamedFile({self._name!r})"

    @property
    def is_standard(self) -> bool:
        """Whether it is "-": standard input or output."""
        return self._name == STANDARD

    def read_text(self, limit: int = _LONGEST) -> str:
        """At most `limit` bytes of it as text. Raises EnvironmentProblem (file_not_readable), NotFound, InvalidInput."""
        try:
            return self._read(limit).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise EnvironmentProblem(what="file_not_readable", path=self._name, reason="UTF-8") from error
        except (OSError, ValueError) as error:
            raise EnvironmentProblem(what="file_not_readable", path=self._name, reason=_reason(error)) from error

    def read_bytes(self, limit: int) -> bytes:
        """At most `limit` bytes of it. Raises as `read_text`."""
        try:
            return self._read(limit)
        except (OSError, ValueError) as error:
            raise EnvironmentProblem(what="file_not_readable", path=self._name, reason=_reason(error)) from error

    def read_first_line(self) -> str:
        """Its first line without the line end. Raises as `read_text`."""
        if not self.is_standard:
            return self.read_text().split("\n", 1)[0].rstrip("\r")
        try:
            return sys.stdin.buffer.readline(_LONGEST).decode().rstrip("\r\n")  # what follows is for whoever reads next
        except UnicodeDecodeError as error:
            raise EnvironmentProblem(what="file_not_readable", path=self._name, reason="UTF-8") from error

    def write_text(self, text: str) -> None:
        """Put `text` there, for its owner's eyes only, whole or not at all. "-" is standard output.

        Raises EnvironmentProblem (file_not_writable), DiskFull, and for served people QuotaExceeded, Conflict, InvalidInput, NotFound.
        """
        try:
            if self.is_standard:
                sys.stdout.write(text)
            elif self._served is not None:
                import io

                self._write_own(self._served, io.BytesIO(text.encode()))
            else:
                _write(Path(self._name).expanduser(), text)
        except OSError as error:
            if self.is_standard:
                raise
            raise EnvironmentProblem(what="file_not_writable", path=self._name, reason=_reason(error)) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """A file of bytes to write to and to move about in. It gets its name when the block ends well; else nothing of it is left.

        "-" is standard output. Raises as `write_text`.
        """
        place = None if self.is_standard or self._served is not None else Path(self._name).expanduser()
        try:
            if place is None:
                import tempfile

                with tempfile.TemporaryFile() as file:
                    yield file
                    file.seek(0)
                    self._send(file)
            else:
                with replacing(place, private=True) as file:
                    yield file
        except OSError as error:
            if self.is_standard:
                raise
            raise EnvironmentProblem(what="file_not_writable", path=self._name, reason=_reason(error)) from error

    def _send(self, source: IO[bytes]) -> None:
        """Everything of `source` to where this is, unless that is a file of the machine's own account."""
        if self._served is not None and not self.is_standard:
            self._write_own(self._served, source)
            return
        while chunk := source.read(_CHUNK):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()

    def _read(self, limit: int) -> bytes:
        if self.is_standard:
            return sys.stdin.buffer.read(limit)
        if self._served is None:
            with Path(self._name).expanduser().open("rb") as reader:
                return reader.read(limit)
        reading = _files(self._served).open_reading(self._served.principal, self._name)
        try:
            return reading.read(0, limit)
        finally:
            reading.commit()

    def _write_own(self, served: Served, source: IO[bytes]) -> None:
        upload, at = _files(served).open_writing(served.principal, self._name), 0
        try:
            while chunk := source.read(_CHUNK):
                upload.write(at, chunk)
                at += len(chunk)
            upload.commit()
        except (ModeltrainError, OSError) as error:
            upload.discard()
            if isinstance(error, DiskFull):
                raise DiskFull() from error  # where the server keeps its files is nobody's business
            raise


def _files(served: Served) -> UserFiles:
    from core.files.service import UserFiles

    return UserFiles(served.settings.data_dir, served.settings.serve.user_quota_bytes)


def _write(path: Path, text: str) -> None:
    with replacing(path, private=True) as file:
        file.write(text.encode())


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or ""
