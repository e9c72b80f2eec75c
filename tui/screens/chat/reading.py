"""Where somebody reads: kept while they read, found again when the conversation is opened, also after a restart at another width."""

from __future__ import annotations

import time

from core.chat.places import Spot
from core.errors import ModeltrainError
from tui.screens.chat.base import ChatBase
from tui.widgets.transcript import Transcript
from tui.widgets.transcript.flow import Flow, Place


def spot_of(flow: Flow) -> Spot | None:
    """The line at the top of the view, None at the end of the conversation."""
    if flow.follow or not len(flow) or not flow.ready:
        return None
    top = flow.top
    parts = flow.parts(top.message)
    part = parts[min(top.part, len(parts) - 1)]
    number = sum(1 for each in parts[: top.part] if each.kind == part.kind)
    return Spot(flow.view_at(top.message).id, part.kind, number, top.line, max(1, part.height))


def place_of(flow: Flow, spot: Spot) -> Place | None:
    """Where that line is now; the head of its message if that part is folded or gone, None if the message is not there."""
    index = flow.index_of(spot.message_id)
    if index is None:
        return None
    alike = [number for number, part in enumerate(flow.parts(index)) if part.kind == spot.kind]
    if spot.number >= len(alike):
        return Place(index, 0, 0)
    part = flow.measured(index)[alike[spot.number]]
    return Place(index, alike[spot.number], spot.line_of(max(1, part.height)))


class Reading(ChatBase):
    """The mixin of `ChatScreen` for the place of reading, and for what was seen."""

    _ended_at = 0.0
    _wanted: Spot | None = None
    #: The lines of the transcript; they are still asked for when the widget is gone already.
    _flow: Flow | None = None

    # The place -------------------------------------------------------------------------------------------------------

    def note_place(self) -> None:
        """Note where the conversation in sight is read."""
        if self.opened.id is not None and self.entered and self._flow is not None:
            self.modeltrain.places.spot(self.opened.id, self._wanted or spot_of(self._flow))

    def kept_spot(self, conversation_id: str) -> Spot | None:
        return self.modeltrain.places.place.spots.get(conversation_id)

    def go_to(self, spot: Spot | None) -> None:
        """Show that line at the top; as soon as there are lines, where the screen was not drawn yet."""
        self._wanted = spot
        flow = self.transcript.flow
        if spot is None:
            return
        if not flow.ready:
            self.call_after_refresh(self._go_to_wanted)
            return
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        spot, self._wanted = self._wanted, None
        flow = self.transcript.flow
        if spot is None or not flow.ready:
            return
        place = place_of(flow, spot)
        if place is not None:
            flow.follow, flow.top = False, place
            self.transcript.draw()

    def on_transcript_view_changed(self, event: Transcript.ViewChanged) -> None:
        event.stop()
        self.modeltrain.places.stir()

    # What was seen ---------------------------------------------------------------------------------------------------

    def note_seen(self) -> None:
        """The end of the conversation in sight is seen now."""
        summary = self.opened.summary
        if summary is not None and summary.unread and not summary.owner and self.is_current:
            self.start(self._seen, summary.id, group="seen")

    async def _seen(self, conversation_id: str) -> None:
        await self.services.chat.seen(self.principal, conversation_id)

    def note_end(self) -> None:
        """An answer ended in sight."""
        self._ended_at = time.monotonic()

    async def doubt_end(self) -> None:
        """The link broke. An answer that ended after the last sign of the person may never have reached them: it is unread."""
        app, opened = self.modeltrain, self.opened
        if app.places.left or opened.id is None or opened.readonly or self._ended_at <= app.last_sign:
            return
        try:
            await self.services.chat.unseen(self.principal, opened.id)
        except ModeltrainError as error:
            self.log.debug(error.code)
