"""One message in parts. While it grows only its open block is drawn again; what is closed stays as it was drawn."""

from __future__ import annotations

from collections.abc import Iterator

from core.sanitise import StreamSanitiser, sanitise
from tui.widgets.markdown import BlockSplitter
from tui.widgets.markdown.steady import steady
from tui.widgets.transcript.paper import Paper
from tui.widgets.transcript.parts import (
    Part,
    blank_part,
    guess_height,
    head_part,
    label_part,
    markdown_part,
    notice_part,
    plain_part,
    thought_part,
    waiting_part,
)
from tui.widgets.transcript.views import MessageView

#: Characters; longer texts are shown plain: finding the blocks of more would be felt.
LONGEST_MARKDOWN = 600_000
#: Plain text is drawn in pieces of so many lines (and characters), so that only what is in view is drawn.
_PIECE_LINES = 50
_PIECE_CHARACTERS = 8_000


def estimate(view: MessageView, width: int) -> int:
    """About how many lines the whole message takes, from its length alone."""
    height = 2 + guess_height(view.content, width)
    return height + (1 if view.reasoning_label else 0) + (1 if view.notice else 0)


class MessageLayout:
    """The parts of one message, made when it first comes near the view."""

    def __init__(self, view: MessageView, width: int, *, opened: bool, show_reasoning: bool, show_figures: bool) -> None:
        self.view = view
        self.opened = opened
        self._width = width
        self._show_reasoning, self._show_figures = show_reasoning, show_figures
        self._plain = view.role == "user" or len(view.content) > LONGEST_MARKDOWN
        self._splitter = BlockSplitter()
        self._sanitiser = StreamSanitiser()
        self._blocks: list[Part] = []
        self._closed = 0
        self._finished = False
        self._fed = ""
        self.parts: list[Part] = []
        self._feed(view)
        self._assemble()

    @property
    def height(self) -> int:
        return sum(part.height for part in self.parts)

    def draw(self, index: int, paper: Paper) -> int:
        """Draw the part; returns by how many lines it is higher than was thought."""
        part = self.parts[index]
        before = part.height
        part.drawn(paper)
        return part.height - before

    def update(self, view: MessageView) -> bool:
        """The message is now `view`; parts whose source did not change keep their lines. False: it is another text, lay it out anew."""
        if self._plain or not view.content.startswith(self._fed) or (self._finished and view.content != self._fed):
            return False
        if len(view.content) > LONGEST_MARKDOWN:
            return False
        self.view = view
        self._feed(view)
        self._assemble()
        return True

    def _feed(self, view: MessageView) -> None:
        """Bring the blocks up to date with the content of `view`, which begins with what was fed already."""
        if self._plain:
            self._fed = view.content
            self._blocks = list(_pieces(steady(sanitise(view.content)), self._width))
            return
        fresh = view.content[len(self._fed) :]
        self._fed = view.content
        if fresh:
            self._splitter.feed(steady(self._sanitiser.feed(fresh)))
        if not view.live and not self._finished:
            self._splitter.feed(steady(self._sanitiser.close()))
            self._splitter.close()
            self._finished = True
        self._take_blocks()

    def _take_blocks(self) -> None:
        """Put the closed blocks behind those that are there, then the open one."""
        former = self._blocks[self._closed] if len(self._blocks) > self._closed else None
        del self._blocks[self._closed :]
        for block in self._splitter.closed[self._closed :]:
            part = markdown_part(block.source, self._width, gap=block.gap and bool(self._blocks))
            if former is not None and _draws_alike(former, part):
                part.take_over(former)
            former = None
            self._blocks.append(part)
        self._closed = len(self._splitter.closed)
        growing = self._splitter.open
        if growing is None:
            return
        if former is not None and (former.source == growing.source or former.may_wait()):
            self._blocks.append(former)
            return
        part = markdown_part(growing.source, self._width, gap=growing.gap and bool(self._blocks), live=True)
        if former is not None:
            part.height = max(part.height, former.height)
        self._blocks.append(part)

    def _assemble(self) -> None:
        """The parts in order; one-line parts that did not change stay."""
        view = self.view
        wanted = [head_part(view, self._show_figures)]
        if view.reasoning_label and self._show_reasoning:
            wanted.append(label_part(view, self.opened))
            if self.opened and view.reasoning:
                wanted.extend(self._thoughts(view))
                if self._blocks:
                    wanted.append(blank_part())
        if view.waiting and not self._blocks:
            wanted.append(waiting_part(view.waiting))
        wanted.extend(self._blocks)
        if view.notice is not None:
            wanted.append(notice_part(view.notice, self._width, gap=bool(self._blocks)))
        wanted.append(blank_part())
        known = {(part.kind, part.source): part for part in self.parts if part.kind not in ("block", "plain")}
        self.parts = [known.get((part.kind, part.source), part) for part in wanted]

    def _thoughts(self, view: MessageView) -> Iterator[Part]:
        for piece in _cut(steady(sanitise(view.reasoning)).strip("\n")):
            yield thought_part(piece, self._width)


def _draws_alike(growing: Part, closed: Part) -> bool:
    """Whether a block is drawn the same now that it is closed; code is not, it gets its colours."""
    same = growing.source == closed.source and growing.gap == closed.gap
    return same and "```" not in closed.source and "~~~" not in closed.source


def _pieces(text: str, width: int) -> Iterator[Part]:
    for piece in _cut(text.strip("\n")):
        yield plain_part(piece, width)


def _cut(text: str) -> Iterator[str]:
    """`text` in pieces of whole lines; a line that is longer than a piece is cut."""
    lines: list[str] = []
    size = 0
    for line in text.split("\n"):
        for start in range(0, max(1, len(line)), _PIECE_CHARACTERS):
            piece = line[start : start + _PIECE_CHARACTERS]
            if lines and (len(lines) >= _PIECE_LINES or size + len(piece) > _PIECE_CHARACTERS):
                yield "\n".join(lines)
                lines, size = [], 0
            lines.append(piece)
            size += len(piece)
    yield "\n".join(lines)
