"""The master key: where it comes from, and which of several is meant.

A source holds one or more keys, each base64 of 32 bytes, separated by blanks or lines. The first is current: it wraps new data keys.
The others only unwrap: that is how a master key is replaced without a moment in which something cannot be read (storage/rotation.py).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from storage.errors import KeyMissing
from storage.failures import of_file
from storage.files import exposure, locked, write_private

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class MasterKey:
    """`id` is a fingerprint, safe to store and show: it says which key wrapped a data key, and nothing about the key."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.sha256(b"modeltrain master key\x00" + self.secret).hexdigest()[:16]

    @property
    def text(self) -> str:
        return base64.b64encode(self.secret).decode()


def new_master_key() -> MasterKey:
    return MasterKey(os.urandom(KEY_BYTES))


def parse_keys(text: str, source: str) -> tuple[MasterKey, ...]:
    """The keys in `text`, the current one first. Raises KeyMissing (reason malformed); `source` is for its message."""
    try:
        keys = tuple(MasterKey(_decode(word)) for word in text.split())
    except (binascii.Error, ValueError):
        raise KeyMissing(source=source, reason="malformed") from None
    if not keys or any(len(key.secret) != KEY_BYTES for key in keys):
        raise KeyMissing(source=source, reason="malformed")
    return keys


def _decode(word: str) -> bytes:
    plain = word.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


class KeySource(Protocol):
    """Where master keys are kept. `name` is for people and holds no key. `own`: ours to make and to replace."""

    name: str
    own: bool

    def read(self) -> tuple[MasterKey, ...]:
        """The keys that are there now, the current one first; none if there is nothing. Raises KeyMissing if it is no good."""
        ...

    def write(self, keys: tuple[MasterKey, ...], *, new: bool = False) -> None:
        """Replace the keys at once. `new`: FileExistsError if there are some already."""
        ...

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """One process at a time may change the keys."""
        ...


class FileKeys:
    """Keys in a file of their own. `strict`: refuse a file that others may read."""

    def __init__(self, path: Path, *, own: bool, strict: bool = True) -> None:
        self.name = str(path)
        self.own = own
        self._path = path
        self._strict = strict

    def read(self) -> tuple[MasterKey, ...]:
        try:
            exposed = exposure(self._path)
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyMissing(source=self.name, reason="malformed") from error
        if exposed and self._strict:
            raise KeyMissing(source=self.name, reason="exposed", mode=f"{self._path.stat().st_mode & 0o777:04o}")
        return parse_keys(text, self.name)

    def write(self, keys: tuple[MasterKey, ...], *, new: bool = False) -> None:
        try:
            write_private(self._path, "".join(f"{key.text}\n" for key in keys), new=new)
        except FileExistsError:
            raise
        except OSError as error:
            raise of_file(error) from error

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        if not self.own:
            yield
            return
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self._path.with_name(self._path.name + ".lock")))
            except OSError as error:
                raise of_file(error) from error
            yield


class GivenKeys:
    """Keys given in the text of an environment variable: not ours to change."""

    own = False

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._text = text

    def read(self) -> tuple[MasterKey, ...]:
        return parse_keys(self._text, self.name)

    def write(self, keys: tuple[MasterKey, ...], *, new: bool = False) -> None:
        raise NotImplementedError(f"{self.name} is not ours to change")

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        yield


class Keyring:
    """The master keys of a source, kept in memory and read again when one is asked for that is not known yet."""

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._keys: tuple[MasterKey, ...] = ()
        self._lock = threading.Lock()

    def refresh(self) -> tuple[MasterKey, ...]:
        """All keys, read anew."""
        with self._lock:
            self._keys = self.source.read()
            return self._keys

    def current(self) -> MasterKey:
        """The key that wraps, read anew: another process may have replaced it. Raises KeyMissing."""
        keys = self.refresh()
        if not keys:
            raise KeyMissing(source=self.source.name, reason="missing")
        return keys[0]

    def find(self, key_id: str) -> MasterKey:
        """The key that wrapped something. Raises KeyMissing: missing if there is no key at all, else wrong."""
        for keys in (self._keys, self.refresh()):
            for key in keys:
                if key.id == key_id:
                    return key
        raise KeyMissing(source=self.source.name, reason="wrong" if self._keys else "missing")
