"""The ends of a log as the rules see them: lines with their places, the last traceback, and pieces cut out as proof."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.training.failures.types import Evidence, LogExcerpt

#: Bytes of a proof; and how much before the first traceback still belongs to the end.
LINE_LIMIT = 600
_BEFORE = 16 * 1024
#: What may stand before a message: torchrun's rank, SwanLab's or a logger's mark.
PREFIX = rb"(?:\[(?:rank)?\d+\]:\s?)?"
_TRACEBACK = re.compile(rb"^" + PREFIX + rb"Traceback \(most recent call last\):", re.MULTILINE)
#: The line that ends a traceback: "package.SomeError: what it says". Some exceptions have no word after their name.
_RAISED = re.compile(
    rb"^" + PREFIX + rb"(?P<kind>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure|NotFound|Warning|Invalid|Refused))"
    rb"(?::[ \t]?(?P<said>[^\r\n]*))?[ \t]*\r?$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that reached the top: `kind` with its package, `said` without what a terminal would act on being removed."""

    kind: str
    said: str
    start: int


class Log:
    """`data` begins at `offset` of the file."""

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.offset = offset

    @classmethod
    def of(cls, evidence: Evidence) -> Log:
        """The tail, with the head before it where there is one: places of the head are those of the file, too."""
        return cls(evidence.log_tail, evidence.log_tail_offset)

    def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """The last match: what ended a run is said last."""
        found = list(pattern.finditer(self.data))
        return found[-1] if found else None

    def end(self) -> Log:
        """What was said around the end: from shortly before the first traceback on, else the last lines.

        Samples are printed before the training: one that speaks of errors must not be taken for one.
        """
        begin = _TRACEBACK.search(self.data)
        start = max(0, (begin.start() if begin else len(self.data)) - _BEFORE)
        return Log(self.data[start:], self.offset + start)

    def excerpt(self, start: int, end: int | None = None, *, exact: bool = False) -> LogExcerpt:
        """The whole lines from `start` to `end` (places in `data`), cut where they are too long to be read.

        `exact`: from `start` on, for what was written behind a progress bar.
        """
        first = start if exact else max(self.data.rfind(b"\n", 0, start), self.data.rfind(b"\r", 0, start)) + 1
        last = start if end is None else max(start, end)
        ends = [place for place in (self.data.find(b"\n", last), self.data.find(b"\r", last)) if place >= 0]
        text = self.data[first : min(ends, default=len(self.data))][:LINE_LIMIT]
        return LogExcerpt(self.offset + first, text.decode("utf-8", "replace").strip("\r\n"))

    def raised(self) -> Raised | None:
        """The last exception of the log that ends a traceback; under torchrun the worker's, not the launcher's that follows from it."""
        found: list[re.Match[bytes]] = [each for each in _RAISED.finditer(self.data) if self._ends_traceback(each.start())]
        own = [each for each in found if not each["kind"].endswith((b"ChildFailedError", b"SignalException"))]
        for match in reversed(own or found):
            said = (match["said"] or b"").decode("utf-8", "replace").strip()
            return Raised(match["kind"].decode("ascii", "replace"), said, match.start())
        return None

    def _ends_traceback(self, place: int) -> bool:
        """Whether a traceback stands a little before `place`."""
        return _TRACEBACK.search(self.data, max(0, place - 64 * 1024), place) is not None

    def traceback_of(self, raised: Raised) -> bytes:
        """The text of the traceback that `raised` ends."""
        begin = self.data.rfind(b"Traceback (most recent call last):", 0, raised.start)
        return self.data[max(begin, 0) : raised.start]

    def last_line(self) -> LogExcerpt | None:
        """The last line that says anything; progress bars do not."""
        end = len(self.data)
        while end > 0:
            start = max(self.data.rfind(b"\n", 0, end), self.data.rfind(b"\r", 0, end)) + 1
            text = self.data[start:end].strip()
            if text and b"it/s]" not in text and b"s/it]" not in text and b"?it/s" not in text:
                return self.excerpt(start)
            end = start - 1
        return None
