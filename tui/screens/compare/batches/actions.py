"""What is done with the batch in hand: start, pause, go on, cancel, ask the failed ones again, rename, delete, save its report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from core.sanitise import one_line
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Ask, Confirm

if TYPE_CHECKING:
    from core.batches.types import Batch

#: In the order of the key line.
BATCH_BINDINGS: list[BindingType] = [
    Binding("p", "pause", N_("start/pause"), id="batches.pause", tooltip=N_("Start it, pause it, or go on: nothing is asked twice")),
    Binding("s", "cancel", N_("cancel"), id="batches.cancel", tooltip=N_("End it for good; what was answered stays")),
    Binding("R", "retry", N_("retry failed"), id="batches.retry", tooltip=N_("Ask the failed ones again, and nothing else")),
    Binding("x", "save", N_("save report"), id="batches.save", tooltip=N_("Save a report: XLSX, HTML, PDF, CSV, JSON or JUnit")),
    Binding("r", "rename", N_("rename"), id="batches.rename", show=False, tooltip=N_("Give the batch another name")),
]


class BatchActions(AreaScreen):
    """The part of a screen that changes batches. What has to be read anew then is `reload`'s."""

    @property
    def in_hand(self) -> Batch | None:
        """The batch that is acted on."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def batch_gone(self, batch_id: str) -> None:
        """It was deleted."""
        self.reload()

    def may(self, action: str) -> bool | None:
        """Whether `action` means something for the batch in hand; None where it is none of those here."""
        item = self.in_hand
        known = {
            "pause": item is not None and item.state in ("draft", "running", "paused", "pausing"),
            "cancel": item is not None and not item.ended,
            "retry": item is not None and item.failed > 0 and item.state not in ("draft", "cancelled"),
            "save": item is not None and item.state != "draft",
            "rename": item is not None,
            "delete": item is not None,
        }
        return known.get(action)

    # Going on and not ------------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        item = self.in_hand
        if item is None:
            return
        batches = self.services.batches
        match item.state:
            case "draft":
                self.change(batches.start, _("It is under way."))
            case "running":
                self.change(batches.pause, _("It asks nothing more; what is under way is awaited."))
            case "paused" | "pausing":
                self.change(batches.resume, _("It goes on where it was."))

    def change(self, what: Callable[..., Awaitable[Batch]], said: str) -> None:
        """Do `what` with the batch in hand, and say so."""
        item = self.in_hand
        if item is not None:
            self.start(self._change, what, item.id, said, group="change", exclusive=False)

    async def _change(self, what: Callable[..., Awaitable[Batch]], batch_id: str, said: str) -> None:
        try:
            await what(self.principal, batch_id)
        finally:
            self.reload()  # also where somebody else was quicker
        self.modeltrain.say(said)

    def action_cancel(self) -> None:
        item = self.in_hand
        if item is None:
            return

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._change, self.services.batches.cancel, item.id, _("It is cancelled."), group="change", exclusive=False)

        question = _("Cancel “{name}” for good?").format(name=one_line(item.name, 80))
        explanation = ngettext(
            "The {count} answer that is missing is not asked for any more. What was answered stays. p only pauses it.",
            "The {count} answers that are missing are not asked for any more. What was answered stays. p only pauses it.",
            item.open,
        ).format(count=f"{item.open:,}")
        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    def action_retry(self) -> None:
        item = self.in_hand
        if item is None:
            return
        said = ngettext("The failed one is asked again.", "The {count} failed ones are asked again.", item.failed)
        self.change(self.services.batches.retry_failed, said.format(count=f"{item.failed:,}"))

    # Name, end -------------------------------------------------------------------------------------------------------

    def action_rename(self) -> None:
        if self.in_hand is not None:
            self.start(self._rename, self.in_hand, group="dialog")

    async def _rename(self, item: Batch) -> None:
        typed = await self.app.push_screen_wait(Ask(_("What shall it be called?"), one_line(item.name, 200)))
        if typed is not None and typed.strip():
            await self.services.batches.rename(self.principal, item.id, typed.strip())
            self.reload()

    def action_delete(self) -> None:
        item = self.in_hand
        if item is None:
            return

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._delete, item.id, group="change", exclusive=False)

        question = _("Delete “{name}”?").format(name=one_line(item.name, 80))
        explanation = ngettext(
            "Its {count} answer, scores and stars are gone then. Its questions stay in the library.",
            "Its {count} answers, scores and stars are gone then. Its questions stay in the library.",
            item.answered,
        ).format(count=f"{item.answered:,}")
        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    async def _delete(self, batch_id: str) -> None:
        await self.services.batches.delete(self.principal, batch_id)
        self.batch_gone(batch_id)

    # Report ----------------------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        item = self.in_hand
        if item is not None:
            from tui.screens.compare.batches.saving import save_report

            self.start(save_report, self, item, group="dialog")
