"""Server-sent events, as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6).

httpx-sse reads the same format, but only from a whole httpx response and without a limit: a provider could fill the memory with one
line or with an event that never ends. Its decoder is the oracle of tests/unit/llm/test_sse.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.llm.lines import LINE_LIMIT, LineSplitter, LineTooLong


class EventDecoder:
    """Feed it bytes; it yields (event, data). Events without data are not dispatched, as the standard says."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._lines = LineSplitter(limit)
        self._limit = limit
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """The events that `chunk` completed; the default event is "message". Raises core.llm.lines.LineTooLong."""
        for line in self._lines.feed(chunk):
            if not line:
                if self._data:
                    yield self._dispatch()
                self._event = ""
            elif line.startswith("data:"):
                self._append(line[6:] if line.startswith("data: ") else line[5:])
            else:
                self._field(line)

    @property
    def held(self) -> int:
        """Bytes of the event that is not whole yet."""
        return self._lines.held + self._size

    def close(self) -> Iterator[tuple[str, str]]:
        """The last event, where its blank line is missing: the standard drops it, but servers do end so."""
        for line in self._lines.close():
            if line.startswith("data:"):
                self._append(line[6:] if line.startswith("data: ") else line[5:])
            else:
                self._field(line)
        if self._data:
            yield self._dispatch()

    def _dispatch(self) -> tuple[str, str]:
        data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
        event = self._event or "message"
        self._data.clear()
        self._size = 0
        self._event = ""
        return event, data

    def _append(self, value: str) -> None:
        self._data.append(value)
        self._size += len(value) + 1  # its line end: a hundred megabytes of empty lines are not nothing
        if self._size > self._limit:
            self._data.clear()
            raise LineTooLong(self._limit)

    def _field(self, line: str) -> None:
        """Other fields than data; comments, `id` and `retry` mean nothing to an answer that cannot be resumed."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._append(value)
