from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.settings import AuthSettings, load_settings

PASSWORD = "correct horse 7 battery"


@pytest_asyncio.fixture
async def services(tmp_path: Path, installed: Path) -> AsyncIterator[Services]:
    await asyncio.to_thread(shutil.copytree, installed, tmp_path / "data")
    settings = replace(load_settings(tmp_path / "data", {}), auth=AuthSettings(bcrypt_cost=4))
    built = await build_services(settings)
    try:
        yield built
    finally:
        await built.close()


@pytest_asyncio.fixture
async def ann(services: Services) -> Principal:
    await services.accounts.add_user(operator("owner"), "ann@example.org", "ann", PASSWORD)
    return await services.accounts.principal_for(operator("owner"), "ann@example.org")


@pytest_asyncio.fixture
async def bob(services: Services) -> Principal:
    await services.accounts.add_user(operator("owner"), "bob@example.org", "bob", PASSWORD)
    return replace(await services.accounts.principal_for(operator("owner"), "bob@example.org"), served=True)
