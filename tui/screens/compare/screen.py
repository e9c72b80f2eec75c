"""SideBySideScreen: two or three models are asked the same, and answer side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.strip import Strip
from textual.widget import Widget

from core.compare.types import MOST, Round
from core.events import ComparisonsChanged, ConfigurationsChanged, ConversationChanged, Event
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed
from tui.screens.compare import texts
from tui.screens.compare.board import Board, Column
from tui.screens.compare.heads import Heads, widths
from tui.screens.compare.opened import Opened
from tui.screens.compare.pulse import Pulse
from tui.screens.compare.tabs import SIDE, CompareTab
from tui.themes import palette
from tui.widgets.composer import Composer
from tui.widgets.lines import line
from tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.events import DescendantFocus, Resize

_WIDE = 100


class Wall(Widget):
    """The line between two columns."""

    def render_line(self, y: int) -> Strip:
        return line([(glyphs(self.app).wall, palette(self.app).rule)], self.size.width, self.rich_style)


class SideBySideScreen(Opened, inherit_bindings=False):
    """See the module. `board` is what is open; the answers under way belong to the service, not to this screen.

    `comparison_id`: open this one. `configuration_ids`: begin with these, which are what `roles` says (untranslated words). With
    neither it begins where this account compared last. `visiting`: it lies on another screen, to which Esc leads back.
    """

    TAB = SIDE
    HELP = N_(
        "What you ask is asked two or three models. Each keeps its own conversation, so that further questions make sense. Ctrl+N chooses "
        "who answers, all at once or one after the other.\n\n"
        "Above each column: how it stands; the time to the first token and to the first token of the answer proper; the whole time; tokens "
        "(~ marks our estimates), tokens a second over the time in which they were made; what it cost. The fastest had its whole answer "
        "in the least time.\n\n"
        "Esc stops all answers; what came is kept. Esc also leads up from the text to the columns. There [ and ] change the column, z "
        "shows one over the whole width, s stops one, Ctrl+R asks it again, Ctrl+O and e give it another model or other parameters, w "
        "shows where two answers differ, c goes on with one as a conversation. i leads back to the text.\n\n"
        "v judges: stars, a winner, a tie or all bad, a note. b hides the names until then; an answer that names its model is marked."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("stop/back"), id="compare.back", tooltip=N_("Stop the answers, then to the columns, then home")),
        Binding("n", "new", N_("new"), id="compare.new_letter", show=False),
        Binding("ctrl+n", "new", N_("new"), id="compare.new", tooltip=N_("Choose two or three models and begin a new comparison")),
        Binding("v", "verdict", N_("verdict"), id="compare.verdict", tooltip=N_("Judge the answers: stars, winner, tie, note")),
        Binding("i", "write", N_("write"), id="compare.write", tooltip=N_("Back to the text")),
        Binding("left_square_bracket", "column(-1)", N_("column"), id="compare.column", key_display="[ ]"),
        Binding("right_square_bracket", "column(1)", N_("next column"), id="compare.column_next", show=False),
        Binding("alt+left", "column(-1)", N_("column before"), id="compare.column_before_text", show=False),
        Binding("alt+right", "column(1)", N_("next column"), id="compare.column_next_text", show=False),
        Binding("z", "zoom", N_("full width"), id="compare.zoom", tooltip=N_("One column over the whole width, or all")),
        Binding("w", "diff", N_("word diff"), id="compare.diff", tooltip=N_("Where two answers differ, word by word")),
        Binding("b", "blind", N_("blind"), id="compare.blind", tooltip=N_("Hide the names until the vote, or show them")),
        Binding("s", "stop", N_("stop one"), id="compare.stop", tooltip=N_("Stop this column only")),
        Binding("ctrl+r", "retry", N_("retry"), id="compare.retry", tooltip=N_("Ask this column again; from the text, those that failed")),
        Binding("alt+c", "continue", N_("continue"), id="compare.continue", tooltip=N_("Go on with what broke off or was not asked yet")),
        Binding("ctrl+o", "model", N_("model"), id="compare.model", tooltip=N_("Choose who answers in this column")),
        Binding("e", "parameters", N_("parameters"), id="compare.parameters", show=False, tooltip=N_("Other parameters for this column")),
        Binding("m", "mode", N_("at once or not"), id="compare.mode", show=False, tooltip=N_("Ask all at once, or one after the other")),
        Binding("a", "similar", N_("asked before"), id="compare.similar", show=False, tooltip=N_("This question over time, with a chart")),
        Binding("c", "chat", N_("conversation"), id="compare.chat", tooltip=N_("Continue this column as a conversation")),
        Binding("alt+i", "attach", N_("image"), id="compare.attach", tooltip=N_("Send an image along with the next question")),
        Binding("alt+x", "detach", N_("no image"), id="compare.detach", show=False, tooltip=N_("Take the attached images away")),
        Binding("X", "export", N_("export"), id="compare.export", show=False, tooltip=N_("Save the whole comparison to a file")),
        Binding("pageup", "page(-1)", N_("a page up"), id="compare.page_up", show=False),
        Binding("pagedown", "page(1)", N_("a page down"), id="compare.page_down", show=False),
        *CompareTab.TAB_BINDINGS,
        *Framed.BINDINGS,
    ]

    def __init__(
        self,
        comparison_id: str | None = None,
        configuration_ids: Sequence[str] = (),
        roles: Sequence[str] = (),
        *,
        visiting: bool = False,
    ) -> None:
        super().__init__()
        self.wanted, self.begin_with, self.roles, self._visiting = comparison_id, tuple(configuration_ids), tuple(roles), visiting
        self.board, self.configurations, self.images, self.made = Board(), (), [], {}

    def compose_body(self) -> Iterable[Any]:
        if not self._visiting:
            yield from super().compose_body()
        else:
            yield from self.compose_tab()

    def compose_tab(self) -> Iterable[Any]:
        yield Heads(id="compare-heads")
        with Horizontal(id="compare-columns"):
            for index in range(MOST):
                if index:
                    yield Wall(classes="wall", id=f"compare-wall-{index}")
                yield Transcript(id=f"compare-column-{index}")
        yield Composer(N_("Ask all of them, Alt+Enter for a new line"), id="compare-question")

    @property
    def visiting(self) -> bool:
        return self._visiting

    def on_mount(self) -> None:
        super().on_mount()
        self.pulse = Pulse(self, self.draw_growing, self.every_s, self.services.clock.monotonic)
        self.composer.focus()
        self._draw_columns()
        self.start(self.enter, group="open")

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw_answer(self, column: Column, shown: Round) -> None:
        answer = column.answer(shown)
        if answer is not None:
            self.transcript(column.index).update(texts.answer_view(self.board, column, shown, answer, self.scene, self.signs))

    def draw_heads(self) -> None:
        board = self.board
        best = texts.best_of(board)
        self.heads.show([texts.head_of(board, column, self.signs, best) for column in board.columns], self.current, single=self.single)

    def draw_state(self) -> None:
        """Heads, columns, title, hints and keys as things stand."""
        board, comparison = self.board, self.board.comparison
        title = one_line(comparison.title) if comparison is not None else ""
        self.set_opened(title or (_("new comparison") if self.loaded else ""))
        told = [_("names hidden")] if board.names_hidden and board.columns else []
        told += [_("one after the other")] if board.sequential else []
        self.set_in_hand(", ".join(told))
        self.composer.remark = self._remark()
        self._draw_columns()
        self.draw_heads()
        for column in board.columns:
            transcript = self.transcript(column.index)
            transcript.empty = texts.ready(board, column)
            transcript.draw()
        if not board.columns and self.loaded:
            self.transcript(0).empty = texts.nothing_chosen(len(self.usable))
            self.transcript(0).draw()
        self.refresh_bindings()

    def _remark(self) -> str:
        if self.board.busy:
            return _("Esc stops the answers")
        if self.images:
            return ngettext("{count} image goes with it", "{count} images go with it", len(self.images)).format(count=len(self.images))
        return ""

    def _draw_columns(self) -> None:
        """Give every column its width, or the one in hand all of it."""
        count, width = max(1, len(self.board.columns)), self.size.width
        self.current = min(self.current, count - 1)
        single = self.single
        cells = [width] * count if single else widths(width, count)
        for index in range(MOST):
            transcript = self.transcript(index)
            transcript.display = index == self.current if single else index < count
            if index < count and width:
                transcript.styles.width = cells[index]
            if index:
                self.query_one(f"#compare-wall-{index}").display = not single and index < count

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")
        self._draw_columns()
        self.draw_heads()

    def retranslate(self) -> None:
        super().retranslate()
        self._show_anew()

    def _show_anew(self) -> None:
        self.made = {}
        if self.board.comparison is not None:
            self.take(self.board.comparison)
        self.heads.redraw()
        self.draw_state()

    # Columns ---------------------------------------------------------------------------------------------------------

    def to_column(self, index: int) -> None:
        in_columns = self.in_columns
        self.current = index
        if self.single:
            self._draw_columns()
        if in_columns:
            self.transcript(index).focus()
        self.draw_heads()
        self.refresh_bindings()

    def on_heads_clicked(self, event: Heads.Clicked) -> None:
        event.stop()
        self.to_column(event.index)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """A click into a column takes it into hand."""
        index = next((index for index in range(MOST) if event.widget is self.transcript(index)), None)
        if index is not None and index != self.current and index < len(self.board.columns):
            self.current = index
            self.draw_heads()
        self.refresh_bindings()

    # Events ----------------------------------------------------------------------------------------------------------

    def core_event(self, event: Event) -> None:
        if not self.context.signed_in or not self.loaded:
            return
        if isinstance(event, ComparisonsChanged):
            if self.board.id is not None and event.comparison_id in ("", self.board.id):
                self.reload()
        elif isinstance(event, ConversationChanged):
            # Another process tells of the conversations of the columns only.
            mine = {column.candidate.conversation_id for column in self.board.columns if column.candidate is not None}
            if event.conversation_id in mine and not any(column.live is not None for column in self.board.columns):
                self.reload()
        elif isinstance(event, ConfigurationsChanged):
            self.start(self._load_configurations, group="configurations")

    async def _load_configurations(self) -> None:
        self.configurations = await self.services.configurations.list(self.principal)
        known = {item.id: item for item in self.configurations}
        for column in self.board.columns:
            column.configuration = known.get(column.configuration_id or "", column.configuration)
        if not self.board.columns:
            self.show_board(self.draft(self.first_choice()))
        self.draw_state()

    def on_screen_resume(self) -> None:
        self.reload()

    def on_composer_changed(self, event: Composer.Changed) -> None:
        event.stop()
        self.refresh_bindings()

    def on_transcript_selected(self) -> None:
        self.refresh_bindings()
