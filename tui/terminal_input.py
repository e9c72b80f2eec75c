"""What comes from the terminal, read so that nothing in it can end the program or act as keys that nobody pressed.

Textual 8.2 reads a paste like keys: an escape character in it makes up to 32 of the characters behind it keys, and a report of a
new size in it is believed. Bytes that are not UTF-8, and key codes beyond Unicode, end its reading with a traceback. And it gives
a key with Alt the character of the key without: text fields would type the letter, and the key would do nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from functools import partial

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

from core.sanitise import sanitise

_extended_key = XTermParser._parse_extended_key.__wrapped__


class InputParser(XTermParser):
    """Takes what lies between the marks of a paste as text, sanitised, and as nothing else."""

    def __init__(self, debug: bool = False) -> None:
        self._before = ""
        self._pasted: list[str] | None = None
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """The events in `data`; "" is the end of the input."""
        if not data:
            yield from super().feed("")
            return
        while data:
            read, data = self._read_keys(data) if self._pasted is None else self._read_paste(data)
            yield from read

    def _read_keys(self, data: str) -> tuple[list[Message], str]:
        """The events before a paste, and what is left of `data` behind the mark that begins it."""
        seen = self._before + data
        found = seen.find(BRACKETED_PASTE_START)
        if found < 0:
            self._before = seen[1 - len(BRACKETED_PASTE_START) :]
            return self._keys(data), ""
        behind = found + len(BRACKETED_PASTE_START) - len(self._before)
        self._before, self._pasted = "", []
        return self._keys(data[:behind]), data[behind:]

    def _read_paste(self, data: str) -> tuple[list[Message], str]:
        """The paste if it ends in `data`, and what is left behind it. `_before`: the end of what came, where the mark may begin."""
        assert self._pasted is not None
        seen = self._before + data
        found = seen.find(BRACKETED_PASTE_END)
        if found < 0:
            held = len(BRACKETED_PASTE_END) - 1
            self._pasted.append(seen[:-held])
            self._before = seen[-held:]
            return [], ""
        text = sanitise("".join([*self._pasted, seen[:found]]))
        self._before, self._pasted = "", None
        # The parser below has seen the mark that began the paste: it has to see the one that ends it.
        keys = self._keys(BRACKETED_PASTE_END)
        return [*keys, events.Paste(text)] if text else keys, seen[found + len(BRACKETED_PASTE_END) :]

    def _keys(self, data: str) -> list[Message]:
        # The empty paste is what the parser below makes of one whose text it never saw.
        return [event for event in super().feed(data) if not isinstance(event, events.Paste)] if data else []

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        for event in super()._sequence_to_key_events(sequence, alt):
            if alt and event.is_printable:
                key = event.key if event.key.startswith("alt+") else f"alt+{event.key}"
                yield events.Key(key, None)
            else:
                yield event

    def _parse_extended_key(self, sequence: str) -> list[events.Key] | None:  # type: ignore[override]
        # Past its cache, which would keep this parser, and by the keys in it a whole application that has ended.
        try:
            return _extended_key(self, sequence)
        except (ValueError, OverflowError):
            return None


def lenient_decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """Stands for `codecs.getincrementaldecoder`: what is not `encoding` becomes U+FFFD instead of an error."""
    return partial(codecs.getincrementaldecoder(encoding), "replace")
