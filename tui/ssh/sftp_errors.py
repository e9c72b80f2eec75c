"""Errors of core as errors of SFTP, with the sentence for a person in the language of the session."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import asyncssh

from core.errors import Conflict, DiskFull, Forbidden, InvalidInput, ModeltrainError, NotFound, QuotaExceeded
from tui.errors import describe
from tui.i18n import _

_Make = Callable[[str], asyncssh.SFTPError]

_BY_KIND: tuple[tuple[type[ModeltrainError], _Make], ...] = (
    (NotFound, asyncssh.SFTPNoSuchFile),
    (Forbidden, asyncssh.SFTPPermissionDenied),
    (QuotaExceeded, asyncssh.SFTPQuotaExceeded),
    (DiskFull, asyncssh.SFTPNoSpaceOnFilesystem),
    (InvalidInput, asyncssh.SFTPInvalidFilename),
)
_BY_CONFLICT: dict[str, _Make] = {
    "fixed_folders": asyncssh.SFTPPermissionDenied,
    "not_a_file": asyncssh.SFTPPermissionDenied,
    "file_exists": asyncssh.SFTPFileAlreadyExists,
    "is_a_folder": asyncssh.SFTPFileIsADirectory,
    "folder_to_remove": asyncssh.SFTPFileIsADirectory,
    "not_a_folder": asyncssh.SFTPNotADirectory,
    "folder_not_empty": asyncssh.SFTPDirNotEmpty,
}
#: Conflicts that the client asked about itself, or whose code says enough.
_PLAIN = {"file_exists", "is_a_folder", "not_a_folder"}


def as_sftp_error(error: Exception) -> asyncssh.SFTPError:
    """`error` for a client. What the machine says about its own files stays on the machine, but for a full disk."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return as_sftp_error(DiskFull())
        if error.errno == errno.ENAMETOOLONG:
            return asyncssh.SFTPInvalidFilename(os.strerror(errno.ENAMETOOLONG), "en")
        if error.errno == errno.EACCES:
            return asyncssh.SFTPPermissionDenied(_("This is not possible here."))
        return asyncssh.SFTPFailure(_("The server could not do this; its log says why."))
    sentence = describe(error).sentence
    if isinstance(error, Conflict):
        return _BY_CONFLICT.get(str(error.fields.get("what")), asyncssh.SFTPFailure)(sentence)
    for kind, code in _BY_KIND:
        if isinstance(error, kind):
            return code(sentence)
    return asyncssh.SFTPFailure(sentence)


def needs_words(error: Exception) -> bool:
    """Whether the code alone (all that OpenSSH's client shows) would leave a person guessing."""
    if isinstance(error, Conflict):
        return error.fields.get("what") not in _PLAIN
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, QuotaExceeded | DiskFull | InvalidInput)
