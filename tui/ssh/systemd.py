"""What systemd hears of the server, and the unit that starts it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path


class Notifier:
    """Tells systemd (Type=notify) how the server is; does nothing where it was not started by systemd."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog_s: float | None = None
        self._watchdog_at = 0.0
        with contextlib.suppress(ValueError):
            watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
            microseconds = int(environment.get("WATCHDOG_USEC", "0"))
            if self._address and watched and microseconds > 0:
                self.watchdog_s = microseconds / 1e6

    def watchdog(self, now: float) -> None:
        """Tell that all goes well, as often as systemd wants to hear it. `now`: monotonic seconds."""
        if self.watchdog_s is not None and now >= self._watchdog_at:
            self._watchdog_at = now + self.watchdog_s / 3
            self.tell("WATCHDOG=1")

    def tell(self, *lines: str) -> None:
        """READY=1, STOPPING=1, WATCHDOG=1, STATUS=..."""
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.setblocking(False)
            speaker.sendto("\n".join(lines).encode(), address)


#: Seconds beyond the grace in which every process has ended: 20 for workers, 15 for commands, and some.
_LATEST_S = 45
_UNIT = """\
# modeltrain served over SSH. Install it as /etc/systemd/system/modeltrain.service, then:
#   systemctl daemon-reload && systemctl enable --now modeltrain
[Unit]
Description=modeltrain, a workbench for language models, served over SSH
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
User={user}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
# Only the main process is told to stop: it tells the others, in order. Training runs are left alone: they outlive the server, and the
# next start finds them again.
KillMode=process
TimeoutStopSec={stop}
Restart=on-failure
RestartSec=2
WatchdogSec=60
LimitNOFILE=65536
UMask=0077

# It writes the data folder and nothing else.
ReadWritePaths={data}
ProtectSystem=strict
ProtectHome={home}
# No /tmp of its own: it would be emptied at a stop, under the runs that go on.
NoNewPrivileges=yes
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def unit(*, user: str, command: list[str], data: Path, port: int, grace_s: float) -> str:
    """The unit for this installation. `command`: the words that start the server; `data`: the data folder."""
    below_home = any(str(path).startswith(("/home/", "/root/")) for path in (data, Path(command[0])))
    return _UNIT.format(
        user=_escaped(user),
        command=" ".join(_quoted(word) for word in command),
        data=_quoted(str(data)),
        home="read-only" if below_home else "yes",
        capabilities="CAP_NET_BIND_SERVICE" if 0 < port < 1024 else "",
        stop=int(grace_s) + _LATEST_S,
    )


def _escaped(word: str) -> str:
    return word.replace("%", "%%")


def _quoted(word: str) -> str:
    """A word as systemd reads it."""
    plain = _escaped(word).replace("$", "$$")
    if plain and not any(letter in plain for letter in " \t\"'\\;"):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
