"""AnswerScreen: one answer over the full width; n and N go to the next and the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from tui.i18n import N_, _
from tui.screens.base import Framed
from tui.screens.compare.batches.rating import RATING, Rating
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from core.batches.types import Answer, Judgement


class AnswerScreen(Rating, inherit_bindings=False):
    """`answer_ids`: those that one goes through, in their order. Returns the id of the answer that was shown last."""

    AREA = N_("Compare")
    HELP = N_(
        "One answer whole: what was asked, what was expected, what came, how it was scored and why, and what the judge said.\n\n"
        "n and N show the next answer and the one before, in the order of the list. 1 to 5 give stars, 0 takes them back; t shows the "
        "reasoning, y copies the answer."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "go(1)", N_("next"), id="answer.next", tooltip=N_("The next answer of the list")),
        Binding("N", "go(-1)", N_("before"), id="answer.previous", tooltip=N_("The answer before")),
        Binding("right", "go(1)", show=False),
        Binding("left", "go(-1)", show=False),
        *RATING,
        Binding("escape", "close", N_("back"), id="answer.close"),
        *Framed.BINDINGS,
    ]

    def __init__(
        self,
        answer_ids: Sequence[str],
        answer_id: str,
        judgements: Mapping[tuple[int, int], list[Judgement]],
        names: Mapping[str, str],
    ) -> None:
        super().__init__()
        self._ids = tuple(answer_ids)
        self._at = self._ids.index(answer_id) if answer_id in self._ids else 0
        self.judgements, self.names = dict(judgements), dict(names)
        self._answer: Answer | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(id="answer-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Sheet).focus()
        self.start(self._load, group="load")

    @property
    def answer_in_hand(self) -> Answer | None:
        return self._answer

    async def _load(self) -> None:
        self._answer = await self.services.batches.answer(self.principal, self._ids[self._at])
        self.draw_answer()

    def rated(self, answer: Answer) -> None:
        self._answer = answer
        self.draw_answer()

    def draw_answer(self) -> None:
        answer = self._answer
        if answer is not None:
            self.set_opened(_("question {number}").format(number=answer.question.number))
            self.set_in_hand(_("{place} of {count}").format(place=f"{self._at + 1:,}", count=f"{len(self._ids):,}"))
        self.show_answer(self.query_one(Sheet), answer)
        self.refresh_bindings()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw_answer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "go":
            step = parameters[0]
            return isinstance(step, int) and 0 <= self._at + step < len(self._ids)
        known = self.may_rate(action)
        return True if known is None else known

    def action_go(self, step: int) -> None:
        self._at = max(0, min(self._at + step, len(self._ids) - 1))
        self.start(self._load, group="load")

    def action_close(self) -> None:
        self.dismiss(self._ids[self._at])
