"""What the parts of the side-by-side screen share: its widgets, what is open, which column is in hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.compare.types import Comparison, Round
from core.models.types import Configuration
from tui.screens.chat.views import Scene
from tui.screens.compare.board import Board, Column
from tui.screens.compare.heads import Heads
from tui.screens.compare.tabs import CompareTab
from tui.widgets.composer import Composer
from tui.widgets.transcript import Transcript


@dataclass
class Kept:
    """What a session keeps of this screen while another tab is in sight: what was open, what was typed by comparison ("": a new one)."""

    comparison_id: str | None = None
    chosen: Board | None = None
    typed: dict[str, str] = field(default_factory=dict)


class CompareBase(CompareTab):
    """Attributes that the mixins of `SideBySideScreen` rely on."""

    board: Board
    configurations: tuple[Configuration, ...]
    #: The configurations were read and something was opened.
    loaded: bool = False
    #: The column that the keys act on.
    current: int = 0
    #: One column takes the whole width, because the person said so.
    zoomed: bool = False

    @property
    def composer(self) -> Composer:
        return self.query_one("#compare-question", Composer)

    @property
    def heads(self) -> Heads:
        return self.query_one("#compare-heads", Heads)

    def transcript(self, index: int) -> Transcript:
        return self.query_one(f"#compare-column-{index}", Transcript)

    @property
    def column(self) -> Column | None:
        """The column in hand."""
        return self.board.columns[self.current] if self.current < len(self.board.columns) else None

    @property
    def in_columns(self) -> bool:
        """Whether a transcript has the focus."""
        return isinstance(self.focused, Transcript)

    @property
    def single(self) -> bool:
        """Whether only the column in hand is in sight."""
        return len(self.board.columns) > 1 and (self.zoomed or self.has_class("narrow"))

    @property
    def usable(self) -> tuple[Configuration, ...]:
        """The configurations that can be asked, the default one first."""
        found = [item for item in self.configurations if item.enabled and item.provider_enabled]
        return tuple(sorted(found, key=lambda item: not item.is_default))

    @property
    def scene(self) -> Scene:
        return Scene(self.principal.nickname, self.services.clock.now(), self.modeltrain.zone)

    @property
    def round_in_hand(self) -> Round | None:
        """The round under the cursor of the column in hand, else the last one."""
        if self.in_columns and self.column is not None:
            target = self.transcript(self.current).target
            if target is not None and (found := self.board.round_of(target.message_id)) is not None:
                return found
        return self.board.last

    def take(self, comparison: Comparison) -> None:
        """Show what was read of the comparison that is open."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read the comparison that is open anew, beside the screen."""
        raise NotImplementedError

    def draw_answer(self, column: Column, shown: Round) -> None:
        """Show what a column says in this round."""
        raise NotImplementedError

    def draw_heads(self) -> None:
        """Bring the heads up to date."""
        raise NotImplementedError

    def look_for_names(self) -> None:
        """Find answers that tell which model wrote them, where the names are hidden."""
        raise NotImplementedError

    def draw_state(self) -> None:
        """Bring heads, title, hints and keys up to date."""
        raise NotImplementedError

    def show_board(self, board: Board) -> None:
        """Show something else."""
        raise NotImplementedError
