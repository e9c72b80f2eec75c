"""Asking a service over HTTP whether it is there. Only what was started by us is asked, at the address that it was given."""

from __future__ import annotations

import asyncio
import contextlib
import re

#: Bytes of the answer's beginning that are read: the status line is all that counts.
_MOST = 4096


async def answers(host: str, port: int, path: str, *, key: str = "", within_s: float = 5.0) -> bool:
    """Whether GET `path` is answered with a status below 400 within so many seconds. `key`: sent as a bearer token."""
    head = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", "Accept: */*"]
    if key:
        head.append(f"Authorization: Bearer {key}")
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(_reachable(host), port)
            try:
                writer.write(("\r\n".join(head) + "\r\n\r\n").encode("ascii"))
                await writer.drain()
                status = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError, asyncio.LimitOverrunError):
        return False
    found = re.match(rb"HTTP/1\.[01] (\d{3})", status[:_MOST])
    return found is not None and int(found[1]) < 400


def _reachable(host: str) -> str:
    """Where a service that listens on every address can be asked from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared with, not listened on
