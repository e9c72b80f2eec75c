"""Who may come in: the limits on connections, counted by the one process that accepts them, so that they are exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeVar

from core.auth.throttle import network_of
from core.settings import ServeSettings

T = TypeVar("T", str, int)
Refusal = Literal["connections", "connections_an_address", "unauthenticated", "unauthenticated_an_address"]


@dataclass(slots=True)
class Guest:
    """A connection that was let in. `network`: what counts as one address; `worker`: who serves it."""

    network: str
    worker: int
    signed_in: bool = False


class Reception:
    """Counts connections, in all and for each address, before and after the sign-in."""

    def __init__(self, limits: ServeSettings) -> None:
        self._limits = limits
        self._guests: dict[int, Guest] = {}
        self._by_network: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._by_worker: Counter[int] = Counter()
        self._last = 0
        self.refused: Counter[Refusal] = Counter()

    def __len__(self) -> int:
        """Connections that are open."""
        return len(self._guests)

    @property
    def unauthenticated(self) -> int:
        """Of them, those that have not signed in."""
        return self._unknown.total()

    @property
    def addresses(self) -> int:
        """From so many addresses."""
        return len(self._by_network)

    def refusal(self, address: str) -> Refusal | None:
        """Why a connection from `address` is not let in, None if it is."""
        network, limits = network_of(address), self._limits
        reason: Refusal | None = None
        if len(self._guests) >= limits.connections:
            reason = "connections"
        elif self._by_network[network] >= limits.connections_an_address:
            reason = "connections_an_address"
        elif self._unknown[network] >= limits.unauthenticated_an_address:
            reason = "unauthenticated_an_address"
        elif self.unauthenticated >= limits.unauthenticated:
            reason = "unauthenticated"
        if reason is not None:
            self.refused[reason] += 1
        return reason

    def let_in(self, address: str, worker: int) -> int:
        """Count a connection that `worker` serves; its number."""
        network = network_of(address)
        self._last += 1
        self._guests[self._last] = Guest(network, worker)
        self._by_network[network] += 1
        self._unknown[network] += 1
        self._by_worker[worker] += 1
        return self._last

    def signed_in(self, number: int) -> None:
        guest = self._guests.get(number)
        if guest is not None and not guest.signed_in:
            guest.signed_in = True
            _less(self._unknown, guest.network)

    def closed(self, number: int) -> None:
        guest = self._guests.pop(number, None)
        if guest is None:
            return
        _less(self._by_network, guest.network)
        _less(self._by_worker, guest.worker)
        if not guest.signed_in:
            _less(self._unknown, guest.network)

    def worker_gone(self, worker: int) -> int:
        """All of its connections are gone with it; how many."""
        lost = [number for number, guest in self._guests.items() if guest.worker == worker]
        for number in lost:
            self.closed(number)
        return len(lost)

    def load(self, worker: int) -> int:
        """How many connections it serves."""
        return self._by_worker[worker]

    def worker_of(self, number: int) -> int | None:
        """Who serves this connection; None if it is not there any more."""
        guest = self._guests.get(number)
        return guest.worker if guest is not None else None

    def crowd(self, address: str) -> int | None:
        """When too many have not signed in: the connection that waits longest at the address with most of them, where that has more of
        them than `address` has. It is in the way of others."""
        if not self._unknown:
            return None
        network, most = self._unknown.most_common(1)[0]
        if most <= self._unknown[network_of(address)] + 1:
            return None
        return next((number for number, guest in self._guests.items() if guest.network == network and not guest.signed_in), None)


def _less(counter: Counter[T], key: T) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
