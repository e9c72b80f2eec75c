"""A client that says what no honest client says: requests to sign in one by one or all at once, in any order and under any name."""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
from paramiko.common import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_SUCCESS,
    cMSG_SERVICE_REQUEST,
    cMSG_USERAUTH_INFO_RESPONSE,
    cMSG_USERAUTH_REQUEST,
)

from tests.ssh.served import LIMIT_S, Door

SUCCESS, FAILURE, ASKED, BANNER = MSG_USERAUTH_SUCCESS, MSG_USERAUTH_FAILURE, MSG_USERAUTH_INFO_REQUEST, MSG_USERAUTH_BANNER


@dataclass
class KeyPair:
    """A key as its owner has it: `path` for OpenSSH, `public` as in the file .pub."""

    path: Path
    public: str
    key: paramiko.PKey

    @classmethod
    def make(cls, folder: Path, name: str, kind: str = "ssh-ed25519") -> KeyPair:
        made = asyncssh.generate_private_key(kind, comment=name)
        path = folder / name
        made.write_private_key(path)
        path.chmod(0o600)
        return cls(path, made.export_public_key().decode(), paramiko.Ed25519Key.from_private_key_file(str(path)))


class _Answers:
    """Stands where paramiko has its own reading of the answers, and keeps them."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[int, bytes]] = queue.Queue()
        self._handler_table = {number: self._keep(number) for number in (SUCCESS, FAILURE, ASKED, BANNER)}

    def _keep(self, number: int) -> Any:
        return lambda message: self.got.put((number, message.get_remainder()))

    def is_authenticated(self) -> bool:
        return True

    def abort(self) -> None:
        """The connection has ended."""


class RawClient:
    """After the key exchange, before any request to sign in."""

    def __init__(self, door: Door) -> None:
        self.transport = paramiko.Transport(socket.create_connection((door.host, door.port), timeout=LIMIT_S))
        self.transport.start_client(timeout=LIMIT_S)
        self._answers = _Answers()
        self.banners: list[str] = []
        self.transport.auth_handler = self._answers
        message = paramiko.Message()
        message.add_byte(cMSG_SERVICE_REQUEST)
        message.add_string("ssh-userauth")
        # The acceptance is of no interest; paramiko takes it as something it does not handle.
        self._answers._handler_table[6] = lambda _message: None
        self.transport._send_message(message)

    # What is asked; `send` gives it away without waiting for an answer.

    def none(self, name: str) -> paramiko.Message:
        return self._request(name, "none")

    def password(self, name: str, password: str) -> paramiko.Message:
        message = self._request(name, "password")
        message.add_boolean(False)
        message.add_string(password)
        return message

    def interactive(self, name: str, lang: str = "") -> paramiko.Message:
        message = self._request(name, "keyboard-interactive")
        message.add_string(lang)
        message.add_string("")
        return message

    def response(self, *answers: str) -> paramiko.Message:
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_INFO_RESPONSE)
        message.add_int(len(answers))
        for answer in answers:
            message.add_string(answer)
        return message

    def offered(self, name: str, key: paramiko.PKey) -> paramiko.Message:
        """A public key without a signature: would it do?"""
        message = self._request(name, "publickey")
        message.add_boolean(False)
        message.add_string(key.get_name())
        message.add_string(key.asbytes())
        return message

    def signed(self, name: str, key: paramiko.PKey, *, by: paramiko.PKey | None = None) -> paramiko.Message:
        """A public key with a signature, that of another key if `by` is given."""
        message = self._request(name, "publickey")
        message.add_boolean(True)
        message.add_string(key.get_name())
        message.add_string(key.asbytes())
        blob = paramiko.Message()
        blob.add_string(self.transport.session_id)
        signature = (by or key).sign_ssh_data(blob.asbytes() + message.asbytes(), key.get_name())
        message.add_string(signature)
        return message

    @staticmethod
    def _request(name: str, method: str) -> paramiko.Message:
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        message.add_string(name)
        message.add_string("ssh-connection")
        message.add_string(method)
        return message

    def send(self, *messages: paramiko.Message) -> None:
        for message in messages:
            self.transport._send_message(message)

    def ask(self, message: paramiko.Message) -> int:
        """Send, and return the kind of the answer: SUCCESS, FAILURE, ASKED (also: this key would do)."""
        self.send(message)
        return self.answer()[0]

    def answer(self) -> tuple[int, bytes]:
        """The next answer; banners are kept in `banners`. Raises EOFError where the server has ended the connection."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            try:
                kind, rest = self._answers.got.get(timeout=0.05)
            except queue.Empty:
                if self.transport.is_active() or not self._answers.got.empty():
                    continue
                raise EOFError from None
            if kind != BANNER:
                return kind, rest
            self.banners.append(paramiko.Message(rest).get_text())
        raise TimeoutError

    def question(self) -> tuple[str, str]:
        """The instruction and the prompt of what the server asks."""
        kind, rest = self.answer()
        assert kind == ASKED
        message = paramiko.Message(rest)
        message.get_text()
        instruction = message.get_text()
        message.get_text()
        assert message.get_int() == 1
        return instruction, message.get_text()

    def close(self) -> None:
        self.transport.close()
        self.transport.join(LIMIT_S)


@contextmanager
def raw_client(door: Door) -> Iterator[RawClient]:
    client = RawClient(door)
    try:
        yield client
    finally:
        client.close()
