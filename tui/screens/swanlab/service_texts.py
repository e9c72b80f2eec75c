"""Dashboards and the web interface in words: how they stand, where they are opened, who else may reach them."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui.glyphs import Glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.swanlab import texts

if TYPE_CHECKING:
    from core.managed.types import Service

EVERYBODY = N_(
    "It has no sign-in: whoever has an account on this machine can reach its port, read the experiments, and stop or delete them."
)
WEBUI_WARNING = N_(
    "LLaMA-Factory's web interface has no sign-in, always trusts code that comes with models, reaches all files of this server's account, "
    "and takes GPUs without asking the queue. So only administrators may start it; stop it when you are done."
)
OPEN_TO_NETWORK = N_("It listens beyond this machine: everybody in the network can reach it without a sign-in.")


def summary(services: tuple[Service, ...], signs: Glyphs) -> tuple[str, str]:
    """The line at the top: the dashboard that runs, or that there is none."""
    active = [service for service in services if service.active]
    if not active:
        failed = next((service for service in services if service.state == "failed"), None)
        if failed is not None and services[0] is failed:
            return _("{sign} The last dashboard failed: see Services.").format(sign=signs.failed), "bad"
        return _("{sign} No dashboard runs. n starts SwanLab's own, in a browser.").format(sign=signs.waiting), "dim"
    first = active[0]
    word, token = texts.service_state(first, signs)
    text = f"{word}  {first.url or _('its port is not known yet')}  {one_line(first.name)}"
    if len(active) > 1:
        text += "  " + ngettext("and {count} more", "and {count} more", len(active) - 1).format(count=len(active) - 1)
    return text, token


def is_loopback(service: Service) -> bool:
    return service.host.startswith("127.")


def forward(service: Service) -> str:
    """The line with which the address is reached from one's own machine."""
    return f"ssh -N -L {service.port}:{service.host}:{service.port} {_account()}@{_host()}"


def _account() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or _("YOU")


def _host() -> str:
    return socket.gethostname() or _("SERVER")


def lines(service: Service, signs: Glyphs, *, served: bool) -> texts.Lines:
    """Everything about one service, beside the list."""
    word, token = texts.service_state(service, signs)
    found: texts.Lines = [(_(texts.KINDS[service.kind]), "bold"), (word, token)]
    if service.active and service.url:
        found += [("", ""), (_("Open: {value}").format(value=service.url), "accent")]
    asked = service.subject.get("port_asked")
    if service.active and asked and service.port and service.port != asked:
        found.append((_("Port {asked} was taken, so it took {port}.").format(asked=asked, port=service.port), "warn"))
    if service.active and service.url and is_loopback(service):
        found.append((_("From your own machine, with an account on this one:"), "dim"))
        found.append((remote(service) if served else forward(service), "text"))
    if folder := service.subject.get("folder"):
        name = service.name if served else str(folder)
        found += [("", ""), (_("Directory: {value}").format(value=one_line(name)), "text")]
    found += [(_("Started: {value}").format(value=texts.when(service.started_at or service.created_at)), "text")]
    if service.restarts:
        found.append((_("It ended by itself and was started again: {count} times.").format(count=service.restarts), "warn"))
    found += [*failure_lines(service), ("", "")]
    found.append((_(WEBUI_WARNING if service.kind == "webui" else EVERYBODY), "warn" if service.active else "dim"))
    if not is_loopback(service):
        found.append((_(OPEN_TO_NETWORK), "bad"))
    return found


def remote(service: Service) -> str:
    """For who is served: the names of this program's account are not theirs."""
    return f"ssh -N -L {service.port}:{service.host}:{service.port} {_('YOU')}@{_host()}"


def failure_lines(service: Service) -> texts.Lines:
    """Why it ended or was given up, and what to do."""
    if service.failure is None:
        return []
    from tui.failure_sentences import remedies, what

    return [("", ""), (what(service.failure), "bad"), *((text, "text") for text in remedies(service.failure))]
