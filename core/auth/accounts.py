"""Accounts: everything about who somebody is, behind one door. The work is done by the modules beside it, by concern.

Whoever is not signed in may call: needs_first_admin, create_first_admin, registration_open, register, availability, strength,
sign_in, answer_challenge, key_holder, sign_in_with_key, resume, verify_access. Everything else takes a principal and decides by it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from core.auth.administration import Administration
from core.auth.context import AuthContext
from core.auth.going_on import GoingOn
from core.auth.passwords import Strength, strength
from core.auth.principal import Origin, Principal, Role
from core.auth.profile import Profiles
from core.auth.registration import Registration
from core.auth.second_factor import SecondFactors
from core.auth.served import ServedSessions
from core.auth.sign_in import SignIns
from core.auth.ssh_keys import SshKeys
from core.auth.types import Enrolment, Profile, SecondFactor, SessionInfo, SignedIn, SshKeyInfo
from core.clock import Clock, Identifiers
from core.errors import SessionEnded
from core.events import EventBus
from core.persistence import Store
from core.settings import Settings

__all__ = ["Accounts", "Enrolment", "Profile", "SecondFactor", "SessionInfo", "SignedIn", "SshKeyInfo", "Strength"]


class Accounts:
    """One for a process; `close` lets go of its hashing threads."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, ids: Identifiers, events: EventBus) -> None:
        self._context = AuthContext.build(store, settings, clock, ids, events)
        self._registration = Registration(self._context)
        self._sign_ins = SignIns(self._context)
        self._going_on = GoingOn(self._context)
        self._served = ServedSessions(self._context)
        self._second_factors = SecondFactors(self._context)
        self._profiles = Profiles(self._context)
        self._ssh_keys = SshKeys(self._context)
        self._administration = Administration(self._context)

    @property
    def settings(self) -> Settings:
        return self._context.settings

    @property
    def clock(self) -> Clock:
        return self._context.clock

    @property
    def passwords_verified(self) -> int:
        """How many hashes were computed to compare passwords, since the start."""
        return self._context.passwords.verified

    def close(self) -> None:
        """Wait for the hash being computed, drop the others."""
        self._context.passwords.close()

    # How accounts begin

    async def needs_first_admin(self) -> bool:
        """Whether nobody administers this installation yet."""
        return await self._registration.needs_first_admin()

    async def create_first_admin(self, email: str, nickname: str, password: str, *, origin: Origin) -> SignedIn:
        """Raises Conflict (what: first_admin) for all but one of those who try, at once or later; InvalidInput."""
        return await self._registration.create_first_admin(email, nickname, password, origin=origin)

    async def registration_open(self) -> bool:
        return await self._registration.registration_open()

    async def set_registration(self, principal: Principal, is_open: bool) -> None:
        """Raises Forbidden."""
        await self._registration.set_registration(principal, is_open)

    async def register(self, email: str, nickname: str, password: str, *, origin: Origin) -> SignedIn:
        """Raises RegistrationClosed, InvalidInput, TooManyAttempts."""
        return await self._registration.register(email, nickname, password, origin=origin)

    async def availability(
        self, field: Literal["email", "nickname"], value: str, *, principal: Principal | None = None, origin: Origin | None = None
    ) -> str:
        """ "ok", "taken", or the rule that `value` breaks. One's own name is free for oneself. `origin`: of somebody who is not signed in.

        Raises RegistrationClosed where nobody may ask who is not signed in: then it would tell strangers who has an account; and
        TooManyAttempts where an address asks for more names than people type.
        """
        return await self._registration.availability(field, value, principal, origin or Origin())

    @staticmethod
    def strength(password: str, *, hints: Iterable[str] = ()) -> Strength:
        """How good a password is; `hints`: the owner's e-mail and nickname."""
        return strength(password, hints=hints)

    # Signing in and out

    async def sign_in(self, name: str, password: str, *, origin: Origin) -> SignedIn:
        """`name`: e-mail or nickname; both are counted as one account. Over SSH the session counts once `use_session` says as what.

        Raises TooManyAttempts before a password is looked at, SignInRefused, and only for the right password AccountDisabled or
        SecondFactorNeeded (challenge), which is neither a failure nor a success.
        """
        return await self._sign_ins.sign_in(name, password, origin=origin)

    async def answer_challenge(self, challenge: str, code: str, *, origin: Origin) -> SignedIn:
        """Go on with the sign-in of a SecondFactorNeeded: in this process, from the same origin, within two minutes.

        `code`: from the authenticator app, or a recovery code; each is good once. Raises CodeRefused (tries_left), TooManyAttempts,
        ChallengeEnded, AccountDisabled.
        """
        return await self._sign_ins.answer_challenge(challenge, code, origin=origin)

    async def key_holder(self, name: str, key_data: bytes) -> bool:
        """Whether this public key (SSH's wire format) may sign this account in. Anybody can offer anybody's key: nothing is proven,
        nothing is changed, and no identity may follow from the answer. Disabled accounts get False; locks are for what can be guessed,
        and hold for no key.
        """
        return await self._sign_ins.key_holder(name, key_data)

    async def sign_in_with_key(self, name: str, key_data: bytes, *, origin: Origin) -> SignedIn:
        """Call it only once the signature was verified. A key is something that one has: no code is asked for.

        Raises SignInRefused, AccountDisabled.
        """
        return await self._sign_ins.sign_in_with_key(name, key_data, origin=origin)

    async def use_session(self, principal: Principal, kind: Literal["ssh", "shell"]) -> Principal:
        """A connection over SSH says what it is: a terminal ("ssh", of too many the oldest ends) or commands and file transfers
        ("shell"). Commands beside a terminal are part of it; a terminal beside commands makes a terminal of the connection.

        Exact across processes. The principal with its kind. Raises TooManySessions (shell only; the session goes on uncounted until
        it is closed), SessionEnded.
        """
        return await self._served.use(principal, kind)

    async def recheck_many(self, principals: Sequence[Principal]) -> Mapping[str, Principal | SessionEnded]:
        """By session id: each principal as it is now, or why its session ended. While nothing changes, one sum.

        Also prolongs their leases, now and then, in the background. All principals must have a session.
        """
        return await self._served.recheck_many(principals)

    async def settled(self) -> None:
        """Wait until the leases that `recheck_many` began to prolong are written."""
        await self._served.settled()

    async def close_session(self, principal: Principal) -> None:
        """The connection is gone, and its session with it. No error for one that has ended."""
        await self._going_on.sign_out(principal)

    async def resume(self, refresh_token: str, *, origin: Origin) -> SignedIn:
        """The session goes on with new tokens; this one is used up. Raises SessionEnded; a token used before ends its session."""
        return await self._going_on.resume(refresh_token, origin=origin)

    async def verify_access(self, access_token: str) -> Principal:
        """Whose token it is, as the account and the session are now. Raises SessionEnded."""
        return await self._going_on.verify_access(access_token)

    async def recheck(self, principal: Principal) -> Principal:
        """The principal with today's name and role. Raises SessionEnded once the session or the account has ended."""
        return await self._going_on.recheck(principal)

    async def sign_out(self, principal: Principal) -> None:
        """End this session. One that has ended already is no error."""
        await self._going_on.sign_out(principal)

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """End every session of the account, this one included."""
        await self._going_on.sign_out_everywhere(principal)

    async def sessions(self, principal: Principal) -> tuple[SessionInfo, ...]:
        """The account's sessions that go on, the oldest first."""
        return await self._going_on.sessions(principal)

    async def end_session(self, principal: Principal, session_id: str) -> None:
        """Raises NotFound for a session that is not one's own or has ended."""
        await self._going_on.end_session(principal, session_id)

    # One's own account

    async def profile(self, principal: Principal) -> Profile:
        return await self._profiles.profile(principal)

    async def update_profile(
        self,
        principal: Principal,
        *,
        nickname: str | None = None,
        language: str | None = None,
        theme: str | None = None,
        time_zone: str | None = None,
        preferences: Mapping[str, Any] | None = None,
    ) -> Profile:
        """Change what is given ("" takes a choice back). `preferences` are merged by name; None there removes one. Raises InvalidInput."""
        return await self._profiles.update_profile(
            principal, nickname=nickname, language=language, theme=theme, time_zone=time_zone, preferences=preferences
        )

    async def confirm_password(self, principal: Principal, password: str) -> None:
        """For sensitive actions (A8). Raises InvalidInput (field password, rule wrong), TooManyAttempts."""
        await self._profiles.confirm_password(principal, password)

    async def change_password(self, principal: Principal, old: str, new: str) -> None:
        """Ends every session of the account, this one included. Raises InvalidInput (old_password, new_password), TooManyAttempts."""
        await self._profiles.change_password(principal, old, new, stay=False)

    async def change_password_and_stay(self, principal: Principal, old: str, new: str) -> SignedIn:
        """As above, and a new session for whoever has just shown to know both passwords (see LiveSession.change_password)."""
        signed_in = await self._profiles.change_password(principal, old, new, stay=True)
        assert signed_in is not None
        return signed_in

    async def change_email(self, principal: Principal, password: str, email: str) -> Profile:
        """Raises InvalidInput (email, password), TooManyAttempts."""
        return await self._profiles.change_email(principal, password, email)

    async def second_factor(self, principal: Principal) -> SecondFactor:
        return await self._second_factors.state(principal)

    async def begin_second_factor(self, principal: Principal, password: str) -> Enrolment:
        """A new secret, which asks for nothing until it is confirmed, within half an hour.

        Raises InvalidInput (password), TooManyAttempts, Conflict (what: second_factor) where there is one.
        """
        return await self._second_factors.begin(principal, password)

    async def confirm_second_factor(self, principal: Principal, code: str) -> tuple[str, ...]:
        """Turn it on with a code of the app. The recovery codes, told this once. Raises InvalidInput (code), NotFound (enrolment)."""
        return await self._second_factors.confirm(principal, code)

    async def renew_recovery_codes(self, principal: Principal, password: str) -> tuple[str, ...]:
        """New ones; the old ones are worth nothing any more. Raises InvalidInput (password), TooManyAttempts, NotFound."""
        return await self._second_factors.renew_codes(principal, password)

    async def end_second_factor(self, principal: Principal, password: str) -> None:
        """Raises InvalidInput (password), TooManyAttempts. No error where there is none."""
        await self._second_factors.end(principal, password)

    async def reset_second_factor(self, principal: Principal, email: str) -> bool:
        """Take it from somebody who lost it; nothing else of the account changes. Whether there was one. Raises Forbidden, NotFound."""
        return await self._second_factors.reset(principal, email)

    async def ssh_keys(self, principal: Principal, email: str | None = None) -> tuple[SshKeyInfo, ...]:
        """One's own, or for administrators those of the account `email`. Raises Forbidden, NotFound."""
        return await self._ssh_keys.listed(principal, email)

    async def add_ssh_key(self, principal: Principal, text: str, name: str = "", *, email: str | None = None) -> SshKeyInfo:
        """`text`: one line as in a .pub file; `name`: else its comment; `email`: as for `ssh_keys`.

        Raises InvalidInput (public_key), Conflict (what: ssh_key), Forbidden, NotFound.
        """
        return await self._ssh_keys.add(principal, text, name, email)

    async def rename_ssh_key(self, principal: Principal, key_id: str, name: str) -> SshKeyInfo:
        """Give the key another name, shown to its owner only. Raises InvalidInput (field name), NotFound for other people's keys."""
        return await self._ssh_keys.rename(principal, key_id, name)

    async def remove_ssh_key(self, principal: Principal, key_id: str, *, email: str | None = None) -> None:
        """`email`: as for `ssh_keys`. Raises NotFound, Forbidden."""
        await self._ssh_keys.remove(principal, key_id, email)

    # Accounts of others (administrators and the operator)

    async def add_user(
        self, principal: Principal, email: str, nickname: str, password: str, *, admin: bool = False, must_change: bool = False
    ) -> Profile:
        """`must_change`: the password is good for one sign-in, which asks for a new one. Raises Forbidden, InvalidInput."""
        return await self._administration.add_user(principal, email, nickname, password, admin=admin, must_change=must_change)

    async def list_users(self, principal: Principal) -> tuple[Profile, ...]:
        return await self._administration.list_users(principal)

    async def set_role(self, principal: Principal, email: str, role: Role) -> Profile:
        """Raises NotFound, or Conflict (what: last_admin): somebody must be left to administer."""
        return await self._administration.set_role(principal, email, role)

    async def set_disabled(self, principal: Principal, email: str, disabled: bool) -> Profile:
        """Disabling ends every session of the account at once. Raises NotFound, or Conflict (what: last_admin)."""
        return await self._administration.set_disabled(principal, email, disabled)

    async def set_password(self, principal: Principal, email: str, password: str, *, must_change: bool = True) -> Profile:
        """Ends every session of the account. Raises NotFound, InvalidInput (password)."""
        return await self._administration.set_password(principal, email, password, must_change=must_change)

    async def principal_for(self, operator: Principal, email: str) -> Principal:
        """Act for this account, as the owner of the data folder (--as EMAIL). Raises Forbidden, NotFound, AccountDisabled."""
        return await self._administration.principal_for(operator, email)
