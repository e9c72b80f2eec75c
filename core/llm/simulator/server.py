"""Simulator: a provider of simulated models, its life cycle, and what was asked of it."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket

from core.clock import Clock
from core.errors import EnvironmentProblem
from core.llm.simulator.catalogue import BY_NAME
from core.llm.simulator.delivery import Sleep
from core.llm.simulator.http import HttpServer
from core.llm.simulator.parser import BODY_LIMIT
from core.llm.simulator.records import RECORDS, RequestLog, RequestRecord
from core.llm.simulator.routes import Routes

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown, not bound


class Simulator:
    """A provider of simulated models on a port of this machine. Everything runs in the event loop that `start` is called in.

    `log_limit`: how many requests are remembered. `shows_log`: whether GET /simulator/requests tells them, which on a machine of
    many people would show one's questions to the others. `clock` and `sleep` decide the pace of answers.
    """

    def __init__(
        self, *, clock: Clock | None = None, sleep: Sleep = asyncio.sleep, log_limit: int = RECORDS, shows_log: bool = True,
        body_limit: int = BODY_LIMIT,
    ) -> None:  # fmt: skip
        clock = clock or Clock()
        self._log = RequestLog(log_limit)
        self._routes = Routes(self._log, clock, sleep, shows_log=shows_log)
        self._http = HttpServer(self._routes.handle, self._routes.refuse, clock.monotonic, body_limit=body_limit)
        self._address: tuple[str, int] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, beyond_loopback: bool = False) -> None:
        """Listen on `host` and `port` (0: a free one).

        Raises EnvironmentProblem: port_taken, port_forbidden, address_unknown, or not_loopback for an address that other machines
        reach unless `beyond_loopback` says that this is meant.
        """
        bound = "127.0.0.1" if host == "localhost" else host
        loopback = _is_loopback(bound)
        if not loopback and not beyond_loopback:
            raise EnvironmentProblem(what="not_loopback", host=host)
        self._routes.guards_host = loopback
        try:
            self._address = await self._http.listen(bound, port)
        except OverflowError:
            raise EnvironmentProblem(what="port_forbidden", port=port, host=host) from None
        except OSError as error:
            raise _listening_problem(error, host, port) from error

    async def stop(self) -> None:
        """End every connection at once and stop listening. Harmless if it does not run."""
        await self._http.stop()
        self._address = None

    @property
    def port(self) -> int:
        """The port it listens on. Raises RuntimeError while it does not run."""
        return self._bound[1]

    @property
    def host(self) -> str:
        """The address it listens on. Raises RuntimeError while it does not run."""
        return self._bound[0]

    @property
    def _bound(self) -> tuple[str, int]:
        if self._address is None:
            raise RuntimeError("the simulator does not run")
        return self._address

    @property
    def reachable_by_others(self) -> bool:
        """Whether other machines can reach the address it listens on."""
        return not _is_loopback(self.host)

    @property
    def base_urls(self) -> dict[str, str]:
        """What to give a client as its endpoint, by wire format."""
        host = _EVERYWHERE.get(self.host, self.host)
        root = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        return {"openai": f"{root}/v1", "ollama": root, "anthropic": f"{root}/anthropic"}

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models, without pace and length."""
        return tuple(BY_NAME)

    @property
    def requests(self) -> list[RequestRecord]:
        """What was asked, oldest first; the last `log_limit` of them."""
        return list(self._log)

    @property
    def request_count(self) -> int:
        """How many requests there were in all."""
        return self._log.total

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return self._http.connections

    def fingerprint(self, secret: str) -> str:
        """What stands for `secret` in the headers of `requests`."""
        return self._log.fingerprint(secret)

    def end_slow_clients(self) -> None:
        """End the connections whose time is over; done by itself once a second while somebody is connected."""
        self._http.sweep()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening_problem(error: OSError, host: str, port: int) -> EnvironmentProblem:
    if error.errno == errno.EADDRINUSE:
        return EnvironmentProblem(what="port_taken", port=port, host=host)
    if error.errno == errno.EACCES:
        return EnvironmentProblem(what="port_forbidden", port=port, host=host)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return EnvironmentProblem(what="address_unknown", host=host, port=port)
    return EnvironmentProblem(what="not_listening", host=host, port=port, reason=error.strerror)
