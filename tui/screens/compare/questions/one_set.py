"""SetScreen: the questions of one set as a list, the one in hand whole beside it; every change makes a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.events import Event, QuestionsChanged
from core.questions.types import Question, QuestionSet
from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.base import Framed
from tui.screens.compare.questions import lists, texts
from tui.screens.compare.questions.actions import SetActions
from tui.sentences_questions import count_of
from tui.widgets.dialogs import Confirm
from tui.widgets.fields import Field
from tui.widgets.frame import Rule
from tui.widgets.rows import Rows
from tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.events import Resize

#: Questions that are read at a time; more when one comes near the end of them.
_PAGE, _NEAR = 300, 30
_WIDE = 100


class SetScreen(SetActions, inherit_bindings=False):
    """`version`: not the newest one but this, only to be read."""

    AREA = N_("Compare")
    HELP = N_(
        "The questions of a set. j and k go through them, the one in hand is shown whole, with its variables put in. Enter or e edits it, "
        "n writes another one at the end, Space marks, d takes what is marked out of the set. Each of these makes a new version of the "
        "set; v shows the versions.\n\n"
        "/ searches in questions and expected answers, o shows only one type.\n\n"
        "t begins a batch with the set, x writes it into a file, u updates it from one, r changes name, note and tags."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", N_("edit"), id="set.edit", tooltip=N_("Change the question in hand")),
        Binding("n", "add", N_("new question"), id="set.new", tooltip=N_("Write a question at the end of the set")),
        Binding("d", "remove", N_("remove"), id="set.remove", tooltip=N_("Take what is marked, or the question in hand, out of the set")),
        *SetActions.SET_BINDINGS,
        Binding("slash", "filter", N_("search"), id="set.filter", tooltip=N_("Search in questions and expected answers")),
        Binding("o", "type", N_("type"), id="set.type", tooltip=N_("Only questions of one type")),
        Binding("escape", "back", N_("back"), id="set.back", tooltip=N_("Clear marks, type and search, then back to the sets")),
        *Framed.BINDINGS,
    ]

    def __init__(self, set_id: str, version: int | None = None) -> None:
        super().__init__()
        self._set_id, self._version = set_id, version
        self._item: QuestionSet | None = None
        self._questions: tuple[Question, ...] = ()
        self._total = 0
        self._type: str | None = None
        self._loading_more = False
        self._wanted: str | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Rule(id="set-rule")
        yield Field(hint=N_("search in questions and expected answers"), id="set-filter", classes="hidden")
        with Horizontal(id="set-body"):
            yield Rows(lists.QUESTION_COLUMNS, markable=self._version is None, id="set-rows")
            yield Sheet(pad_x=2, id="set-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()
        self.reload()

    @property
    def rows(self) -> Rows:
        return self.query_one("#set-rows", Rows)

    @property
    def current_set(self) -> QuestionSet | None:
        return self._item

    @property
    def question_in_hand(self) -> Question | None:
        return next((each for each in self._questions if str(each.number) == self.rows.current_id), None)

    @property
    def query_text(self) -> str:
        return self.query_one("#set-filter", Field).value.strip()

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def core_event(self, event: Event) -> None:
        if isinstance(event, QuestionsChanged) and self.is_current:
            self.reload()

    def on_screen_resume(self) -> None:
        if self._item is not None:
            self.reload()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _WIDE, "narrow")

    def reload(self, keep: str | None = None) -> None:
        """`keep`: the number of the question to have in hand, or the set's id."""
        self._wanted = keep if keep and keep.isdigit() and len(keep) < len(self._set_id) else self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        questions = self.services.questions
        self._item = await questions.get(self.principal, self._set_id)
        await self._read(max(_PAGE, len(self._questions), int(self._wanted or 0)), 0)
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    async def _read(self, limit: int, offset: int) -> None:
        page = await self.services.questions.questions(
            self.principal, self._set_id, self._version, query=self.query_text, type=self._type, offset=offset, limit=limit
        )
        self._total = page.total
        self._questions = (*self._questions[:offset], *page.items)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        item = self._item
        if item is None or self.gone:
            return
        self.set_opened(item.name)
        self.set_in_hand(_("version {version}").format(version=self._version or item.version))
        searched = bool(self.query_text or self._type is not None)
        self.rows.show([lists.question_row(each) for each in self._questions], empty=lists.no_questions(searched=searched), keep=keep)
        self._draw_rule()
        self._draw_detail()

    def _draw_rule(self) -> None:
        marked = len(self.rows.marked)
        said = [
            count_of(self._total),
            (one_line(self._type, 24) or _("without a type")) if self._type is not None else "",
            f"“{one_line(self.query_text, 24)}”" if self.query_text else "",
            ngettext("{count} marked: d removes", "{count} marked: d removes", marked).format(count=marked) if marked else "",
        ]
        self.query_one("#set-rule", Rule).text = " · ".join(word for word in said if word)

    def _draw_detail(self) -> None:
        question, sheet = self.question_in_hand, self.query_one("#set-detail", Sheet)
        sheet.display = question is not None
        if question is not None:
            sheet.show(lambda width: texts.question_lines(question, width))
        self.refresh_bindings()

    def on_rows_highlighted(self) -> None:
        if self._item is None:
            return
        self._draw_detail()
        if self.rows.cursor >= len(self._questions) - _NEAR and len(self._questions) < self._total and not self._loading_more:
            self._loading_more = True
            self.start(self._more, group="more")

    async def _more(self) -> None:
        try:
            await self._read(_PAGE, len(self._questions))
            self.draw()
        finally:
            self._loading_more = False

    def on_rows_marked(self) -> None:
        self._draw_rule()

    def on_rows_chosen(self) -> None:
        if self.check_action("edit", ()):
            self.action_edit()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Keys ------------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("edit", "add", "remove", "update", "rename") and self._version is not None:
            return False
        if action in ("edit", "remove"):
            return self.is_mounted and self.question_in_hand is not None
        if action == "type":
            return self._item is not None and len(self._item.types) > 1
        return self.may(action)

    def action_filter(self) -> None:
        field = self.query_one("#set-filter", Field)
        field.remove_class("hidden")
        field.focus()

    def on_input_changed(self) -> None:
        self._anew()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def _anew(self) -> None:
        """Other questions are wanted: from the first on."""
        self._questions = ()
        self.rows.cursor = 0
        self.reload()

    def action_type(self) -> None:
        if self._item is None:
            return
        order: Sequence[str | None] = [None, *self._item.types]
        self._type = order[(order.index(self._type) + 1) % len(order)] if self._type in order else None
        self._anew()

    def action_back(self) -> None:
        field = self.query_one("#set-filter", Field)
        if self.rows.clear_marks():
            return
        if not field.has_class("hidden"):
            field.value = ""
            field.add_class("hidden")
            self.rows.focus()
        elif self._type is not None:
            self._type = None
            self._anew()
        else:
            self.dismiss(None)

    # Changing --------------------------------------------------------------------------------------------------------

    def action_edit(self) -> None:
        question, item = self.question_in_hand, self._item
        if question is not None and item is not None:
            self._open_form(item, question)

    def action_add(self) -> None:
        if self._item is not None:
            self._open_form(self._item, None)

    def _open_form(self, item: QuestionSet, question: Question | None) -> None:
        from tui.screens.compare.questions.edit import QuestionScreen

        def saved(number: int | None) -> None:
            if number is not None:
                self.reload(str(number))

        self.app.push_screen(QuestionScreen(item, question), saved)

    def action_remove(self) -> None:
        item, numbers = self._item, [int(number) for number in self.rows.selected_ids]
        if item is None or not numbers:
            return
        question = ngettext("Take {count} question out of the set?", "Take {count} questions out of the set?", len(numbers))
        explanation = _("They stay in version {version}.").format(version=item.version)

        async def decided(yes: bool | None) -> None:
            if yes:
                with self.reporting():
                    await self.services.questions.edit(self.principal, item.id, remove=numbers, expected_version=item.version)
                    self.rows.clear_marks()
                    self.reload()

        self.app.push_screen(Confirm(question.format(count=len(numbers)), explanation), decided)
