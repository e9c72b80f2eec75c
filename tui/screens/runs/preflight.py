"""What is looked at before a start: each check with its remedy, the memory with its formula, the course. Then the start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from core.training.preflight_types import Check, Preflight, Remedy
from tui.glyphs import Glyphs, glyphs
from tui.i18n import N_, _, ngettext
from tui.preflight_sentences import check_words, level_sign, remedy_words, topic_words
from tui.screens.base import AreaScreen
from tui.screens.runs.preflight_lines import course_lines, memory_lines
from tui.widgets.dialogs import Choose, Confirm
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sheet import Line, Sheet

if TYPE_CHECKING:
    from core.training.configurations_types import TrainingConfiguration
    from core.training.types import Run, RunRequest

_ORDER = {"fail": 0, "warn": 1, "unknown": 2, "ok": 3}
_COLUMNS = (Column("level", "", 1), Column("topic", "", 14), Column("said", "", 40, grow=True))
#: Returned where the form is to go, too.
LEAVE = "leave"
#: The field of the new run that a topic belongs to.
_IN_FORM = {"choose_model": "model_name_or_path", "choose_template": "template"}
_FIELD_OF = {"model": "model_name_or_path", "template": "template", "data": "dataset_ids", "gpus": "gpus"}


class PreflightScreen(AreaScreen):
    """Returns the run that was started; the name of the field to mend; None.

    `request` makes what is to run (anew for each look); `apply` lays fields of a draft over it.
    """

    AREA = N_("Runs")
    HELP = N_(
        "Everything that can be known before the start. ✗ keeps the run from starting, ! does not but will be regretted; the line below "
        "says what to do about the one in hand, and Enter does it.\n\n"
        "The memory is an estimate; its terms are shown with their formula, against what is free now.\n\n"
        "s starts the run. It goes on whether you stay or not."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,ctrl+s,enter", "start", N_("start"), id="preflight.start", tooltip=N_("Start the run, or put it into the queue")),
        Binding("m", "mend", N_("mend"), id="preflight.mend", tooltip=N_("Do what mends the line in hand")),
        Binding("r", "again", N_("look again"), id="preflight.again", tooltip=N_("Look at everything once more")),
        Binding("y", "yaml", N_("YAML"), id="preflight.yaml", tooltip=N_("The exact file that LLaMA-Factory will read")),
        Binding("escape", "close", N_("back"), id="preflight.close"),
    ]

    def __init__(
        self,
        request: Callable[[], Awaitable[RunRequest]],
        apply: Callable[[Mapping[str, Any]], None],
        configuration: TrainingConfiguration | None = None,
    ) -> None:
        super().__init__()
        self._request, self._apply, self._configuration = request, apply, configuration
        self._found: Preflight | None = None
        self._checks: tuple[Check, ...] = ()
        self._starting = False

    def compose_body(self) -> Iterable[Any]:
        yield Rule(id="preflight-rule")
        yield Rows(_COLUMNS, header=False, id="preflight-rows")
        yield Paragraphs(id="preflight-foot")
        yield Sheet(id="preflight-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("new run · checks"))
        self.rows.show((), empty=[(_("Looking at everything…"), "dim")])
        self.rows.focus()
        self.start(self._load, group="load")

    @property
    def rows(self) -> Rows:
        return self.query_one("#preflight-rows", Rows)

    async def _load(self) -> None:
        found = await self._look()
        self._checks = tuple(sorted(found.checks, key=lambda check: _ORDER[check.level]))
        self._found = found
        self._draw()

    async def _look(self) -> Preflight:
        return await self.services.training.preflight(self.principal, await self._request())

    async def _queue(self) -> Run:
        return await self.services.runs.start(self.principal, await self._request())

    # Drawing ---------------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()

    def _draw(self) -> None:
        found, signs = self._found, glyphs(self.app)
        if found is None:
            return
        self.query_one("#preflight-rule", Rule).text = _verdict(found)
        self.rows.show([_row(index, check, signs) for index, check in enumerate(self._checks)])
        self.query_one(Sheet).show(lambda width: self._lines(found, width))
        self._draw_foot()
        self.refresh_bindings()

    def _lines(self, found: Preflight, width: int) -> list[Line]:
        return [*course_lines(found, width), *memory_lines(found, width, glyphs(self.app))]

    @property
    def in_hand(self) -> Check | None:
        index = self.rows.current_id
        return self._checks[int(index)] if index else None

    def on_rows_highlighted(self) -> None:
        self._draw_foot()
        self.refresh_bindings()

    def _draw_foot(self) -> None:
        check, foot = self.in_hand, self.query_one("#preflight-foot", Paragraphs)
        self.rows.openable = check is not None and bool(check.remedies)
        if self._found is None or check is None or (check.level == "ok" and not check.remedies):
            foot.show()
            foot.display = False
            return
        foot.display = True
        lines = [(f"{topic_words(check.topic)}: {check_words(check)}", "text" if check.level != "fail" else "bad")]
        lines += [(f"{glyphs(self.app).bullet} {remedy_words(remedy)}", "accent") for remedy in check.remedies]
        if check.remedies and any(_does_something(remedy) or check.topic in _FIELD_OF for remedy in check.remedies):
            lines.append((_("Enter does that."), "dim"))
        foot.show(*lines)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "start":
            return self._found is not None and self._found.ready and not self._starting
        if action == "mend":
            return self.in_hand is not None and bool(self.in_hand.remedies)
        return action != "yaml" or (self._found is not None and bool(self._found.yaml))

    # Mending ---------------------------------------------------------------------------------------------------------

    def on_rows_chosen(self) -> None:
        self.action_mend()

    def action_mend(self) -> None:
        check = self.in_hand
        if check is None or not check.remedies:
            return
        useful = [remedy for remedy in check.remedies if _does_something(remedy)]
        if len(useful) > 1:
            options = [(str(index), remedy_words(remedy), "") for index, remedy in enumerate(useful)]

            def chosen(index: str | None) -> None:
                if index is not None:
                    self._mend(check, useful[int(index)])

            self.app.push_screen(Choose(_("What is to be done?"), options), chosen)
        else:
            self._mend(check, useful[0] if useful else check.remedies[0])

    def _mend(self, check: Check, remedy: Remedy) -> None:
        if remedy.changes:
            self._apply(remedy.changes)
            self.modeltrain.say(_("Changed for this run: {what}").format(what=remedy_words(remedy)))
            self.action_again()
        elif remedy.go == "environment":
            self.start(self._go_to_environment, group="go")
        elif remedy.code in _IN_FORM and self._configuration is None:
            self.dismiss(_IN_FORM[remedy.code])
        elif remedy.code == "choose_dataset":
            self.dismiss("dataset_ids")
        elif remedy.go == "datasets":
            self.dismiss(LEAVE)
            self.app.call_later(self.modeltrain.action_go, "data")
        elif remedy.go in ("configuration", "models") and self._configuration is not None and self._configuration.mine:
            self._open_configuration(self._configuration)
        else:
            self.dismiss(_FIELD_OF.get(check.topic, ""))

    async def _go_to_environment(self) -> None:
        """Leave the form behind: it is filled in by itself the next time, and there is much to be done first."""
        from tui.screens.runs.opening import go_to_environment

        self.dismiss(LEAVE)
        await go_to_environment(self.modeltrain)

    def _open_configuration(self, item: TrainingConfiguration) -> None:
        from tui.screens.runs.configuration_form import TrainingConfigurationScreen

        self.app.push_screen(TrainingConfigurationScreen(item.draft, saved=item), lambda _saved: self.action_again())

    def action_again(self) -> None:
        self.start(self._load, group="load")

    def action_yaml(self) -> None:
        if self._found is not None and self._found.yaml:
            from tui.screens.runs.yaml_view import YamlScreen

            self.app.push_screen(YamlScreen(_("new run"), self._found.yaml))

    # Starting --------------------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        found = self._found
        if found is None or not found.ready or self._starting:
            return
        warnings = [check for check in self._checks if check.level == "warn"]
        if not warnings:
            self._begin()
            return
        question = ngettext("Start with {count} warning?", "Start with {count} warnings?", len(warnings)).format(count=len(warnings))

        def decided(yes: bool | None) -> None:
            if yes:
                self._begin()

        self.app.push_screen(Confirm(question, "\n".join(check_words(check) for check in warnings)), decided)

    def _begin(self) -> None:
        self._starting = True
        self.query_one("#preflight-rule", Rule).text = _("Starting…")
        self.refresh_bindings()
        self.start(self._start_run, group="start")

    async def _start_run(self) -> None:
        try:
            run = await self._queue()
        finally:
            self._starting = False
            if not self.gone:
                self._draw()
        self.modeltrain.say(_("“{name}” is in the queue; it goes on whether you stay or not.").format(name=one_line(run.name)))
        self.dismiss(run)

    def action_close(self) -> None:
        self.dismiss(None)


def _does_something(remedy: Remedy) -> bool:
    """Whether a key of this page does what the remedy says."""
    return bool(remedy.changes) or remedy.go in ("environment", "datasets", "models", "configuration")  # "runs": one is there already


def _verdict(found: Preflight) -> str:
    failing = sum(check.level == "fail" for check in found.checks)
    if failing:
        text = ngettext("{count} thing keeps it from starting", "{count} things keep it from starting", failing)
        return text.format(count=failing)
    if found.warnings:
        text = ngettext("It can start, with {count} warning", "It can start, with {count} warnings", found.warnings)
        return text.format(count=found.warnings)
    return _("Everything is fine: s starts it")


def _row(index: int, check: Check, signs: Glyphs) -> Row:
    sign, token = level_sign(check.level, signs)
    cells = {"level": sign, "topic": topic_words(check.topic), "said": check_words(check)}
    return Row(str(index), cells, {"level": token, "topic": "dim", "said": "dim" if check.level == "ok" else "text"})
