"""Where Markdown code is, followed as text streams by (CommonMark 0.31, 4.5 and 6.1), so that tags inside it stay literal.

Two simplifications, both on the safe side for reasoning tags: an inline span ends with its line, and a fence may stand behind list
and quote marks without being measured against them.
"""

from __future__ import annotations

import re
from typing import Literal

Verdict = Literal["code", "text", "unknown"]

#: What may stand before a fence on its line: blanks, quote marks, list marks.
_LEAD = re.compile(r"[ \t\r>\-*+0-9.)]*\Z")
_STOPS = re.compile(r"`+|\n")
#: How far ahead the end of an inline span is looked for, in characters. A tag inside an open span waits this long at most.
LOOKAHEAD = 200


class CodeTracker:
    """Told every character once, in runs of any size; says whether the position behind them is inside code."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new block begins: no code is open."""
        self._lead = True
        self._run = ""
        self._run_leads = False
        self._inline = 0
        self._maybe_fence = False
        self._fence = ""
        self._closing = False

    @property
    def fenced(self) -> bool:
        """Inside a fenced block. Call `settle` first."""
        return bool(self._fence)

    @property
    def inline(self) -> bool:
        """Behind the opening backticks of what may be an inline span. Call `settle` first."""
        return self._inline > 0

    def text(self, part: str) -> None:
        """Characters that are neither backtick nor tilde nor newline."""
        if self._run:
            self.settle()
        if self._lead and not _LEAD.match(part):
            self._lead = False
        if self._closing and not part.isspace():
            self._closing = False

    def marks(self, part: str) -> None:
        """A run, or a piece of a run, of backticks or of tildes."""
        if self._run and self._run[0] == part[0]:
            self._run += part[: max(0, 64 - len(self._run))]
            return
        self.settle()
        self._run = part[:64]
        self._run_leads = self._lead

    def newline(self) -> None:
        """The end of a line."""
        self.settle()
        if self._fence and self._closing:
            self._fence = ""
        elif self._maybe_fence:
            self._fence = "`" * self._inline
        self._inline = 0
        self._maybe_fence = False
        self._closing = False
        self._lead = True

    def settle(self) -> None:
        """The run of marks, if one was under way, is over: see what it meant."""
        run = self._run
        if not run:
            return
        self._run = ""
        self._lead = False
        if self._fence:
            self._closing = self._run_leads and run[0] == self._fence[0] and len(run) >= len(self._fence)
        elif run[0] == "~":
            if self._run_leads and len(run) >= 3:
                self._fence = run
        elif self._inline:
            if len(run) == self._inline:
                self._inline = 0
            self._maybe_fence = False
        else:
            self._inline = len(run)
            self._maybe_fence = self._run_leads and len(run) >= 3

    def look_ahead(self, text: str, start: int, final: bool) -> Verdict:
        """Whether the open inline span really is one, judged by what follows `start`: the same for every chunking of the text."""
        end = min(len(text), start + LOOKAHEAD)
        complete = final or end == start + LOOKAHEAD
        maybe_fence = self._maybe_fence
        for stop in _STOPS.finditer(text, start, end):
            if stop[0] == "\n":
                return "code" if maybe_fence else "text"
            if stop.end() == end and not complete:
                return "unknown"
            if len(stop[0]) == self._inline:
                return "code"
            maybe_fence = False
        if not complete:
            return "unknown"
        return "code" if maybe_fence else "text"
