"""A worker: how it speaks SSH, what it does not do, and how it ends."""

from __future__ import annotations

import re

from tests.ssh.served import Served


async def test_who_signs_in_is_counted(served: Served) -> None:
    async with await served.connect("ann"):
        served.until(lambda reception: len(reception) == 1 and reception.unauthenticated == 0)
    served.until(lambda reception: len(reception) == 0)


def test_ssh_shows_the_application(served: Served) -> None:
    with served.terminal("bob", width=80, height=24) as terminal:
        terminal.until("Good to see you, bob.")
        terminal.press("ctrl+q")
        terminal.until(lambda text: "Good to see you" not in text or bool(re.search("leave|Leave", text)))
