"""AnswersPage: the answers of a batch as a list with filters, the one in hand whole beside it, stars by the keys 1 to 5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.errors import NotFound
from core.sanitise import one_line
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.compare.batches import lists
from tui.screens.compare.batches.pages import WIDE, BatchPage, page_bindings
from tui.screens.compare.batches.rating import RATING, Rating
from tui.widgets.dialogs import Choose
from tui.widgets.fields import Field
from tui.widgets.rows import Rows
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.events import Resize

    from core.batches.types import Answer, AnswerSort, AnswerState, Batch

#: Answers that are read at a time; more when one comes near the end of them.
_PAGE = 200
_NEAR = 20
#: Of a batch at work so many are read anew as they change; more are read once they are asked for, and at the end.
_MOST_LIVE = 600
_NO_TYPE = "(none)"


class AnswersPage(Rating, BatchPage, inherit_bindings=False):
    """`configuration_id`: show only the answers of this one."""

    PAGE = "answers"
    HELP = N_(
        "Every question with every configuration. j and k go through the answers, the one in hand is shown whole; Enter shows it over the "
        "full width, t its reasoning.\n\n"
        "1 to 5 give stars, 0 takes them back: they stand beside the score, in the report too.\n\n"
        "o shows only failed ones, only answered ones, and so on; c those of one configuration, f those of one type; / searches in "
        "questions and answers; s changes the order. Esc takes all of that away, then goes back."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        *RATING,
        Binding("o", "which", N_("which"), id="answers.which", tooltip=N_("All, answered, failed or waiting ones")),
        Binding("c", "configuration", N_("configuration"), id="answers.configuration", tooltip=N_("Those of one configuration")),
        Binding("f", "type", N_("type"), id="answers.type", tooltip=N_("Those of questions of one type")),
        Binding("s", "sort", N_("sort"), id="answers.sort", tooltip=N_("The worst, the slowest, the dearest first")),
        Binding("slash", "filter", N_("search"), id="answers.filter", tooltip=N_("Search in questions and answers")),
        Binding("R", "retry", N_("retry failed"), id="answers.retry", show=False, tooltip=N_("Ask the failed ones again")),
        acting=False,
    )

    def __init__(self, batch_id: str, configuration_id: str = "") -> None:
        super().__init__(batch_id)
        self._answers: tuple[Answer, ...] = ()
        self._total = 0
        self._configuration = configuration_id
        self._state = ""
        self._type: str | None = None
        self._types: dict[str, int] = {}
        self._sort = "number"
        self._repeated = False
        self._loading_more = False
        self._seen: tuple[int, ...] = ()
        self.judgements, self.names = {}, {}

    def compose_page(self) -> Iterable[Any]:
        yield Field(hint=N_("search in questions and answers"), id="answers-filter", classes="hidden")
        with Horizontal(id="answers-body"):
            yield Rows(lists.answer_columns(wide=False, names=2, types=True), id="answers-rows")
            yield Sheet(id="answers-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#answers-rows", Rows)

    @property
    def detail(self) -> Sheet:
        return self.query_one("#answers-detail", Sheet)

    @property
    def query_text(self) -> str:
        return self.query_one("#answers-filter", Field).value.strip()

    @property
    def answer_in_hand(self) -> Answer | None:
        return next((item for item in self._answers if item.id == self.rows.current_id), None)

    @property
    def filtered(self) -> bool:
        return bool(self._state or self._configuration or self._type is not None or self.query_text)

    # Loading and drawing ---------------------------------------------------------------------------------------------

    async def load(self, item: Batch) -> None:
        seen = (item.answered, item.failed, item.asking, item.judged)
        if seen == self._seen and self._answers:
            return
        if not (item.active and len(self._answers) > _MOST_LIVE):
            await self._read(max(_PAGE, len(self._answers)), 0)
        if item.judge_total and seen[-1:] != self._seen[-1:]:
            self.judgements = await self.read_judgements(item)
        self.names = {each.configuration_id: each.name for each in item.configurations}
        self._seen = seen
        if not self._types:
            self._types = await self._read_types(item)

    async def _read_types(self, item: Batch) -> dict[str, int]:
        """Types of questions, with how many there are: as the set says, or what is in sight where that is gone."""
        try:
            versions = await self.services.questions.versions(self.principal, item.set_id)
        except NotFound:
            return dict(Counter(each.question.type for each in self._answers))
        return next((dict(each.types) for each in versions if each.version == item.set_version), {})

    async def _read(self, limit: int, offset: int) -> None:
        page = await self.services.batches.answers(
            self.principal,
            self._batch_id,
            state=cast("AnswerState", self._state) if self._state else None,
            configuration_id=self._configuration or None,
            type=self._type,
            query=self.query_text,
            sort=cast("AnswerSort", self._sort),
            limit=limit,
            offset=offset,
        )
        self._total = page.total
        self._answers = (*self._answers[:offset], *page.items)

    def draw(self, item: Batch) -> None:
        signs = glyphs(self.app)
        self._repeated = item.draft.repetitions > 1
        several = len(item.configurations) if not self._configuration else 1
        types = len([kind for kind in self._types if kind]) > 0
        self.rows.columns = lists.answer_columns(wide=self.app.size.width >= WIDE, names=several, types=types)
        rows = [lists.answer_row(each, signs, repeated=self._repeated) for each in self._answers]
        self.rows.show(rows, empty=lists.no_answers(filtered=self.filtered))
        self._draw_remark(item)
        self.draw_answer()

    def _draw_remark(self, item: Batch) -> None:
        names = {each.configuration_id: each.name for each in item.configurations}
        said = [
            one_line(names.get(self._configuration, ""), 24),
            _(lists.SHOWN[self._state]) if self._state else "",
            (one_line(self._type, 20) or _("without a type")) if self._type is not None else "",
            f"“{one_line(self.query_text, 20)}”" if self.query_text else "",
            _(lists.SORTS[self._sort]) if self._sort != "number" else "",
        ]
        if self.filtered:
            said.append(f"{self._total:,}")
        self.tabs.remark = ", ".join(word for word in said if word) or self.tabs.remark

    def draw_answer(self) -> None:
        self.show_answer(self.detail, self.answer_in_hand, brief=self.app.size.width < WIDE)
        self.refresh_bindings()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.item is not None:
            self.draw(self.item)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "type":
            return len(self._types) > 1
        if action == "configuration":
            return self.item is not None and len(self.item.configurations) > 1
        known = self.may_rate(action)
        return known if known is not None else super().check_action(action, parameters)

    # Keys ------------------------------------------------------------------------------------------------------------

    def on_rows_highlighted(self) -> None:
        self.draw_answer()
        if self.rows.cursor >= len(self._answers) - _NEAR and len(self._answers) < self._total and not self._loading_more:
            self._loading_more = True
            self.start(self._more, group="more")

    async def _more(self) -> None:
        try:
            await self._read(_PAGE, len(self._answers))
            if self.item is not None:
                self.draw(self.item)
        finally:
            self._loading_more = False

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        from tui.screens.compare.batches.answer import AnswerScreen

        async def closed(answer_id: str | None) -> None:
            if answer_id:
                self.rows.move_to(answer_id)
            self._seen = ()  # stars may have been given there
            self.reload()

        self.app.push_screen(AnswerScreen(tuple(each.id for each in self._answers), event.row_id, self.judgements, self.names), closed)

    def rated(self, answer: Answer) -> None:
        self._answers = tuple(answer if each.id == answer.id else each for each in self._answers)
        if self.item is not None:
            self.draw(self.item)

    def _anew(self) -> None:
        """Other answers are wanted: from the first on."""
        self._answers = ()
        self.rows.cursor = 0
        self.reload()

    def action_which(self) -> None:
        states = list(lists.SHOWN)
        self._state = states[(states.index(self._state) + 1) % len(states)]
        self._anew()

    def action_configuration(self) -> None:
        item = self.item
        if item is None:
            return
        options = [("*", _("all"), "")] + [
            (each.configuration_id, one_line(each.name, 60), one_line(each.model, 40)) for each in item.configurations
        ]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._configuration = "" if value == "*" else value
                self._anew()

        self.app.push_screen(Choose(_("The answers of which configuration?"), options, self._configuration or "*"), chosen)

    def action_type(self) -> None:
        options = [("*", _("all"), "")] + [
            (kind or _NO_TYPE, one_line(kind, 60) or _("without a type"), f"{count:,}") for kind, count in sorted(self._types.items())
        ]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._type = None if value == "*" else "" if value == _NO_TYPE else value
                self._anew()

        self.app.push_screen(Choose(_("Questions of which type?"), options, self._type or "*"), chosen)

    def action_sort(self) -> None:
        options = [(value, _(text), "") for value, text in lists.SORTS.items()]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._sort = value
                self._anew()

        self.app.push_screen(Choose(_("In which order?"), options, self._sort), chosen)

    def action_filter(self) -> None:
        field = self.query_one("#answers-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self._anew()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_close(self) -> None:
        field = self.query_one("#answers-filter", Field)
        if self.gone or not (self.filtered or not field.has_class("hidden")):
            super().action_close()
            return
        self._state, self._configuration, self._type = "", "", None
        field.add_class("hidden")
        self.rows.focus()
        if field.value:
            field.value = ""  # reads them anew
        else:
            self._anew()
