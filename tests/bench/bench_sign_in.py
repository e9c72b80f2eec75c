"""Whether the time of a refused sign-in tells if the account exists, at the cost in force; and what a signed-in person's checks take."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core.auth.accounts import Accounts
from core.auth.principal import Origin
from core.bootstrap import build_services
from core.clock import Clock
from core.errors import AuthError
from core.settings import load_settings
from tests.bench.table import Row, print_table
from tests.unit.auth.house import OPERATOR, PASSWORD

ROUNDS = 12
CHECKS = 300


async def refused_ms(accounts: Accounts, email: str, password: str = "wrong password 1") -> float:
    began = time.perf_counter()
    try:
        await accounts.sign_in(email, password, origin=Origin("local"))
    except AuthError:
        return (time.perf_counter() - began) * 1000
    raise AssertionError(f"{email} was let in")


async def measure(folder: Path) -> list[Row]:
    hours = iter(range(10**6))
    clock = Clock(lambda: 1_700_000_000.0 + next(hours) * 3600)  # so that no try has to wait for the one before
    services = await build_services(load_settings(folder, {}), clock=clock)
    accounts = services.accounts
    try:
        for name in ("ann", "bob"):
            await accounts.add_user(OPERATOR, f"{name}@example.org", f"nick {name}", PASSWORD)
        await accounts.set_disabled(OPERATOR, "bob@example.org", True)
        figures: dict[str, list[float]] = {"known": [], "unknown": [], "disabled": [], "disabled, right password": []}
        for index in range(-1, ROUNDS):
            taken = {
                "known": await refused_ms(accounts, "ann@example.org"),
                "unknown": await refused_ms(accounts, f"nobody{index}@example.org"),
                "disabled": await refused_ms(accounts, "bob@example.org"),
                "disabled, right password": await refused_ms(accounts, "bob@example.org", PASSWORD),
            }
            if index >= 0:  # the first round loads what is loaded when first needed
                for name, value in taken.items():
                    figures[name].append(value)
        rows = [Row(f"sign-in refused: {name}", values, "ms") for name, values in figures.items()]
        ratios = [unknown / known for unknown, known in zip(figures["unknown"], figures["known"], strict=True)]
        return [*rows, Row("unknown / known", ratios, "", "0.9 to 1.1"), *await checks(folder)]
    finally:
        await services.close()


async def checks(folder: Path) -> list[Row]:
    services = await build_services(load_settings(folder, {}))
    accounts = services.accounts
    try:
        signed_in = await accounts.sign_in("ann@example.org", PASSWORD, origin=Origin("local"))
        verified, resumed = [], []
        for _ in range(CHECKS):
            began = time.perf_counter()
            await accounts.verify_access(signed_in.access_token)
            verified.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            signed_in = await accounts.resume(signed_in.refresh_token, origin=Origin("local"))
            resumed.append((time.perf_counter() - began) * 1000)
    finally:
        await services.close()
    return [Row("access token verified", verified, "ms", "p95 <= 5 ms"), Row("refresh token rotated", resumed, "ms", "p95 <= 5 ms")]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder) / "data"))
    print_table(rows)
    known, unknown = (statistics.median(row.values) for row in rows[:2])
    sys.stdout.write(f"ratio of the medians: {unknown / known:.3f}\n")


if __name__ == "__main__":
    main()
