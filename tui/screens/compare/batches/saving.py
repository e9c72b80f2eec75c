"""Saving the report of a batch: in which form, into which file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from core.batches.reports.types import FORMS
from core.errors import InvalidInput
from core.sanitise import one_line
from tui import batch_reports
from tui.i18n import N_, _, joined
from tui.screens.runs.report import EXPORTS
from tui.widgets.choices import Choice
from tui.widgets.dialogs import Confirm
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.form_dialog import FormDialog

if TYPE_CHECKING:
    from core.batches.reports.types import ReportData, Words, Written
    from core.batches.types import Batch
    from core.files.opened import Upload
    from tui.screens.base import AreaScreen

#: Form -> what it is for.
_NAMES = {
    "xlsx": N_("XLSX workbook"),
    "html": N_("HTML page"),
    "pdf": N_("PDF"),
    "csv": N_("CSV table"),
    "json": N_("JSON"),
    "junit": N_("JUnit XML"),
}
_LABELS = 8


class SaveReport(FormDialog[tuple[str, str]]):
    """Returns (form, path) or None. The ending of the path follows the form."""

    def __init__(self, stem: str, explanation: str) -> None:
        super().__init__(_("Save the report"), explanation)
        self._stem = stem

    def compose_fields(self) -> Iterable[Field]:
        yield Choice(N_("Form"), _NAMES, "xlsx", label_width=_LABELS, id="field-form")
        yield Field(N_("File"), f"{self._stem}{FORMS['xlsx']}", label_width=_LABELS, id="field-path")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "form":
            path = self.form["path"]
            ending = next((known for known in FORMS.values() if path.endswith(known)), "")
            self.form.field("path").value = path.removesuffix(ending) + FORMS[self.form["form"]]
        super().on_form_changed(event)

    def problems(self) -> dict[str, InvalidInput | None]:
        return {"path": None if self.form["path"].strip() else InvalidInput("path", "required")}

    def answer(self) -> tuple[str, str]:
        return self.form["form"], self.form["path"].strip()


async def save_report(screen: AreaScreen, item: Batch) -> None:
    """Ask in which form and where, and write it there."""
    served = screen.principal.served
    stem = f"{EXPORTS}/{file_stem(item.name)}" if served else str(Path.home() / file_stem(item.name))
    explanation = _("Among your own files on the server; fetch it with scp or sftp.") if served else ""
    chosen = await screen.app.push_screen_wait(SaveReport(stem, explanation))
    if chosen is None:
        return
    form, path = chosen
    if not served and not await _may_replace(screen, path):
        return
    screen.modeltrain.say(_("The report is being written…"))
    data = await screen.services.batches.report_data(screen.principal, item.id)
    words = batch_reports.words(screen.modeltrain.zone)
    if served:
        upload = await asyncio.to_thread(screen.services.files.open_writing, screen.principal, path)
        written = await asyncio.to_thread(_into_own, upload, data, form, words)
    else:
        written = await asyncio.to_thread(_into_file, path, data, form, words)
    screen.modeltrain.say(joined(_("Saved as “{path}”.").format(path=one_line(path, 300)), *notes(written)))


def notes(written: Written) -> list[str]:
    """What the reader of a report should be told."""
    return [batch_reports.say(key, **fields) for key, fields in written.notes]


async def _may_replace(screen: AreaScreen, path: str) -> bool:
    place = await asyncio.to_thread(Path(path).expanduser)
    if not await asyncio.to_thread(place.exists):
        return True
    question = _("“{path}” is there already. Replace it?").format(path=one_line(path, 300))
    replace: bool = await screen.app.push_screen_wait(Confirm(question, danger=True))
    return replace


def _into_file(path: str, data: ReportData, form: str, words: Words) -> Written:
    from core.batches.reports.writing import write_report
    from core.documents.replacing import replacing

    with replacing(Path(path).expanduser()) as file:
        return write_report(data, form, words, file)


class Appending:
    """An upload as a file that one writes to from the beginning to the end."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._at = upload, 0

    def write(self, data: bytes) -> int:
        self._upload.write(self._at, data)
        self._at += len(data)
        return len(data)

    def flush(self) -> None:
        """What was written is with the upload already."""


def _into_own(upload: Upload, data: ReportData, form: str, words: Words) -> Written:
    from core.batches.reports.writing import write_report

    try:
        written = write_report(data, form, words, cast("BinaryIO", Appending(upload)))
        upload.commit()
    except BaseException:
        upload.discard()
        raise
    return written


def file_stem(name: str) -> str:
    """The name of a batch as that of a file, without its ending."""
    return re.sub(r"[^\w.-]+", "-", one_line(name, 80)).strip("-.") or "batch"
