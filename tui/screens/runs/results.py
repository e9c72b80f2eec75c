"""ResultsScreen: what a run left behind, and what can be done with it: chat in two keys, compare with the base, merge, serve, delete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.events import Event, RunsChanged, ServicesChanged
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.models import local_texts
from tui.screens.models.local import TargetActions
from tui.widgets.frame import Paragraphs
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.inference.types import Target


class ResultsScreen(TargetActions):
    """The adapter or model of one run first, then its checkpoints, the newest first."""

    AREA = N_("Runs")
    HELP = N_(
        "The final adapter or model comes first, then the checkpoints. Enter or c chats with the one in hand: if it has no server yet, one "
        "is started on this machine, reached by nobody else, and a model configuration is made for it.\n\n"
        "b asks it and its base model the same questions side by side. m melts an adapter into its base, as a run in the queue. s starts "
        "and stops its server; l shows what that said.\n\n"
        "d deletes a checkpoint from the disk; e writes a note about it. r is the report of the run."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "chat", N_("chat"), id="results.chat", tooltip=N_("Chat with it; it is served first if need be")),
        Binding("b", "side_by_side", N_("with its base"), id="results.side", tooltip=N_("Ask it and its base side by side")),
        Binding("s", "serve", N_("serve/stop"), id="results.serve", tooltip=N_("Start or stop its model server")),
        Binding("m", "merge", N_("merge"), id="results.merge", tooltip=N_("Melt the adapter into its base, as a run")),
        Binding("r", "report", N_("report"), id="results.report", tooltip=N_("What the run was, and what came of it")),
        Binding("l", "log", N_("server log"), id="results.log", tooltip=N_("What its model server said")),
        Binding("e", "note", N_("note"), id="results.note", tooltip=N_("Write down something about it")),
        Binding("d", "delete_model", N_("delete"), id="results.delete", tooltip=N_("Delete a checkpoint from the disk")),
        Binding("escape", "close", N_("back"), id="results.close"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.servers = {}
        self._loaded = False
        self._progress = ""
        self._wanted: str | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Rows(local_texts.COLUMNS, id="results-rows")
        yield Paragraphs(id="results-detail")

    def on_mount(self) -> None:
        super().on_mount()
        self.watch_servers()
        self.rows.focus()

    @property
    def rows(self) -> Rows:
        return self.query_one("#results-rows", Rows)

    @property
    def target_in_hand(self) -> Target | None:
        return next((each for each in self.targets if each.id == self.rows.current_id), None)

    def on_screen_resume(self) -> None:
        self.reload()

    def core_event(self, event: Event) -> None:
        if isinstance(event, RunsChanged | ServicesChanged) and self.is_current:
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        self._wanted = keep or self._wanted
        self.start(self._load, group="load")

    async def _load(self) -> None:
        run = await self.services.runs.run(self.principal, self.run_id)
        self.set_opened(_("{name} · results").format(name=run.name))
        await self.read_targets(run_id=self.run_id)
        self._loaded = True
        keep, self._wanted = self._wanted, None
        self.draw(keep)

    def draw(self, keep: str | None = None) -> None:
        """Show what was read."""
        if not self._loaded:
            return
        signs = glyphs(self.app)
        rows = [local_texts.row(each, self.server_of(each), signs) for each in self.targets]
        self.rows.show(rows, empty=local_texts.nothing(False, of_run=True), keep=keep)
        self._draw_detail()
        self.refresh_bindings()

    def _draw_detail(self) -> None:
        target = self.target_in_hand
        lines = [(self._progress, "accent")] if self._progress else []
        if target is not None:
            path_shown = not self.principal.served
            lines += local_texts.details(target, self.server_of(target), glyphs(self.app), path_shown=path_shown)
        detail = self.query_one("#results-detail", Paragraphs)
        detail.show(*lines)
        detail.display = bool(lines)

    def say_progress(self, text: str) -> None:
        if not self.gone:
            self._progress = text
            self._draw_detail()

    def on_rows_highlighted(self) -> None:
        self._draw_detail()

    def on_rows_chosen(self) -> None:
        self.action_chat()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def action_report(self) -> None:
        from tui.screens.runs.report import ReportScreen

        self.app.push_screen(ReportScreen(self.run_id))

    def action_close(self) -> None:
        self.dismiss(None)
