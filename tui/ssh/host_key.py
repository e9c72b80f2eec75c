"""The host key: by it people know that this is the server they think it is. Made once, never written over."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from core.errors import DiskFull, EnvironmentProblem

FILE = "ssh_host_ed25519_key"
ALGORITHM = "ssh-ed25519"
_FULL = (errno.ENOSPC, errno.EDQUOT)
#: No private ed25519 key is longer; a longer file is something else.
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class HostKey:
    """`fingerprint`: as OpenSSH shows it, "SHA256:..."; `made`: it was made just now."""

    key: asyncssh.SSHKey
    path: Path
    fingerprint: str
    made: bool

    @property
    def public(self) -> str:
        """The line for a known_hosts file, without the name of the host."""
        return " ".join(self.key.export_public_key("openssh").decode("ascii").split()[:2])


def load_or_make(data_dir: Path) -> HostKey:
    """The host key of the installation in `data_dir` (0600); of two servers that make it at once, both get the same.

    Raises EnvironmentProblem (host_key_damaged, host_key_exposed, host_key_foreign, folder_not_writable) or DiskFull.
    """
    path = data_dir / FILE
    try:
        made = not path.is_symlink() and not path.exists() and _make(path)
        key = _read(path)
    except OSError as error:
        if isinstance(error, PermissionError) and path.exists():
            raise EnvironmentProblem(what="host_key_foreign", path=str(path)) from error
        if error.errno in _FULL:
            raise DiskFull(path=str(data_dir)) from error
        raise EnvironmentProblem(what="folder_not_writable", path=str(data_dir), reason=error.strerror or "") from error
    return HostKey(key, path, key.get_fingerprint("sha256"), made)


def _make(path: Path) -> bool:
    """Whether this call made it: a link of a finished file appears at once and never takes the place of another."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(asyncssh.generate_private_key(ALGORITHM, comment="modeltrain").export_private_key("openssh"))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a folder that cannot be synchronised: the key is there all the same
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _read(path: Path) -> asyncssh.SSHKey:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise EnvironmentProblem(what="host_key_damaged", path=str(path))
        if found.st_uid not in (os.geteuid(), 0):
            raise EnvironmentProblem(what="host_key_foreign", path=str(path))
        if found.st_mode & 0o077:
            raise EnvironmentProblem(what="host_key_exposed", path=str(path))
        data = file.read(_LONGEST + 1)
    try:
        key = asyncssh.import_private_key(data)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise EnvironmentProblem(what="host_key_damaged", path=str(path)) from error
    if len(data) > _LONGEST or key.get_algorithm() != ALGORITHM:
        raise EnvironmentProblem(what="host_key_damaged", path=str(path))
    return key
