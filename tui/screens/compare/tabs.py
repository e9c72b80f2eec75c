"""The tabs of the Compare area: each is a screen of its own, imported when it is first shown, and only the one in sight is kept.

    class RecordsScreen(CompareTab):
        TAB = "records"
        BINDINGS = [*its own keys, *CompareTab.TAB_BINDINGS]

        def compose_tab(self) -> Iterable[Any]: ...

Left and right change the tab wherever the keys are not text; `open_tab` leads to one from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType

from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.widgets.tabs import TabLine

if TYPE_CHECKING:
    from tui.app import ModeltrainApp

MODE = "compare"
SIDE, RECORDS, LEADERBOARD, BATCHES, QUESTIONS = "side", "records", "leaderboard", "batches", "questions"


@dataclass(frozen=True, slots=True)
class Tab:
    """`screen`: "module:Class" of a CompareTab. `letter`: after Ctrl+G. `about`: what one finds there."""

    name: str
    title: str
    letter: str
    screen: str
    about: str

    def load(self) -> Callable[[], CompareTab]:
        """The class of its screen."""
        module, _, name = self.screen.partition(":")
        return cast("Callable[[], CompareTab]", getattr(import_module(module), name))


_ALL = (
    Tab(SIDE, N_("Side by side"), "o", "tui.screens.compare.screen:SideBySideScreen", N_("Two or three models answer the same")),
    Tab(RECORDS, N_("Records"), "e", "tui.screens.compare.records:RecordsScreen", N_("What was compared before, with its verdicts")),
    Tab(LEADERBOARD, N_("Leaderboard"), "l", "tui.screens.compare.leaderboard:LeaderboardScreen", N_("Models ranked by your votes")),
    Tab(BATCHES, N_("Batches"), "b", "tui.screens.compare.batches.screen:BatchesScreen", N_("Many questions to many models, scored")),
    Tab(QUESTIONS, N_("Questions"), "q", "tui.screens.compare.questions.screen:QuestionsScreen", N_("Sets of test questions")),
)
TABS: dict[str, Tab] = {tab.name: tab for tab in _ALL}


class CompareTab(AreaScreen):
    """A screen of this area. Subclasses give TAB, HELP, BINDINGS and `compose_tab`."""

    AREA = N_("Compare")
    TAB: ClassVar[str] = ""
    #: To be put at the end of the keys of every tab.
    TAB_BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "tab(1)", N_("next view"), show=False),
        Binding("left", "tab(-1)", N_("view before"), show=False),
    ]

    def compose_tab(self) -> Iterable[Any]:
        """The widgets below the line of tabs."""
        return ()

    def compose_body(self) -> Iterable[Any]:
        line = TabLine({tab.name: tab.title for tab in TABS.values()}, id="compare-tabs")
        line.set_reactive(TabLine.active, self.TAB)
        yield line
        yield from self.compose_tab()

    @property
    def tabs(self) -> TabLine:
        """The line of tabs: say how many there are with `count`, and a word at the right with `remark`."""
        return self.query_one("#compare-tabs", TabLine)

    def tell(self, text: str) -> None:
        """A word about what is in sight: at the right of the tabs or, where these take all the room, in the title line."""
        line = self.tabs
        used = sum(cell_len(_(title)) + 3 for title in line.tabs.values()) + sum(len(f" {number}") for number in line.counts.values())
        fits = used + cell_len(text) + 4 <= self.app.size.width
        line.remark = text if fits else ""
        self.set_opened("" if fits else text)

    def action_tab(self, step: int) -> None:
        names = list(TABS)
        self.to_tab(names[(names.index(self.TAB) + step) % len(names)])

    def on_tab_line_changed(self, event: TabLine.Changed) -> None:
        """A click on another tab."""
        event.stop()
        self.to_tab(event.name)

    def to_tab(self, name: str) -> None:
        """Show the tab `name` in the place of this one."""
        if name != self.TAB and self.is_current and name in TABS:
            self.leaving()
            _replace(self.app, TABS[name].load()())


async def open_tab(app: ModeltrainApp, name: str, screen: CompareTab | None = None) -> None:
    """Go to the tab `name` of this area from anywhere; `screen`: the screen to show there, made for what is wanted."""
    await app.action_go(MODE)
    if app.current_mode != MODE:
        return  # the account was left meanwhile
    while len(app.screen_stack) > 1:
        app.pop_screen()
    if screen is not None or getattr(app.screen, "TAB", "") != name:
        shown = app.screen
        if isinstance(shown, CompareTab):
            shown.leaving()
        await _replace(app, screen or TABS[name].load()())


def _replace(app: App[Any], screen: CompareTab) -> AwaitComplete:
    """Show `screen` in the place of the one in sight, which may be the first of the area: nobody waits for what that one returns, and
    Textual's `switch_screen` takes it for granted that somebody does."""
    shown = app.screen
    if not shown._result_callbacks:
        shown._push_result_callback(shown, None)
    return app.switch_screen(screen)
