"""What several of the data screens read in the same way."""

from __future__ import annotations

import re

from core.auth.principal import Principal
from core.bootstrap import Services
from core.datasets.types import Dataset, DatasetVersion, Problem
from core.files.service import USERS
from core.sanitise import one_line
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


async def version_before(services: Services, principal: Principal, item: Dataset) -> DatasetVersion | None:
    """The version that was in force before the one that is, None for the first."""
    older = [known for known in await services.datasets.versions(principal, item.id) if known.version < item.current.version]
    return max(older, key=lambda known: known.version) if older else None


def shown_place(context: SessionContext, path: str) -> str:
    """Where a file is, as its owner knows it: among the own files, or on this machine. Served people see no folder of the server."""
    own = f"{context.services.settings.data_dir.resolve() / USERS / context.principal.user_id}/"
    if path.startswith(own):
        return one_line(path[len(own) :])
    return one_line("/".join(path.split("/")[-2:]) if context.principal.served else path)


def upload_command(context: SessionContext) -> str:
    """What puts a file into the inbox of somebody who came over SSH; "" on a local terminal."""
    if context.terminal.kind != "ssh":
        return ""
    # By which name the person reaches this machine is not known here.
    return f"scp -P {context.services.settings.serve.port} train.jsonl {_sign_in_name(context)}@{_('SERVER')}:datasets/"


def _sign_in_name(context: SessionContext) -> str:
    """A name to sign in with that a shell takes for one word: the nickname, else the e-mail."""
    nickname = context.principal.nickname
    return nickname if re.fullmatch(r"[\w.-]+", nickname) else context.principal.email
