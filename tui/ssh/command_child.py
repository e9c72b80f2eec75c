"""The child that runs one command for a person who is signed in over SSH. It was forked by the spawner and never returns there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import resource
import signal
import socket
import sys
import termios
from dataclasses import replace
from typing import NoReturn

import tui.commands
from core.settings import Settings
from tui.commands.common import Served
from tui.commands.root import run_command_line
from tui.errors import hide_paths
from tui.i18n import Locale, current, use
from tui.ssh.spawner import Limits, Request

#: What is kept of the server's environment: where its clock and its certificates are.
_KEPT = ("TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Not reached by any standard descriptor, so it survives that they are put in place.
_REPORT = 3
_NO_FILES = os.sysconf("SC_OPEN_MAX")
#: Modules of tui.commands without words of their own. `files` knows for whom the command runs: a second copy of it would not.
_LASTING = ("root", "common", "files")
#: Held back while the child is made.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def silence() -> None:
    """Let go of every handler of every log, while their files are still theirs: later they would write to somebody else's, or close it."""
    for logger in (logging.getLogger(), *(logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict))):
        logger.handlers = []
    logging.getLogger().addHandler(logging.NullHandler())


def run_child(request: Request, standard: list[int], report: socket.socket, settings: Settings, limits: Limits) -> NoReturn:
    """Become the command: its descriptors, session, environment, limits. Exits with its status, and tells it over `report`."""
    status = 1
    try:
        silence()
        _take_descriptors(standard, report, request.terminal)
        _begin_anew(request)
        _keep_within(limits)
        hide_paths(settings.data_dir)
        served = Served(replace(settings, served=True, reader_threads=1), request.principal)
        status = run_command_line(list(request.argv), served=served)
    except BaseException as error:
        logging.getLogger(__name__).error("a command ended by %s", type(error).__qualname__)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        with contextlib.suppress(OSError):
            os.write(_REPORT, json.dumps({"status": status}).encode())
        os._exit(status)


def _take_descriptors(standard: list[int], report: socket.socket, terminal: bool) -> None:
    """0, 1, 2 and the report socket as 3; nothing else stays open."""
    os.setsid()
    # First out of the way: one of them may be where another belongs.
    ours = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (*standard, report.detach())]
    for number, descriptor in enumerate(ours):
        os.dup2(descriptor, number)
    os.closerange(_REPORT + 1, _NO_FILES)
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _begin_anew(request: Request) -> None:
    """Signals, environment, streams, language and log as a process has them that was just started."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept | dict(request.environment))
    os.chdir("/")
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if request.language != current().language:
        _forget_words()
    use(Locale(request.language))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _forget_words() -> None:
    """Commands are described where they are imported: in another language they are imported again."""
    package = tui.commands.__name__ + "."
    for name in [name for name in sys.modules if name.startswith(package)]:
        if name.removeprefix(package) not in _LASTING:
            del sys.modules[name]
            vars(tui.commands).pop(name.removeprefix(package), None)  # "from tui.commands import …" looks there first


def _keep_within(limits: Limits) -> None:
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    data = limits.memory_bytes if most == resource.RLIM_INFINITY else min(limits.memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_DATA, (data, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
