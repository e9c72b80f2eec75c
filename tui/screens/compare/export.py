"""A comparison as a Markdown file: questions, answers with their figures, verdicts. Names that are hidden stay hidden."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from core.compare.types import BOTH_BAD, TIE, Round
from core.sanitise import one_line, sanitise
from tui.glyphs import UNICODE
from tui.i18n import _
from tui.screens.chat.views import figures
from tui.screens.compare import texts
from tui.screens.compare.base import CompareBase
from tui.screens.compare.board import Board
from tui.widgets.dialogs import Ask, Confirm

EXPORTS = "exports"
_LONGEST = 60


def markdown(board: Board) -> str:
    """The comparison on this board; "" for none."""
    comparison = board.comparison
    if comparison is None:
        return ""
    parts = [f"# {one_line(comparison.title) or _('Comparison')}", ""]
    parts += [f"- {column.label}: {texts.name_of(board, column)}" for column in board.columns]
    for shown in comparison.rounds:
        parts += ["", f"## {_('Question')}", "", sanitise(shown.question).strip()]
        parts += _answers(board, shown)
        parts += _verdict(board, shown)
    return "\n".join(parts) + "\n"


def _answers(board: Board, shown: Round) -> list[str]:
    parts: list[str] = []
    for column in board.columns:
        answer = column.answer(shown)
        message = answer.message if answer is not None else None
        parts += ["", f"### {column.label}: {texts.name_of(board, column)}", ""]
        if message is None:
            parts.append(_("It was not asked this."))
            continue
        parts.append(sanitise(message.content).strip())
        told = [] if board.names_hidden else list(figures(message))
        if message.error is not None or message.state != "complete":
            view = texts.notice_of(board, message)
            told += [view.text] if view is not None else []
        if told:
            parts += ["", f"*{' · '.join(told)}*"]
    return parts


def _verdict(board: Board, shown: Round) -> list[str]:
    verdict = shown.verdict
    if verdict is None:
        return []
    outcome = {TIE: _("A tie."), BOTH_BAD: _("All of them are bad.")}.get(verdict.winner or "", "")
    parts = ["", f"### {_('Verdict')}", ""]
    parts += [
        f"- {column.label}: {words}"
        for column in board.columns
        if column.candidate is not None and (words := texts.verdict_words(verdict, column.candidate.id, UNICODE))
    ]
    parts += [text for text in (outcome, sanitise(verdict.note)) if text]
    return parts


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
        name, text = file_name(board), await asyncio.to_thread(markdown, board)
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
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.modeltrain.say(_("“{path}” could not be written: {reason}.").format(path=path, reason=reason))
            return
        self.modeltrain.say(_("Saved as “{path}”.").format(path=path))

    def _put_into_exports(self, name: str, text: str) -> None:
        upload = self.services.files.open_writing(self.principal, f"{EXPORTS}/{name}")
        try:
            upload.write(0, text.encode())
            upload.commit()
        except BaseException:
            upload.discard()
            raise
