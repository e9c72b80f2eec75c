"""Accounts over a real database, with a clock that the test sets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from core.auth.accounts import Accounts, SignedIn
from core.auth.principal import Origin, Principal, operator
from core.clock import Clock, Identifiers
from core.events import Event, EventBus
from core.persistence import Store
from core.settings import AuthSettings, Settings
from storage.unit_of_work import Storage

PASSWORD = "correct horse 7 battery"
NEW_PASSWORD = "staple 8 in a box"
LOCAL = Origin("local")
OPERATOR = operator("root")


@dataclass
class Time:
    """Seconds since the epoch, and seconds that never go back; both stand still until they are moved."""

    wall: float = 1_700_000_000.0
    monotonic: float = 1000.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.monotonic)


@dataclass
class House:
    """`accounts` as one process has them; `neighbour()` makes those of another process on the same database."""

    storage: Storage
    settings: Settings
    time: Time = field(default_factory=Time)
    events: EventBus = field(default_factory=EventBus)
    opened: list[Accounts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = self.time.clock()
        self.ids = Identifiers(self.clock)
        self.store = Store(self.storage)
        self.accounts = self.neighbour()

    def neighbour(self, **limits: Any) -> Accounts:
        """Accounts with keys and caches of their own; `limits`: other values of AuthSettings."""
        auth: AuthSettings = replace(self.settings.auth, **limits)
        accounts = Accounts(self.store, replace(self.settings, auth=auth), self.clock, self.ids, self.events)
        self.opened.append(accounts)
        return accounts

    async def user(self, name: str, *, admin: bool = False) -> SignedIn:
        """An account name@example.org with PASSWORD, signed in locally."""
        await self.accounts.add_user(OPERATOR, f"{name}@example.org", f"nick {name}", PASSWORD, admin=admin)
        return await self.sign_in(name)

    async def sign_in(self, name: str, password: str = PASSWORD, address: str = "") -> SignedIn:
        origin = Origin("ssh", address) if address else LOCAL
        return await self.accounts.sign_in(f"{name}@example.org", password, origin=origin)

    async def audited(self, action: str) -> list[dict[str, Any]]:
        """The events of an action, the newest first, with their details in."""

        def work(uow: Any) -> list[dict[str, Any]]:
            return [dict(row._mapping) | json.loads(row.details) for row in uow.audit.latest(100, action=action)]

        return await self.store.read(work)

    def listen(self, principal: Principal) -> list[Event]:
        """What happens to the principal's account from now on."""
        heard: list[Event] = []
        self.events.subscribe(principal.user_id, heard.append)
        return heard

    def close(self) -> None:
        for accounts in self.opened:
            accounts.close()
