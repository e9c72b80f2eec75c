"""Judging: the verdict on a round, names that are hidden until then, answers that give their model away."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from core.compare.types import BOTH_BAD, Comparison, Round, VerdictDraft
from core.sanitise import one_line
from tui.i18n import _, ngettext
from tui.screens.compare import texts
from tui.screens.compare.base import CompareBase
from tui.screens.compare.board import Board
from tui.screens.compare.verdict import Judged, VerdictDialog
from tui.widgets.dialogs import Confirm


class Judging(CompareBase):
    """The mixin of `SideBySideScreen` for verdicts."""

    def draft(self, ids: tuple[str, ...], *, like: Board | None = None, roles: tuple[str, ...] = ()) -> Board:
        """A comparison of these configurations that begins with the first question."""
        raise NotImplementedError

    # Verdict ---------------------------------------------------------------------------------------------------------

    def action_verdict(self) -> None:
        shown, comparison = self.round_in_hand, self.board.comparison
        if shown is None or comparison is None:
            self.modeltrain.say(_("Ask something first: then the answers can be judged."))
            return
        if not shown.ended:
            self.modeltrain.say(_("Not all have answered yet: wait for them, or stop them with Esc."))
            return
        self.start(self._judge, self.board, comparison, shown, group="verdict")

    async def _judge(self, board: Board, comparison: Comparison, shown: Round) -> None:
        kinds = await self.services.comparisons.types(self.principal)
        names = [(column, texts.name_of(board, column)) for column in board.columns]
        candidates = [(column.candidate.id, column.label, name) for column, name in names if column.candidate is not None]
        dialog = VerdictDialog(
            _("Which answer is better?"),
            self._explanation(board, shown),
            candidates,
            shown.verdict,
            kind=comparison.type,
            kinds=kinds,
            first=self.current,
        )
        judged = await self.app.push_screen_wait(dialog)
        if judged is not None:
            await self._store(board, comparison, shown, judged)

    @staticmethod
    def _explanation(board: Board, shown: Round) -> str:
        question = one_line(shown.question, 200)
        if not board.names_hidden:
            return question
        telling = [column.label for column in board.columns if (answer := column.answer(shown)) and answer.message is not None
                   and board.named.get(answer.message.id)]  # fmt: skip
        hidden = _("The names are shown when you have voted.")
        if telling:
            hidden = ngettext(
                "Answer {labels} names the model that wrote it: this vote is not quite blind.",
                "Answers {labels} name the models that wrote them: this vote is not quite blind.",
                len(telling),
            ).format(labels=", ".join(telling))
        return f"{question}\n{hidden}"

    async def _store(self, board: Board, comparison: Comparison, shown: Round, judged: Judged) -> None:
        comparisons = self.services.comparisons
        if judged.type != comparison.type:
            await comparisons.set_type(self.principal, comparison.id, judged.type)
        if judged.draft is None:
            await comparisons.withdraw_vote(self.principal, shown.id)
        else:
            await comparisons.vote(self.principal, shown.id, judged.draft)
            if comparison.names_hidden:
                await comparisons.reveal(self.principal, comparison.id)
        if self.board is board:
            tail = len(board.comparison.rounds) if board.comparison is not None else 1
            self.take(await comparisons.get(self.principal, comparison.id, tail=tail))
        self._say_outcome(board, judged.draft, comparison.names_hidden)

    def _say_outcome(self, board: Board, draft: VerdictDraft | None, was_hidden: bool) -> None:
        if draft is None:
            self.modeltrain.say(_("The verdict is taken back."))
            return
        winner = next((column for column in board.columns if column.candidate is not None and column.candidate.id == draft.winner), None)
        if was_hidden and winner is not None:
            self.modeltrain.say(_("You chose “{name}”.").format(name=texts.name_of(board, winner)))
        elif draft.winner == BOTH_BAD:
            self.modeltrain.say(_("Saved: all of them are bad."))
        else:
            self.modeltrain.say(_("The verdict is saved."))

    # Blind -----------------------------------------------------------------------------------------------------------

    def action_blind(self) -> None:
        """Before the first question: blind or not. While names are hidden: show them. Else: the same models once more, blind."""
        board = self.board
        if board.comparison is None:
            board.blind = not board.blind
            self.draw_state()
        elif board.names_hidden:
            self._ask_to_reveal(board, board.comparison)
        elif len(board.configuration_ids) == len(board.columns):
            again = self.draft(board.configuration_ids, like=board)
            again.blind = True
            self.show_board(again)
            self.composer.focus()
            self.modeltrain.say(_("A new comparison of the same models begins, with their names hidden."))

    def _ask_to_reveal(self, board: Board, comparison: Comparison) -> None:
        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._reveal, board, comparison, group="reveal")

        explanation = _("Verdicts given after that do not count as blind.")
        self.app.push_screen(Confirm(_("Show which model is which, without a vote?"), explanation), decided)

    async def _reveal(self, board: Board, comparison: Comparison) -> None:
        revealed = await self.services.comparisons.reveal(self.principal, comparison.id)
        if self.board is board:
            self.take(replace(revealed, rounds=revealed.rounds or comparison.rounds))

    # Answers that tell -----------------------------------------------------------------------------------------------

    def look_for_names(self) -> None:
        """Find answers that tell which model wrote them, where the names are hidden."""
        if self.board.comparison is not None and self.board.names_hidden:
            self.start(self._look_for_names, self.board, group="names")

    async def _look_for_names(self, board: Board) -> None:
        from core.compare.answer_naming import namings

        found = False
        for column in board.columns:
            for shown in board.rounds():
                answer = column.answer(shown)
                message = answer.message if answer is not None and answer.state != "generating" else None
                if message is None or message.id in board.named:
                    continue
                told = await asyncio.to_thread(namings, message.content, message.model, provider=message.provider_id)
                board.named[message.id] = any(naming.own for naming in told)
                if board.named[message.id] and self.board is board:
                    found = True
                    self.draw_answer(column, shown)
        if found and self.board is board:
            self.draw_state()
