"""About a dataset: everything that is said beside the list, with room for all of it, and lengths in tokens where they can be counted."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset, DatasetVersion, Histogram, Problem, UsedBy
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.data.actions import DatasetActions
from tui.screens.data.detail import Known, detail_lines
from tui.screens.data.loading import first_problems, shown_place, version_before
from tui.screens.data.pages import DatasetPage, page_bindings
from tui.screens.data.viewing import remembered_view
from tui.widgets.sheet import Line, Sheet


class OverviewPage(DatasetPage, inherit_bindings=False):
    """One sheet."""

    PAGE = "overview"
    HELP = N_(
        "About shows the verdict with what to do next, the problems by rule, counts, how long the rows are, where the file is, and who "
        "uses it.\n\n"
        "l counts the lengths in tokens with the tokenizer of the model that was chosen under “What the model sees”.\n\n"
        "Left and right turn to the problems, the rows, what the model sees, and the versions."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        Binding("l", "lengths", N_("lengths in tokens"), id="data.lengths", tooltip=N_("Count how many tokens the rows have")),
    )
    RANKS: ClassVar[dict[str, int]] = DatasetActions.RANKS | {"lengths": 6}

    _firsts: tuple[Problem, ...] = ()
    _used: UsedBy | None = None
    _before: DatasetVersion | None = None
    _tokens: Histogram | None = None
    _said: tuple[str, str] | None = None

    def compose_page(self) -> Iterable[Any]:
        yield Sheet(pad_x=2, id="overview-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Sheet).focus()

    async def load(self, item: Dataset) -> None:
        if self._tokens is not None and (self.dataset is None or self._counted_for != item.current.id):
            self._tokens = None
        self._firsts = await first_problems(self.services, self.principal, item)
        self._used = await self.services.datasets.used_by(self.principal, item.id)
        self._before = await version_before(self.services, self.principal, item)

    _counted_for = ""

    def draw(self) -> None:
        if self.dataset is not None:
            self.query_one(Sheet).show(partial(self._lines, self.dataset), keep=True)

    def _lines(self, item: Dataset, width: int) -> list[Line]:
        place, working = shown_place(self.context, item.current.path), self.work_of(item.id) is not None
        known = Known(item, self._firsts, self._used, self._tokens, self._before, working, place)
        lines = detail_lines(known, min(width, 96), glyphs(self.app), self.modeltrain.zone)
        return [((self._said[0], self._said[1]),), (), *lines] if self._said else lines

    # Lengths in tokens -----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "lengths":
            return self.dataset is not None and self.dataset.current.summary is not None
        return super().check_action(action, parameters)

    def action_lengths(self) -> None:
        view = remembered_view(self.context)
        if not view.model:
            self.modeltrain.say(_("Choose a model first: its tokenizer counts the tokens."))
            self.action_page("seen")
        elif self.dataset is not None:
            self._said = (_("Counting tokens with {model}…").format(model=one_line(view.model, 60)), "accent")
            self.draw()
            self.start(self._count, self.dataset, view.model, group="lengths")

    async def _count(self, item: Dataset, model: str) -> None:
        try:
            self._tokens = await self.services.datasets.token_lengths(self.principal, item.id, model=model)
            self._counted_for = item.current.id
        finally:
            self._said = None
            self.draw()
