"""One row of a dataset: who says what, all of it, and how it stands in the file; with the place of a problem marked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from core.datasets.types import Dataset, PreviewRow, Problem
from core.sanitise import one_line, sanitise
from tui.dataset_sentences import problem_sentence, rule_remedy
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.data import texts
from tui.screens.data.problems import place_words
from tui.screens.data.reading import heading, text_lines, turn_lines, turns_of
from tui.widgets.sheet import Line, Sheet, wrapped


class RowScreen(AreaScreen):
    """A sheet; left and right go to the rows beside it. `problem`: what led here, said above and marked."""

    AREA = N_("Data")
    HELP = N_(
        "One row in full: first as a conversation, below it as it stands in the file. Where a problem led here, its place is marked.\n\n"
        "Left and right go to the row before and after; y copies the row as it stands in the file."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "step(1)", N_("next row"), id="data.row.next", tooltip=N_("Show the row after this one")),
        Binding("left", "step(-1)", N_("row before"), id="data.row.before", tooltip=N_("Show the row before this one")),
        Binding("y", "copy", N_("copy"), id="data.row.copy", tooltip=N_("Copy the row as it stands in the file")),
        Binding("escape", "close", N_("back"), id="data.row.close"),
    ]

    def __init__(self, item: Dataset, row: int, problem: Problem | None = None) -> None:
        super().__init__()
        self._item, self._number, self._problem = item, row, problem
        self._row: PreviewRow | None = None
        self._loaded = False

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(pad_x=2, id="row-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Sheet).focus()
        self.start(self._load, group="row")

    async def _load(self) -> None:
        version = self._item.current.version
        found = await self.services.datasets.preview(self.principal, self._item.id, version=version, start=self._number, count=1)
        if not found.rows and self._loaded and self._number:
            self._number -= 1  # there was no row after the last one
            return
        self._row, self._loaded = next(iter(found.rows), None), True
        self.set_opened(_("{name}, row {number}").format(name=one_line(self._item.name), number=f"{self._number + 1:,}"))
        self.query_one(Sheet).show(self._lines)

    def retranslate(self) -> None:
        super().retranslate()
        self.query_one(Sheet).show(self._lines, keep=True)

    def _lines(self, width: int) -> list[Line]:
        if not self._loaded:
            return []
        width, signs = min(width, 120), glyphs(self.app)
        lines: list[Line] = self._problem_lines(width, signs)
        row = self._row
        if row is None:
            return [*lines, *wrapped(_("This row cannot be shown: it is beyond the end of the file."), "dim", width)]
        if row.value is not None and not row.cut:
            for turn in turns_of(row.value, self._layout):
                lines += [*turn_lines(turn, width), ()]
        facts = [texts.size(row.size)]
        if row.line is not None:
            facts.insert(0, _("line {number}").format(number=f"{row.line:,}"))
        lines.append(heading([(_("As it stands in the file"), "text"), (" · ".join(facts), "dim")], width, signs))
        lines += [((text, "dim"),) for text, _more in text_lines(row.raw, width)]
        if row.cut:
            lines += wrapped(
                _("The row is longer than what is shown here: {size} in all.").format(size=texts.size(row.size)), "warn", width
            )
        return lines

    @property
    def _layout(self) -> Any:
        summary = self._item.current.summary
        return summary.layout if summary is not None else None

    def _problem_lines(self, width: int, signs: Glyphs) -> list[Line]:
        problem, row = self._problem, self._row
        if problem is None or problem.row != self._number:
            return []
        lines = wrapped(f"{signs.failed} {problem_sentence(problem)}", "bad bold", width)
        if remedy := rule_remedy(problem.rule):
            lines += wrapped(remedy, "accent", width)
        lines += wrapped(place_words(problem), "dim", width)
        if row is not None and row.offset < problem.offset <= row.offset + row.size:
            lines += [(), *mark_lines(row.raw, problem.offset - row.offset, width)]
        return [*lines, ()]

    def action_step(self, step: int) -> None:
        if self._number + step >= 0:
            self._number += step
            self.start(self._load, group="row")

    def action_copy(self) -> None:
        if self._row is not None:
            self.app.copy_to_clipboard(self._row.raw)
            self.modeltrain.say(_("Copied."))

    def action_close(self) -> None:
        self.dismiss(None)


def mark_lines(raw: str, at: int, width: int) -> list[Line]:
    """The text around byte `at` of `raw` in one line, and a mark below it; nothing where that lies beyond what was read."""
    head = raw.encode("utf-8", "surrogatepass")[:at].decode("utf-8", "ignore")
    if len(head) >= len(raw) and at > len(head.encode("utf-8", "surrogatepass")):
        return []
    half = max(8, width // 2 - 2)
    before = one_line_keeping_end(head[-2 * half :], half)
    after = one_line(raw[len(head) : len(head) + 2 * half])
    return [((before, "dim"), (after[:1], "bad bold"), (after[1:half], "dim")), ((" " * cell_len(before), ""), ("^", "bad bold"))]


def one_line_keeping_end(text: str, width: int) -> str:
    """The end of `text` in one line of at most `width` cells; blanks at its very end stay."""
    clean = sanitise(text).replace("\n", " ").replace("\t", " ")
    while cell_len(clean) > width:
        clean = clean[max(1, (cell_len(clean) - width) // 2) :]
    return clean
