"""Splits a growing Markdown text into top-level blocks that never change again, and the one that is still open.

Block structure is decided line by line: what stands before the last top-level block of all *complete* lines is final. So only
the open block (and the line being written) is ever parsed again. An open code fence is not parsed at all: it is watched for its
end. The same text gives the same blocks however it was cut into pieces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from tui.widgets.markdown.parser import block_tokens

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block. `gap`: a blank line stood before it. `closed`: it will not change any more."""

    source: str
    gap: bool
    closed: bool = True


class BlockSplitter:
    """Feed it text (sanitised, newlines as \\n) as it comes; `closed` grows, `open` is what may still change."""

    def __init__(self) -> None:
        self.closed: list[Block] = []
        self._tail = ""
        self._gap = False
        #: In an open fence: its mark, and up to where the tail was searched for its end.
        self._fence = ""
        self._searched = 0

    @property
    def open(self) -> Block | None:
        """The text after the last closed block, or None if there is none but blanks."""
        body = self._tail.lstrip("\n")
        if not body.strip():
            return None
        return Block(body, self._gap or len(body) < len(self._tail), closed=False)

    @property
    def in_fence(self) -> bool:
        return bool(self._fence)

    def feed(self, text: str) -> None:
        """More of the text."""
        self._tail += text
        if "\n" in text:
            self._advance()

    def close(self) -> None:
        """The text is whole: everything becomes closed."""
        if self._tail and not self._tail.endswith("\n"):
            self.feed("\n")
        if (last := self.open) is not None:
            self.closed.append(Block(last.source.rstrip("\n"), last.gap))
        self._tail, self._fence, self._searched = "", "", 0

    def _advance(self) -> None:
        """Close what complete lines allow to close."""
        while True:
            if self._fence and not self._end_fence():
                return
            complete = self._tail.rfind("\n") + 1
            if not complete or not self._split(self._tail[:complete]):
                return

    def _split(self, complete: str) -> bool:
        """Close all blocks of `complete` but the last; True if the last one is a fence that must be searched for its end."""
        tops = [token for token in block_tokens(complete) if token.level == 0 and token.nesting >= 0 and token.map]
        if not tops:
            return False
        lines = complete.split("\n")
        starts = [token.map[0] for token in tops if token.map]
        offsets = _offsets(lines)
        for first, following in pairwise(starts):
            self._close_block("\n".join(lines[first:following]), self._gap_before(lines, first))
        last = tops[-1]
        gap = self._gap_before(lines, starts[-1])
        self._tail = self._tail[offsets[starts[-1]] :]
        self._gap = gap
        return self._begin_fence(last)

    def _gap_before(self, lines: list[str], first: int) -> bool:
        if first == 0:
            return self._gap
        return not lines[first - 1].strip()

    def _close_block(self, source: str, gap: bool) -> None:
        self.closed.append(Block(source.rstrip("\n"), gap))
        self._gap = False

    def _begin_fence(self, token: Token) -> bool:
        if token.type != "fence":
            return False
        mark = _FENCE.match(self._tail)
        if mark is None:
            return False
        self._fence, self._searched = mark[1], self._tail.index("\n") + 1
        return True

    def _end_fence(self) -> bool:
        """Look for the fence's end in the lines that are new; close the block if it is there."""
        while (end := self._tail.find("\n", self._searched)) >= 0:
            line = self._tail[self._searched : end]
            self._searched = end + 1
            mark = _FENCE.match(line)
            if mark and mark[1].startswith(self._fence) and not line[mark.end() :].strip():
                source, self._tail = self._tail[:end], self._tail[end + 1 :]
                self._fence, self._searched = "", 0
                self._close_block(source, self._gap)
                return True
        return False


def _offsets(lines: list[str]) -> list[int]:
    """Where each line begins in the joined text."""
    offsets, place = [], 0
    for line in lines:
        offsets.append(place)
        place += len(line) + 1
    return offsets
