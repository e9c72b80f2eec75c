"""Where a service may listen: on loopback unless an administrator says otherwise, at a port that can be had."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from core.auth.principal import Principal
from core.errors import EnvironmentProblem, InvalidInput

LOOPBACK: Final = "127.0.0.1"


def check_host(principal: Principal, host: str) -> str:
    """The address to listen on. Raises Forbidden for others than loopback unless an administrator asks; InvalidInput("host")."""
    try:
        address = ipaddress.IPv4Address(host.strip() or LOOPBACK)
    except ValueError as error:
        raise InvalidInput("host", "host") from error
    if not address.is_loopback:
        principal.require_admin("service.listen")
    return str(address)


def check_port(host: str, port: int) -> int:
    """`port` (0: any that is free) if it can be had. Raises InvalidInput("port"), EnvironmentProblem(what="port_taken")."""
    if port and not 1024 <= port <= 65535:
        raise InvalidInput("port", "out_of_range", min=1024, max=65535)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EnvironmentProblem(what="port_taken", host=host, port=port) from error
    return port
