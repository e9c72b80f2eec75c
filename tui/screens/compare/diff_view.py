"""DiffScreen: where two answers to the same question differ, word by word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Resize

from core.compare.word_diff import LIMIT, WordDiff, word_diff
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen, Framed
from tui.screens.compare import diff_lines
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.sheet import Line, Sheet

_WIDE = 100


@dataclass(frozen=True, slots=True)
class Text:
    """An answer: the letter of its column, what it is called, what it says (raw)."""

    label: str
    name: str
    content: str


class DiffScreen(AreaScreen, inherit_bindings=False):
    """`texts`: two or three answers; `first`: the pair to begin with, by index among the pairs."""

    AREA = N_("Compare")
    HELP = N_(
        "Two answers, and where they differ. Beside each other, what only one of them has stands on another ground. In one text, "
        "[-words-] are only in the answer named first, {+words+} only in the other.\n\n"
        "n and N go from difference to difference. w changes between the two views, [ and ] between the pairs where three answered."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "go_on(1)", N_("next difference"), id="diff.next"),
        Binding("N", "go_on(-1)", N_("the one before"), id="diff.previous", show=False),
        Binding("w", "turn", N_("beside or in one"), id="diff.turn", tooltip=N_("Beside each other, or as one text with marks")),
        Binding("left_square_bracket", "pair(-1)", N_("other answers"), id="diff.pair", key_display="[ ]"),
        Binding("right_square_bracket", "pair(1)", N_("next pair"), id="diff.pair_next", show=False),
        Binding("escape,q", "close", N_("back"), id="diff.close"),
        *Framed.BINDINGS,
    ]

    def __init__(self, texts: Sequence[Text], first: int = 0) -> None:
        super().__init__()
        self._pairs = tuple(combinations(texts, 2))
        self._at = min(first, len(self._pairs) - 1)
        self._diff: WordDiff | None = None
        self._beside: bool | None = None
        self._begins: list[int] = []

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="diff-head")
        yield Rule(id="diff-rule")
        yield Sheet(id="diff-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.sheet.focus()
        self.start(self._compare, group="compare")

    @property
    def sheet(self) -> Sheet:
        return self.query_one("#diff-sheet", Sheet)

    @property
    def pair(self) -> tuple[Text, Text]:
        left, right = self._pairs[self._at]
        return left, right

    @property
    def beside(self) -> bool:
        """Whether the texts stand beside each other: as chosen, else where there is room."""
        return self.size.width >= _WIDE if self._beside is None else self._beside

    async def _compare(self) -> None:
        left, right = self.pair
        self.set_opened(_("where {left} and {right} differ").format(left=left.label, right=right.label))
        self._diff = await asyncio.to_thread(word_diff, left.content, right.content)
        self._draw()

    def _draw(self, *, keep: bool = False) -> None:
        diff = self._diff
        if diff is None or self.gone:
            return
        left, right = self.pair
        names = _("{label} {name}")
        first = names.format(label=left.label, name=left.name)
        second = names.format(label=right.label, name=right.name)
        how = "" if self.beside else _("[-only in {left}-]  {{+only in {right}+}}").format(left=left.label, right=right.label)
        cut = _("Only the first {count} characters of each are compared.").format(count=f"{LIMIT:,}") if diff.cut else ""
        head = [(_("{first} and {second}").format(first=first, second=second), "bold"), *((text, "dim") for text in (how, cut) if text)]
        self.query_one("#diff-head", Paragraphs).show(*head)
        self.sheet.show(self._lines, keep=keep)
        self._draw_rule(diff)
        self.refresh_bindings()

    def _draw_rule(self, diff: WordDiff) -> None:
        count = len([piece for piece in diff.pieces if piece.kind == "changed"])
        rule = self.query_one("#diff-rule", Rule)
        if not count:
            rule.text = _("the answers are the same, word for word")
            return
        places = ngettext("{count} difference", "{count} differences", count).format(count=f"{count:,}")
        rule.text = _("{places}, {share} % of the words are the same").format(places=places, share=round(diff.alike * 100))

    def _lines(self, width: int) -> Sequence[Line]:
        diff = self._diff
        if diff is None:
            return ()
        left, right = self.pair
        if self.beside:
            lines, self._begins = diff_lines.beside(left.content, right.content, diff, width, glyphs(self.app).wall)
        else:
            lines, self._begins = diff_lines.inline(left.content, right.content, diff, width)
        return lines

    def on_resize(self, _event: Resize) -> None:
        self._draw(keep=True)

    def retranslate(self) -> None:
        super().retranslate()
        self._draw(keep=True)

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "pair":
            return len(self._pairs) > 1
        if action == "go_on":
            return self._diff is not None and any(piece.kind == "changed" for piece in self._diff.pieces)
        return True

    def action_go_on(self, step: int) -> None:
        """To the next stretch of lines that differ, or the one before."""
        top = self.sheet.top
        following = [line for line in self._begins if line > top] if step > 0 else [line for line in reversed(self._begins) if line < top]
        if following:
            self.sheet.top = min(following[0], self.sheet.last_top)

    def action_turn(self) -> None:
        self._beside = not self.beside
        self._draw()

    def action_pair(self, step: int) -> None:
        self._at = (self._at + step) % len(self._pairs)
        self.start(self._compare, group="compare")

    def action_close(self) -> None:
        self.dismiss(None)
