"""The whole comparison as a Markdown file (tui/comparison_files.py). Names that are hidden stay hidden."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from core.sanitise import one_line
from tui.i18n import _
from tui.screens.compare.base import CompareBase
from tui.screens.compare.board import Board
from tui.widgets.dialogs import Ask, Confirm

EXPORTS = "exports"
_LONGEST = 60


def file_name(board: Board) -> str:
    """What the file is called at first."""
    title = one_line(board.comparison.title) if board.comparison is not None else ""
    stem = re.sub(r"[^\w-]+", "-", title).strip("-")[:_LONGEST].strip("-")
    return f"{stem or 'comparison'}.md"


class Exporting(CompareBase):
    """The mixin of `SideBySideScreen` for files."""

    def action_export(self) -> None:
        if self.board.last is None:
            self.modeltrain.say(_("There is nothing to save yet."))
        else:
            self.start(self._export, self.board, group="dialog")

    async def _export(self, board: Board) -> None:
        from tui.comparison_files import ALL_ROUNDS, as_markdown

        if board.comparison is None:
            return
        whole = await self.services.comparisons.get(self.principal, board.comparison.id, tail=ALL_ROUNDS)
        name, text = file_name(board), await asyncio.to_thread(as_markdown, whole)
        if self.principal.served:
            await asyncio.to_thread(self._put_into_exports, name, text)
            self.modeltrain.say(_("Saved as “{path}” among your files.").format(path=f"{EXPORTS}/{name}"))
            return
        typed = await self.app.push_screen_wait(Ask(_("Save to which file?"), str(Path.home() / name)))
        if not typed or not typed.strip():
            return
        path = await asyncio.to_thread(Path(typed.strip()).expanduser)
        if await asyncio.to_thread(path.exists) and not await self.app.push_screen_wait(
            Confirm(_("“{path}” is there already. Replace it?").format(path=path), danger=True)
        ):
            return
        try:
            await asyncio.to_thread(path.write_text, text, encoding="utf-8", errors="replace")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.modeltrain.say(_("“{path}” could not be written: {reason}.").format(path=path, reason=reason))
            return
        self.modeltrain.say(_("Saved as “{path}”.").format(path=path))

    def _put_into_exports(self, name: str, text: str) -> None:
        upload = self.services.files.open_writing(self.principal, f"{EXPORTS}/{name}")
        try:
            upload.write(0, text.encode("utf-8", "replace"))
            upload.commit()
        except BaseException:
            upload.discard()
            raise
