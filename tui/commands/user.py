"""modeltrain user: the accounts of this installation, for its administrators and for the owner of the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InvalidInput
from core.sanitise import one_line
from tui.commands import user_keys
from tui.commands.common import (
    Invocation,
    command_group,
    err,
    out,
    print_json,
    print_table,
    read_secret,
    run_as_operator,
    run_with_services,
)
from tui.commands.files import NamedFile
from tui.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.auth.accounts import Profile
    from core.auth.principal import Principal
    from core.bootstrap import Services

app = command_group(_("Accounts: add, list, change the password, enable, disable, change the role, SSH keys, second factor."))
app.add_typer(user_keys.keys, name="key")
app.add_typer(user_keys.second_factor, name="second-factor")

Email = Annotated[str, typer.Argument(metavar="EMAIL", help=_("The e-mail of the account."), show_default=False)]
PasswordFile = Annotated[
    NamedFile | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help=_("A file with the password (- is standard input)."),
        show_default=False,
        parser=NamedFile,
    ),
]
ROLES = {"user": N_("user"), "admin": N_("administrator")}


@app.command("add", help=_("Add an account. The password comes from --password-file, MODELTRAIN_PASSWORD or a prompt."))
def add(
    context: typer.Context,
    email: Email,
    nickname: Annotated[str, typer.Option("--nickname", help=_("The name that others see, 2 to 50 characters."), show_default=False)],
    admin: Annotated[bool, typer.Option("--admin", help=_("Make it an administrator."))] = False,
    password_file: PasswordFile = None,
    must_change: Annotated[bool, typer.Option("--must-change", help=_("Ask for a new password at the first sign-in."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        # Before a password is typed twice for nothing.
        for field, value in (("email", email), ("nickname", nickname)):
            await _check_name(services, principal, field, value)
        password = read_secret(_("Password of the new account: "), file=password_file, confirm=_("Once more: "))
        made = await services.accounts.add_user(principal, email, nickname, password, admin=admin, must_change=must_change)
        text = _("{email} is an administrator now.") if admin else _("{email} has an account now.")
        return _tell(invocation, made, text)

    raise typer.Exit(run_as_operator(invocation, action))


async def _check_name(services: Services, principal: Principal, field: str, value: str) -> None:
    from core.auth.names import check_email, check_nickname

    principal.require_admin("user.add")
    if field == "email":
        check_email(value)
        rule = await services.accounts.availability("email", value, principal=principal)
    else:
        check_nickname(value)
        rule = await services.accounts.availability("nickname", value, principal=principal)
    if rule != "ok":
        raise InvalidInput(field, rule)


@app.command("list", help=_("List the accounts, the oldest first."))
def list_(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.accounts.list_users(principal)
        if invocation.json:
            print_json([as_json(profile) for profile in found])
        elif not found:
            err(_("There is no account yet. Make the first with: modeltrain user add EMAIL --nickname NAME --admin"))
        else:
            headings = (_("E-MAIL"), _("NICKNAME"), _("ROLE"), _("STATE"), _("LAST SIGN-IN"), _("FROM"))
            print_table(headings, [_row(profile) for profile in found])
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("passwd", help=_("Set the password of an account, or change your own (without EMAIL). Its sessions end."))
def passwd(
    context: typer.Context,
    email: Annotated[str | None, typer.Argument(metavar="EMAIL", help=_("The account; without it, your own."), show_default=False)] = None,
    password_file: PasswordFile = None,
    random: Annotated[bool, typer.Option("--random", help=_("Make a random password and print it once."))] = False,
    must_change: Annotated[
        bool, typer.Option("--must-change/--final", help=_("Ask for a new password at the next sign-in, or take this one for good."))
    ] = True,
) -> None:
    invocation: Invocation = context.obj
    if email is None:
        raise typer.Exit(_change_own(invocation, password_file))

    async def action(services: Services, principal: Principal) -> int:
        from core.auth.passwords import generate_password

        principal.require_admin("user.password")
        typed = None if random else read_secret(_("New password: "), file=password_file, confirm=_("Once more: "))
        password = typed or generate_password()
        changed = await services.accounts.set_password(principal, email, password, must_change=must_change)
        if random and not invocation.json:
            out(password)
        extra = {"password": password} if random else {}
        return _tell(invocation, changed, _("{email} has a new password. Its sessions have ended."), to=err if random else out, **extra)

    raise typer.Exit(run_as_operator(invocation, action))


def _change_own(invocation: Invocation, password_file: NamedFile | None) -> int:
    async def action(services: Services, principal: Principal) -> int:
        principal.require_user("password.change")
        old = read_secret(_("Your password now: "), variable="MODELTRAIN_OLD_PASSWORD")
        new = read_secret(_("New password: "), file=password_file, confirm=_("Once more: "))
        if principal.session_id and invocation.served is None:
            await _change_and_stay(services, principal, old, new)
        else:
            await services.accounts.change_password(principal, old, new)
        profile = await services.accounts.profile(principal)
        return _tell(invocation, profile, _("The password of {email} is changed. Its other sessions have ended."))

    return run_with_services(invocation, action)


async def _change_and_stay(services: Services, principal: Principal, old: str, new: str) -> None:
    """The kept session ends with all others: keep the new one in its place."""
    from core.auth.kept import KeptSession

    kept = KeptSession(services.settings.data_dir)
    async with kept.held():
        signed_in = await services.accounts.change_password_and_stay(principal, old, new)
        kept.save(signed_in.refresh_token)


@app.command("enable", help=_("Let a disabled account sign in again."))
def enable(context: typer.Context, email: Email) -> None:
    raise typer.Exit(
        _change(context.obj, lambda services, who: services.accounts.set_disabled(who, email, False), N_("{email} may sign in again."))
    )


@app.command("disable", help=_("Keep an account out. Its sessions end at once; nothing of it is deleted."))
def disable(context: typer.Context, email: Email) -> None:
    raise typer.Exit(
        _change(context.obj, lambda services, who: services.accounts.set_disabled(who, email, True), N_("{email} cannot sign in any more."))
    )


@app.command("role", help=_("Set the role of an account: user or admin."))
def role(context: typer.Context, email: Email, role: Annotated[str, typer.Argument(metavar="user|admin", show_default=False)]) -> None:
    from core.auth.principal import Role

    if role not in ROLES:
        invalid = InvalidInput("role", "unknown", value=role)
        raise typer.Exit(_refuse(context.obj, invalid))
    text = N_("{email} is an administrator now.") if role == "admin" else N_("{email} is an ordinary user now.")
    raise typer.Exit(_change(context.obj, lambda services, who: services.accounts.set_role(who, email, Role(role)), text))


def _change(invocation: Invocation, change: Callable[[Services, Principal], Awaitable[Profile]], text: str) -> int:
    async def action(services: Services, principal: Principal) -> int:
        return _tell(invocation, await change(services, principal), _(text))

    return run_as_operator(invocation, action)


def _refuse(invocation: Invocation, error: InvalidInput) -> int:
    from tui.commands.common import guarded

    def fail() -> int:
        raise error

    return guarded(invocation, fail)


def _tell(invocation: Invocation, profile: Profile, text: str, *, to: Callable[[str], None] = out, **more: Any) -> int:
    if invocation.json:
        print_json(as_json(profile) | more)
    else:
        to(text.format(email=one_line(profile.email)))
    return 0


def as_json(profile: Profile) -> dict[str, Any]:
    """An account as scripts get it."""
    return {
        "id": profile.user_id,
        "email": profile.email,
        "nickname": profile.nickname,
        "role": profile.role.value,
        "disabled": profile.disabled,
        "must_change_password": profile.must_change_password,
        "created_at": profile.created_at,
        "last_sign_in_at": profile.last_sign_in_at,
        "last_sign_in_from": profile.last_sign_in_from,
    }


def _row(profile: Profile) -> tuple[str, ...]:
    from tui.moments import full

    last = profile.last_sign_in_at
    state = _("disabled") if profile.disabled else _("new password needed") if profile.must_change_password else _("enabled")
    seen = full(last) if last is not None else _("never")
    where = profile.last_sign_in_from or (_("this machine") if last is not None else "")
    return profile.email, profile.nickname, _(ROLES[profile.role.value]), state, seen, where
