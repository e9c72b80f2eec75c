"""The problems of a dataset: each with its place, what is wrong and what to do; by rule, and with the row around it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.datasets.types import Dataset, Problem, ProblemPage, RuleCount
from core.sanitise import one_line
from tui.dataset_sentences import problem_sentence, rule_remedy, rule_title
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.data.pages import DatasetPage, page_bindings
from tui.widgets.dialogs import Choose
from tui.widgets.frame import Rule
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sheet import Line, Sheet, wrapped

#: Problems that are read at a time; the file may have millions, of which the check keeps the first of each rule.
_MOST = 1000
_TOKENS = {"file": "bad", "row": "warn", "remark": "dim"}
COLUMNS = (
    Column("line", N_("Line"), 9, right=True),
    Column("sign", "", 1),
    Column("problem", N_("What is wrong"), 30, grow=True),
    Column("path", N_("Where in the row"), 26),
)


class ProblemsPage(DatasetPage, inherit_bindings=False):
    """The list, and below it the problem in hand in full."""

    PAGE = "problems"
    HELP = N_(
        "Every problem that the check found, in the order of the file: the line, what is wrong, and where in the row. Below it: the byte "
        "where it begins and what to do.\n\n"
        "f shows the problems of one rule only. Enter shows the row with the place marked. R repairs what can be repaired by machine, into "
        "a new version; what is left has to be mended in the file itself, then c checks it again.\n\n"
        "x writes all of this into your exports as JSON lines."
    )
    BINDINGS: ClassVar[list[BindingType]] = page_bindings(
        Binding("f", "rule", N_("one rule"), id="data.rule", tooltip=N_("Show the problems of one rule only")),
    )

    _found = ProblemPage((), 0, 0)
    _rule = ""
    _loaded = False

    def compose_page(self) -> Iterable[Any]:
        yield Rule(id="problems-rule")
        yield Rows(COLUMNS, id="problems-rows")
        yield Sheet(still=True, pad_x=2, id="problems-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#problems-rows", Rows)

    @property
    def _problem(self) -> Problem | None:
        index = self.rows.current_id
        return self._found.items[int(index)] if index and int(index) < len(self._found.items) else None

    async def load(self, item: Dataset) -> None:
        if self._rule and self._rule not in {rule.rule for rule in self._rules(item)}:
            self._rule = ""
        self._found = await self.services.datasets.problems(self.principal, item.id, rule=self._rule, limit=_MOST)
        self._loaded = True

    @staticmethod
    def _rules(item: Dataset) -> tuple[RuleCount, ...]:
        summary = item.current.summary
        return tuple(rule for rule in summary.rules if rule.count) if summary is not None else ()

    # Drawing ---------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        if self.dataset is None or not self._loaded:
            return
        signs = glyphs(self.app)
        mechanical = {rule.rule for rule in self._rules(self.dataset) if rule.mechanical}
        rows = [self._row(str(index), problem, mechanical, signs) for index, problem in enumerate(self._found.items)]
        self.rows.show(rows, empty=self._nothing(self.dataset))
        self.query_one("#problems-rule", Rule).text = self._heading()
        self._draw_detail()

    def _heading(self) -> str:
        found, shown = self._found, len(self._found.items)
        if self._rule:
            text = ngettext("{rule}: {count} problem", "{rule}: {count} problems", found.counted)
        else:
            text = ngettext("{count} problem", "{count} problems", found.counted)
        words = text.format(count=f"{found.counted:,}", rule=rule_title(self._rule) if self._rule else "")
        if shown < found.counted:
            words += " · " + _("the first {count} are shown").format(count=f"{shown:,}")
        return words

    @staticmethod
    def _row(row_id: str, problem: Problem, mechanical: set[str], signs: Glyphs) -> Row:
        token = _TOKENS[problem.level]
        sign = signs.bullet if problem.level == "remark" else "!" if problem.rule in mechanical else signs.failed
        line = f"{problem.line:,}" if problem.line is not None else f"#{problem.row + 1:,}" if problem.row is not None else ""
        cells = {"line": line, "sign": sign, "problem": problem_sentence(problem), "path": one_line(problem.json_path, 120)}
        return Row(row_id, cells, {"line": "text", "sign": token, "problem": token, "path": "dim"})

    def _nothing(self, item: Dataset) -> list[tuple[str, str]]:
        if item.current.summary is None:
            return [(_("Not checked yet: press {key} to check it.").format(key="c"), "accent")]
        return [(_("Nothing is wrong. Press {key} to train on it.").format(key="t"), "good")]

    def _draw_detail(self) -> None:
        problem, sheet = self._problem, self.query_one("#problems-detail", Sheet)
        sheet.display = problem is not None
        if problem is not None:
            sheet.show(partial(self._detail, problem))
        self.refresh_bindings()

    def _detail(self, problem: Problem, width: int) -> list[Line]:
        mechanical = self.dataset is not None and any(rule.rule == problem.rule and rule.mechanical for rule in self._rules(self.dataset))
        lines = wrapped(problem_sentence(problem), f"{_TOKENS[problem.level]} bold", width)
        remedy = rule_remedy(problem.rule)
        if remedy:
            lines += wrapped(_("{key}: {remedy}").format(key="R", remedy=remedy) if mechanical else remedy, "accent", width)
        return lines + wrapped(place_words(problem), "dim", width)

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    # Doing -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "rule":
            return self.dataset is not None and len(self._rules(self.dataset)) > 1
        return super().check_action(action, parameters)

    def action_rule(self) -> None:
        if self.dataset is None:
            return
        everything = sum(rule.count for rule in self._rules(self.dataset))
        options = [("*", _("every rule"), f"{everything:,}")]
        options += [(rule.rule, rule_title(rule.rule), f"{rule.count:,}") for rule in self._rules(self.dataset)]

        def chosen(rule: str | None) -> None:
            if rule is not None:
                self._rule = "" if rule == "*" else rule
                self.rows.cursor = 0
                self.reload()

        self.app.push_screen(Choose(_("Problems of which rule?"), options, self._rule or "*"), chosen)

    def on_rows_chosen(self) -> None:
        from tui.screens.data.row import RowScreen

        problem = self._problem
        if problem is None or self.dataset is None:
            return
        if problem.row is None:
            self.modeltrain.say(_("This is about the file as a whole, not about one row."))
        else:
            self.app.push_screen(RowScreen(self.dataset, problem.row, problem))


def place_words(problem: Problem) -> str:
    """Where a problem is: file, line, byte, row, path."""
    parts = [one_line(problem.file.rsplit("/", 1)[-1], 80)]
    if problem.line is not None:
        parts.append(_("line {number}").format(number=f"{problem.line:,}"))
    parts.append(_("byte {number}").format(number=f"{problem.offset:,}"))
    if problem.row is not None:
        parts.append(_("row {number}").format(number=f"{problem.row + 1:,}"))
    if problem.json_path not in ("", "$"):
        parts.append(one_line(problem.json_path, 200))
    return " · ".join(parts)
