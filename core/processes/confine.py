"""`python -I -S confine.py --hide PATH... --open PATH... [--tmp PATH] -- COMMAND...`: become COMMAND, which cannot read what is hidden.

Trainers open whatever the files of a model name: an index of weights names files, so does the configuration of a tokenizer. A model that
somebody brought along must not lead them to the master key, to the database or to other people's data. Landlock (Linux 5.19 and later)
holds the whole process tree to that: files below hidden folders can neither be read nor written, except below what is open; and other
processes of the same account can neither be looked into (their environment) nor sent signals. A kernel without it runs the command as it
is. Standard library only, nothing of this program: it is run by path.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_WRITE_FILE, _READ_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 2, 1 << 13, 1 << 14
_SCOPE_SIGNAL = 1 << 1
#: The version of Landlock that is needed: the first that knows about files moved from one folder to another.
OLDEST = 2
#: Where programs keep what they make on their way, made beforehand: of what appears later beside a hidden folder nothing can be read.
_HOMES = (".cache", ".config", ".triton", ".nv")


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version() -> int:
    """The version of Landlock that this kernel speaks; 0 or less: none."""
    return int(ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG))


def confine(hidden: list[str], opened: list[str]) -> bool:
    """Hold this process and its children to it, for good. False where the kernel cannot. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    spoken = version()
    if spoken < OLDEST:
        return False
    rights = _READ_FILE | _WRITE_FILE | _REFER | (_TRUNCATE if spoken >= 3 else 0)
    ruleset = _Ruleset(rights, 0, _SCOPE_SIGNAL if spoken >= 6 else 0)
    size = ctypes.sizeof(ruleset) if spoken >= 6 else 8
    rules = _checked(library.syscall(_CREATE, ctypes.byref(ruleset), ctypes.c_size_t(size), 0))
    closed = [os.path.realpath(path) for path in hidden]
    for path in _beside("/", closed):
        _allow(library, rules, path, rights, os.O_NOFOLLOW)
    for path in opened:
        _allow(library, rules, path, rights, 0)
    _checked(library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(library.syscall(_RESTRICT, rules, 0))
    os.close(rules)
    return True


def _beside(folder: str, hidden: list[str]) -> list[str]:
    """The highest folders and files below `folder` that neither are hidden nor hold what is."""
    found = []
    try:
        paths = sorted(Path(folder).iterdir())
    except OSError:
        return []
    for each in paths:
        path = str(each)
        if path in hidden or each.is_symlink():
            continue  # a rule holds for what a link leads to: that has its own, or is hidden
        if any(inner.startswith(path + "/") for inner in hidden):
            found += _beside(path, hidden)
        else:
            found.append(path)
    return found


def _allow(library: ctypes.CDLL, rules: int, path: str, rights: int, flags: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
    except OSError:
        return  # gone meanwhile, or never there: nothing to be read
    try:
        wanted = rights if stat.S_ISDIR(os.fstat(place).st_mode) else rights & ~_REFER
        beneath = _Beneath(wanted, place)
        library.syscall(_ADD, rules, _PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _read(arguments: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    end = arguments.index("--")
    lists: dict[str, list[str]] = {"--hide": [], "--open": [], "--tmp": []}
    for flag, path in zip(arguments[:end:2], arguments[1:end:2], strict=True):
        lists[flag].append(path)
    return lists, arguments[end + 1 :]


def _prepare(hidden: list[str], own: list[str]) -> None:
    """Places for what is made on the way, where the usual ones lie beside something hidden."""
    closed = [os.path.realpath(path) for path in hidden]
    home, temporary = os.environ.get("HOME", ""), os.path.realpath(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
    if home and any(each.startswith(os.path.realpath(home) + "/") for each in closed):
        for name in _HOMES:
            try:
                (Path(home) / name).mkdir(exist_ok=True)
            except OSError:
                continue
    if own and any(each == temporary or each.startswith(temporary + "/") for each in closed):
        os.environ["TMPDIR"] = own[0]
        Path(own[0]).mkdir(mode=0o700, parents=True, exist_ok=True)


def main() -> int:
    lists, command = _read(sys.argv[1:])
    try:
        _prepare(lists["--hide"], lists["--tmp"])
        confine(lists["--hide"], lists["--open"])
        os.execvpe(command[0], command, os.environ)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
    return 127


if __name__ == "__main__":
    sys.exit(main())
