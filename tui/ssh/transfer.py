"""A file transfer on a session channel: SFTP and SCP (tui/ssh/sftp_session.py)."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

from core.errors import SessionEnded
from tui.errors import describe
from tui.i18n import _
from tui.ssh.protocol import Channel
from tui.ssh.sftp_session import TransferSession

if TYPE_CHECKING:
    from tui.ssh.connection import Connection
    from tui.ssh.worker import WorkerContext

#: The exit status of a transfer that the server breaks off.
_BROKEN_OFF = 1


class Transfer:
    """Hands everything on to the session of the transfer. It speaks the language of the context that it is made in."""

    def __init__(self, context: WorkerContext, connection: Connection, channel: Channel) -> None:
        assert connection.live is not None
        self._channel = channel
        self._session = TransferSession(context.services.files, connection.live.principal)
        self._context = contextvars.copy_context()
        self._closed = asyncio.Event()
        self._stop_listening = connection.on_ended(self._session_ended)

    def start(self) -> None:
        self._session.connection_made(self._channel)
        self._session.session_started()

    def data_received(self, data: bytes) -> None:
        self._session.data_received(data, None)

    def resized(self, columns: int, rows: int) -> None:
        """A transfer has no size, though its channel may have a terminal."""

    def paused(self) -> None:
        self._session.pause_writing()

    def resumed(self) -> None:
        self._session.resume_writing()

    def eof(self) -> None:
        self._session.eof_received()

    def lost(self) -> None:
        self._closed.set()
        self._stop_listening()
        self._session.connection_lost(None)

    async def drain(self, notice: str) -> None:
        self._break_off(self._context.run(_, notice))
        await self._closed.wait()
        await self._session.over.wait()  # what came of an upload is put away

    def _session_ended(self, reason: SessionEnded) -> None:
        self._break_off(self._context.run(describe, reason).sentence)

    def _break_off(self, sentence: str) -> None:
        if not self._channel.is_closing():
            self._channel.write_stderr(sentence.encode() + b"\n")
            self._channel.exit(_BROKEN_OFF)
