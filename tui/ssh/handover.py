"""The line between the front desk and one worker: whole messages in both directions, and accepted sockets along with them.

| to the worker | |
| --- | --- |
| {"do": "serve", "number": 7} with a socket | a connection that was let in |
| {"do": "drop", "number": 7} | end that connection, which is in the way of others |
| {"do": "drain"} | the server stops: tell people, let answers finish, end |
| {"do": "end"} | end at once; what is there is saved |

| from the worker | |
| --- | --- |
| {"is": "ready"}, {"is": "leaving"} | it can serve; it takes nobody any more |
| {"is": "alive", "database": true, "people": 3} | every few seconds |
| {"is": "signed_in", "number": 7}, {"is": "closed", "number": 7} | of a connection |
| {"is": "log", ...} | see tui/ssh/journal.py |

Either end that is closed is noticed by the other at once: a worker without a front desk ends itself.
What a worker says is believed as far as it makes sense: nothing that one sends may end the front desk, and with it all others.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from typing import Any

#: Bytes of the longest message.
LONGEST = 32_768


class Garbled(ValueError):
    """What came is no message."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a line: the front desk's and the worker's. Neither blocks."""
    desk, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (desk, worker):
        end.setblocking(False)
    return desk, worker


def send(line: socket.socket, message: dict[str, Any], handed_over: Iterable[socket.socket] = ()) -> None:
    """Send one message. Raises BlockingIOError while the line is full, another OSError when the other end has gone."""
    data = json.dumps(message).encode()
    descriptors = [each.fileno() for each in handed_over]
    if descriptors:
        socket.send_fds(line, [data], descriptors)
    else:
        line.send(data)


def receive(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message and the descriptors that came with it.

    Raises BlockingIOError when there is none, EOFError at the end, and Garbled for something that is no message, or too long a one.
    """
    try:
        data, descriptors, _flags, _address = socket.recv_fds(line, LONGEST, 1)
    except (ConnectionError, BrokenPipeError) as error:
        raise EOFError from error
    if not data:
        close_all(descriptors)
        raise EOFError
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        close_all(descriptors)
        raise Garbled
    return message, descriptors


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors that came and that nobody wants."""
    for descriptor in descriptors:
        os.close(descriptor)
