"""Batches of the account wherever one is: a notice when one ends while another screen is in sight."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from textual.timer import Timer

from core.errors import ModeltrainError
from core.events import BatchesChanged, Event
from core.sanitise import one_line
from tui.i18n import _, ngettext
from tui.session import NobodySignedIn

if TYPE_CHECKING:
    from core.batches.types import Batch
    from tui.app import ModeltrainApp

log = logging.getLogger(__name__)
#: Seconds between two looks.
_REST_S = 1.0
#: Batches that are looked at: the newest are those at work.
_LIMIT = 20
_ENDS = ("completed", "failed")


class BatchKeeper:
    """One for an application. It looks only when it hears that batches changed, so who has none pays nothing."""

    def __init__(self, app: ModeltrainApp) -> None:
        self._app = app
        self._timer: Timer | None = None
        self._since: datetime | None = None
        #: Ends that were told: the batch, and when it ended; one that is asked again ends again.
        self._told: set[tuple[str, datetime]] = set()

    def heard(self, event: Event) -> None:
        """Something happened: look, after a while, once for all that happens until then."""
        if not isinstance(event, BatchesChanged):
            return
        if self._since is None:
            self._since = self._app.context.services.clock.now()
        if self._timer is None:
            self._timer = self._app.set_timer(_REST_S, self._look_beside)

    def end(self) -> None:
        """The account is left."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._since = None
        self._told = set()

    def _look_beside(self) -> None:
        self._timer = None
        self._app.run_worker(self._look(), group="batches-kept", exclusive=True, exit_on_error=True)

    async def _look(self) -> None:
        context = self._app.context
        try:
            page = await context.services.batches.batches(context.principal, limit=_LIMIT)
        except NobodySignedIn:
            return
        except ModeltrainError as error:
            log.info("batches could not be looked at: %s", error.code)
            return
        for item in page.items:
            ended, since = item.ended_at, self._since
            if item.state in _ENDS and ended is not None and since is not None and ended >= since and (item.id, ended) not in self._told:
                self._told.add((item.id, ended))
                self._tell(item)

    def _tell(self, item: Batch) -> None:
        from tui import batch_words as words  # most sessions never need these words

        shown = getattr(self._app.screen, "in_hand", None)
        if getattr(shown, "id", "") == item.id:
            return  # it is looked at
        name, score = one_line(item.name, 80), words.score_figure(item.score)
        if item.state == "failed":
            text = _("“{name}” failed.").format(name=name)
        elif score:
            text = _("“{name}” is completed, score {score}.").format(name=name, score=score)
        else:
            text = _("“{name}” is completed.").format(name=name)
        if item.failed:
            text += "\n" + ngettext("{count} answer failed.", "{count} answers failed.", item.failed).format(count=f"{item.failed:,}")
        severity = "warning" if item.failed or item.state == "failed" else "information"
        self._app.notify(text, title=_("Batch"), severity=severity, timeout=8, markup=False)  # type: ignore[arg-type]
