"""ReportScreen: what a run was and what came of it, to be read here or saved as HTML, Markdown, PDF, CSV or JSON."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from tui import failure_sentences, reports
from tui.i18n import N_, _, current
from tui.model_sentences import size
from tui.screens.base import AreaScreen
from tui.training_sentences import method_words, model_words, span, stage_words, state_word
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.sheet import Line, Sheet, wrapped

if TYPE_CHECKING:
    from core.training.report import ReportData

#: Folder of an account's own files (core/files) that reports are put into for who is served.
EXPORTS = "exports"


class ReportScreen(AreaScreen):
    """The report of one run."""

    AREA = N_("Runs")
    HELP = N_(
        "Everything that is known of the run: its configuration, its data, how long it took, its curves and figures, warnings, results and "
        "the versions of the training environment as they are now.\n\n"
        "h saves it as a web page that needs nothing else, m as Markdown, p as PDF, v the metrics as CSV, t everything as JSON. "
        "Whoever is served finds it among the own files, in exports, and fetches it with scp or sftp."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "save('html')", N_("save as HTML"), id="report.html", tooltip=N_("A web page that needs nothing else")),
        Binding("m", "save('md')", N_("Markdown"), id="report.markdown", tooltip=N_("For a wiki or a repository")),
        Binding("p", "save('pdf')", N_("PDF"), id="report.pdf", tooltip=N_("For paper and mail")),
        Binding("v", "save('csv')", N_("CSV"), id="report.csv", tooltip=N_("The metrics, a row a step")),
        Binding("t", "save('json')", N_("JSON"), id="report.json", tooltip=N_("Everything, for programs")),
        Binding("escape", "close", N_("back"), id="report.close"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._data: ReportData | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(id="report-text")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Sheet).focus()
        self.start(self._load, group="load")

    async def _load(self) -> None:
        self._data = await reports.collected(self.services, self.principal, self.run_id)
        self.set_opened(_("{name} · report").format(name=self._data.run.name))
        self._draw()

    def _draw(self) -> None:
        data = self._data
        if data is not None:
            self.query_one(Sheet).show(lambda width: lines(data, width), keep=True)

    def retranslate(self) -> None:
        super().retranslate()
        self._draw()

    # Saving ----------------------------------------------------------------------------------------------------------

    def action_save(self, form: str) -> None:
        if self._data is not None:
            self.start(self._save, self._data, form, group="dialog")

    async def _save(self, data: ReportData, form: str) -> None:
        made = await asyncio.to_thread(reports.rendered, data, form, self.modeltrain.zone, current().language)
        name = f"{_file_name(data.run.name)}{reports.FORMS[form]}"
        if self.principal.served:
            await asyncio.to_thread(self._put_into_exports, name, made)
            self.modeltrain.say(_("Saved as “{path}” among your files.").format(path=f"{EXPORTS}/{name}"))
            return
        typed = await self.app.push_screen_wait(Ask(_("Save to which file?"), str(Path.home() / name)))
        if typed and typed.strip():
            await self._write(await asyncio.to_thread(Path(typed.strip()).expanduser), made)

    def _put_into_exports(self, name: str, made: bytes) -> None:
        upload = self.services.files.open_writing(self.principal, f"{EXPORTS}/{name}")
        try:
            upload.write(0, made)
            upload.commit()
        except BaseException:
            upload.discard()
            raise

    async def _write(self, path: Path, made: bytes) -> None:
        if await asyncio.to_thread(path.exists) and not await self.app.push_screen_wait(
            Confirm(_("“{path}” is there already. Replace it?").format(path=path), danger=True)
        ):
            return
        await asyncio.to_thread(_replace, path, made)
        self.modeltrain.say(_("Saved as “{path}”.").format(path=path))

    def action_close(self) -> None:
        self.dismiss(None)


def _replace(path: Path, made: bytes) -> None:
    from core.documents.replacing import replacing

    with replacing(path) as file:
        file.write(made)


def _file_name(name: str) -> str:
    """A name of a run as that of a file."""
    return re.sub(r"[^\w.-]+", "-", one_line(name, 80)).strip("-.") or "run"


def lines(data: ReportData, width: int) -> list[Line]:
    """The report as lines of so many cells."""
    made: list[Line] = [((one_line(data.run.name), "bold"),)]
    run = data.run
    about = (state_word(run)[1], model_words(run.model), method_words(run.method), stage_words(run.stage))
    made += [((" · ".join(part for part in about if part), "dim"),), ()]
    made += _failure_lines(data, width)
    made += _pairs(_summary(data), width)
    made += _metric_lines(data, width)
    made += _section(_("Data"), [(name, f"{entry['file']}  {entry['format']}") for name, entry in data.datasets.items()], width)
    made += _section(_("Results"), [_artifact(each) for each in data.artifacts], width)
    made += _section(_("Configuration"), [(name, str(value)) for name, value in data.options.items()], width)
    made += _section(_("Training environment, as it is now"), list(data.environment.items()), width)
    return made


def _artifact(each: Any) -> tuple[str, str]:
    step = _("step {step}").format(step=each.step) if each.step is not None else ""
    return each.path.name, "  ".join(part for part in (step, size(each.size_bytes)) if part)


def _summary(data: ReportData) -> list[tuple[str, str]]:
    run = data.run
    return [
        (_("Steps"), f"{run.step:,} / {run.total_steps:,}" if run.total_steps else f"{run.step:,}"),
        (_("Duration"), span(data.seconds)),
        (_("Ran on"), ", ".join(data.resources)),
        (_("Attempts"), str(len(data.attempts))),
    ]


def _failure_lines(data: ReportData, width: int) -> list[Line]:
    made: list[Line] = []
    found = [(data.run.failure, "bad")] if data.run.failure is not None else []
    for failure, token in [*found, *((each, "warn") for each in data.warnings)]:
        made += wrapped(failure_sentences.what(failure), token, width)
        for text in failure_sentences.remedies(failure):
            made += wrapped(text, "text", width, indent="  ")
        made.append(())
    return made


def _metric_lines(data: ReportData, width: int) -> list[Line]:
    if not data.measured:
        return []
    from core.training.report import sparkline

    made: list[Line] = [(), ((_("Metrics"), "accent"),)]
    room = max(6, min(40, width - 70))
    for one in data.measured:
        best = _("best {value} at step {step}").format(value=f"{one.best:.6g}", step=one.best_step) if one.best is not None else ""
        made.append(
            (
                (f"  {one_line(one.name, 22):<24}", "dim"),
                (f"{one.last:>12.6g}  ", "text"),
                (f"{sparkline(one.values, room):<{room}}  ", "accent"),
                (best, "good"),
            )
        )
    return made + [((f"  {one_line(name, 22):<24}", "dim"), (f"{value:>12.6g}", "text")) for name, value in data.final.items()]


def _section(title: str, pairs: list[tuple[str, str]], width: int) -> list[Line]:
    return [(), ((title, "accent"),), *_pairs(pairs, width)] if pairs else []


def _pairs(pairs: list[tuple[str, str]], width: int) -> list[Line]:
    """Names with values; long values go on below."""
    from rich.cells import cell_len

    names = max((min(32, cell_len(one_line(name))) for name, _value in pairs), default=0) + 2
    made: list[Line] = []
    for name, value in pairs:
        rows = wrapped(one_line(value, 400), "text", max(20, width - names - 2)) or [(("", ""), ("", ""))]
        label = one_line(name, 32)
        blank = " " * max(1, names - cell_len(label))
        made.append(((f"  {label}{blank}", "dim"), *rows[0]))
        made += [((" " * (names + 2), "dim"), *row) for row in rows[1:]]
    return made
