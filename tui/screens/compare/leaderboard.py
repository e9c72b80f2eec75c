"""Leaderboard: the models ranked by one's own votes, per type of question, with intervals drawn as bars."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.compare.types import Vote
from core.events import ComparisonsChanged, Event
from core.sanitise import one_line
from tui import leaderboard_words as words
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed
from tui.screens.compare.record_lists import Filter
from tui.screens.compare.tabs import LEADERBOARD, RECORDS, SIDE, CompareTab, open_tab
from tui.widgets.dialogs import Choose
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Column, Row, Rows

if TYPE_CHECKING:
    from core.compare.leaderboard import Ranked

_PLACES = (
    Column("rank", N_("Rank"), 4, right=True),
    Column("model", N_("Model"), 16, grow=True),
    Column("rating", N_("Rating"), 6, right=True),
)
_BEHIND = (
    Column("votes", N_("Votes"), 6, right=True),
    Column("record", N_("Won-lost-tied"), 14, right=True),
)
#: Cells of the bar: at least, at most; and what the rest of a line needs.
_BAR_LEAST, _BAR_MOST, _REST = 18, 60, 66
#: Votes of the last so many days count; 0: all.
_PERIODS = {0: N_("all time"), 365: N_("last 365 days"), 90: N_("last 90 days"), 30: N_("last 30 days"), 7: N_("last 7 days")}
#: Ids of choices: all types; in front of the name of a type.
_ALL, _NAME = "all", "type "
#: From so many lines on the screen says how ratings come about; below, its help does.
_TALL = 30
#: Opponents that the detail names.
_DUELS = 4


class LeaderboardScreen(CompareTab, inherit_bindings=False):
    """The list; below it what the votes say, and how the one in hand did against each other."""

    TAB = LEADERBOARD
    HELP = N_(
        "Your verdicts rank the models: a winner beats the others of its round, a tie and “all bad” are half a win for each; where a round "
        "has stars only, more stars win. Ratings follow the Bradley-Terry model, around 1000; 400 points more: ten wins for each loss.\n\n"
        "The bar is the interval that holds the true rating in 95 of 100 cases, the dot in it the rating. It comes from 1,000 samples "
        "drawn from your rounds, and is never narrower than so few votes allow. Models whose intervals overlap are not told apart: they "
        "share a rank. Below ten rounds with a verdict a model has no rank, and its dot is hollow.\n\n"
        "t chooses a type of question, [ and ] go through the types, w the time that counts, b counts only votes given while names were "
        "hidden. Enter shows the comparisons of the model in hand."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "type", N_("type"), id="board.type", tooltip=N_("Only questions of one type")),
        Binding("left_square_bracket", "step_type(-1)", N_("type before"), show=False),
        Binding("right_square_bracket", "step_type(1)", N_("next type"), show=False),
        Binding("w", "period", N_("time"), id="board.period", tooltip=N_("Which votes count, by their age")),
        Binding("b", "blind", N_("blind only"), id="board.blind", tooltip=N_("Only votes given while names were hidden, or all")),
        Binding("n", "new", N_("compare"), id="board.new", tooltip=N_("Ask two or three models the same, and judge them")),
        Binding("escape", "back", N_("home"), id="board.back", tooltip=N_("Count all votes again, then home")),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._votes: tuple[Vote, ...] = ()
        self._board: tuple[Ranked, ...] = ()
        self._type: str | None = None
        self._days = 0
        self._blind = self._loaded = False

    def compose_tab(self) -> Iterable[Any]:
        yield Rows(_PLACES, id="board-rows")
        yield Paragraphs(id="board-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#board-rows", Rows)

    @property
    def in_hand(self) -> Ranked | None:
        return next((row for row in self._board if row.model == self.rows.current_id), None)

    @property
    def types(self) -> list[str]:
        """The types that were voted on."""
        return sorted({vote.type for vote in self._votes})

    @property
    def narrowed(self) -> bool:
        return self._type is not None or self._blind or bool(self._days)

    # Loading ---------------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, ComparisonsChanged) and self.is_current:
            self.reload()

    def reload(self) -> None:
        self.start(self._load, group="load")

    async def _load(self) -> None:
        if not self.context.signed_in:
            return
        since = self.services.clock.now() - timedelta(days=self._days) if self._days else None
        votes = await self.services.comparisons.votes(self.principal, since=since)
        if votes != self._votes or not self._loaded:
            self._votes = votes
            await self._rank()

    async def _rank(self) -> None:
        from core.compare.leaderboard import leaderboard

        self._board = await asyncio.to_thread(leaderboard, self._chosen())
        self._loaded = True
        self.draw()

    def _chosen(self) -> list[Vote]:
        return [vote for vote in self._votes if (self._type is None or vote.type == self._type) and (vote.blind or not self._blind)]

    # Drawing ---------------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Show the board that was made."""
        if not self._loaded or self.gone:
            return
        least, most = words.bounds(self._board)
        bar = max(_BAR_LEAST, min(_BAR_MOST, self.app.size.width - _REST))
        scale = f"{least:.0f}" + f"{most:.0f}".rjust(bar - len(f"{least:.0f}"))
        self.rows.columns = (*_PLACES, Column("bar", scale, bar), *_BEHIND)
        self.rows.show([self._row(row, least, most, bar) for row in self._board], empty=self._empty())
        self._draw_remark()
        self._draw_detail()
        self.refresh_bindings()

    def _row(self, row: Ranked, least: float, most: float, width: int) -> Row:
        signs = glyphs(self.app)
        # A list keeps cells to one line and takes blanks away: what is free is drawn as a faint line.
        drawn = words.interval_bar(row, least, most, width, signs).replace(" ", signs.bullet)
        cells = {
            "rank": words.rank_words(row),
            "model": row.model if not row.group else _("{model} (group {number})").format(model=row.model, number=row.group + 1),
            "rating": f"{row.rating:.0f}",
            "bar": drawn,
            "votes": f"{row.votes:,}",
            "record": words.record_words(row),
        }
        token = "dim" if not row.enough else "good" if row.rank == 1 and not row.group else "text"
        return Row(row.model, cells, {"rank": token, "model": token, "rating": token, "bar": token, "votes": "dim", "record": "dim"})

    def _empty(self) -> list[tuple[str, str]]:
        if self.narrowed:
            return [(_("No vote of this kind."), "dim"), (_("Esc counts all votes again."), "dim")]
        return [
            (_("No vote yet. Compare models and say which answer is better: your votes rank them here."), "text"),
            (_("A vote counts where at least two different models answered."), "dim"),
            ("", "dim"),
            (_("Press {key} to compare; there, v gives a verdict and b hides the names until then.").format(key="n"), "accent"),
        ]

    def _draw_remark(self) -> None:
        chosen = self._chosen()
        count = len({vote.round_id for vote in chosen})
        parts = [ngettext("{count} vote", "{count} votes", count).format(count=f"{count:,}")]
        parts += [one_line(self._type, 20) or _("without a type")] if self._type is not None else []
        parts += [_(_PERIODS[self._days])] if self._days else []
        parts += [_("blind only")] if self._blind else []
        self.tell(" · ".join(parts))

    def _draw_detail(self) -> None:
        detail, row = self.query_one("#board-detail", Paragraphs), self.in_hand
        detail.display = row is not None
        if row is None:
            return
        said = [(one_line(words.conclusion(self._board)), "text")]
        said += [(text, "warn") for text in [words.groups_remark(self._board)] if text]
        said.append((self._about(row), "dim"))
        if self.app.size.height >= _TALL:
            said.append((words.method_words(), "dim"))
        detail.show(*said)

    def _about(self, row: Ranked) -> str:
        against = words.duels(self._chosen(), row.model)
        parts = [
            _("{model}: {rating}, between {low} and {high}").format(
                model=one_line(row.model, 40), rating=f"{row.rating:.0f}", low=f"{row.low:.0f}", high=f"{row.high:.0f}"
            )
        ]
        parts += [text for text in [words.remark(row)] if text]
        parts += [
            _("against {model} {won} won, {lost} lost, {tied} tied").format(model=one_line(name, 30), won=won, lost=lost, tied=tied)
            for name, won, lost, tied in against[:_DUELS]
        ]
        if len(against) > _DUELS:
            parts.append(_("and {count} more").format(count=len(against) - _DUELS))
        return " · ".join(parts)

    def on_rows_highlighted(self) -> None:
        if self._loaded:
            self._draw_detail()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        from tui.screens.compare.records import RecordsScreen

        narrowed = Filter(model=event.row_id, verdict="given", type=self._type)
        self.app.call_later(open_tab, self.modeltrain, RECORDS, RecordsScreen(narrowed))

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("type", "step_type"):
            return self._type is not None or len(self.types) > 1
        if action in ("period", "blind"):
            return bool(self._votes) or self.narrowed
        return True

    def action_type(self) -> None:
        def decided(chosen: str | None) -> None:
            if chosen is not None:
                self._choose_type(None if chosen == _ALL else chosen.removeprefix(_NAME))

        counts = {name: len({vote.round_id for vote in self._votes if vote.type == name}) for name in self.types}
        options = [(_ALL, _("all types"), f"{sum(counts.values()):,}")]
        options += [(_NAME + name, one_line(name) or _("without a type"), f"{count:,}") for name, count in counts.items()]
        current = _ALL if self._type is None else _NAME + self._type
        self.app.push_screen(Choose(_("Which type of question?"), options, current), decided)

    def action_step_type(self, step: int) -> None:
        names: list[str | None] = [None, *self.types]
        at = names.index(self._type) if self._type in names else 0
        self._choose_type(names[(at + step) % len(names)])

    def _choose_type(self, name: str | None) -> None:
        self._type = name
        self.start(self._rank, group="load")

    def action_period(self) -> None:
        def decided(chosen: str | None) -> None:
            if chosen is not None:
                self._days, self._loaded = int(chosen), False
                self.reload()

        options: Sequence[tuple[str, str, str]] = [(str(days), _(name), "") for days, name in _PERIODS.items()]
        self.app.push_screen(Choose(_("Votes of which time?"), options, str(self._days)), decided)

    def action_blind(self) -> None:
        self._blind = not self._blind
        self.start(self._rank, group="load")

    def action_new(self) -> None:
        self.app.call_later(open_tab, self.modeltrain, SIDE)

    def action_back(self) -> None:
        if self.narrowed:
            self._type, self._days, self._blind, self._loaded = None, 0, False, False
            self.reload()
        else:
            self.app.call_later(self.modeltrain.action_go, "home")
