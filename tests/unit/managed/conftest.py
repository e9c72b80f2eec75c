"""Managed services over real processes: a small Python server stands in for model servers and dashboards."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.managed.types import ServiceRequest, ServiceSpec
from core.processes import stop
from core.settings import Settings

CHILD = Path(__file__).with_name("child.py")
PASSWORD = "correct horse 7 battery"


def request(*words: str, name: str = "one", ready_within_s: float = 30.0, port_pattern: str = "", port: int = 0) -> ServiceRequest:
    spec = ServiceSpec(
        argv=(sys.executable, "-I", str(CHILD), "{port}", *words),
        environment={"THE_KEY": "{key}"},
        files={"about.txt": "{host} {port} {key} {other}"},
        health_path="/health",
        health_key=True,
        port_pattern=port_pattern,
        ready_within_s=ready_within_s,
    )
    return ServiceRequest("swanlab", name, spec, {"what": "a test"}, key="sesame", port=port)


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    built = await build_services(settings)
    try:
        yield built
    finally:
        # Also where a test failed half way, or closed them: nothing is left running.
        for folder in (settings.data_dir / "services").glob("*/*"):
            await stop(folder, grace_s=1.0)
        await built.close()


@pytest_asyncio.fixture
async def ann(services: Services) -> Principal:
    return (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal


@pytest.fixture
def settings_of_another(settings: Settings) -> Settings:
    return settings
