"""Where somebody is, so that the next sign-in begins there: kept when it changed, at most every ten seconds, and at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from core.auth.principal import Principal
from core.chat.places import SPOTS, ReadingPlace, Spot
from core.errors import ModeltrainError
from tui.areas import AREAS, HOME

if TYPE_CHECKING:
    from tui.app import ModeltrainApp

log = logging.getLogger(__name__)
#: Seconds after a change before it is saved. There is no timer while nothing changes.
REST = 10.0


class PlaceKeeper:
    """One for an application. `look`: set by the screen that has a line of a conversation in sight; it notes that line here."""

    def __init__(self, app: ModeltrainApp) -> None:
        self._app = app
        self._saved = self.place = ReadingPlace()
        self._loaded = False
        self._timer: Timer | None = None
        self.look: Callable[[], None] | None = None
        #: When this account signed in here.
        self.since = datetime.min.replace(tzinfo=UTC)
        #: The person left by themselves, so the next sign-in begins at home.
        self.left = False

    async def load(self) -> None:
        """What was kept for the signed-in account."""
        context = self._app.context
        self._saved = self.place = await context.services.chat.place(context.principal)
        self._loaded, self.left, self.since = True, False, context.services.clock.now()

    async def first_area(self) -> str:
        """Where the sign-in leads: home, or right back where the link broke, unless answers wait at home to be read."""
        place, context = self.place, self._app.context
        if place.left or place.area not in AREAS or place.area == HOME:
            return HOME
        waiting = await context.services.chat.unread(context.principal, limit=0)
        return HOME if waiting.total else place.area

    def at(self, area: str) -> None:
        """The person went to this area."""
        if self._loaded and area in AREAS and area != self.place.area:
            self.place = replace(self.place, area=area)
            self.stir()

    def opened(self, conversation_id: str | None) -> None:
        """This conversation is in sight; None for a new one."""
        if self._loaded and (conversation_id or "") != self.place.conversation_id:
            self.place = replace(self.place, conversation_id=conversation_id or "")
            self.stir()

    def spot(self, conversation_id: str, spot: Spot | None) -> None:
        """The line at the top of the view; None where its end is in sight."""
        spots = {known: value for known, value in self.place.spots.items() if known != conversation_id}
        if spot is not None:
            spots[conversation_id] = spot
        self.place = replace(self.place, spots=dict(list(spots.items())[-SPOTS:]))

    def stir(self) -> None:
        """Something moved: look where it is, and save that, after a while."""
        if self._timer is None and self._loaded:
            self._timer = self._app.set_timer(REST, self._save_beside)

    async def save(self) -> None:
        """Save what changed. Where that fails only a convenience is lost, so it is not said."""
        if (saving := self._saving()) is not None:
            await saving

    def end(self) -> None:
        """The account is left: save what changed, beside whatever comes next."""
        self._save_beside()
        self._loaded, self.look = False, None

    def _save_beside(self) -> None:
        """Never in the application's own time: keys would wait for a database that is locked."""
        if (saving := self._saving()) is not None:
            self._app.context.services.supervisor.start(lambda: saving, "place of reading")

    def _saving(self) -> Coroutine[Any, Any, None] | None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        context = self._app.context
        if not self._loaded or not context.signed_in:
            return None
        if self.look is not None:
            self.look()
        place = replace(self.place, left=self.left)
        return self._save(context.principal, place) if place != self._saved else None

    async def _save(self, principal: Principal, place: ReadingPlace) -> None:
        before, self._saved = self._saved, place
        try:
            await self._app.context.services.chat.save_place(principal, place)
        except ModeltrainError as error:
            self._saved = before
            log.info("the place was not kept: %s", error.code)
