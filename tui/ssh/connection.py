"""Who is signed in on one SSH connection. All channels of the connection share it: terminals, commands, file transfers."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import asyncssh

from core.auth.principal import Origin, Principal
from core.auth.sessions import uninterrupted
from core.auth.throttle import network_of
from core.auth.types import SignedIn
from core.errors import SessionEnded
from core.events import AccountChanged
from core.supervisor import happens
from tui.errors import describe
from tui.i18n import N_, Locale, use

if TYPE_CHECKING:
    from core.auth.accounts import Accounts
    from core.bootstrap import Services
    from tui.ssh.worker import WorkerContext

log = logging.getLogger(__name__)

Kind = Literal["ssh", "shell"]
#: Where a connection stands among the library's extra information of it.
EXTRA = "modeltrain"
#: Channels have so many seconds to say why the session ended; then the connection is cut.
LEAVE_S = 2.0
#: Whoever takes too long for the registration, in seconds more.
CUT_S = 10.0
#: Most clients go with their last channel, and so many seconds are theirs to do so: one that is cut off first forgets the exit status.
_LEAVES_S = 1.0
#: How long somebody who is not signed in may take for the registration, and how long without typing anything, in seconds.
REGISTER_S, REGISTER_IDLE_S = 15 * 60.0, 3 * 60.0
#: So many register at a time from one address, in one worker: each of them has an application, and nobody knows who they are.
REGISTERING = 4
_IDLE = N_("It was not used for too long.")


class Served(Protocol):
    """A channel in use, as a connection sees it."""

    def tell(self, notice: str) -> None:
        """Show the person `notice`, and go on."""

    async def finished(self) -> None:
        """Return once what would be lost by leaving now has ended by itself."""

    async def drain(self, notice: str) -> None:
        """Tell the person `notice`, leave, and close the channel."""


class ServedSession:
    """The session of a served interface: as core's LiveSession, but told by the watch of the worker instead of asking itself."""

    def __init__(self, accounts: Accounts, signed_in: SignedIn, ended: Callable[[SessionEnded], None]) -> None:
        self._accounts = accounts
        self._signed_in = signed_in
        self._principal = signed_in.principal
        self._tell = ended
        self._ended: SessionEnded | None = None
        self._turn = asyncio.Lock()
        self._changing = False
        #: What its channels have made of the session.
        self.kind: Kind | None = None

    def __repr__(self) -> str:
        return f"ServedSession({self._principal.session_id!r})"

    @property
    def principal(self) -> Principal:
        """Who is signed in, as of the last look of the watch."""
        return self._principal

    @property
    def signed_in(self) -> SignedIn:
        """What the sign-in told."""
        return self._signed_in

    @property
    def ended(self) -> SessionEnded | None:
        """Why the session is over, None while it goes on."""
        return self._ended

    async def recheck(self) -> Principal:
        """The principal as the watch saw it last; costs nothing. Raises SessionEnded once the session has ended."""
        if self._ended is not None:
            raise SessionEnded(**self._ended.fields)
        return self._principal

    async def sign_out(self) -> None:
        """End the session, and with it every channel of the connection."""
        await self._leave(self._accounts.sign_out)

    async def sign_out_everywhere(self) -> None:
        """End every session of the account."""
        await self._leave(self._accounts.sign_out_everywhere)

    async def change_password(self, old: str, new: str) -> None:
        """Every session of the account ends; this connection goes on in a new one."""
        async with self._turn:
            self._changing = True
            try:
                await uninterrupted(self._change_password(old, new))
            finally:
                self._changing = False

    async def count_as(self, kind: Kind) -> None:
        """Count the session as `kind`, unless it counts as a terminal already. Raises TooManySessions, SessionEnded, StorageError."""
        async with self._turn:
            if self.kind not in (kind, "ssh"):
                self._principal = await self._accounts.use_session(self._principal, kind)
                self.kind = kind

    def learn(self, session_id: str, found: Principal | SessionEnded) -> bool:
        """What the watch saw of the session `session_id`; whether the account is not what it was."""
        if self._ended is not None or session_id != self._principal.session_id:
            return False  # it was replaced while the watch was looking
        if isinstance(found, SessionEnded):
            if not self._changing:  # else it is the change of the password that ends it, and a new one follows
                self.end(found)
            return False
        if found is self._principal:
            return False
        found = replace(found, origin=self._principal.origin)  # a channel may have said in the meantime what the connection is
        changed = found != self._principal
        self._principal = found
        return changed

    def end(self, reason: SessionEnded) -> None:
        """The session is over; the connection is told once."""
        if self._ended is None:
            self._ended = reason
            self._tell(reason)

    async def _change_password(self, old: str, new: str) -> None:
        signed_in = await self._accounts.change_password_and_stay(self._principal, old, new)
        self._signed_in, self._principal = signed_in, signed_in.principal  # counted as what it was

    async def _leave(self, end: Callable[[Principal], Awaitable[None]]) -> None:
        async with self._turn:
            try:
                await end(self._principal)
            finally:
                self.end(SessionEnded(why="signed_out"))


class Connection:
    """One SSH connection after its authentication. `signed_in` and `live` are None while somebody registers (`register@`)."""

    def __init__(self, context: WorkerContext, ssh: asyncssh.SSHServerConnection, origin: Origin, signed_in: SignedIn | None) -> None:
        self.context = context
        self.ssh = ssh
        self.origin = origin
        #: The language for sentences before the account's own is known.
        self.locale = Locale()
        #: Set when the link is gone.
        self.closing = asyncio.Event()
        self.channels: set[Served] = set()
        self.live: ServedSession | None = None
        self.ended: SessionEnded | None = None
        #: Called once somebody who came to register has an account, and is signed in by that.
        self.when_registered: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[SessionEnded], None]] = []
        self._cut_at: asyncio.TimerHandle | None = None
        context.connections.add(self)
        ssh.set_extra_info(**{EXTRA: self})
        if signed_in is not None:
            self._live_as(signed_in)
        else:
            self._register_until = asyncio.get_running_loop().time() + REGISTER_S
            self.heard()
            self._cut_if_idle()

    @property
    def services(self) -> Services:
        return self.context.services

    @property
    def address(self) -> str:
        """The address of the peer, "" where there is none."""
        return self.origin.address

    @property
    def signed_in(self) -> SignedIn | None:
        """What the sign-in told; None while nobody is signed in."""
        return self.live.signed_in if self.live is not None else None

    def registered(self, signed_in: SignedIn) -> ServedSession:
        """Somebody has registered on this connection, and is signed in by that."""
        live = self._live_as(signed_in)
        live.kind = "ssh"
        self.when_registered()
        return live

    @property
    def others_register(self) -> int:
        """How many others are registering from the same address, in this worker."""
        network = network_of(self.address)
        others = [each for each in self.context.connections if each is not self and each.live is None and each.channels]
        return sum(network_of(each.address) == network for each in others)

    def heard(self) -> None:
        """Whoever registers has typed something."""
        self._heard_at = asyncio.get_running_loop().time()

    def _cut_if_idle(self) -> None:
        loop = asyncio.get_running_loop()
        until = min(self._register_until, self._heard_at + REGISTER_IDLE_S)
        if loop.time() < until:
            self._cut_at = loop.call_at(until, self._cut_if_idle)
        else:
            self._leaving = loop.create_task(self.drain(_IDLE), name="leaving the registration", context=contextvars.Context())
            self._cut_at = loop.call_later(CUT_S, self.cut)

    def _live_as(self, signed_in: SignedIn) -> ServedSession:
        if self._cut_at is not None:
            self._cut_at.cancel()
            self._cut_at = None
        self.live = ServedSession(self.services.accounts, signed_in, self._session_ended)
        if self.closing.is_set():
            self.context.watch.leave(signed_in.principal)
        else:
            self.context.watch.add(self)
        return self.live

    def on_ended(self, callback: Callable[[SessionEnded], None]) -> Callable[[], None]:
        """Call `callback` when the session ends; call what is returned to stop. One that has ended already is told at once."""
        self._listeners.append(callback)
        if self.ended is not None:
            asyncio.get_running_loop().call_soon(self._tell, callback, self.ended)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    def learn(self, session_id: str, found: Principal | SessionEnded) -> None:
        """What the watch saw. The interfaces of this process are told that the account has changed."""
        if self.live is not None and self.live.learn(session_id, found):
            self.services.events.publish(AccountChanged(self.live.principal.user_id))

    def opened(self, channel: Served) -> None:
        self.channels.add(channel)

    def closed(self, channel: Served) -> None:
        """A channel has gone; with the last one of an ended session, the connection goes."""
        self.channels.discard(channel)
        if self.ended is not None and not self.channels:
            self.cut()

    def tell(self, notice: str) -> None:
        """Show `notice` on every channel that can show one."""
        for channel in tuple(self.channels):
            channel.tell(notice)

    async def finished(self) -> None:
        """Return once the commands of this connection have ended by themselves."""
        await asyncio.gather(*(channel.finished() for channel in tuple(self.channels)))

    async def drain(self, notice: str) -> None:
        """The worker stops: every channel tells `notice` and leaves, then the connection is closed."""
        drained = await asyncio.gather(*(channel.drain(notice) for channel in tuple(self.channels)), return_exceptions=True)
        for error in drained:
            if isinstance(error, Exception):
                log.error("a channel could not be ended cleanly", exc_info=error)
        await happens(self.closing, within_s=_LEAVES_S)
        self.cut(notice)

    def cut(self, reason: str = "") -> None:
        """Close the connection now, with a reason that most clients show."""
        if not self.closing.is_set():
            self.ssh.disconnect(asyncssh.DISC_BY_APPLICATION, reason or self._why())

    def lost(self) -> None:
        """The link is gone: the session ends, and nothing of it is kept."""
        if self.closing.is_set():
            return
        self.closing.set()
        if self._cut_at is not None:
            self._cut_at.cancel()
        self._listeners.clear()
        self.context.connections.discard(self)
        self.context.watch.discard(self)
        if self.live is not None and self.live.ended is None:
            self.context.watch.leave(self.live.principal)

    def _session_ended(self, reason: SessionEnded) -> None:
        self.ended = reason
        self.context.watch.discard(self)
        for callback in tuple(self._listeners):
            self._tell(callback, reason)
        if not self.closing.is_set():
            self._cut_at = asyncio.get_running_loop().call_later(LEAVE_S if self.channels else 0, self.cut)

    def _why(self) -> str:
        def sentence() -> str:
            use(self.locale)
            return describe(self.ended).sentence if self.ended is not None else ""

        return contextvars.copy_context().run(sentence)

    @staticmethod
    def _tell(callback: Callable[[SessionEnded], Any], reason: SessionEnded) -> None:
        try:
            callback(reason)
        except Exception:
            log.exception("a channel could not be told that its session ended")
