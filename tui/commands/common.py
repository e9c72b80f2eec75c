"""What every shell command needs: whom it acts as, the services, tables and JSON, errors in words, exit statuses."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.auth.principal import Origin, Principal, operator
from core.errors import EnvironmentProblem, Forbidden, ModeltrainError
from core.sanitise import json_safe, one_line
from core.settings import Settings, load_settings
from tui.commands.files import is_served
from tui.errors import Problem, describe
from tui.i18n import joined
from tui.logs import log_to_file

if TYPE_CHECKING:
    import typer

    from core.bootstrap import Services
    from tui.commands.files import NamedFile

#: Exit statuses (the issue of the shell): a refusal, bad input or an unknown thing; interrupted by Ctrl+C.
REFUSED = 2
INTERRUPTED = 130
Action = Callable[["Services", Principal], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Served:
    """Somebody who is signed in over SSH, for whom the command runs on the server, with the settings that the server began with."""

    settings: Settings
    principal: Principal


@dataclass(slots=True)
class Invocation:
    """The global options. `as_email`: act for this account, as the owner of the data folder. `served`: act for this person only."""

    data_dir: Path | None = None
    json: bool = False
    as_email: str | None = None
    served: Served | None = None

    def settings(self) -> Settings:
        return self.served.settings if self.served is not None else load_settings(self.data_dir)


def command_group(summary: str) -> typer.Typer:
    """A Typer for a command module's `app`, so that all groups look and behave alike."""
    import typer

    return typer.Typer(help=summary, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


def run_with_services(invocation: Invocation, action: Action) -> int:
    """Run `action(services, principal)` as the kept signed-in user, or for --as EMAIL, and return the exit status.

    Errors of core are printed as what happened and what to do; status 2 (or what `action` returned, 0 for None).
    """
    return _run(invocation, action, _acting_user)


def run_as_operator(invocation: Invocation, action: Action) -> int:
    """As above, for administration of the installation: as --as EMAIL, else the owner of the data folder, else the kept user."""
    return _run(invocation, action, _administrator)


def run_without_principal(invocation: Invocation, action: Callable[[Services], Awaitable[int | None]]) -> int:
    """As above, before anybody is known (sign-in)."""

    async def nobody(_services: Services, invocation: Invocation) -> Principal:
        if invocation.served is not None:
            raise Forbidden(action="sign_in")  # there is somebody
        return operator("")

    return _run(invocation, lambda services, _principal: action(services), nobody)


def _run(invocation: Invocation, action: Action, resolve: Callable[[Services, Invocation], Awaitable[Principal]]) -> int:
    return guarded(invocation, lambda: asyncio.run(_with_services(invocation, action, resolve)))


async def _with_services(invocation: Invocation, action: Action, resolve: Callable[[Services, Invocation], Awaitable[Principal]]) -> int:
    from core.bootstrap import build_services

    services = await build_services(invocation.settings())
    log_to_file(services.settings.data_dir)
    try:
        return await action(services, await resolve(services, invocation)) or 0
    finally:
        await services.close()


def guarded(invocation: Invocation, work: Callable[[], int]) -> int:
    """`work()`, with core's errors, a closed pipe and Ctrl+C turned into an exit status."""
    try:
        status = work()
        sys.stdout.flush()  # a reader that has gone is noticed here, not when Python ends
        return status
    except ModeltrainError as error:
        print_problem(describe(error), as_json=invocation.json)
        return REFUSED
    except BrokenPipeError:
        # The reader has gone (`| head`): say nothing, and keep Python from flushing into the closed pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def owns_data_dir(data_dir: Path) -> bool:
    """Whether this OS account owns the data folder (or would make it)."""
    try:
        return data_dir.stat().st_uid == os.geteuid()
    except FileNotFoundError:
        return True


def the_operator(settings: Settings) -> Principal:
    """The operator, or EnvironmentProblem for an OS account that does not own the data folder."""
    if not owns_data_dir(settings.data_dir):
        raise EnvironmentProblem(what="not_the_owner", path=str(settings.data_dir))
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        name = str(os.geteuid())
    return operator(name)


async def _acting_user(services: Services, invocation: Invocation) -> Principal:
    if invocation.served is not None:
        return await services.accounts.recheck(invocation.served.principal)
    if invocation.as_email is not None:
        return await services.accounts.principal_for(the_operator(services.settings), invocation.as_email)
    kept = await _kept_user(services)
    if kept is None:
        raise EnvironmentProblem(what="not_signed_in")
    return kept


async def _administrator(services: Services, invocation: Invocation) -> Principal:
    if invocation.served is not None or invocation.as_email is not None:
        return await _acting_user(services, invocation)
    if owns_data_dir(services.settings.data_dir):
        return the_operator(services.settings)
    return await _acting_user(services, invocation)


async def _kept_user(services: Services) -> Principal | None:
    """The account of "Keep me signed in", its refresh token rotated and kept again; None if there is none or it has ended."""
    from core.auth.kept import KeptSession
    from core.auth.sessions import resume_kept

    signed_in = await resume_kept(services.accounts, KeptSession(services.settings.data_dir), origin=Origin("shell"))
    if signed_in is None:
        return None
    if signed_in.must_change_password:
        raise EnvironmentProblem(what="new_password_needed", email=signed_in.principal.email)
    return signed_in.principal


# What commands print -------------------------------------------------------------------------------------------------


def out(text: str = "") -> None:
    """A line to standard output."""
    sys.stdout.write(f"{text}\n")


def err(text: str) -> None:
    """A line to standard error."""
    sys.stderr.write(f"{text}\n")


def print_problem(problem: Problem, *, as_json: bool = False) -> None:
    """What happened and what to do now, on standard error."""
    if as_json:
        err(
            json.dumps(
                {"error": {"code": problem.code, "message": problem.title, "why": problem.why, "remedy": problem.remedy}},
                ensure_ascii=False,
            )
        )
        return
    err(joined(problem.title, problem.why))
    if problem.remedy:
        err(problem.remedy)


def print_json(value: Any) -> None:
    """One JSON value on one line; datetimes as ISO 8601, dataclasses by the caller."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"  # then every other character is written as \\uXXXX
    out(json_safe(json.dumps(value, ensure_ascii=plain, default=_plain)))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns aligned by terminal cells; every value is sanitised and one line."""
    from rich.cells import cell_len

    table = [[one_line(str("" if cell is None else cell)) for cell in row] for row in rows]
    widths = [max(cell_len(line[column]) for line in [list(headings), *table]) for column in range(len(headings))]
    for line in [list(headings), *table]:
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        out("  ".join(padded).rstrip())


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values, a line each, aligned by terminal cells; the values are one line already."""
    from rich.cells import cell_len

    shown = list(pairs)
    width = max((cell_len(name) for name, _value in shown), default=0)
    for name, value in shown:
        out(f"{name}{' ' * (width - cell_len(name))}  {value}")


# What commands read --------------------------------------------------------------------------------------------------


def read_secret(
    prompt: str,
    *,
    file: NamedFile | None = None,
    variable: str = "MODELTRAIN_PASSWORD",
    confirm: str | None = None,
    missing: str = "no_password",
) -> str:
    """A secret from `file` (its first line), else the environment, else a prompt without echo; never from an argument.

    `confirm`: the prompt for typing a new password twice, if it keeps the rules. Raises EnvironmentProblem(what=`missing`) where none of
    them is possible, InvalidInput.
    """
    if file is not None:
        return file.read_first_line()
    if value := os.environ.get(variable):
        return value
    if not sys.stdin.isatty():
        raise EnvironmentProblem(what=f"{missing}_served" if is_served() else missing)
    import getpass

    secret = getpass.getpass(prompt)
    if confirm is not None:
        from core.auth.passwords import check_password
        from core.errors import InvalidInput

        check_password(secret)
        if getpass.getpass(confirm) != secret:
            raise InvalidInput("password", "not_the_same")
    return secret
