"""The environment of a served process: nothing of the terminal in which the server was started reaches anybody's session."""

from __future__ import annotations

import os
import resource
from collections.abc import MutableMapping

#: Variables of a terminal or of a person, by how they begin: Textual and Rich read some of them when they are imported.
_NOT_OURS = (
    "TEXTUAL", "RICH_", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "LINES", "COLORTERM", "COLORFGBG", "TERM", "ESCDELAY", "TTY_",
    "LANG", "LC_", "TZ_OVERRIDE", "SSH_", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "STY", "TMUX", "WT_SESSION", "VTE_VERSION",
    "UNICODE_VERSION", "JPY_", "PYTHONBREAKPOINT", "BROWSER", "EDITOR", "VISUAL", "PAGER",
)  # fmt: skip
#: What systemd meant for the front desk alone.
_OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def scrub(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take out what is of a terminal, in this process and those it forks. Before textual is imported."""
    for name in tuple(environment):
        if name.startswith(_NOT_OURS) or name in _OF_SYSTEMD:
            del environment[name]
    environment["LANG"] = "C.UTF-8"  # of messages of the system; people have languages of their own
    environment["TERM"] = "xterm-256color"


def raise_limit_of_files(wanted: int) -> int:
    """Let this process and those it forks open `wanted` files, or as many as it may; the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
