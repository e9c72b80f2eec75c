"""modeltrain user key: the SSH public keys of an account. modeltrain user second-factor: for somebody who lost the telephone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InvalidInput, NotFound
from core.sanitise import one_line
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_as_operator
from tui.commands.files import NamedFile
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.auth.principal import Principal
    from core.auth.types import SshKeyInfo
    from core.bootstrap import Services

keys = command_group(_("SSH public keys: add, list, remove. Administrators for everybody, others for themselves."))
second_factor = command_group(_("The second factor of an account."))

Email = Annotated[str, typer.Argument(metavar="EMAIL", help=_("The e-mail of the account."), show_default=False)]


@keys.command("add", help=_("Add a public key: the line of a .pub file, from FILE or standard input."))
def add(
    context: typer.Context,
    email: Email,
    file: Annotated[
        NamedFile | None,
        typer.Argument(
            metavar="FILE.pub", help=_("The file of the public key (- is standard input)."), show_default=False, parser=NamedFile
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help=_("What the key is called; else its comment."), show_default=False)] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        await services.accounts.ssh_keys(principal, email)  # whose they are, before a key is pasted for nothing
        added = await services.accounts.add_ssh_key(principal, _read_key(file), name, email=email)
        text = _("{email} can sign in over SSH with the key “{name}” now ({fingerprint}).")
        return _tell(invocation, added, text, email)

    raise typer.Exit(run_as_operator(invocation, action))


def _read_key(file: NamedFile | None) -> str:
    """What is in the file. It may be a private one by mistake: nothing of it is ever shown."""
    if file is None and sys.stdin.isatty():
        sys.stderr.write(_("Paste the public key, one line: "))
        sys.stderr.flush()
        return sys.stdin.readline()
    return (file or NamedFile("-")).read_text()


@keys.command("list", help=_("List the public keys of an account, the oldest first."))
def list_(context: typer.Context, email: Email) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.accounts.ssh_keys(principal, email)
        if invocation.json:
            print_json([as_json(key) for key in found])
        elif not found:
            err(_("{email} has no SSH key yet. Add one with: modeltrain user key add {email} FILE.pub").format(email=one_line(email)))
        else:
            headings = (_("NAME"), _("KIND"), _("FINGERPRINT"), _("ADDED"), _("LAST USED"), _("ID"))
            print_table(headings, [_row(key) for key in found])
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@keys.command("remove", help=_("Remove a public key. Whoever holds it can no longer sign in with it."))
def remove(
    context: typer.Context,
    email: Email,
    key: Annotated[str, typer.Argument(metavar="KEY", help=_("Its fingerprint, its name or its id."), show_default=False)],
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        chosen = find(await services.accounts.ssh_keys(principal, email), key)
        await services.accounts.remove_ssh_key(principal, chosen.id, email=email)
        return _tell(invocation, chosen, _("The key “{name}” ({fingerprint}) of {email} is removed."), email)

    raise typer.Exit(run_as_operator(invocation, action))


def find(known: Sequence[SshKeyInfo], wanted: str) -> SshKeyInfo:
    """The key that `wanted` names. Raises NotFound, or InvalidInput (several_named) where a name is not enough."""
    text = wanted.strip()
    for key in known:
        if text in {key.id, key.fingerprint, key.fingerprint.removeprefix("SHA256:")}:
            return key
    named = [key for key in known if key.name == text]
    if len(named) > 1:
        raise InvalidInput("public_key", "several_named")
    if not named:
        raise NotFound(kind="ssh_key", reference=one_line(wanted, 100))
    return named[0]


@second_factor.command("off", help=_("Take the second factor away from somebody who lost it. Nothing else of the account changes."))
def off(context: typer.Context, email: Email) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        removed = await services.accounts.reset_second_factor(principal, email)
        if invocation.json:
            print_json({"email": one_line(email), "removed": removed})
        elif removed:
            out(_("{email} signs in with the password alone now.").format(email=one_line(email)))
        else:
            out(_("{email} has no second factor.").format(email=one_line(email)))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


def _tell(invocation: Invocation, key: SshKeyInfo, text: str, email: str) -> int:
    if invocation.json:
        print_json(as_json(key))
    else:
        out(text.format(email=one_line(email), name=one_line(key.name), fingerprint=key.fingerprint))
    return 0


def as_json(key: SshKeyInfo) -> dict[str, Any]:
    """A key as scripts get it."""
    return {
        **{"id": key.id, "name": key.name, "kind": key.kind, "fingerprint": key.fingerprint, "public_key": key.public_key},
        **{"created_at": key.created_at, "last_used_at": key.last_used_at},
    }


def _row(key: SshKeyInfo) -> tuple[str, ...]:
    from tui.moments import full

    used = full(key.last_used_at) if key.last_used_at is not None else _("never")
    return key.name, key.kind, key.fingerprint, full(key.created_at), used, key.id
