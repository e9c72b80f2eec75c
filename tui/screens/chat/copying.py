"""Copying and saving what the transcript has: by OSC 52, which works over SSH but is never confirmed, or into a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.chat.base import ChatBase
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.transcript import Target, Transcript

#: Many terminals take no more than this many characters at once.
_LARGE = 74_000
_ENDINGS = {
    "python": "py", "bash": "sh", "sh": "sh", "javascript": "js", "typescript": "ts", "json": "json", "yaml": "yaml", "html": "html",
    "css": "css", "sql": "sql", "rust": "rs", "go": "go", "java": "java", "c": "c", "cpp": "cpp", "toml": "toml", "xml": "xml",
}  # fmt: skip


class CopyingAnswers(AreaScreen):
    """The part of a screen that copies and saves what its transcripts hand over."""

    def on_transcript_copy_requested(self, event: Transcript.CopyRequested) -> None:
        event.stop()
        if not event.text:
            return
        self.app.copy_to_clipboard(event.text)
        lines = event.text.rstrip("\n").count("\n") + 1
        text = ngettext(
            "{count} line was sent to the terminal's clipboard, if the terminal allows it.",
            "{count} lines were sent to the terminal's clipboard, if the terminal allows it.",
            lines,
        ).format(count=f"{lines:,}")
        if len(event.text) > _LARGE:
            text += "\n" + _("It is large: if nothing arrives, press x to save it to a file.")
        self.modeltrain.say(text)

    def on_transcript_save_requested(self, event: Transcript.SaveRequested) -> None:
        event.stop()
        if self.context.terminal.kind != "local":
            self.modeltrain.say(_("Files are saved on the machine that modeltrain runs on, so this works on a local terminal only."))
            return
        if event.text:
            self.start(self._save, event.text, event.language, event.target.code is not None, group="dialog")

    async def _save(self, text: str, language: str, is_code: bool) -> None:
        ending = _ENDINGS.get(language.lower(), "txt") if is_code else "md"
        suggested = str(Path.home() / f"{'code' if is_code else 'answer'}.{ending}")
        name = await self.app.push_screen_wait(Ask(_("Save to which file?"), suggested))
        if not name or not name.strip():
            return
        path = await asyncio.to_thread(Path(name.strip()).expanduser)
        if await asyncio.to_thread(path.exists) and not await self.app.push_screen_wait(
            Confirm(_("“{path}” is there already. Replace it?").format(path=path), danger=True)
        ):
            return
        try:
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        except OSError as error:
            self.modeltrain.say(
                _("“{path}” could not be written: {reason}.").format(path=path, reason=error.strerror or type(error).__name__)
            )
            return
        self.modeltrain.say(_("Saved as “{path}”.").format(path=path))


class Copying(CopyingAnswers, ChatBase):
    """The mixin of `ChatScreen` for copies."""

    def copy_last_answer(self) -> None:
        """What the palette does from the composer."""
        if (answer := self.opened.last_answer) is not None:
            self.transcript.target = Target(answer.id)
            self.transcript.action_copy()

    def save_last_answer(self) -> None:
        if (answer := self.opened.last_answer) is not None:
            self.transcript.target = Target(answer.id)
            self.transcript.action_save()
