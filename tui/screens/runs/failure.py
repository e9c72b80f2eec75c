"""FailureScreen: what happened to a run, the lines that prove it, what to change; R tries again with that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.events import Event, RunsChanged
from core.sanitise import one_line
from tui import failure_sentences
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.training_sentences import model_words, state
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.rows import Column, Row, Rows

if TYPE_CHECKING:
    from core.training.failures.types import Failure, Remedy
    from core.training.types import Run

_PROOF_COLUMNS = (Column("place", N_("Log at"), 11, right=True), Column("text", "", 20, grow=True))
_REMEDY_COLUMNS = (Column("what", N_("What to change"), 46, grow=True), Column("changes", N_("In the configuration"), 36))
#: The offset of a proof that stands in the metrics, not in the log.
IN_METRICS = -1


class FailureScreen(AreaScreen):
    """The card of one run. Everything on it was found when the run ended."""

    AREA = N_("Runs")
    HELP = N_(
        "What happened is found by rules over the end of the log, how the process ended, and the machine. The lines below prove it: Enter "
        "on one shows it in the log.\n\n"
        "The remedies come in the order in which they cost least. R begins the run anew with what the remedy in hand changes, or with all "
        "marked ones (Space); you see the values before anything starts. What has no change in the configuration is for you to do."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "retry", N_("retry with it"), id="failure.retry", tooltip=N_("Begin the run anew with this change")),
        Binding("l", "log", N_("log"), id="failure.log", tooltip=N_("The log and the curves of the run")),
        Binding("o", "results", N_("results"), id="failure.results", tooltip=N_("Checkpoints that it left behind")),
        Binding("escape", "close", N_("back"), id="failure.close"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._run: Run | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="failure-what")
        yield Rule(id="failure-proof-rule")
        yield Rows(_PROOF_COLUMNS, header=False, linked=True, id="failure-proof")
        yield Rule(id="failure-remedies-rule")
        yield Rows(_REMEDY_COLUMNS, markable=True, header=False, linked=True, id="failure-remedies")
        yield Paragraphs(id="failure-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.remedies.openable = True
        self.start(self._load, group="load")

    @property
    def proof(self) -> Rows:
        return self.query_one("#failure-proof", Rows)

    @property
    def remedies(self) -> Rows:
        return self.query_one("#failure-remedies", Rows)

    def on_screen_resume(self) -> None:
        if self._run is not None:
            self.start(self._back, self._run.attempt, group="load")

    async def _back(self, before: int) -> None:
        """Whoever tried it again from here wants the list, not a card of what is over."""
        await self._load()
        if self._run is not None and (self.failure is None or self._run.attempt != before) and self.is_current:
            self.dismiss(None)

    def core_event(self, event: Event) -> None:
        if isinstance(event, RunsChanged):
            self.start(self._load, group="load")

    async def _load(self) -> None:
        first = self._run is None
        self._run = await self.services.runs.run(self.principal, self.run_id)
        self.draw()
        if first:
            (self.remedies if self.remedies.rows else self.proof).focus()

    # Drawing ---------------------------------------------------------------------------------------------------------

    @property
    def failure(self) -> Failure | None:
        return self._run.failure if self._run is not None else None

    def draw(self) -> None:
        """Show what was read."""
        run, failure = self._run, self.failure
        if run is None:
            return
        self.set_opened(run.name)
        if failure is None:
            self.query_one("#failure-what", Paragraphs).show((_("This run did not fail."), "dim"))
            return
        self.query_one("#failure-what", Paragraphs).show(*self._head(run, failure))
        self.query_one("#failure-proof-rule", Rule).text = _("The lines that prove it")
        self.query_one("#failure-remedies-rule", Rule).text = _("What to change")
        proof = [
            Row(str(index), {"place": _place(each.offset), "text": one_line(each.text, 500)}, {"place": "dim"})
            for index, each in enumerate(failure.proof)
        ]
        self.proof.show(proof, empty=[(_("The log says nothing about it."), "dim")])
        remedies = [
            Row(
                str(index),
                {"what": failure_sentences.remedy(each), "changes": failure_sentences.changes(each.changes)},
                {"changes": "accent"},
            )
            for index, each in enumerate(failure.remedies)
            if failure_sentences.remedy(each)
        ]
        self.remedies.show(remedies, empty=[(_("Nothing is known to help; the log may say more."), "dim")])
        self._draw_detail()
        self.refresh_bindings()

    def _head(self, run: Run, failure: Failure) -> list[tuple[str, str]]:
        said, token = state(run, glyphs(self.app))
        step = _("step {step} of {total}").format(step=run.step, total=run.total_steps) if run.total_steps else ""
        status = _("status {status}").format(status=run.exit_status) if run.exit_status is not None else ""
        about = "  ".join(part for part in (said, model_words(run.model), step, status) if part)
        return [(about, token), (failure_sentences.what(failure), "bold")]

    def _draw_detail(self) -> None:
        one = self._in_hand
        lines = []
        if one is not None and self.remedies.has_focus:
            lines.append((failure_sentences.remedy(one), "text"))
            if one.changes:
                lines.append((failure_sentences.changes(one.changes), "accent"))
        elif self.failure is not None and self.proof.current_id:
            lines.append((one_line(self.failure.proof[int(self.proof.current_id)].text, 600), "text"))
        if marked := len(self.remedies.marked):
            lines.append(
                (ngettext("{count} marked: R retries with it", "{count} marked: R retries with all", marked).format(count=marked), "dim")
            )
        self.query_one("#failure-detail", Paragraphs).show(*lines)

    @property
    def _in_hand(self) -> Remedy | None:
        failure = self.failure
        return failure.remedies[int(self.remedies.current_id)] if failure is not None and self.remedies.current_id else None

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    def on_rows_marked(self) -> None:
        self._draw_detail()

    def on_descendant_focus(self) -> None:
        self._draw_detail()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    # Doing -----------------------------------------------------------------------------------------------------------

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.rows is self.remedies:
            self.action_retry()
        elif self.failure is not None:
            self._show_log(self.failure.proof[int(event.row_id)].offset)

    def changes(self) -> dict[str, Any]:
        """What the marked remedies change, or else the one in hand; the first of two that change the same option counts."""
        found: dict[str, Any] = {}
        if self.failure is not None:
            for row_id in self.remedies.selected_ids:
                found = {**self.failure.remedies[int(row_id)].changes, **found}
        return found

    def action_retry(self) -> None:
        if self._run is not None:
            from tui.screens.runs.new import open_new_run

            open_new_run(self.app, retry=self._run, changes=self.changes())

    def action_log(self) -> None:
        self._show_log(None)

    def _show_log(self, offset: int | None) -> None:
        from tui.screens.runs.monitor import MonitorScreen

        self.app.push_screen(MonitorScreen(self.run_id, offset=None if offset == IN_METRICS else offset))

    def action_results(self) -> None:
        from tui.screens.runs.results import ResultsScreen

        self.app.push_screen(ResultsScreen(self.run_id))

    def action_close(self) -> None:
        self.dismiss(None)


def _place(offset: int) -> str:
    """Where in the log a proof stands, as a size: that is how the log's own line says where one is."""
    return _("metrics") if offset == IN_METRICS else f"{offset:,}"
