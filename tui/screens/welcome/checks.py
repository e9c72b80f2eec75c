"""The live checks of the forms that make or change an account: the rules of core, and whether a name is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from core.auth.names import check_email, check_nickname
from core.errors import InvalidInput
from tui.errors import remark
from tui.i18n import N_, _

if TYPE_CHECKING:
    from core.auth.accounts import Accounts
    from core.auth.principal import Origin

_CHECKS: dict[str, Callable[[str], str]] = {"email": check_email, "nickname": check_nickname}
_WORDS = {"weak": (1, N_("weak")), "medium": (2, N_("medium")), "strong": (3, N_("strong"))}


def judge(password: str, *hints: str) -> tuple[int, str]:
    """The strength of `password` for a PasswordField: 0 and what is missing, or 1 to 3 and a word. `hints`: e-mail and nickname."""
    from core.auth.passwords import strength

    if (problem := password_problem(password)) is not None:
        rest = {key: value for key, value in problem.fields.items() if key not in ("field", "rule")}
        return 0, remark(problem.rule, **rest)
    level, word = _WORDS[strength(password, hints=[hint for hint in hints if hint]).level]
    return level, _(word)


def password_problem(password: str, field: str = "password") -> InvalidInput | None:
    """The first rule that the password breaks."""
    from core.auth.passwords import check_password

    try:
        check_password(password, field=field)
    except InvalidInput as problem:
        return problem
    return None


def problem_of(field: str, value: str) -> InvalidInput | None:
    """What is wrong with the form of an e-mail or a nickname, without asking whether it is free."""
    try:
        _CHECKS[field](value)
    except InvalidInput as problem:
        return problem
    return None


async def availability(accounts: Accounts, field: Literal["email", "nickname"], value: str, origin: Origin) -> InvalidInput | None:
    """As `problem_of`, and whether somebody has it already. Raises TooManyAttempts."""
    problem = problem_of(field, value)
    if problem is not None:
        return problem
    answer = await accounts.availability(field, value, origin=origin)
    return None if answer == "ok" else InvalidInput(field, answer)


def repeat_problem(password: str, repeat: str) -> InvalidInput | None:
    return None if password == repeat else InvalidInput("repeat", "not_the_same")
