"""Asking and answering: ask all, watch the columns grow, stop, retry, continue. The answers outlive this screen."""

from __future__ import annotations

from core.chat.types import Message
from core.compare.types import FEWEST
from core.errors import NotFound
from tui.i18n import _
from tui.screens.chat.answers import CROWD_S, CROWDED_S, FEW, INTERVAL
from tui.screens.chat.views import LiveAnswer
from tui.screens.compare import texts
from tui.screens.compare.base import CompareBase
from tui.screens.compare.board import Board, Column
from tui.screens.compare.pulse import Pulse, pace
from tui.widgets.composer import Composer

#: Nothing is to be asked again there: it is whole, it is being written, or another key asks it.
_IN_ORDER = ("complete", "generating", "waiting")
#: Seconds between two looks at a comparison whose next column is to be asked; its events mostly come before.
_LOOK_S = 2.0
#: Rounds that are read when a comparison is opened; the others when they are scrolled to.
TAIL = 50


class Asking(CompareBase):
    """The mixin of `SideBySideScreen` for answers."""

    pulse: Pulse
    #: Images that go with the next question, and their names.
    images: list[tuple[str, bytes]]
    _asking = False
    _ticks = 0

    # Ask -------------------------------------------------------------------------------------------------------------

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        event.stop()
        refusal = self._refusal()
        if refusal:
            self.composer.refused()
            self.modeltrain.say(refusal)
            return
        self._asking = True
        self.start(self._ask, event.text, group="ask", exclusive=False)

    def _refusal(self) -> str:
        """Why nothing can be asked now."""
        if self._asking or any(column.live is not None for column in self.board.columns):
            return _("An answer is still being written here: wait for it, or stop it with Esc.")
        if not self.loaded or len(self.board.columns) < FEWEST:
            return _("Choose two or three models with Ctrl+N first. Your text stays here.")
        return ""

    async def _ask(self, text: str) -> None:
        board = self.board
        try:
            comparison_id = await self._stored(board)
            images = [data for _name, data in self.images]
            await self.services.comparisons.ask(self.principal, comparison_id, text, images=images)
        except BaseException:
            self.composer.refused()
            raise
        finally:
            self._asking = False
        self.images = []
        self.composer.accepted(text)
        if self.board is board:
            await self._read(board)
            for column in board.columns:
                self.transcript(column.index).flow.to_end()
                self.transcript(column.index).draw()

    async def _stored(self, board: Board) -> str:
        """The id of the comparison, which is made with its first question."""
        if board.comparison is None:
            board.comparison = await self.services.comparisons.create(
                self.principal,
                board.configuration_ids,
                mode=board.mode,
                blind=board.blind,
                overrides=tuple(column.overrides for column in board.columns),
            )
        return board.comparison.id

    async def _read(self, board: Board) -> None:
        if board.comparison is None:
            return
        tail = board.unsettled if board.comparison.rounds else TAIL
        comparison = await self.services.comparisons.get(self.principal, board.comparison.id, tail=tail)
        if self.board is board:
            self.take(board.merged(comparison))

    # Watch -----------------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Watch every answer that is being made and is not watched yet."""
        for column in self.board.columns:
            answers = (column.answer(shown) for shown in self.board.rounds())
            message = next((each.message for each in answers if each is not None and each.state == "generating"), None)
            if message is not None and (column.live is None or column.live.id != message.id):
                column.live = LiveAnswer(message.id, message.model, message.content, message.reasoning)
                self.start(self._watch, self.board, column, column.live, group=f"watch-{column.index}")

    async def _watch(self, board: Board, column: Column, live: LiveAnswer) -> None:
        clock = self.services.clock
        self._tick_on()
        try:
            async for update in self.services.comparisons.watch(self.principal, live.id, interval_s=INTERVAL):
                if self.board is not board or column.live is not live:
                    return
                before = bool(live.reasoning)
                live.take(update, clock.monotonic())
                live.undrawn = True
                if update.message is not None:
                    self._ended(board, column, update.message)
                    return
                self.pulse.touch()
                if live.reasoning and not before:
                    self.refresh_bindings()  # there is something to open now
        except NotFound:  # asked again or deleted elsewhere
            column.live = None
            self.reload()

    def every_s(self) -> float:
        """Seconds between two pictures of the columns: some more where the link is slow or many answers grow in this process."""
        crowd = min(CROWDED_S, INTERVAL + CROWD_S * max(0, self.services.chat.under_way - FEW))
        growing = sum(column.live is not None for column in self.board.columns)
        return max(self.modeltrain.stream_every_s, crowd, pace(INTERVAL, growing))

    def draw_growing(self) -> None:
        """Show what came since the last time."""
        for column in self.board.columns:
            live = column.live
            if live is not None and live.undrawn:
                live.undrawn = False
                self.transcript(column.index).update(texts.live_view(self.board, column, live))
        self.draw_heads()

    def _ended(self, board: Board, column: Column, message: Message) -> None:
        column.live = None
        if (shown := board.round_of(message.id)) is not None:
            self.draw_answer(column, board.put(shown, message))
        self.pulse.now()
        self.draw_state()
        self.look_for_names()
        self.reload()

    def _tick_on(self) -> None:
        """While nothing comes no update comes either, but the seconds go on."""
        if self._ticks == 0:
            self._ticking = self.set_interval(1.0, self._tick)
        self._ticks = max(1, self._ticks)

    def _tick(self) -> None:
        self._ticks += 1
        now, growing = self.services.clock.monotonic(), False
        for column in self.board.columns:
            if column.live is not None:
                growing = True
                column.live.undrawn |= column.live.tick(now)
        waiting = self.board.comparison is not None and self.board.comparison.asking
        if growing:
            self.pulse.touch()
        elif waiting and self._ticks % int(_LOOK_S) == 0:
            self.reload()
        elif not waiting:
            self._ticking.stop()
            self._ticks = 0

    # Stop, retry, continue -------------------------------------------------------------------------------------------

    def stop_all(self) -> bool:
        """Stop everything that is being written here; whether there was anything."""
        if not self.board.busy or self.board.comparison is None:
            return False
        self.start(self._stop, self.board.comparison.id, None, group="stop", exclusive=False)
        return True

    def action_stop(self) -> None:
        """Stop the column in hand only."""
        column = self.column
        if column is not None and column.live is not None and column.candidate is not None and self.board.id is not None:
            self.start(self._stop, self.board.id, column.candidate.id, group="stop", exclusive=False)

    async def _stop(self, comparison_id: str, candidate_id: str | None) -> None:
        await self.services.comparisons.stop(self.principal, comparison_id, candidate_id)
        self.reload()

    def to_retry(self) -> list[Column]:
        """The column in hand; from the text, those whose answer is not whole, if there are any."""
        last, column = self.board.last, self.column
        if last is None or column is None:
            return []
        broken = [each for each in self.board.columns if (answer := each.answer(last)) and answer.state not in _IN_ORDER]
        wanted = [column] if self.in_columns or not broken else broken
        return [each for each in wanted if each.live is None]

    def action_retry(self) -> None:
        for column in self.to_retry():
            self.start(self._retry, self.board, column, group=f"retry-{column.index}")

    async def _retry(self, board: Board, column: Column) -> None:
        if board.comparison is None or column.candidate is None:
            return
        await self.services.comparisons.retry(self.principal, board.comparison.id, column.candidate.id)
        if self.board is board:
            await self._read(board)

    def to_continue(self) -> list[Column]:
        """The columns whose last answer was stopped or broke off with something written."""
        last = self.board.last
        if last is None:
            return []
        able = [
            each
            for each in self.board.columns
            if each.live is None and (answer := each.answer(last)) and answer.message is not None and answer.message.can_continue
        ]
        mine = [each for each in able if each is self.column]
        return mine or able

    def action_continue(self) -> None:
        """Let what broke off go on, or ask what was not asked yet: the column in hand first, else what was not asked."""
        able = self.to_continue()
        waits = self.board.comparison is not None and self.board.comparison.waits
        if waits and not (self.in_columns and able == [self.column]):
            self.start(self._ask_rest, self.board, group="rest")
            return
        for column in able:
            self.start(self._continue, self.board, column, group=f"retry-{column.index}")

    async def _ask_rest(self, board: Board) -> None:
        if board.comparison is not None:
            await self.services.comparisons.ask_rest(self.principal, board.comparison.id)
            await self._read(board)
            self._tick_on()

    async def _continue(self, board: Board, column: Column) -> None:
        if board.comparison is None or column.candidate is None:
            return
        await self.services.comparisons.continue_answer(self.principal, board.comparison.id, column.candidate.id)
        if self.board is board:
            await self._read(board)
