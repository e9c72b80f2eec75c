"""Signing in over SSH: by public key, by password, by password and code asked one after the other; and `register@`.

Who somebody is follows only from the method that succeeded. asyncssh asks about a public key *before* it looks at the signature, and a
client may change the user name and the method from one request to the next, or send several at once: so each request begins by
forgetting what an earlier one had shown, and the identity is set when asyncssh says that the authentication is complete.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import asyncssh

from core.auth.names import REGISTER, nickname_key
from core.auth.principal import Origin
from core.auth.types import SignedIn
from core.errors import ChallengeEnded, CodeRefused, ModeltrainError, SecondFactorNeeded, SignInRefused
from tui.errors import describe
from tui.i18n import Locale, _, match, use
from tui.ssh.connection import Connection
from tui.ssh.protocol import Channel, prepare
from tui.ssh.routing import ChannelRouter, unforeseen

if TYPE_CHECKING:
    from tui.ssh.worker import WorkerContext

T = TypeVar("T")

#: Passwords and codes that may be tried on one connection, and keys that may be offered: an agent may hold many.
GUESSES, KEYS = 6, 12
#: How often the user name may change.
NAMES = 12
#: A connection whose session could not be opened is cut after so many seconds.
CUT_S = 10.0
#: What core answers to a guess; all else is trouble.
_ANSWERS = (SignInRefused, SecondFactorNeeded, CodeRefused, ChallengeEnded)

Challenge = tuple[str, str, str, list[tuple[str, bool]]]


@dataclass(frozen=True, slots=True)
class _Proof:
    """What the latest request has shown: a session that was opened by password, a key that is known, or nothing but `register@`."""

    name: str
    signed_in: SignedIn | None = None
    key: bytes = b""


class SignInServer(asyncssh.SSHServer):
    """One for each connection, from its first byte to its last."""

    def __init__(self, context: WorkerContext) -> None:
        prepare()
        self._context = context
        self._accounts = context.services.accounts
        self._locale = Locale()
        self._origin = Origin("ssh")
        #: Counts the requests: what an overtaken one finds out is thrown away.
        self._turn = 0
        self._proof: _Proof | None = None
        #: The challenge of the second factor, and for whom; "" while the password is asked.
        self._asked: tuple[str, str] = ("", "")
        self._guesses = self._keys = self._names = 0
        self._channels: set[ChannelRouter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._one_by_one = asyncio.Lock()
        self._lost = False
        #: The connection, or why there is none although the authentication is complete.
        self._admission: asyncio.Future[Connection | Exception] | None = None
        self._cut_at: asyncio.TimerHandle | None = None

    # The connection --------------------------------------------------------------------------------------------------

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._ssh = conn
        peer = conn.get_extra_info("peername")
        self._origin = Origin("ssh", str(peer[0]) if isinstance(peer, tuple) and peer else "")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._cut_at is not None:
            self._cut_at.cancel()
        if self._admission is None or self._admission.cancelled():
            return
        if not self._admission.done():
            self._admission.cancel()
        elif isinstance(outcome := self._admission.result(), Connection):
            outcome.lost()

    def debug_msg_received(self, msg: str, lang: str, always_display: bool) -> None:
        """Nobody reads what a client writes there."""

    # Requests to sign in ---------------------------------------------------------------------------------------------

    async def begin_auth(self, username: str) -> bool:
        """Whether this user name has to prove anything."""
        turn = self._next_turn()
        self._names = self._counted(self._names, NAMES)
        if nickname_key(username) != REGISTER or not await self._guarded(self._accounts.registration_open):
            return True
        if turn == self._turn:
            self._proof = _Proof(username)
        return False

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this key of this name would do. The signature is looked at afterwards, if there is one: nothing is decided here."""
        turn = self._next_turn()
        self._keys = self._counted(self._keys, KEYS)
        data = key.public_data
        known = await self._guarded(lambda: self._accounts.key_holder(username, data))
        if not known or turn != self._turn:
            return False
        self._proof = _Proof(username, key=data)
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        turn = self._next_turn()
        use(self._locale)
        try:
            return await self._try_password(turn, username, password)
        except SecondFactorNeeded:
            if turn != self._turn:
                return False
            # Only who knows the password reads this.
            self._ssh.send_auth_banner(
                _("This account also asks for a code, which this way of signing in cannot. Use the method keyboard-interactive.") + "\n"
            )
            return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Challenge:
        self._next_turn()
        if language := match(lang.split(",")[0][:32]) if lang else None:
            self._locale.switch(language)
        use(self._locale)
        return "", "", "", [(_("Password:") + " ", False)]

    async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool | Challenge:
        asked_of, challenge = self._asked
        turn = self._next_turn()
        use(self._locale)
        if len(responses) != 1:
            return False
        if asked_of == username and challenge:
            return await self._try_code(turn, username, challenge, responses[0])
        try:
            return await self._try_password(turn, username, responses[0])
        except SecondFactorNeeded as needed:
            return self._ask_code(turn, username, needed.challenge)

    def _ask_code(self, turn: int, username: str, challenge: str, remark: str = "") -> bool | Challenge:
        if turn != self._turn:
            return False
        self._asked = (username, challenge)
        return "", remark or _("A code from your authenticator, or a recovery code."), "", [(_("Code:") + " ", False)]

    async def _try_code(self, turn: int, username: str, challenge: str, code: str) -> bool | Challenge:
        try:
            return await self._try(turn, username, lambda: self._accounts.answer_challenge(challenge, code, origin=self._origin))
        except CodeRefused as refused:
            return self._ask_code(turn, username, challenge, describe(refused).sentence)
        except ChallengeEnded:
            return False

    async def _try_password(self, turn: int, username: str, password: str) -> bool:
        if not password:
            return False  # some clients begin with none: no guess
        return await self._try(turn, username, lambda: self._accounts.sign_in(username, password, origin=self._origin))

    async def _try(self, turn: int, username: str, guess: Callable[[], Awaitable[SignedIn]]) -> bool:
        """Whether `guess` signs in. Raises SecondFactorNeeded, CodeRefused, ChallengeEnded; whatever else is wrong ends the connection."""
        self._guesses = self._counted(self._guesses, GUESSES)
        try:
            signed_in = await self._guarded(lambda: self._finished(turn, guess))
        except SignInRefused:
            return False
        if turn != self._turn or self._lost:
            self._context.watch.leave(signed_in.principal)
            return False
        self._proof = _Proof(username, signed_in)
        return True

    async def _finished(self, turn: int, guess: Callable[[], Awaitable[SignedIn]]) -> SignedIn:
        """What `guess` returns. A session that it opens although nobody waits for it any more is ended again."""
        task = self._start(self._in_turn(turn, guess))
        try:
            outcome = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._throw_away)
            raise
        if isinstance(outcome, SignedIn):
            return outcome
        raise outcome

    async def _in_turn(self, turn: int, guess: Callable[[], Awaitable[SignedIn]]) -> SignedIn | Exception:
        """One guess of a connection is looked at a time; one that was overtaken before its turn is not looked at."""
        async with self._one_by_one:
            return await _outcome(guess) if turn == self._turn and not self._lost else SignInRefused()

    def _throw_away(self, task: asyncio.Task[SignedIn | Exception]) -> None:
        if not task.cancelled() and isinstance(outcome := task.result(), SignedIn):
            self._context.watch.leave(outcome.principal)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that goes on when the client asks for something else in the meantime."""
        task = asyncio.get_running_loop().create_task(work, name="sign-in over SSH", context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _next_turn(self) -> int:
        self._turn += 1
        self._proof = None
        self._asked = ("", "")
        return self._turn

    def _counted(self, count: int, most: int) -> int:
        if count < most:
            return count + 1
        use(self._locale)
        raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, _("Too many attempts on one connection."))

    async def _guarded(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` returns. What it refuses is the caller's; all else ends the connection with a sentence."""
        try:
            return await ask()
        except _ANSWERS:
            raise
        except ModeltrainError as error:
            use(self._locale)
            raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, describe(error).sentence) from None
        except Exception as error:
            use(self._locale)
            raise asyncssh.DisconnectError(asyncssh.DISC_BY_APPLICATION, unforeseen(error, self._context).sentence) from None

    # Signed in -------------------------------------------------------------------------------------------------------

    def auth_completed(self) -> None:
        """The authentication is complete, by the request that was looked at last: nothing came between its answer and this call."""
        proof, self._proof = self._proof, None
        if proof is None or proof.name != self._ssh.get_extra_info("username"):
            raise RuntimeError("an authentication was completed that nobody has looked at")
        self._admission = asyncio.get_running_loop().create_future()
        if proof.key:
            self._start(self._admit_by_key(proof))
        else:
            self._admit(proof.signed_in)

    async def _admit_by_key(self, proof: _Proof) -> None:
        outcome = await _outcome(lambda: self._accounts.sign_in_with_key(proof.name, proof.key, origin=self._origin))
        if isinstance(outcome, SignedIn):
            self._admit(outcome)
        elif self._admission is not None and not self._lost:
            self._admission.set_result(outcome)
            self._cut_at = asyncio.get_running_loop().call_later(CUT_S, self._cut, outcome)

    def _admit(self, signed_in: SignedIn | None) -> None:
        assert self._admission is not None
        if self._lost:
            if signed_in is not None:
                self._context.watch.leave(signed_in.principal)
            return
        connection = Connection(self._context, self._ssh, self._origin, signed_in)
        connection.locale.switch(self._locale.language)
        self._admission.set_result(connection)

    def _cut(self, error: Exception) -> None:
        """Nobody is signed in although the authentication is complete: the channels, if there were any, have said why."""
        use(self._locale)
        problem = describe(error) if isinstance(error, ModeltrainError) else unforeseen(error, self._context)
        self._ssh.disconnect(asyncssh.DISC_BY_APPLICATION, problem.sentence)

    async def _admitted(self) -> Connection:
        """The connection, once the session is open in the database. Raises why it could not be opened."""
        assert self._admission is not None
        outcome = await asyncio.shield(self._admission)
        if isinstance(outcome, Connection):
            return outcome
        raise outcome

    # Channels --------------------------------------------------------------------------------------------------------

    def session_requested(self) -> tuple[Channel, ChannelRouter]:
        """Every other kind of channel, and all forwarding, is refused by what asyncssh.SSHServer answers of itself."""
        if self._context.draining.is_set():
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "The server is stopping")
        if len(self._channels) >= self._context.settings.serve.channels_a_connection:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "Too many channels on one connection")
        router = ChannelRouter(self._context, self._admitted, self._channels.discard)
        self._channels.add(router)
        return Channel.on(self._ssh), router


async def _outcome(work: Callable[[], Awaitable[SignedIn]]) -> SignedIn | Exception:
    """What `work` returns or raises: nobody may be there any more who would hear of it."""
    try:
        return await work()
    except Exception as error:
        return error
