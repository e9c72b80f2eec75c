"""SimilarScreen: the same question over time: what each model made of it, as a chart and as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.compare.types import SimilarRound
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen, Framed
from tui.screens.compare import similar_lists as lists
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.line_chart import LineChart
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.events import Resize

#: How similar, from what one begins with.
_LEVELS = (0.9, 0.8, 0.7, 1.0)
#: Questions that are read at most.
_MOST = 1000
#: Characters of the question that is looked for, as far as they are shown.
_SHOWN = 400
_NARROW = 100


class SimilarScreen(AreaScreen, inherit_bindings=False):
    """Give `comparison_id` (its last question is looked for) or `question`."""

    AREA = N_("Compare")
    HELP = N_(
        "The same question over time: every time you asked it, or one like it, in a comparison, with what each model made of it. The chart "
        "has a line for each model; m shows another measure, Tab leads to the chart, where + and - zoom and the arrows read values. Enter "
        "opens that comparison.\n\n"
        "Similarity is measured by characters, not by meaning: 100 % less the share of characters that have to be taken out or put in to "
        "make one question of the other. Case, blanks, punctuation and full or half width do not count; Chinese is compared character by "
        "character. Of very long questions the first 10,000 characters count. o asks for more or less similarity."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "measure", N_("measure"), id="similar.measure", tooltip=N_("Another figure in the chart")),
        Binding("o", "level", N_("how alike"), id="similar.level", tooltip=N_("Ask for more or less similarity")),
        Binding("escape", "back", N_("back"), id="similar.back", tooltip=N_("Back to the list")),
        *Framed.BINDINGS,
    ]

    def __init__(self, *, comparison_id: str = "", question: str = "") -> None:
        super().__init__()
        self._comparison_id, self._question = comparison_id, question
        self._found: tuple[SimilarRound, ...] = ()
        self._level, self._measure = _LEVELS[0], ""
        self._loaded = False

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="similar-head")
        yield LineChart(id="similar-chart")
        yield Rule(id="similar-rule")
        yield Rows(lists.COLUMNS, id="similar-rows")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("Asked before"))
        self.rows.focus()
        self.start(self._load, group="load")

    @property
    def rows(self) -> Rows:
        return self.query_one("#similar-rows", Rows)

    @property
    def chart(self) -> LineChart:
        return self.query_one("#similar-chart", LineChart)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _NARROW, "narrow")

    # Loading and drawing ---------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        comparisons = self.services.comparisons
        if self._comparison_id:
            if not self._question:
                read = await comparisons.get(self.principal, self._comparison_id, tail=1)
                self._question = read.last_round.question if read.last_round is not None else ""
            found = await comparisons.similar_to(self.principal, self._comparison_id, at_least=self._level, limit=_MOST)
        else:
            found = await comparisons.similar(self.principal, self._question, at_least=self._level, limit=_MOST)
        self._found, self._loaded = tuple(sorted(found, key=lambda each: each.asked_at, reverse=True)), True
        offered = lists.measures_of(self._found)
        if self._measure not in offered:
            self._measure = offered[0] if offered else ""
        self.draw()

    def draw(self) -> None:
        """Show what was found."""
        if not self._loaded or self.gone:
            return
        signs, zone = glyphs(self.app), self.modeltrain.zone
        self.query_one("#similar-head", Paragraphs).show(
            (one_line(self._question, _SHOWN), "bold"),
            (_("Alike by characters, not by meaning; case, blanks, punctuation and width do not count."), "dim"),
        )
        self._draw_chart()
        count = len(self._found)
        said = ngettext("asked {count} time", "asked {count} times", count).format(count=f"{count:,}")
        self.query_one("#similar-rule", Rule).text = said + " · " + _("at least {share} % alike").format(share=round(self._level * 100))
        empty = [(_("Nothing so similar was asked in a comparison."), "dim"), (_("o asks for less similarity."), "accent")]
        self.rows.show([lists.similar_row(each, signs, zone) for each in self._found], empty=empty)
        self.refresh_bindings()

    def _draw_chart(self) -> None:
        chart = self.chart
        chart.empty = _("There is no figure to draw yet.")
        chart.step_words = lists.clock_words(self._found, self.modeltrain.zone)
        chart.set_title(_(lists.MEASURES[self._measure].title) if self._measure else "")
        chart.show(lists.lines_of(self._found, self._measure) if self._measure else [])
        chart.draw()

    def _in_hand(self) -> SimilarRound | None:
        return next((each for each in self._found if each.round_id == self.rows.current_id), None)

    def on_rows_highlighted(self) -> None:
        item = self._in_hand()
        if item is not None and len(self._found) > 1:
            self.chart.set_pointer(float(int(item.asked_at.timestamp())))

    def on_rows_chosen(self) -> None:
        from tui.screens.compare.opening import open_comparison

        item = self._in_hand()
        if item is not None:
            self.app.call_later(open_comparison, self.modeltrain, item.comparison_id)

    def retranslate(self) -> None:
        super().retranslate()
        self.set_opened(_("Asked before"))
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return len(lists.measures_of(self._found)) > 1 if action == "measure" else True

    def action_measure(self) -> None:
        offered = lists.measures_of(self._found)
        self._measure = offered[(offered.index(self._measure) + 1) % len(offered)]
        self._draw_chart()

    def action_level(self) -> None:
        self._level = _LEVELS[(_LEVELS.index(self._level) + 1) % len(_LEVELS)]
        self.start(self._load, group="load")

    def action_back(self) -> None:
        self.dismiss(None)
