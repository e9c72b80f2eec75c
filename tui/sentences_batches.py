"""Core's errors about batches in words. Merged into tui/sentences.py."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentence import Candidates, Text

#: NotFound by `kind`.
BATCH_KINDS: dict[str, Candidates] = {
    "batch": (N_("There is no batch “{reference}”."), N_("There is no such batch.")),
}
#: Conflict by `what`.
BATCH_CONFLICTS: dict[str, Text] = {
    "batch_state": Text(
        (N_("That cannot be done with a batch in this state."),),
        (),
        (N_("Look at it again: it may have ended, or be changed elsewhere; “modeltrain batch status ID” says how it stands."),),
    ),
    "batch_active": Text((N_("The batch is still running."),), (), (N_("Pause or cancel it first."),)),
    "configuration_moved": Text(
        (
            N_("“{configuration}” asks at another address than when the batch was made."),
            N_("The configuration asks at another address now."),
        ),
        (),
        (N_("Give it its old address back, or make a new batch."),),
    ),
    "nothing_failed": Text((N_("No answer failed."),), (), (N_("There is nothing to ask again."),)),
    "not_answered": Text((N_("There is no answer yet."),), (), (N_("Give stars once it is there."),)),
}
