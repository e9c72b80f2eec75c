"""What is open on the side-by-side screen: how it begins, what a session keeps of it, and bringing it up to date."""

from __future__ import annotations

from collections.abc import Sequence

from core.compare.types import MOST, Comparison, Round
from core.errors import NotFound
from tui.glyphs import Glyphs, glyphs
from tui.i18n import _
from tui.screens.chat.views import Scene
from tui.screens.compare import texts
from tui.screens.compare.base import Kept
from tui.screens.compare.board import Board, Column
from tui.screens.compare.keys import Keys
from tui.widgets.transcript import MessageView, Transcript

#: More rounds than any comparison has.
_ALL = 1_000_000


class Opened(Keys):
    """The part of `SideBySideScreen` that opens. `wanted`, `begin_with`, `roles`: what it was made with."""

    wanted: str | None
    begin_with: tuple[str, ...]
    roles: tuple[str, ...]
    #: By round and column: what its views depend on, and the views.
    made: dict[tuple[str, int], tuple[tuple[Round, bool, bool | None], list[MessageView]]]

    @property
    def signs(self) -> Glyphs:
        return glyphs(self.app)

    @property
    def _kept(self) -> Kept:
        return self.context.kept(Kept)

    async def enter(self) -> None:
        """What was asked for; else where this session was; else where this account compared last; else a first choice."""
        self.configurations = await self.services.configurations.list(self.principal)
        kept = self._kept
        if self.begin_with:
            board = self.draft(self.begin_with, roles=self.roles)
        elif self.wanted is None and kept.chosen is not None:
            board = self.draft(kept.chosen.configuration_ids, like=kept.chosen)
        else:
            board = await self._stored_board(self.wanted or kept.comparison_id)
        self.loaded = True
        self.show_board(board)

    async def _stored_board(self, comparison_id: str | None) -> Board:
        """The comparison, or the last one where there is none; a first choice where nothing was ever compared."""
        if comparison_id is not None:
            try:
                return self._board_of(await self.services.comparisons.get(self.principal, comparison_id))
            except NotFound:
                if self.wanted is not None:
                    self.modeltrain.say(_("This comparison is not there any more."))
        page = await self.services.comparisons.records(self.principal, limit=1)
        if page.items:
            return self._board_of(await self.services.comparisons.get(self.principal, page.items[0].id))
        return self.draft(self.first_choice())

    def _board_of(self, comparison: Comparison) -> Board:
        board = Board()
        board.take(comparison, self.configurations)
        return board

    def show_board(self, board: Board) -> None:
        """Show something else; what is being written goes on in the service."""
        self.keep_typed()
        for index in range(MOST):
            self.workers.cancel_group(self, f"watch-{index}")
        self.board, self.current, self.images, self.made = board, 0, [], {}
        for index in range(MOST):
            self.transcript(index).show(())
        if board.comparison is not None:
            self.take(board.comparison)
        self.composer.load(self._kept.typed.get(board.id or "", ""))
        self.composer.set_history([shown.question for shown in reversed(list(board.rounds()))])
        self.draw_state()
        self._keep_place()

    def take(self, comparison: Comparison) -> None:
        """Show what was read of the comparison that is open; growing answers are drawn as they come."""
        self.board.take(comparison, self.configurations)
        self.follow()
        scene = self.scene
        for column in self.board.columns:
            show_views(self.transcript(column.index), self._views(column, scene), comparison.earlier)
        self.look_for_names()
        self.draw_state()
        self._keep_place()

    def _views(self, column: Column, scene: Scene) -> list[MessageView]:
        """A column as its transcript shows it. What did not change is not made again: reasoning is measured for it, and errors told."""
        views: list[MessageView] = []
        board = self.board
        for shown in board.comparison.rounds if board.comparison is not None else ():
            answer = column.answer(shown)
            told = board.named.get(answer.message.id) if answer is not None and answer.message is not None else None
            about = (shown, board.names_hidden, told)
            before = self.made.get((shown.id, column.index))
            if before is None or before[0][0] is not shown or before[0][1:] != about[1:] or not shown.ended:
                before = (about, texts.round_views(board, column, shown, scene, self.signs))
                self.made[shown.id, column.index] = before
            views += before[1]
        return views

    def on_transcript_earlier_wanted(self, event: Transcript.EarlierWanted) -> None:
        event.stop()
        self.start(self._read_earlier, self.board, event.transcript, event.all, group="earlier")

    async def _read_earlier(self, board: Board, transcript: Transcript, to_start: bool) -> None:
        if board.comparison is not None and board.comparison.earlier:
            comparison = await self.services.comparisons.get(self.principal, board.comparison.id, tail=_ALL)
            if self.board is board:
                self.take(comparison)
                if to_start:
                    transcript.action_start()

    def reload(self) -> None:
        """Read the comparison that is open anew, beside the screen."""
        if self.loaded and self.context.signed_in:
            self.start(self._reload, group="reload")

    async def _reload(self) -> None:
        board = self.board
        try:
            await self._read(board)
        except NotFound:
            if self.board is board:
                self.modeltrain.say(_("This comparison is not there any more."))
                self.show_board(self.draft(board.configuration_ids, like=board))

    def _keep_place(self) -> None:
        kept, board = self._kept, self.board
        if not self.visiting:
            kept.comparison_id, kept.chosen = board.id, board if board.comparison is None and board.columns else None

    def keep_typed(self) -> None:
        if self.loaded and not self.gone and not self.visiting:
            self._kept.typed[self.board.id or ""] = self.composer.draft

    def leaving(self) -> None:
        if self.context.signed_in:
            self.keep_typed()


def show_views(transcript: Transcript, views: Sequence[MessageView], earlier: int) -> None:
    """Bring a transcript up to date without losing the place of reading. `earlier`: rounds before the first one."""
    flow = transcript.flow
    known, wanted = [view.id for view in flow.views()], [view.id for view in views]
    if not known or known[0] not in wanted:
        transcript.show(views, earlier=earlier)
        return
    if (before := wanted.index(known[0])) or transcript.earlier != earlier:
        transcript.prepend(views[:before], earlier=earlier)
    there = set(wanted)
    for message_id in known:
        if message_id not in there:
            flow.remove(message_id)
    for view in views:
        index = flow.index_of(view.id)
        if index is None:
            flow.append(view)
        elif flow.view_at(index) != view:
            flow.update(view)
    transcript.draw()
