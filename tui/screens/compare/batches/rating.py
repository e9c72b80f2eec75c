"""What the list of answers and the page of one share: an answer in lines, stars, reasoning, copying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from core.sanitise import sanitise
from tui.glyphs import glyphs
from tui.i18n import N_, ngettext
from tui.screens.base import AreaScreen
from tui.screens.compare.batches import texts
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from core.batches.types import Answer, Batch, Judgement

#: Judgements that are read at a time, and at most: of more, those of the first questions are shown.
_PAGE, _MOST = 1000, 20_000
RATING: list[BindingType] = [
    Binding("1", "rate(1)", N_("stars"), id="answers.rate", tooltip=N_("One to five stars with the keys 1 to 5"), key_display="1-5"),
    *(Binding(str(count), f"rate({count})", N_("stars"), show=False) for count in range(2, 6)),
    Binding("0", "rate(0)", N_("no stars"), id="answers.unrate", show=False, tooltip=N_("Take your stars back")),
    Binding("t", "reasoning", N_("reasoning"), id="answers.reasoning", tooltip=N_("Show or fold the reasoning")),
    Binding("y", "copy", N_("copy"), id="answers.copy", tooltip=N_("Copy the answer"), show=False),
]


class Rating(AreaScreen):
    """The part of a screen that has an answer in hand."""

    #: Of each question (number, repetition).
    judgements: dict[tuple[int, int], list[Judgement]]
    names: dict[str, str]
    _reasoning_shown = False

    @property
    def answer_in_hand(self) -> Answer | None:
        """The answer that is acted on."""
        raise NotImplementedError

    def rated(self, answer: Answer) -> None:
        """The answer is so now."""
        raise NotImplementedError

    def draw_answer(self) -> None:
        """Draw the answer in hand anew."""
        raise NotImplementedError

    async def read_judgements(self, item: Batch) -> dict[tuple[int, int], list[Judgement]]:
        """What the judge said so far, by question and repetition."""
        found: dict[tuple[int, int], list[Judgement]] = {}
        read = 0
        while read < _MOST:
            page = await self.services.batches.judgements(self.principal, item.id, limit=_PAGE, offset=read)
            for each in page.items:
                found.setdefault((each.question_number, each.repetition), []).append(each)
            read += len(page.items)
            if not page.items or read >= page.total:
                break
        return found

    def show_answer(self, sheet: Sheet, answer: Answer | None, *, brief: bool = False) -> None:
        """Draw it into `sheet`; `brief`: where there are only a few lines."""
        if answer is None:
            sheet.show(lambda _width: ())
            return
        signs, shown = glyphs(self.app), self._reasoning_shown
        judged = [
            each
            for each in self.judgements.get((answer.question.number, answer.repetition), ())
            if answer.configuration_id in (each.left_configuration_id, each.right_configuration_id)
        ]
        names = self.names
        if brief and not shown:
            sheet.show(lambda width: texts.brief_lines(answer, width, signs))
            return
        sheet.show(lambda width: texts.answer_lines(answer, width, signs, reasoning=shown, judged=judged, names=names))

    def may_rate(self, action: str) -> bool | None:
        """Whether `action` means something for the answer in hand; None where it is none of those here."""
        answer = self.answer_in_hand
        known = {
            "rate": answer is not None and answer.state == "answered",
            "reasoning": answer is not None and bool(answer.reasoning),
            "copy": answer is not None and bool(answer.content),
        }
        return known.get(action)

    def action_rate(self, stars: int) -> None:
        answer = self.answer_in_hand
        if answer is not None:
            self.start(self._rate, answer.id, stars or None, group="rate", exclusive=False)

    async def _rate(self, answer_id: str, stars: int | None) -> None:
        self.rated(await self.services.batches.rate(self.principal, answer_id, stars))

    def action_reasoning(self) -> None:
        self._reasoning_shown = not self._reasoning_shown
        self.draw_answer()

    def action_copy(self) -> None:
        answer = self.answer_in_hand
        if answer is not None and answer.content:
            self.app.copy_to_clipboard(sanitise(answer.content))
            lines = answer.content.rstrip("\n").count("\n") + 1
            text = ngettext(
                "{count} line was sent to the terminal's clipboard, if the terminal allows it.",
                "{count} lines were sent to the terminal's clipboard, if the terminal allows it.",
                lines,
            )
            self.modeltrain.say(text.format(count=f"{lines:,}"))
