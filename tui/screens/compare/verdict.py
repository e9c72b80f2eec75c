"""The verdict: stars for each column, a winner, a tie or all bad, a note, the kind of question. Returns a value and never acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.compare.types import BOTH_BAD, TIE, Verdict, VerdictDraft
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.widgets.dialogs import Dialog
from tui.widgets.fields import Field
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Column, Row, Rows

MOST_STARS = 5
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """What the dialog returns. `draft` None: take the verdict back. `type`: the kind of question, "" for none."""

    draft: VerdictDraft | None
    type: str


class VerdictDialog(Dialog[Judged | None]):
    """`candidates`: (id, letter, name) in the order of the columns; `kinds`: those in use; None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", N_("save"), id="verdict.save", priority=True),
        *(Binding(str(number), f"stars({number})", show=False) for number in (0, 2, 3, 4, 5)),
        Binding("1", "stars(1)", N_("stars"), id="verdict.stars", key_display="1-5"),
        Binding("space", "winner", N_("winner"), id="verdict.winner"),
        Binding("a", "winner(0)", show=False),
        Binding("b", "winner(1)", show=False),
        Binding("c", "winner(2)", show=False),
        Binding("t", "outcome('tie')", N_("tie"), id="verdict.tie"),
        Binding("x", "outcome('both_bad')", N_("all bad"), id="verdict.bad"),
        Binding("D", "withdraw", N_("take back"), id="verdict.withdraw"),
    ]

    def __init__(
        self,
        question: str,
        explanation: str,
        candidates: Sequence[tuple[str, str, str]],
        verdict: Verdict | None,
        *,
        kind: str = "",
        kinds: Sequence[str] = (),
        first: int = 0,
    ) -> None:
        super().__init__(question, explanation)
        self._candidates, self._verdict, self._kind, self._kinds, self._begin = candidates, verdict, kind, kinds, first
        self._winner = verdict.winner if verdict is not None else None
        self._stars: dict[str, int] = dict(verdict.stars) if verdict is not None else {}

    def compose_answer(self) -> Iterable[Widget]:
        columns = (Column("letter", "", 3), Column("name", "", 20, grow=True), Column("stars", "", MOST_STARS), Column("outcome", "", 9))
        yield Rows(columns, header=False, id="dialog-rows")
        yield Paragraphs(id="dialog-remark")
        note = self._verdict.note if self._verdict is not None else ""
        yield Field(N_("Note"), note, hint=N_("why, if you like"), label_width=_LABEL, id="field-note")
        yield Field(N_("Kind"), self._kind, hint=N_("code, translation…"), label_width=_LABEL, max_length=40, id="field-kind")

    def on_mount(self) -> None:
        self._draw()
        self.rows.cursor = min(self._begin, len(self._candidates) - 1)
        self.rows.focus()
        if self._kinds:
            self.query_one("#field-kind", Field).remark = _("so far: {kinds}").format(kinds=", ".join(self._kinds))

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)

    def _draw(self) -> None:
        signs = glyphs(self.app)
        shown = []
        for candidate_id, letter, name in self._candidates:
            count = self._stars.get(candidate_id, 0)
            stars = signs.star * count + signs.bullet * (MOST_STARS - count)
            outcome = _("winner") if self._winner == candidate_id else ""
            cells = {"letter": letter, "name": name, "stars": stars, "outcome": outcome}
            shown.append(Row(candidate_id, cells, {"letter": "accent", "stars": "warn", "outcome": "good"}))
        self.rows.show(shown)
        self.query_one("#dialog-remark", Paragraphs).show((self._said(), "text"))
        self.refresh_bindings()

    def _said(self) -> str:
        """The outcome in a sentence."""
        named: Mapping[str, str] = {candidate_id: letter for candidate_id, letter, _name in self._candidates}
        if self._winner in named:
            return _("{label} wins.").format(label=named[self._winner or ""])
        if self._winner == TIE:
            return _("A tie.")
        if self._winner == BOTH_BAD:
            return _("All of them are bad.")
        return _("No winner yet: Space or the letter of a column.")

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "withdraw":
            return self._verdict is not None
        # In a field these keys are text.
        return action not in ("stars", "winner", "outcome") or not isinstance(self.focused, Field)

    def action_stars(self, count: int) -> None:
        in_hand = self.rows.current_id
        if count:
            self._stars[in_hand] = count
        else:
            self._stars.pop(in_hand, None)
        self._draw()

    def action_winner(self, index: int = -1) -> None:
        wanted = self.rows.current_id
        if index >= 0:
            wanted = self._candidates[index][0] if index < len(self._candidates) else ""
        if wanted:
            self._winner = None if self._winner == wanted else wanted
            self._draw()

    def action_outcome(self, outcome: str) -> None:
        self._winner = None if self._winner == outcome else outcome
        self._draw()

    def action_withdraw(self) -> None:
        self.dismiss(Judged(None, self._typed("kind")))

    def action_accept(self) -> None:
        note = self._typed("note")
        empty = self._winner is None and not self._stars and not note
        draft = None if empty else VerdictDraft(self._winner, dict(self._stars), note)
        if draft is None and self._verdict is None and self._typed("kind") == self._kind:
            self.query_one("#dialog-remark", Paragraphs).show((_("Say something first: a winner, stars or a note. Esc leaves."), "bad"))
            return
        self.dismiss(Judged(draft, self._typed("kind")))

    def _typed(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Field).value.strip()

    def on_rows_chosen(self) -> None:
        """A second click on a row."""
        self.action_winner()
