"""LogView: shows a LogFile, follows it, searches and filters it."""

from __future__ import annotations

from textual.widget import Widget

from core.logs.file import LogFile


class LogView(Widget, can_focus=True):
    """`open` a log; call `changed` when the file may have grown (core.training.tails does). Nothing is drawn when nothing changed."""

    def open(self, log: LogFile | None, *, offset: int | None = None) -> None:
        """Show `log`, at its end and following, or at the line that holds `offset` (as a failure's proof)."""
        raise NotImplementedError

    def changed(self) -> None:
        """The file may have changed."""
        raise NotImplementedError

    def go_to(self, offset: int) -> None:
        """Show the line that holds the byte `offset` and put the cursor on it."""
        raise NotImplementedError
