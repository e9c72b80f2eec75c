"""The exact YAML of a configuration, and the page on which somebody's own YAML is taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from core.errors import EnvironmentProblem, InvalidInput
from core.sanitise import sanitise
from core.training.configurations_types import Imported, Remark
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.screens.runs.configurations import read_import
from tui.training_fields import label_words, remark_words
from tui.widgets.dialogs import Ask
from tui.widgets.editor import Editor
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.sheet import Line, Sheet, wrapped

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

#: Bytes of a YAML file that are read: far more than any configuration has.
_LONGEST = 256 * 1024


class YamlScreen(AreaScreen):
    """Shows YAML; nothing is changed here."""

    AREA = N_("Runs")
    HELP = N_("This is what LLaMA-Factory reads. y copies it, also over SSH where the terminal allows that.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", N_("copy"), id="yaml.copy", tooltip=N_("Copy all of it")),
        Binding("escape", "close", N_("back"), id="yaml.close"),
    ]

    def __init__(self, name: str, text: str, explanation: str = "") -> None:
        super().__init__()
        self._name, self._text, self._explanation = name, sanitise(text), explanation

    def compose_body(self) -> Iterable[Any]:
        yield Sheet(id="yaml-sheet")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(f"{self._name} · YAML" if self._name else "YAML")
        sheet = self.query_one(Sheet)
        sheet.show(self._lines)
        sheet.focus()

    def _lines(self, width: int) -> list[Line]:
        lines = [*wrapped(self._explanation, "dim", width), ()] if self._explanation else []
        return lines + [made for text in self._text.splitlines() for made in yaml_line(text, width)]

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        self.modeltrain.say(_("Copied."))

    def action_close(self) -> None:
        self.dismiss(None)


def yaml_line(text: str, width: int) -> list[Line]:
    """One line of YAML with its key set off; longer ones are wrapped. `text` is sanitised already."""
    key, colon, value = text.partition(":")
    plain = key.strip().replace("_", "").replace("-", "")
    if not colon or len(text) > width or not plain.isalnum():
        return wrapped(text, "dim" if text.lstrip().startswith("#") else "text", width)
    return [((key + colon, "accent"), (value, "text"))]


class ImportScreen(AreaScreen):
    """Text is pasted or read from a file; what cannot be taken over is said at once. Returns what was understood, None for nothing."""

    AREA = N_("Runs")
    HELP = N_(
        "Paste a YAML file for LLaMA-Factory, or read it from a file with Ctrl+R. Below is said what will not be taken over: options that "
        "nobody knows, and those that are set at the start (folders, data, the address of a dashboard).\n\n"
        "Ctrl+S opens the form with it; nothing is saved before that."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", N_("take it over"), id="import.accept", priority=True),
        Binding("ctrl+r", "read", N_("read a file"), id="import.read", priority=True),
        Binding("escape", "close", N_("back"), id="import.close"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: Imported | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Rule(_("Paste YAML here, or Ctrl+R reads a file"))
        yield Editor(id="import-editor")
        yield Paragraphs(id="import-remarks")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("import"))
        self.query_one(Editor).focus()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.start(self._look, event.text_area.text, group="look")

    async def _look(self, text: str) -> None:
        self._found = None
        shown = self.query_one("#import-remarks", Paragraphs)
        if not text.strip():
            shown.show()
            return
        try:
            self._found = await self.services.training.from_yaml(self.principal, text)
        except InvalidInput as error:
            shown.show((read_import(error), "bad"))
            return
        shown.show(*self._said(self._found))

    def _said(self, found: Imported) -> list[tuple[str, str]]:
        tokens = {"error": "bad", "warning": "warn", "note": "dim"}
        lines = [(_about(remark), tokens[remark.level]) for remark in found.remarks]
        if found.dataset_names:
            names = ", ".join(sanitise(name) for name in found.dataset_names)
            lines.append((_("Its datasets ({names}) are chosen from yours in the form.").format(names=names), "dim"))
        return lines or [(_("All of it is understood. Ctrl+S opens the form with it."), "good")]

    def action_read(self) -> None:
        async def typed(path: str | None) -> None:
            if path:
                with self.reporting():
                    text = await asyncio.to_thread(read_file, self.services, self.principal, path.strip())
                    self.query_one(Editor).text = sanitise(text)

        hint = _("A file of your own on the server.") if self.principal.served else ""
        self.app.push_screen(Ask(_("Which YAML file?"), explanation=hint, hint="train.yaml"), typed)

    def action_accept(self) -> None:
        self.start(self._accept, group="look")

    async def _accept(self) -> None:
        await self._look(self.query_one(Editor).text)
        if self._found is not None:
            self.dismiss(self._found)

    def action_close(self) -> None:
        self.dismiss(None)


def _about(remark: Remark) -> str:
    said = remark_words(remark)
    return said if not remark.key or remark.key in said else f"{label_words(remark.key)}: {said}"


def read_file(services: Services, principal: Principal, path: str) -> str:
    """The text of a file of the person's own: of the machine, or of their folders on the server. Blocks.

    Raises EnvironmentProblem (file_not_readable), NotFound.
    """
    try:
        if not principal.served:
            with Path(path).expanduser().open("rb") as file:
                data = file.read(_LONGEST)
        else:
            reading = services.files.open_reading(principal, path)
            try:
                data = reading.read(0, _LONGEST)
            finally:
                reading.commit()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EnvironmentProblem(what="file_not_readable", path=path, reason="UTF-8") from error
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(what="file_not_readable", path=path, reason=getattr(error, "strerror", None) or "") from error
