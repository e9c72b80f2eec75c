"""What several of the data screens read in the same way."""

from __future__ import annotations

from core.auth.principal import Principal
from core.bootstrap import Services
from core.datasets.types import Dataset, Problem
from tui.i18n import _
from tui.session import SessionContext

#: Examples of a rule that the detail names, and rules whose examples are looked up.
_EXAMPLES, _RULES = 4, 12


async def first_problems(services: Services, principal: Principal, item: Dataset) -> tuple[Problem, ...]:
    """The first problems of every rule that the last check found broken."""
    summary = item.current.summary
    found: list[Problem] = []
    for rule in summary.rules[:_RULES] if summary is not None else ():
        if rule.count:
            page = await services.datasets.problems(principal, item.id, rule=rule.rule, limit=_EXAMPLES)
            found += page.items
    return tuple(found)


def upload_command(context: SessionContext) -> str:
    """What puts a file into the inbox of somebody who came over SSH; "" on a local terminal."""
    if context.terminal.kind != "ssh":
        return ""
    # By which name the person reaches this machine is not known here.
    return f"scp -P {context.services.settings.serve.port} train.jsonl {context.principal.nickname}@{_('SERVER')}:datasets/"
