"""Dialogs about a question set: its name and tags, and where it is exported to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.errors import Conflict, InvalidInput
from core.questions.names import check_name, check_note, check_tags, split_tags
from core.questions.types import QuestionSet
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.widgets.choices import Choice
from tui.widgets.dialogs import Confirm
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.form_dialog import FormDialog

if TYPE_CHECKING:
    from core.questions.types import Format
    from tui.screens.base import AreaScreen

_LABELS = 10
#: Format -> what it is for.
_FORMATS = {
    "jsonl": N_("JSONL, a question a line"),
    "json": N_("JSON, with name and tags"),
    "csv": N_("CSV, for spreadsheets"),
    "txt": N_("TXT, the questions alone"),
}
_EXPORTS = "exports"


def wrong(check: object, *arguments: object) -> InvalidInput | None:
    """What `check(*arguments)` says, None where it is content."""
    try:
        check(*arguments)  # type: ignore[operator]
    except InvalidInput as problem:
        return problem
    return None


class NameAndTags(FormDialog[tuple[str, str, tuple[str, ...]]]):
    """Returns (name, note, tags) or None."""

    def __init__(self, item: QuestionSet) -> None:
        super().__init__(_("Name, note and tags of the set"))
        self._item = item

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Name"), self._item.name, label_width=_LABELS, id="field-name")
        yield Field(N_("Note"), self._item.note, label_width=_LABELS, id="field-note")
        yield Field(N_("Tags"), ", ".join(self._item.tags), label_width=_LABELS, hint=N_("with commas between them"), id="field-tags")

    def problems(self) -> dict[str, InvalidInput | None]:
        return {
            "name": wrong(check_name, self.form["name"]),
            "note": wrong(check_note, self.form["note"]),
            "tags": wrong(check_tags, split_tags(self.form["tags"])),
        }

    def answer(self) -> tuple[str, str, tuple[str, ...]]:
        return self.form["name"], self.form["note"], split_tags(self.form["tags"])


class ExportTo(FormDialog[tuple[str, str]]):
    """Returns (format, path) or None. The ending of the path follows the format."""

    def __init__(self, stem: str, explanation: str) -> None:
        super().__init__(_("Export the set"), explanation)
        self._stem = stem

    def compose_fields(self) -> Iterable[Field]:
        yield Choice(N_("Format"), _FORMATS, "jsonl", label_width=_LABELS, id="field-format")
        yield Field(N_("File"), f"{self._stem}.jsonl", label_width=_LABELS, id="field-path")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format":
            path = self.form["path"]
            ending = next((f".{known}" for known in _FORMATS if path.endswith(f".{known}")), "")
            self.form.field("path").value = f"{path.removesuffix(ending)}.{self.form['format']}"
        super().on_form_changed(event)

    def problems(self) -> dict[str, InvalidInput | None]:
        return {"path": None if self.form["path"].strip() else InvalidInput("path", "required")}

    def answer(self) -> tuple[str, str]:
        return self.form["format"], self.form["path"].strip()


async def export_set(screen: AreaScreen, item: QuestionSet, version: int | None = None) -> None:
    """Ask in which format and where, and write it there."""
    served = screen.principal.served
    stem = re.sub(r"[^\w.-]+", "-", one_line(item.name, 80)).strip("-.") or "questions"
    place = f"{_EXPORTS}/{stem}" if served else str(Path.home() / stem)
    explanation = _("Among your own files on the server; fetch it with scp or sftp.") if served else ""
    chosen = await screen.app.push_screen_wait(ExportTo(place, explanation))
    if chosen is None:
        return
    kind, path = cast("Format", chosen[0]), chosen[1]
    questions = screen.services.questions
    try:
        await questions.export(screen.principal, item.id, path, kind, version)
    except Conflict as error:
        if error.fields.get("what") != "file_exists":
            raise
        question = _("“{path}” is there already. Replace it?").format(path=one_line(path, 300))
        if not await screen.app.push_screen_wait(Confirm(question, danger=True)):
            return
        await questions.export(screen.principal, item.id, path, kind, version, replace=True)
    screen.modeltrain.say(_("Saved as “{path}”.").format(path=one_line(path, 300)))
