"""modeltrain conversation share and unshare: whom a conversation is shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.chat.sharing import EVERYONE
from core.errors import InvalidInput
from core.sanitise import one_line
from tui.commands.common import Invocation, out, print_json, run_with_services
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.chat.types import Share

Id = Annotated[str, typer.Argument(metavar="ID", help=_("The id of a conversation; see “modeltrain conversation list”."))]
Name = Annotated[str, typer.Argument(metavar="NAME", help=_("The e-mail or nickname of a colleague, exactly."), show_default=False)]
Everyone = Annotated[bool, typer.Option("--everyone", help=_("Everyone who has an account here, also those who come later."))]


def share(context: typer.Context, conversation: Id, name: Name = "", everyone: Everyone = False) -> None:
    """Let a colleague, or everyone, read a conversation; without either, say who may."""
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if name or everyone:
            await services.chat.share(principal, conversation, _reader(name, everyone=everyone))
        _print(invocation, await services.chat.shares(principal, conversation))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def unshare(context: typer.Context, conversation: Id, name: Name = "", everyone: Everyone = False) -> None:
    """Take it back, at once."""
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        await services.chat.unshare(principal, conversation, _reader(name, everyone=everyone))
        _print(invocation, await services.chat.shares(principal, conversation))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _reader(name: str, *, everyone: bool) -> str:
    """Who is meant. Raises InvalidInput (reader) unless it is said, once."""
    if everyone and name:
        raise InvalidInput("reader", "twice")
    if name.strip() == EVERYONE:
        raise InvalidInput("reader", "unknown", value=name)
    return EVERYONE if everyone else name


def _print(invocation: Invocation, shares: tuple[Share, ...]) -> None:
    if invocation.json:
        print_json([{"nickname": share.nickname or None, "everyone": share.everyone, "since": share.since} for share in shares])
    elif not shares:
        out(_("Nobody but you can read it."))
    else:
        names = [_("everyone here") if share.everyone else one_line(share.nickname) for share in shares]
        out(_("It can be read by: {names}.").format(names=", ".join(names)))
