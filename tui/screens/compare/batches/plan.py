"""PlanScreen: what a batch will take, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from tui import batch_plans
from tui import batch_words as words
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.compare.batches import charts
from tui.widgets.lines import pad
from tui.widgets.sheet import Line, Sheet, wrapped

if TYPE_CHECKING:
    from core.batches.types import BatchDraft, Plan


class PlanScreen(AreaScreen):
    """Returns the batch once it was started, None to change something."""

    AREA = N_("Compare")
    HELP = N_(
        "What the batch will take, as far as that can be told before. Where a model answered you before, its answers are what is reckoned "
        "with; else it is a rule of thumb, marked ~. Nothing was asked yet.\n\n"
        "s starts it. w keeps it in the list without starting it. Esc goes back to change something."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "begin", N_("start"), id="plan.start", tooltip=N_("Ask now")),
        Binding("ctrl+s", "begin", N_("start"), show=False),
        Binding("w", "keep", N_("keep for later"), id="plan.keep", tooltip=N_("Into the list, without starting it")),
        Binding("escape", "close", N_("back"), id="plan.close", tooltip=N_("Change something")),
    ]
    _starting = False

    def __init__(self, draft: BatchDraft, plan: Plan) -> None:
        super().__init__()
        self._draft, self._plan = draft, plan

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(id="plan-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("plan"))
        self.query_one(Sheet).focus()
        self._draw()

    def _draw(self) -> None:
        plan, signs = self._plan, glyphs(self.app)
        self.query_one(Sheet).show(lambda width: plan_lines(plan, width, signs))

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()

    def action_begin(self) -> None:
        if not self._starting:
            self._starting = True
            self.start(self._create, True, group="start")

    def action_keep(self) -> None:
        if not self._starting:
            self._starting = True
            self.start(self._create, False, group="start")

    async def _create(self, begin: bool) -> None:
        batches = self.services.batches
        try:
            made = await batches.create(self.principal, self._draft)
            if begin:
                made = await batches.start(self.principal, made.id)
        finally:
            self._starting = False
        self.dismiss(made)

    def action_close(self) -> None:
        self.dismiss(None)


def plan_lines(plan: Plan, width: int, signs: Glyphs) -> list[Line]:
    """The plan as lines: its name, what it takes, by configuration, what to mind."""
    pairs = batch_plans.summary(plan)
    names = max(cell_len(name) for name, _value in pairs) + 2
    lines: list[Line] = [*wrapped(plan.name, "bold", width), ()]
    for name, value in pairs:
        first, *rest = wrapped(value, "text", max(10, width - names))
        lines.append(((pad(name, names), "dim"), *first))
        lines += [((" " * names, ""), *more) for more in rest]
    rows = [[charts.Cell(text, "text" if index == 0 else "dim") for index, text in enumerate(row)] for row in batch_plans.rows(plan)]
    lines += [(), *charts.table(batch_plans.headings(), rows, width, signs), ()]
    for item in plan.warnings:
        lines += wrapped(f"! {words.warning(item)}", "warn", width)
    return [*lines, (), *wrapped(_("Press {key} to start it.").format(key="s"), "accent", width)]
