"""The dialog that asks for a clean-up's rule. What it would remove is shown before anything is."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import InvalidInput
from core.sanitise import one_line
from core.swanlab.types import CleanRule
from tui.i18n import N_, _
from tui.widgets.fields import Field
from tui.widgets.form_dialog import FormDialog

_MOST = 1_000_000


class AskRule(FormDialog[CleanRule]):
    """Returns a rule, None for Esc."""

    def __init__(self, project_id: str | None) -> None:
        where = _("in “{project}”").format(project=one_line(project_id)) if project_id else _("in every project")
        super().__init__(
            _("Clean up {where}").format(where=where),
            _(
                "Give one of them or both: with both, what is beyond the newest and older than that goes. Pinned experiments and those "
                "that are being written always stay. Nothing goes before you have seen what."
            ),
        )
        self._project_id = project_id

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Keep the newest"), hint=N_("a number; of each project"), label_width=18, max_length=7, id="field-keep")
        yield Field(N_("Older than"), hint=N_("days"), label_width=18, max_length=7, id="field-days")

    def problems(self) -> dict[str, InvalidInput | None]:
        keep, days = self.form["keep"].strip(), self.form["days"].strip()
        missing = InvalidInput("keep", "required") if not keep and not days else None
        return {"keep": _wrong("keep", keep) or missing, "days": _wrong("days", days)}

    def answer(self) -> CleanRule:
        keep, days = self.form["keep"].strip(), self.form["days"].strip()
        return CleanRule(project_id=self._project_id, keep=int(keep) if keep else None, older_than_days=int(days) if days else None)


def _wrong(field: str, text: str) -> InvalidInput | None:
    if not text or (text.isascii() and text.isdigit() and int(text) <= _MOST):
        return None
    return InvalidInput(field, "out_of_range", min=0, max=_MOST)
