"""modeltrain sign-in and sign-out: the kept session that shell commands on this machine act by."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.auth.principal import Origin
from core.errors import CodeRefused, EnvironmentProblem, SecondFactorNeeded, SessionEnded
from core.sanitise import one_line
from tui.commands.common import Invocation, command_group, err, out, print_json, print_problem, read_secret, run_without_principal
from tui.commands.files import NamedFile
from tui.errors import describe
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.accounts import SignedIn
    from core.auth.kept import KeptSession
    from core.bootstrap import Services

app = command_group(_("Sign in and out on this machine."))
_SHELL = Origin("shell")


@app.command("sign-in", help=_("Sign in and stay signed in for commands on this machine and for the application."))
def sign_in(
    context: typer.Context,
    email: Annotated[
        str | None, typer.Argument(metavar="EMAIL", help=_("The e-mail or nickname of your account."), show_default=False)
    ] = None,
    password_file: Annotated[
        NamedFile | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help=_("A file with the password (- is standard input)."),
            show_default=False,
            parser=NamedFile,
        ),
    ] = None,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services) -> int:
        from core.auth.kept import KeptSession

        if await services.accounts.needs_first_admin():
            raise EnvironmentProblem(what="no_account")
        address = email if email is not None else _ask_email()
        password = read_secret(_("Password: "), file=password_file)
        try:
            signed_in = await services.accounts.sign_in(address, password, origin=_SHELL)
        except SecondFactorNeeded as needed:
            signed_in = await _answer(services, needed.challenge)
        if signed_in.must_change_password:
            signed_in = await _renew_password(services, signed_in, password)
        await _keep(services, KeptSession(services.settings.data_dir), signed_in)
        _welcome(invocation, signed_in)
        return 0

    raise typer.Exit(run_without_principal(invocation, action))


@app.command("sign-out", help=_("Sign out of the kept session."))
def sign_out(
    context: typer.Context,
    everywhere: Annotated[bool, typer.Option("--everywhere", help=_("End every session of the account, on every machine."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services) -> int:
        from core.auth.kept import KeptSession
        from core.auth.sessions import resume_kept

        kept = KeptSession(services.settings.data_dir)
        try:
            signed_in = await resume_kept(services.accounts, kept, origin=_SHELL)
        except SessionEnded:
            signed_in = None  # it has ended already, and nothing is kept any more
        if signed_in is not None:
            end = services.accounts.sign_out_everywhere if everywhere else services.accounts.sign_out
            await end(signed_in.principal)
            kept.clear()
        if invocation.json:
            print_json({"signed_out": signed_in.principal.email if signed_in is not None else None})
        elif signed_in is not None:
            out(_("{nickname} is signed out.").format(nickname=one_line(signed_in.principal.nickname)))
        else:
            err(_("Nobody was signed in here."))
        return 0

    raise typer.Exit(run_without_principal(invocation, action))


def _ask_email() -> str:
    if not sys.stdin.isatty():
        raise EnvironmentProblem(what="no_email")
    sys.stderr.write(_("E-mail or nickname: "))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


async def _answer(services: Services, challenge: str) -> SignedIn:
    """Ask for the code after the password; on a terminal again while it is wrong and there are tries left."""
    while True:
        code = read_secret(_("Code from your authenticator app, or a recovery code: "), variable="MODELTRAIN_CODE", missing="no_code")
        try:
            return await services.accounts.answer_challenge(challenge, code, origin=_SHELL)
        except CodeRefused as refused:
            if not sys.stdin.isatty() or "MODELTRAIN_CODE" in os.environ or not refused.fields["tries_left"]:
                raise
            print_problem(describe(refused))


async def _renew_password(services: Services, signed_in: SignedIn, old: str) -> SignedIn:
    """A password that an administrator set is good for one sign-in: ask for the next one now, or end the session again."""
    try:
        err(_("This password was set by an administrator. Choose one of your own."))
        new = read_secret(_("New password: "), variable="MODELTRAIN_NEW_PASSWORD", confirm=_("Once more: "))
        return await services.accounts.change_password_and_stay(signed_in.principal, old, new)
    except BaseException:
        await services.accounts.sign_out(signed_in.principal)
        raise


async def _keep(services: Services, kept: KeptSession, signed_in: SignedIn) -> None:
    """Keep this session; the one that was kept before ends, since nobody could reach it any more."""
    async with kept.held():
        before = kept.load()
        kept.save(signed_in.refresh_token)
        if before is not None:
            with contextlib.suppress(SessionEnded):
                await services.accounts.sign_out((await services.accounts.resume(before, origin=_SHELL)).principal)


def _welcome(invocation: Invocation, signed_in: SignedIn) -> None:
    from tui.moments import full

    who = signed_in.principal
    if invocation.json:
        print_json(
            {
                **{"id": who.user_id, "email": who.email, "nickname": who.nickname, "role": who.role.value},
                **{"previous_sign_in_at": signed_in.previous_sign_in, "previous_sign_in_from": signed_in.previous_address},
            }
        )
        return
    out(_("Signed in as {nickname} ({email}).").format(nickname=one_line(who.nickname), email=one_line(who.email)))
    if signed_in.previous_sign_in is not None:
        when, address = full(signed_in.previous_sign_in), one_line(signed_in.previous_address)
        text = (
            _("The sign-in before this one: {when} from {address}.")
            if address
            else _("The sign-in before this one: {when} on this machine.")
        )
        out(text.format(when=when, address=address))
