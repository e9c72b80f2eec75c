"""What comes next on the way from a file to a model of one's own, for the home screen."""

from __future__ import annotations

from core.auth.principal import Principal
from core.bootstrap import Services
from core.sanitise import one_line
from tui.i18n import _

_MOST = 50


async def next_step(services: Services, principal: Principal) -> str:
    """One sentence with its key; "" once somebody began a run, or where a check is under way."""
    page = await services.datasets.datasets(principal, limit=_MOST)
    if not page.total:
        return _("To train a model of your own: press {key} and add a file of examples.").format(key="d")
    by_verdict = {item.verdict: item for item in reversed(page.items)}
    if (usable := by_verdict.get("usable")) is not None:
        if (await services.runs.runs(principal, limit=1)).total:
            return ""
        return _("Next: press {area}, then {key}, to train on “{name}”.").format(area="d", key="t", name=one_line(usable.name, 40))
    if (broken := by_verdict.get("repairable")) is not None:
        return _("Next: press {area}, then {key}, to repair “{name}”; then it can be trained on.").format(
            area="d", key="R", name=one_line(broken.name, 40)
        )
    return ""
