"""Attaching images to the next question: files of this machine or, for somebody who is served, of their own folder "images"."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from core.errors import ModeltrainError, NotFound
from core.llm.images import IMAGE_BYTES, recognise
from core.sanitise import one_line
from tui import moments
from tui.errors import describe
from tui.i18n import N_, _
from tui.model_sentences import size
from tui.screens.base import AreaScreen
from tui.widgets.file_picker import FileEntry, FilePicker
from tui.widgets.frame import Paragraphs

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.files.service import UserFiles

_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp"))
_OWN = "images"


def is_image(name: str) -> bool:
    """Whether a file of this name is likely to be an image that can be sent."""
    return PurePosixPath(name).suffix.lower() in _ENDINGS


class ImageScreen(AreaScreen):
    """Returns (name, bytes) of an image; None if none was taken."""

    AREA = N_("Compare")
    HELP = N_(
        "Type a path, Tab completes it; or walk with the arrows and Enter, Backspace goes to the folder above. Enter on an image sends it "
        "along with the next question. PNG, JPEG, GIF and WebP can be sent.\n\n"
        "Who comes over SSH chooses from the own folder “images”, where sftp and scp put files."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", N_("back"), id="image.close")]

    def compose_body(self) -> Iterable[Any]:
        yield FilePicker(hint=N_("type a path, or choose below"), id="image-picker")
        yield Paragraphs(id="image-message")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_opened(_("attach an image"))
        self.picker.field.focus()

    @property
    def picker(self) -> FilePicker:
        return self.query_one(FilePicker)

    # Folders ---------------------------------------------------------------------------------------------------------

    def on_file_picker_wanted(self, event: FilePicker.Wanted) -> None:
        self.start(self._list, event.folder, group="list")

    async def _list(self, asked: str) -> None:
        try:
            if self.principal.served:
                folder, above, entries = await asyncio.to_thread(self._own_folder, asked)
            else:
                folder, above, entries = await self._folder_of_machine(asked)
        except ModeltrainError as error:
            self.picker.show_folder(asked, asked, (), problem=describe(error).sentence)
            return
        self.picker.show_folder(asked, folder, entries, above=above)

    async def _folder_of_machine(self, asked: str) -> tuple[str, str | None, list[FileEntry]]:
        found = await self.services.datasets.browse(self.principal, asked)
        entries = [self._entry(each.name, each.is_folder, each.size, each.modified_at / 1000) for each in found.entries]
        folder = found.place.rstrip("/") + "/"
        above = None if found.parent is None else found.parent.rstrip("/") + "/"
        return folder, above, entries

    def _own_folder(self, asked: str) -> tuple[str, str | None, list[FileEntry]]:
        """A folder below the person's own images, called as in sftp."""
        parts = tuple(part for part in asked.split("/") if part)
        parts = parts if parts[:1] == (_OWN,) else (_OWN, *parts)
        area = self.services.files.area(self.principal)
        found = area.entries(parts, sorted(area.names(parts)))
        entries = [self._entry(each.name, stat.S_ISDIR(each.info.st_mode), each.info.st_size, each.info.st_mtime) for each in found]
        above = "/" + "/".join(parts[:-1]) + "/" if len(parts) > 1 else None
        return "/" + "/".join(parts) + "/", above, entries

    def _entry(self, name: str, folder: bool, size_bytes: int, changed: float) -> FileEntry:
        when = moments.short(datetime.fromtimestamp(changed, UTC), self.services.clock.now(), self.modeltrain.zone)
        remark = _("too large") if not folder and is_image(name) and size_bytes > IMAGE_BYTES else ""
        fits = is_image(name) and not remark
        return FileEntry(name, folder, "" if folder else size(size_bytes), when, remark, fits)

    # Taking ----------------------------------------------------------------------------------------------------------

    def on_file_picker_chosen(self, event: FilePicker.Chosen) -> None:
        self.start(self._take, event.path, group="take")

    async def _take(self, path: str) -> None:
        message = self.query_one("#image-message", Paragraphs)
        try:
            data = await asyncio.to_thread(read_image, self.principal, self.services.files, path)
        except ModeltrainError as error:
            problem = describe(error)
            message.show((problem.title, "bad"), *((text, "accent") for text in (problem.why, problem.remedy) if text))
            return
        except OSError as error:
            reason = error.strerror or type(error).__name__
            message.show((_("“{path}” could not be read: {reason}.").format(path=one_line(path), reason=reason), "bad"))
            return
        self.dismiss((path.rsplit("/", 1)[-1], data))

    def action_close(self) -> None:
        self.dismiss(None)


def read_image(principal: Principal, files: UserFiles, path: str) -> bytes:
    """The bytes of an image, checked by its first ones. Raises NotFound, InvalidInput (image), OSError."""
    if principal.served:
        reading = files.open_reading(principal, path.lstrip("/"))
        try:
            data = reading.read(0, IMAGE_BYTES + 1)
        finally:
            reading.commit()
    else:
        found = Path(path).expanduser()
        if not found.is_file():
            raise NotFound(kind="file", reference=path)
        with found.open("rb") as file:
            data = file.read(IMAGE_BYTES + 1)
    recognise(data)
    return data
