"""One installation per language, made once, with a clock that stands still; each snapshot is taken on a copy of it."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

import core
from core.auth.kept import KeptSession
from core.auth.principal import Origin
from core.bootstrap import Services, build_services
from core.clock import Clock
from core.installation import DATABASE_FILE
from core.settings import AuthSettings, Settings, load_settings
from storage.unit_of_work import UnitOfWork
from tui import local
from tui.app import ModeltrainApp
from tui.i18n import Locale
from tui.session import Terminal

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from demo import EMAIL, PASSWORD, make

#: A Saturday noon, so that the conversations before it fall on other weekdays.
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC).timestamp()
STILL = Clock(wall=lambda: NOW)
#: Figures would otherwise say how fast the machine was that made the answers.
FIGURES = (
    "UPDATE messages SET ttft_ms = 420, ttfa_ms = 420, total_ms = 4200 WHERE total_ms IS NOT NULL",
    "UPDATE messages SET ttfa_ms = 6420, total_ms = 9200, reasoning_ms = 6000 WHERE reasoning_ms IS NOT NULL",
    "UPDATE messages SET ttft_ms = 180, ttfa_ms = 180, total_ms = 2600 WHERE reasoning_ms IS NULL AND total_ms IS NOT NULL "
    "AND conversation_id IN (SELECT id FROM conversations WHERE kind = 'compare')",
    "UPDATE batch_answers SET ttft_ms = 90 + (ordinal * 37) % 240, total_ms = 400 + (ordinal * 97) % 1700 WHERE total_ms IS NOT NULL",
)

MakeApp = Callable[[str, str, bool], ModeltrainApp]


def settings_of(folder: Path) -> Settings:
    return replace(load_settings(folder, {}), auth=AuthSettings(bcrypt_cost=4))


async def furnish(folder: Path, language: str) -> None:
    """The installation of the pictures, with the same figures under every answer, and Ann kept signed in."""
    settings = settings_of(folder)
    await make(settings, language, now=lambda: NOW, hurry=True)
    services = await build_services(settings, clock=STILL)
    try:
        signed_in = await services.accounts.sign_in(EMAIL, PASSWORD, origin=Origin("local"))
        await services.accounts.update_profile(signed_in.principal, time_zone="UTC")
        KeptSession(folder).save(signed_in.refresh_token)
        await services.store.write(_same_figures)
    finally:
        await services.close()


def _same_figures(uow: UnitOfWork) -> None:
    for statement in FIGURES:
        uow.session.execute(text(statement))


def _move(folder: Path, before: Path, after: Path) -> None:
    """The files of datasets are where the copy is."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE_FILE)) as database, database:
        database.execute("UPDATE dataset_versions SET path = replace(path, ?, ?)", (str(before.resolve()), str(after.resolve())))


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the installation in a language; copy it."""
    made: dict[str, Path] = {}

    def of(language: str) -> Path:
        if language not in made:
            folder = tmp_path_factory.mktemp(f"furnished-{language}") / "data"
            asyncio.run(furnish(folder, language))
            made[language] = folder
        return made[language]

    return of


@pytest.fixture
def make_app(furnished: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    """Makes the application in a language and a theme; `fresh`: on a new installation; else with Ann signed in."""
    # What a screen says of this machine and this version is the same everywhere and always.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(core, "__version__", "1.2.3")
    monkeypatch.setattr(platform, "python_version", lambda: "3.11.0")

    def app(language: str, theme: str, fresh: bool) -> ModeltrainApp:
        folder = Path("data")
        if fresh:
            folder.mkdir(mode=0o700)
        else:
            shutil.copytree(furnished(language), folder)
            _move(folder, furnished(language), folder)
        local.save(folder, language=language, theme=theme)
        settings = replace(settings_of(folder), data_dir=folder)

        async def build() -> Services:
            return await build_services(settings, clock=STILL)

        return ModeltrainApp(settings, build, locale=Locale(language), terminal=Terminal(kind="local"))

    return app
