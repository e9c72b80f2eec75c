from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.datasets.check_process import check
from core.datasets.records import problems_in, summary_of
from core.datasets.rewrite_process import Rewriting
from core.datasets.types import CheckSummary, Problem
from core.settings import AuthSettings, load_settings

PASSWORD = "correct horse 7 battery"


def checked(path: Path, **request: Any) -> tuple[CheckSummary, list[Problem]]:
    """What the check of a file says, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        told = check({"path": str(path), "out": folder} | request, lambda _done, _tally: None)
        msgspec.json.encode(told)
        return summary_of(told), list(problems_in(Path(folder), str(path)))


def repaired(path: Path, **request: Any) -> tuple[Path, dict[str, Any]]:
    """The file that repair writes, beside the first, and what was done."""
    summary, problems = checked(path)
    del summary
    without = sorted({problem.fields["key"] for problem in problems if problem.rule in ("column_type", "late_column")})
    out = Path(tempfile.mkdtemp(dir=path.parent))
    done = Rewriting({"kind": "repair", "path": str(path), "out": str(out), "without": without} | request).run()
    return (out / "first").rename(out / f"repaired.{done['kind']}"), done


@pytest_asyncio.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
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
