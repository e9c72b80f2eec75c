"""How the bytes of a stream are laid out and cut into packets, by name: what a reader of lines and of UTF-8 must withstand.

A framing gets the bytes of one or more whole events and gives the packets to send. JSON has no raw newline inside, so that
every newline ends a line.
"""

from __future__ import annotations

from collections.abc import Callable

Framing = Callable[[bytes], list[bytes]]

BOM = b"\xef\xbb\xbf"


def split_utf8(data: bytes) -> list[bytes]:
    """Cut behind the first byte of every character that has more than one."""
    packets: list[bytes] = []
    start = 0
    for index, byte in enumerate(data):
        if byte >= 0xC0:
            packets.append(data[start : index + 1])
            start = index + 1
    packets.append(data[start:])
    return [packet for packet in packets if packet]


def split_bytes(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def crlf(data: bytes) -> list[bytes]:
    """CRLF, with its CR at the end of one packet and its LF at the beginning of the next."""
    lines = data.split(b"\n")
    packets = [lines[0] + b"\r"] + [b"\n" + line + b"\r" for line in lines[1:-1]] + [b"\n" + lines[-1]]
    return packets if len(lines) > 1 else [data]


def cr(data: bytes) -> list[bytes]:
    return [data.replace(b"\n", b"\r")]


def no_space(data: bytes) -> list[bytes]:
    """Without the blank behind a field's name."""
    lines = data.split(b"\n")
    for name in (b"data", b"event"):
        lines = [name + b":" + line[len(name) + 2 :] if line.startswith(name + b": ") else line for line in lines]
    return [b"\n".join(lines)]


def plain(data: bytes) -> list[bytes]:
    return [data]


FRAMINGS: dict[str, Framing] = {
    "": plain,
    "split_utf8": split_utf8,
    "split_bytes": split_bytes,
    "crlf": crlf,
    "cr": cr,
    "no_space": no_space,
}
