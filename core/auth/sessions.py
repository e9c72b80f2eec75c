"""A signed-in interface: it holds the tokens, renews them unnoticed, and learns within seconds that its session has ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from core.auth.accounts import Accounts
from core.auth.kept import KeptSession
from core.auth.principal import Origin, Principal
from core.auth.tokens import parse_refresh
from core.auth.types import SignedIn
from core.errors import SessionEnded

T = TypeVar("T")
#: An access token is renewed when this part of its life is left.
_RENEW_AT = 0.2


class LiveSession:
    """The session of one interface. `kept`: keep it over the end of the program ("Keep me signed in"), for shell commands too.

    The tokens are in memory, or, once kept, in the file: whoever uses the kept token writes its successor there, so the file is read again
    before the token is used. Call `recheck` every few seconds and before a change of screen.
    """

    def __init__(self, accounts: Accounts, signed_in: SignedIn, *, kept: KeptSession | None = None) -> None:
        self._accounts = accounts
        self._kept = kept
        self._turn = asyncio.Lock()
        self._ended: SessionEnded | None = None
        self._signed_in: SignedIn = signed_in
        self._adopt(signed_in)

    @classmethod
    async def start(cls, accounts: Accounts, signed_in: SignedIn, *, kept: KeptSession | None = None) -> LiveSession:
        """A session that was just opened; with `kept` its refresh token is written to the file."""
        live = cls(accounts, signed_in, kept=kept)
        if kept is not None:
            async with kept.held():
                await asyncio.to_thread(kept.save, signed_in.refresh_token)
        return live

    @classmethod
    async def resume(cls, accounts: Accounts, kept: KeptSession, *, origin: Origin) -> LiveSession | None:
        """The kept session, or None if there is none or it has ended."""
        try:
            signed_in = await resume_kept(accounts, kept, origin=origin)
        except SessionEnded:
            return None
        return cls(accounts, signed_in, kept=kept) if signed_in is not None else None

    @property
    def principal(self) -> Principal:
        """Who is signed in, as of the last check."""
        return self._signed_in.principal

    @property
    def signed_in(self) -> SignedIn:
        """What the sign-in told, with the newest tokens."""
        return self._signed_in

    def __repr__(self) -> str:
        return f"LiveSession({self.principal.session_id!r})"

    async def recheck(self) -> Principal:
        """The principal as it is now. Call it every `recheck_s` seconds; calls that come twice as fast cost nothing.

        Raises SessionEnded, from then on always.
        """
        async with self._turn:
            if self._ended is not None:
                raise SessionEnded(**self._ended.fields)
            now = self._accounts.clock.monotonic()
            try:
                if now >= self._renew_at:
                    await self._renew()
                elif now >= self._check_at:
                    await self._check()
            except SessionEnded as error:
                self._ended = error
                raise
            return self.principal

    async def sign_out(self) -> None:
        """End the session and keep nothing of it, even where the database cannot be told."""
        await self._leave(self._accounts.sign_out)

    async def sign_out_everywhere(self) -> None:
        """End every session of the account."""
        await self._leave(self._accounts.sign_out_everywhere)

    async def change_password(self, old: str, new: str) -> None:
        """Every session of the account ends; this interface goes on in a new one."""
        async with self._turn, self._file():
            await uninterrupted(self._change_password(old, new))

    async def _check(self) -> None:
        try:
            principal = await self._accounts.verify_access(self._signed_in.access_token)
        except SessionEnded:
            # The machine slept, or its clock was set: the refresh token decides, and knows why if the session is over.
            await self._renew()
            return
        origin, served = self.principal.origin, self.principal.served
        self._signed_in = replace(self._signed_in, principal=replace(principal, origin=origin, served=served))
        self._check_at = self._accounts.clock.monotonic() + self._accounts.settings.auth.recheck_s / 2

    async def _renew(self) -> None:
        async with self._file():
            await uninterrupted(self._use_refresh_token())

    async def _use_refresh_token(self) -> None:
        kept = await self._kept_token()
        if self._kept is not None and kept is not None:
            await asyncio.to_thread(self._kept.check_room)
        # Where another sign-in is kept by now, or none, nobody but us holds the token that we have.
        self._adopt(await self._accounts.resume(kept or self._signed_in.refresh_token, origin=self.principal.origin))
        if self._kept is not None and kept is not None:
            await asyncio.to_thread(self._kept.save, self._signed_in.refresh_token)

    async def _change_password(self, old: str, new: str) -> None:
        kept = await self._kept_token()
        if self._kept is not None and kept is not None:
            await asyncio.to_thread(self._kept.check_room)
        self._adopt(await self._accounts.change_password_and_stay(self.principal, old, new))
        if self._kept is not None and kept is not None:
            await asyncio.to_thread(self._kept.save, self._signed_in.refresh_token)

    async def _leave(self, end: Callable[[Principal], Awaitable[None]]) -> None:
        async with self._turn:
            self._ended = SessionEnded(why="signed_out")
            try:
                await end(self.principal)
            finally:
                await self._forget()

    async def _forget(self) -> None:
        async with self._file():
            if self._kept is not None and await self._kept_token() is not None:
                await asyncio.to_thread(self._kept.clear)

    async def _kept_token(self) -> str | None:
        """The token in the file, if it is of this session."""
        token = await asyncio.to_thread(self._kept.load) if self._kept is not None else None
        named = parse_refresh(token) if token is not None else None
        return token if named is not None and named[0] == self.principal.session_id else None

    def _file(self) -> contextlib.AbstractAsyncContextManager[None]:
        return self._kept.held() if self._kept is not None else contextlib.nullcontext()

    def _adopt(self, signed_in: SignedIn) -> None:
        limits, now = self._accounts.settings.auth, self._accounts.clock.monotonic()
        self._signed_in = signed_in
        self._check_at = now + limits.recheck_s / 2
        self._renew_at = now + limits.access_token_s * (1 - _RENEW_AT)


async def resume_kept(accounts: Accounts, kept: KeptSession, *, origin: Origin) -> SignedIn | None:
    """Go on with the kept session and keep its new token; None if none is kept. Several processes may do so at the same time.

    Raises SessionEnded, after which nothing is kept.
    """
    async with kept.held():
        return await uninterrupted(_resume_kept(accounts, kept, origin))


async def _resume_kept(accounts: Accounts, kept: KeptSession, origin: Origin) -> SignedIn | None:
    token = await asyncio.to_thread(kept.load)
    if token is None:
        return None
    await asyncio.to_thread(kept.check_room)
    try:
        signed_in = await accounts.resume(token, origin=origin)
    except SessionEnded:
        await asyncio.to_thread(kept.clear)
        raise
    await asyncio.to_thread(kept.save, signed_in.refresh_token)
    return signed_in


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. Cancelled in the middle, it is finished first: a token used up and its successor lost would end the session."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen, though nobody waits for it any more
        raise
