"""Choosing what is compared: the models of a new comparison, another model or other parameters in one column, at once or one by one."""

from __future__ import annotations

from dataclasses import replace

from core.compare.types import FEWEST, MOST
from core.llm.request import Parameters
from core.models.types import Configuration
from core.sanitise import one_line
from tui.i18n import _
from tui.screens.compare.base import CompareBase
from tui.screens.compare.board import Board, Column
from tui.screens.compare.picker import AskParameters, Picked, PickModels
from tui.widgets.dialogs import Choose


class Choosing(CompareBase):
    """The mixin of `SideBySideScreen` for what is asked."""

    def draft(self, ids: tuple[str, ...], *, like: Board | None = None, roles: tuple[str, ...] = ()) -> Board:
        """A comparison of these configurations that begins with the first question."""
        known: dict[str, Configuration] = {item.id: item for item in self.configurations}
        found = [known[each] for each in ids if each in known][:MOST]
        columns = [Column(index, item, role=roles[index] if index < len(roles) else "") for index, item in enumerate(found)]
        board = Board(columns=columns)
        if like is not None:
            board.mode, board.blind = like.asked, like.meant_blind
            for column, other in zip(columns, like.columns, strict=False):
                column.overrides = other.overrides if column.configuration_id == other.configuration_id else None
        return board

    # A new comparison ------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        if not self.loaded:
            return
        if not self.usable:
            self.modeltrain.say(_("There is no model to ask yet: press Alt+6 and make a configuration."))
            return
        board = self.board
        picker = PickModels(self.usable, board.configuration_ids, mode=board.asked, blind=board.meant_blind)
        self.app.push_screen(picker, self._picked)

    def _picked(self, picked: Picked | None) -> None:
        if picked is None:
            return
        board = self.draft(picked.configuration_ids)
        board.mode, board.blind = picked.mode, picked.blind
        self.show_board(board)
        self.composer.focus()

    # One column ------------------------------------------------------------------------------------------------------

    def action_model(self) -> None:
        column = self.column
        if column is None or not self.loaded:
            return
        if self.board.comparison is not None and self.board.names_hidden:
            self.modeltrain.say(_("The names are hidden: b shows them, then a column can be given another model."))
            return
        options = [(item.id, one_line(item.name), one_line(item.model)) for item in self.usable]
        question = _("Who answers in column {label}?").format(label=column.label)

        def chosen(configuration_id: str | None) -> None:
            if configuration_id is not None:
                self.start(self._set_model, self.board, column, configuration_id, group="candidate")

        self.app.push_screen(Choose(question, options, column.configuration_id or ""), chosen)

    async def _set_model(self, board: Board, column: Column, configuration_id: str) -> None:
        if board.comparison is None or column.candidate is None:
            column.configuration = next((item for item in self.configurations if item.id == configuration_id), column.configuration)
            column.role = ""
            self.draw_state()
            return
        comparison = await self.services.comparisons.set_candidate(
            self.principal, board.comparison.id, column.candidate.id, configuration_id=configuration_id, overrides=column.overrides
        )
        if self.board is board:
            column.role = ""
            self.take(comparison)
            self.modeltrain.say(_("Asked from the next question on; Ctrl+R asks it the last one."))

    def action_parameters(self) -> None:
        column = self.column
        if column is None or (self.board.comparison is not None and self.board.names_hidden):
            return
        own = column.configuration.parameters if column.configuration is not None else Parameters()

        def chosen(parameters: Parameters | None) -> None:
            if parameters is not None:
                self.start(self._set_parameters, self.board, column, parameters, group="candidate")

        self.app.push_screen(AskParameters(column.configuration_name, own, column.overrides), chosen)

    async def _set_parameters(self, board: Board, column: Column, parameters: Parameters) -> None:
        overrides = parameters if parameters != Parameters() else None
        if board.comparison is None or column.candidate is None:
            column.overrides = overrides
            self.draw_state()
            return
        comparison = await self.services.comparisons.set_candidate(
            self.principal, board.comparison.id, column.candidate.id, overrides=overrides
        )
        if self.board is board:
            self.take(comparison)
            self.modeltrain.say(_("Asked with these from the next question on; Ctrl+R asks it the last one."))

    # At once or one by one -------------------------------------------------------------------------------------------

    def action_mode(self) -> None:
        board = self.board
        if board.comparison is None:
            board.mode = board.other_mode
            self.draw_state()
            return
        self.start(self._set_mode, board, group="mode")

    async def _set_mode(self, board: Board) -> None:
        if board.comparison is None:
            return
        mode = board.other_mode
        await self.services.comparisons.set_mode(self.principal, board.comparison.id, mode)
        board.comparison = replace(board.comparison, mode=mode)
        self.draw_state()
        one_by_one, at_once = _("From the next question on one after the other."), _("From the next question on all at once.")
        self.modeltrain.say(one_by_one if mode == "sequential" else at_once)

    def first_choice(self) -> tuple[str, ...]:
        """What somebody who never compared anything begins with: the default and the next one; () where there are too few."""
        found = tuple(item.id for item in self.usable[:FEWEST])
        return found if len(found) == FEWEST else ()
