"""modeltrain serve: the application for a team, over SSH. Only for the owner of the data folder."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core import __version__
from core.settings import ServeSettings, Settings
from tui.commands.common import Invocation, command_group, guarded, out, print_json, the_operator
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from tui.ssh.start import Announcement

app = command_group(_("The application for a team, over SSH."))
_MOST_WORKERS = 64
#: What goes on below the values of the lines that are announced. Not part of the messages: a translation has no blanks at its ends.
_INDENT = " " * 14


@app.command("serve", help=_("Serve the application over SSH until stopped. Prints how people sign in."))
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help=_("The address to listen on; 0.0.0.0 or :: for every one of this machine."))
    ] = ServeSettings.host,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help=_("The port to listen on; 0 takes a free one."))
    ] = ServeSettings.port,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=_MOST_WORKERS, help=_("Processes that share the people; 0 is one for each core."))
    ] = ServeSettings.workers,
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port", min=0, max=65535, metavar="PORT", help=_("Answer GET /healthz on loopback at this port."), show_default=False
        ),
    ] = None,
    print_unit: Annotated[bool, typer.Option("--print-unit", help=_("Print a unit for systemd with these options, and end."))] = False,
) -> None:
    invocation: Invocation = context.obj

    def work() -> int:
        found = invocation.settings()
        asked = replace(found.serve, host=host, port=port, workers=workers, health_port=health_port)
        settings = replace(found, served=True, serve=asked)
        operator = the_operator(settings)
        if print_unit:
            print_the_unit(settings, operator.nickname)
            return 0
        from tui.ssh.start import serve as serve_people

        return serve_people(settings, lambda told: announce(settings, told, as_json=invocation.json))

    raise typer.Exit(guarded(invocation, work))


def print_the_unit(settings: Settings, user: str) -> None:
    from tui.ssh.systemd import unit

    asked = settings.serve
    command = [str(program()), "--data", str(settings.data_dir), "serve", "--host", asked.host, "--port", str(asked.port)]
    if asked.workers:
        command += ["--workers", str(asked.workers)]
    if asked.health_port is not None:
        command += ["--health-port", str(asked.health_port)]
    out(unit(user=user, command=command, data=settings.data_dir, port=asked.port, grace_s=asked.grace_s).rstrip("\n"))


def program() -> Path:
    """The command `modeltrain` of this installation."""
    return Path(sys.executable).with_name("modeltrain")


def announce(settings: Settings, told: Announcement, *, as_json: bool) -> None:
    """Say that the server is ready, and what people need to know. One line of JSON for scripts."""
    if as_json:
        print_json(
            {
                "serving": True,
                "version": __version__,
                "host": told.host,
                "port": told.port,
                "health_port": told.health_port,
                "fingerprint": told.fingerprint,
                "host_key": told.host_key,
                "workers": told.workers,
                "administered": told.administered,
                "registration": told.registration,
            }
        )
    else:
        for line in announcement(settings, told):
            out(line)
    sys.stdout.flush()


def announcement(settings: Settings, told: Announcement) -> list[str]:
    """The lines that somebody reads who starts it in a terminal."""
    text = ngettext(
        "modeltrain {version} serves on {host}, port {port}, with {count} worker.",
        "modeltrain {version} serves on {host}, port {port}, with {count} workers.",
        told.workers,
    )
    lines = [text.format(version=__version__, host=told.host, port=told.port, count=told.workers)]
    lines.append(
        _("Sign in:      ssh -p {port} NAME@{host}   (NAME is a nickname or an e-mail)").format(port=told.port, host=reached_at(told.host))
    )
    lines.append(_("Host key:     {fingerprint}").format(fingerprint=told.fingerprint))
    lines.append(_INDENT + _("The first connection shows it: whoever signs in compares the two, then answers “yes”."))
    if told.host_key_made:
        lines.append(_INDENT + _("It was made just now. Keep a copy of {path}.").format(path=told.host_key_path))
    lines += on_registration(told)
    if told.health_port is not None:
        lines.append(_("Health:       http://127.0.0.1:{port}/healthz").format(port=told.health_port))
    lines.append(_("Log:          {path}").format(path=settings.data_dir / "modeltrain.log"))
    if is_loopback(told.host):
        lines.append(_("Only this machine can reach it. To let others in, start it with --host 0.0.0.0"))
    if not told.administered:
        add = f"modeltrain --data {shlex.quote(str(settings.data_dir))} user add EMAIL --nickname NAME --admin"
        lines.append(
            _("Nobody can sign in yet: there is no administrator, and over SSH nobody becomes one. Make the first on this machine:")
        )
        lines.append(_INDENT + add)
    lines.append(_("Ctrl+C stops it."))
    return lines


def on_registration(told: Announcement) -> list[str]:
    """Who can make an account over SSH, and where that is changed."""
    if not told.registration:
        return [_("Registration: closed. Make accounts with: modeltrain user add EMAIL --nickname NAME")]
    command = f"ssh -p {told.port} register@{reached_at(told.host)}"
    return [
        _("Registration: open. Anybody who reaches the port can make an account:"),
        _INDENT + command,
        _INDENT + _("An administrator closes it: Settings, “Registration open”."),
    ]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reached_at(host: str) -> str:
    """What people type behind the @."""
    return socket.gethostname() if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
