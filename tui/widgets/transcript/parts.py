"""The parts that a message is drawn from, each measured and drawn only when it comes into view."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.sanitise import one_line
from tui.widgets.lines import fit
from tui.widgets.markdown import CodeSpan, Line, Rendered, render, verbatim, wrap
from tui.widgets.markdown.wrap import width_of
from tui.widgets.transcript.paper import Paper
from tui.widgets.transcript.views import MessageView, Notice

#: A part that takes longer to draw than this (seconds) while it grows is drawn less often: never more than a tenth of the time.
_DEAR = 0.02
_REST = 9


def cells_of(text: str) -> int:
    """About how many cells `text` takes: two for Chinese, one for Latin letters, without looking at every character."""
    return len(text) if text.isascii() else (len(text) + len(text.encode("utf-8", "replace"))) // 2


def guess_height(text: str, width: int) -> int:
    """About how many lines `text` takes at `width` cells."""
    return text.count("\n") + 1 + cells_of(text) // max(1, width)


class Part:
    """A piece of a message. `kind` says what a click on it means; `source` decides whether two parts draw the same."""

    __slots__ = ("_codes", "_draw", "_drawn", "_paid", "_paper", "_when", "gap", "height", "kind", "live", "source")

    def __init__(
        self, kind: str, source: str, draw: Callable[[Paper], Rendered], height: int, *, gap: bool = False, live: bool = False
    ) -> None:
        self.kind = kind
        self.source = source
        self.gap = gap
        self.live = live
        self.height = height + int(gap)
        self._draw = draw
        self._drawn: list[Strip] | None = None
        self._codes: list[CodeSpan] | None = None
        self._paper: Paper | None = None
        self._paid = self._when = 0.0

    def drawn(self, paper: Paper) -> list[Strip]:
        """The lines on `paper`, from the cache if they are there; `height` is exact afterwards."""
        if self._drawn is None or self._paper is not paper:
            began = perf_counter()
            rendered = self._draw(paper)
            shift = int(self.gap)
            self._drawn = [paper.line([])] * shift + [paper.line(line) for line in rendered.lines]
            self._codes = [CodeSpan(code.first + shift, code.end + shift, code.text, code.language) for code in rendered.codes]
            self._paper, self.height = paper, len(self._drawn)
            self._when = perf_counter()
            self._paid = self._when - began
        return self._drawn

    @property
    def was_drawn(self) -> bool:
        """Whether it was drawn at least once: height and code blocks are known, also when the lines were given back."""
        return self._codes is not None

    @property
    def codes(self) -> list[CodeSpan]:
        """The code blocks among the lines (counted in the part), as of the last drawing."""
        return self._codes or []

    def is_drawn_on(self, paper: Paper) -> bool:
        """Whether `drawn` has its lines at hand."""
        return self._drawn is not None and self._paper is paper

    def may_wait(self) -> bool:
        """Whether this growing part was so dear lately that its next drawing should wait."""
        return self._drawn is not None and self._paid > _DEAR and perf_counter() - self._when < self._paid * _REST

    def take_over(self, other: Part) -> None:
        """Be drawn as `other` was, which has the same source."""
        self._drawn, self._codes, self._paper, self.height = other._drawn, other._codes, other._paper, other.height

    def forget(self) -> None:
        """Give the memory of the lines back; the height and what is known of code blocks stay."""
        self._drawn = self._paper = None


def markdown_part(source: str, width: int, *, gap: bool, live: bool = False) -> Part:
    """A top-level block of an answer."""
    return Part(
        "block",
        source,
        lambda paper: render(source, paper.text_width, paper.look, live=live),
        guess_height(source, width),
        gap=gap,
        live=live,
    )


def plain_part(source: str, width: int, *, gap: bool = False) -> Part:
    """Text exactly as it was typed."""
    return Part(
        "plain", source, lambda paper: Rendered(verbatim(source, paper.look.text, paper.text_width)), guess_height(source, width), gap=gap
    )


def thought_part(source: str, width: int) -> Part:
    """Reasoning, opened: in its colour, with a bar at its left."""

    def draw(paper: Paper) -> Rendered:
        style = paper.style(paper.colours.reasoning)
        bar = Segment(paper.look.marks.quote + " ", paper.look.rule)
        return Rendered([[bar, *line] for line in verbatim(source, style, paper.text_width - 2)])

    return Part("thought", source, draw, guess_height(source, width - 2))


def head_part(view: MessageView, show_figures: bool) -> Part:
    """Who wrote it; at the right the figures, or the time."""

    def draw(paper: Paper) -> Rendered:
        return Rendered([_head_line(view, paper, show_figures)])

    return Part("head", f"{view.author}\n{view.stamp}\n{view.figures}\n{show_figures}", draw, 1)


def _head_line(view: MessageView, paper: Paper, show_figures: bool) -> Line:
    colours, width = paper.colours, paper.text_width
    token = colours.accent if view.role == "user" else colours.good
    author = fit(one_line(view.author), max(8, width // 2), paper.glyphs.ellipsis)
    name = Segment(author, paper.style(token + colours.bold))
    room = width - width_of([name]) - 2
    shown = _fitting(view.figures, room, paper) if show_figures else ""
    stamp = one_line(view.stamp)
    shown = shown or (stamp if cells_of(stamp) <= room else "")
    blank = width - width_of([name]) - width_of([Segment(shown)])
    return [name, Segment(" " * max(1, blank), paper.base), Segment(shown, paper.look.dim)]


def _fitting(figures: tuple[str, ...], room: int, paper: Paper) -> str:
    """As many of the figures, from the first, as fit into `room` cells."""
    separator = " - " if paper.glyphs.ascii else " · "
    shown = ""
    for figure in map(one_line, figures):
        longer = f"{shown}{separator}{figure}" if shown else figure
        if width_of([Segment(longer)]) > room:
            break
        shown = longer
    return shown


def label_part(view: MessageView, opened: bool) -> Part:
    """The one line that stands for the reasoning."""

    def draw(paper: Paper) -> Rendered:
        sign = paper.glyphs.open if opened else paper.glyphs.folded
        style = paper.style(paper.colours.reasoning)
        return Rendered(wrap([(f"{sign} ", style), (one_line(view.reasoning_label), style)], paper.text_width)[:1])

    return Part("reasoning", f"{opened}{view.reasoning_label}", draw, 1)


def waiting_part(text: str) -> Part:
    """What is said while nothing of the answer has come."""

    def draw(paper: Paper) -> Rendered:
        return Rendered([[Segment(f"{paper.glyphs.running} ", paper.style(paper.colours.accent)), Segment(one_line(text), paper.look.dim)]])

    return Part("waiting", text, draw, 1)


def notice_part(notice: Notice, width: int, *, gap: bool = False) -> Part:
    """A marked line: what happened, why, what to do with which key."""

    def draw(paper: Paper) -> Rendered:
        colours = paper.colours
        token, sign = {
            "stopped": (colours.dim, paper.glyphs.stopped),
            "warn": (colours.warn, paper.glyphs.failed),
            "bad": (colours.bad, paper.glyphs.failed),
        }[notice.kind]
        style = paper.style(token)
        runs: list[tuple[str, Style]] = [(one_line(notice.text), style)]
        for key, what in notice.keys:
            runs += [("  ", style), (key, paper.style(colours.key)), (f"\u00a0{what}", paper.look.dim)]
        lines = wrap(runs, paper.text_width - 2)
        head = Segment(f"{sign} ", style)
        return Rendered([[head if not number else Segment("  ", style), *line] for number, line in enumerate(lines)])

    return Part("notice", f"{gap}{notice!r}", draw, guess_height(notice.text, width), gap=gap)


def blank_part() -> Part:
    """The line between two messages, or between open reasoning and the answer."""
    return Part("blank", "", lambda _paper: Rendered([[]]), 1)
