"""How accounts begin: the first administrator, open registration, and what may be asked while somebody types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from core.audit import Actor
from core.auth.context import FIRST_ADMIN, REGISTRATION, AuthContext
from core.auth.names import check_email, check_nickname, nickname_key
from core.auth.opening import Opened, open_session, signed_in
from core.auth.passwords import check_password
from core.auth.principal import Origin, Principal, Role
from core.auth.throttle import Attempt, Throttle
from core.auth.types import SignedIn
from core.errors import Conflict, InvalidInput, RegistrationClosed
from storage.unit_of_work import UnitOfWork

T = TypeVar("T")
#: So many names an address may ask for in a minute: several people who type, and nobody who tries out who has an account.
NAMES_A_MINUTE = 60


class Registration:
    """See Accounts, which hands every call on."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context
        limits = replace(context.settings.auth, attempts_a_minute=NAMES_A_MINUTE)
        self._names = Throttle(context.store, limits, context.clock)

    async def needs_first_admin(self) -> bool:
        return await self._context.store.read(_needs_first_admin)

    async def registration_open(self) -> bool:
        return await self._context.store.read(_registration_open)

    async def set_registration(self, principal: Principal, is_open: bool) -> None:
        principal.require_admin("registration.set")

        def work(uow: UnitOfWork) -> None:
            value, now = "true" if is_open else "false", self._context.clock.now_ms()
            uow.settings.put(REGISTRATION, value, moment=now, by=principal.user_id)
            action = "registration.opened" if is_open else "registration.closed"
            self._context.audit.note(uow, Actor.of(principal), action, ("setting", REGISTRATION))

        await self._context.store.write(work)

    async def availability(self, field: Literal["email", "nickname"], value: str, principal: Principal | None, origin: Origin) -> str:
        try:
            checked = check_email(value) if field == "email" else check_nickname(value)
        except InvalidInput as error:
            return error.rule
        user_id = principal.user_id if principal is not None else ""
        if principal is None:
            await self._names.admit(Attempt.to_learn_names(origin))

        def work(uow: UnitOfWork) -> str | None:
            if principal is None and not (_needs_first_admin(uow) or _registration_open(uow)):
                return None
            if field == "nickname":
                return "taken" if uow.users.has_nickname_key(nickname_key(checked), besides=user_id) else "ok"
            row = uow.users.by_email(checked)
            return "ok" if row is None or row.id == user_id else "taken"

        state = await self._context.store.read(work)
        if state is None:
            raise RegistrationClosed
        return state

    async def create_first_admin(self, email: str, nickname: str, password: str, *, origin: Origin) -> SignedIn:
        if not await self.needs_first_admin():
            raise Conflict(what="first_admin")
        try:
            return await self._create(email, nickname, password, Role.ADMIN, origin)
        except (Conflict, InvalidInput) as error:
            # Of several at once one succeeds; the others found its claim, or its names, taken.
            if await self.needs_first_admin():
                raise
            raise Conflict(what="first_admin") from error

    async def register(self, email: str, nickname: str, password: str, *, origin: Origin) -> SignedIn:
        if not await self._context.store.read(_open_to_all):
            raise RegistrationClosed
        await self._context.throttle.admit(Attempt.to_register(origin))
        return await self._create(email, nickname, password, Role.USER, origin)

    async def _create(self, email: str, nickname: str, password: str, role: Role, origin: Origin) -> SignedIn:
        context = self._context
        draft = await draft_account(context, email, nickname, password, role)

        def work(uow: UnitOfWork) -> Opened:
            if role is Role.ADMIN:
                uow.settings.claim(FIRST_ADMIN, "true", moment=context.clock.now_ms())
            elif not _open_to_all(uow):
                raise RegistrationClosed  # it was closed while the password was being hashed
            maker = Actor(draft.id, draft.nickname, origin.address)
            add_account(context, uow, maker, draft)
            return open_session(context, uow, uow.users.lock(draft.id), origin, settled=True)

        return await signed_in(context, await write_names(context, work))


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """A new account whose values keep the rules."""

    id: str
    email: str
    nickname: str
    role: Role
    password_hash: str = field(repr=False)
    must_change: bool = False


async def draft_account(
    context: AuthContext, email: str, nickname: str, password: str, role: Role, *, must_change: bool = False
) -> AccountDraft:
    """Raises InvalidInput: every rule is looked at, and whether the names are taken, before the password is hashed."""
    email, nickname = check_email(email), check_nickname(nickname)
    check_password(password)
    await context.store.read(lambda uow: _check_free(uow, email, nickname))
    password_hash = await context.passwords.hash(password)
    return AccountDraft(context.ids.new(), email, nickname, role, password_hash, must_change)


def add_account(context: AuthContext, uow: UnitOfWork, maker: Actor, draft: AccountDraft) -> None:
    """Make the account in this unit of work. Raises InvalidInput (taken)."""
    _check_free(uow, draft.email, draft.nickname)
    now = context.clock.now_ms()
    uow.users.add(
        **{"id": draft.id, "email": draft.email, "nickname": draft.nickname, "nickname_key": nickname_key(draft.nickname)},
        **{"password_hash": draft.password_hash, "role": draft.role.value, "epoch": 0, "must_change_password": draft.must_change},
        **{
            "language": "",
            "theme": "",
            "time_zone": "",
            "preferences": "{}",
            "last_sign_in_from": "",
            "created_at": now,
            "updated_at": now,
        },
    )
    context.audit.note(uow, maker, "account.made", ("user", draft.id), role=draft.role.value)


async def write_names(context: AuthContext, work: Callable[[UnitOfWork], T]) -> T:
    """`store.write(work)` for work that sets an e-mail or a nickname: one that was taken at that very moment is InvalidInput too."""
    try:
        return await context.store.write(work)
    except Conflict as error:
        names: dict[str, str] = {"email": "email", "nickname_key": "nickname"}
        if taken := names.get(str(error.fields.get("column"))):
            raise InvalidInput(taken, "taken") from error
        raise


def _check_free(uow: UnitOfWork, email: str, nickname: str) -> None:
    if uow.users.has_email(email):
        raise InvalidInput("email", "taken")
    if uow.users.has_nickname_key(nickname_key(nickname)):
        raise InvalidInput("nickname", "taken")


def _needs_first_admin(uow: UnitOfWork) -> bool:
    return not uow.users.has_role(Role.ADMIN.value)


def _registration_open(uow: UnitOfWork) -> bool:
    """Open unless an administrator closed it."""
    return uow.settings.get(REGISTRATION) != "false"


def _open_to_all(uow: UnitOfWork) -> bool:
    """Nobody registers before there is somebody to administer the installation."""
    return _registration_open(uow) and not _needs_first_admin(uow)
