"""modeltrain secrets: the keys that guard stored API keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from core.sanitise import one_line
from tui.commands.common import Invocation, command_group, err, out, print_json, run_as_operator
from tui.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.secrets import Rotation

app = command_group(_("The keys that guard stored API keys: show what is known of them, replace them."))
#: What is said after each step of a rotation.
STEPS = {
    "written": N_("A new master key is in place beside the old one."),
    "rewrapped": N_("The data keys are wrapped with the new master key."),
    "removed": N_("The old master key is gone."),
    "committed": N_("The secrets are sealed with a new data key."),
}


@app.command("show", help=_("Show where the master key is, its fingerprint, and how much it guards."))
def show(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        state = await services.secrets.state(principal)
        if invocation.json:
            print_json(asdict(state))
            return 0
        out(_("Master key: {source}").format(source=one_line(state.source)))
        out(_("Fingerprint: {id}").format(id=state.master_key_id))
        out(ngettext("{count} data key", "{count} data keys", state.data_keys).format(count=state.data_keys))
        out(ngettext("{count} secret", "{count} secrets", state.secrets).format(count=state.secrets))
        if state.unfinished:
            err(_("A rotation was cut off; everything can be read. Finish it with: modeltrain secrets rotate"))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("rotate", help=_("Replace the master key and the data key. Everything stays readable at every moment."))
def rotate(
    context: typer.Context,
    master_only: Annotated[bool, typer.Option("--master-only", help=_("Replace the master key only."))] = False,
    data_only: Annotated[bool, typer.Option("--data-only", help=_("Replace the data key only."))] = False,
) -> None:
    invocation: Invocation = context.obj
    if master_only and data_only:
        err(_("Give --master-only or --data-only, not both."))
        raise typer.Exit(2)

    async def action(services: Services, principal: Principal) -> int:
        done = (lambda step: None) if invocation.json else _say
        result = await services.secrets.rotate(principal, master=not data_only, data=not master_only, done=done)
        if invocation.json:
            print_json(asdict(result))
        else:
            _tell(result)
        return 1 if result.unreadable else 0

    raise typer.Exit(run_as_operator(invocation, action))


def _say(step: str) -> None:
    if step in STEPS:
        out(_(STEPS[step]))


def _tell(result: Rotation) -> None:
    count = result.secrets_resealed
    out(ngettext("{count} secret was sealed anew.", "{count} secrets were sealed anew.", count).format(count=count))
    if result.to_remove:
        out(_("Now remove the old key from {source}: keep only the first one.").format(source=one_line(result.source)))
    if result.unreadable:
        err(_("These secrets cannot be read and were left as they are; enter them again:"))
        for row in result.unreadable:
            err(f"  {one_line(row)}")
