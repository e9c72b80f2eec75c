"""What is set right about the SSH library, and what a client may ask of a session channel.

A client of ours may have a terminal, a handful of variables about language and colours, and nothing else: no forwarding of X11 or of
an agent, no variable that could change how anything runs here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import asyncssh
from asyncssh import auth as _auth
from asyncssh import connection as _connection
from asyncssh.packet import SSHPacket

#: Variables that a client may send; everything else is refused and not kept.
_ACCEPTED = re.compile(rb"LANG|LC_[A-Z]{1,20}|COLORTERM|TERM_PROGRAM|NO_COLOR")
_MOST_VARIABLES = 20
_VALUE = re.compile(rb"[ -~]{0,128}")
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
#: The size where a client names none, and the largest that is believed, in cells.
USUAL_SIZE = (80, 24)
LARGEST_SIZE = (1000, 500)
#: What a channel holds of what was not read yet, in bytes.
WINDOW = 256 * 1024


@cache
def prepare() -> None:
    """Set the library right for this process; again costs nothing.

    Its log quotes names, variables and commands as they came, so only what it warns of is taken. And its names and passwords are
    those of Unicode 3.2, where no emoji and few new characters are: a nickname here may be of any script, and core folds it itself.
    """
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    for module in (_auth, _connection):
        setattr(module, "saslprep", _as_it_came)  # noqa: B010 - a name that the modules import from a third


def _as_it_came(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class PtyRequest:
    """The terminal that a client asked for. `term`: its TERM, "dumb" where it makes no sense; `size`: columns and rows; `modes`: as in
    RFC 4254."""

    term: str
    size: tuple[int, int]
    modes: Mapping[int, int] = field(default_factory=dict)


def terminal_type(term: str) -> str:
    """TERM as it may be looked up, printed and logged."""
    return term if _TERM.fullmatch(term) else "dumb"


def terminal_size(columns: int, rows: int) -> tuple[int, int]:
    """The size of a terminal: a client that says 0 does not know, one that says millions does not mean it."""
    return min(columns or USUAL_SIZE[0], LARGEST_SIZE[0]), min(rows or USUAL_SIZE[1], LARGEST_SIZE[1])


class Channel(asyncssh.SSHServerChannel[bytes]):
    """A session channel of bytes that takes only the requests which we serve."""

    @classmethod
    def on(cls, connection: asyncssh.SSHServerConnection) -> Channel:
        """A new channel of `connection`, as asyncssh's `create_server_channel` makes its own."""
        loop, packet = connection._loop, connection._max_pktsize
        connection._update_recv_pktlen(packet)
        return cls(connection, loop, True, False, False, 0, 0, None, "strict", WINDOW, packet)

    def _process_env_request(self, packet: SSHPacket) -> bool:
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        if not _ACCEPTED.fullmatch(name) or not _VALUE.fullmatch(value) or len(self._env) >= _MOST_VARIABLES:
            return False
        self._env[name] = value
        return True

    def _process_x11_req_request(self, packet: SSHPacket) -> bool:
        return False

    def _process_auth_agent_req_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:  # type: ignore[override]
        return False

    def break_off(self) -> None:
        """Close at once, also where an end was told already: what the client has not taken yet is thrown away."""
        if self._send_state == "close_pending":
            self._close_send()
        self.abort()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that were accepted, and TERM for a terminal."""
        known = {name.decode("ascii"): value.decode("ascii") for name, value in self._env.items()}
        if self._term_type is not None:
            known["TERM"] = terminal_type(self._term_type)
        return known
