"""Reports of runs in the reader's language: for the screens and for `modeltrain train report`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.clock import from_ms
from core.errors import InvalidInput
from tui import failure_sentences
from tui.i18n import N_, _, current
from tui.training_sentences import span, state_word

if TYPE_CHECKING:
    from datetime import tzinfo

    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.training.failures.types import Failure
    from core.training.report import ReportData, Words
    from core.training.types import Run

#: Form -> the ending of its file.
FORMS = {"html": ".html", "md": ".md", "pdf": ".pdf", "csv": ".csv", "json": ".json"}
_LABELS = {
    "failure": N_("Why it failed"),
    "warnings": N_("Warnings"),
    "summary": N_("Summary"),
    "steps": N_("Steps"),
    "started": N_("Started"),
    "ended": N_("Ended"),
    "duration": N_("Duration"),
    "resources": N_("Ran on"),
    "attempts": N_("Attempts"),
    "curves": N_("Curves"),
    "metrics": N_("Metrics"),
    "metric": N_("Metric"),
    "last": N_("Last"),
    "best": N_("Best"),
    "at_step": N_("Step"),
    "data": N_("Data"),
    "dataset": N_("Dataset"),
    "file": N_("File"),
    "format": N_("Format"),
    "results": N_("Results"),
    "name": N_("Name"),
    "kind": N_("Kind"),
    "adapter": N_("adapter"),
    "checkpoint": N_("checkpoint"),
    "full": N_("full"),
    "merged": N_("merged"),
    "configuration": N_("Configuration"),
    "environment": N_("Training environment"),
    "page": N_("Page {page} of {pages}"),
    "no_font": N_("Some signs are in no font of the machine that made this report and are shown as □."),
    "no_chinese_font": N_("No font with Chinese signs is on the machine that made this report. Install Noto Sans CJK there."),
}


async def collected(services: Services, principal: Principal, run_id: str) -> ReportData:
    """Everything that a report of the run says. Raises NotFound."""
    run = await services.runs.run(principal, run_id)
    attempts = await services.runs.attempts(principal, run.id)
    environment = await services.environment.state(principal)
    from core.training.report import collect

    def read() -> ReportData:
        names = {gpu.uuid: gpu.name for gpu in services.gpus.read()}
        return collect(run, attempts, environment.versions, names)

    return await asyncio.to_thread(read)


async def report(services: Services, principal: Principal, run_id: str, form: str, zone: tzinfo | None = None) -> bytes:
    """The report of a run: `form` is one of FORMS, text in UTF-8. Raises NotFound, InvalidInput("format", "unknown")."""
    if form not in FORMS:
        raise InvalidInput("format", "unknown", value=form)
    data = await collected(services, principal, run_id)
    return await asyncio.to_thread(rendered, data, form, zone, current().language)


def rendered(data: ReportData, form: str, zone: tzinfo | None, language: str) -> bytes:
    """`data` in one of FORMS. Blocks for some milliseconds, for PDF some seconds."""
    from core.training import report as made

    if form == "csv":
        return made.metrics_csv(data).encode()
    if form == "json":
        return made.as_json(data).encode()
    said = words(zone, language)
    if form == "pdf":
        from core.training.report_pdf import as_pdf

        return as_pdf(data, said)
    return (made.as_html(data, said) if form == "html" else made.as_markdown(data, said)).encode()


def words(zone: tzinfo | None, language: str) -> Words:
    from core.training.report import Words

    def moment(at: int | None) -> str:
        return "" if at is None else from_ms(at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

    def failure(found: Failure) -> tuple[str, list[str]]:
        return failure_sentences.what(found), failure_sentences.remedies(found)

    def state(run: Run) -> str:
        return state_word(run)[1]

    return Words(
        label=lambda key: _(_LABELS[key]),
        moment=moment,
        span=lambda seconds: "" if seconds is None else span(seconds),
        failure=failure,
        state=state,
        language=language.replace("_", "-"),
    )
