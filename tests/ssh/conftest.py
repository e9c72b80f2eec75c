"""Served installations, see tests/ssh/served.py."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.settings import AuthSettings, Settings, load_settings
from tests.ssh.served import Served, ServeProcess, serve_process, serving_here, settle


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the accounts ann (administrator) and bob; copy it."""
    folder = tmp_path_factory.mktemp("settled") / "data"
    asyncio.run(settle(replace(load_settings(folder, {}), auth=AuthSettings(bcrypt_cost=4))))
    return folder


@pytest.fixture
def peopled(settled: Path, data_dir: Path) -> Path:
    """The data folder of this test, with ann and bob."""
    shutil.copytree(settled, data_dir)
    return data_dir


@pytest.fixture
def served_settings(settings: Settings, peopled: Path) -> Settings:
    """Settings as a worker has them."""
    return replace(settings, served=True)


@pytest.fixture
def client_folder(tmp_path: Path) -> Path:
    """For the files of clients."""
    folder = tmp_path / "client"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def served(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker in a thread, without a spawner of commands."""
    with serving_here(served_settings, client_folder) as here:
        yield here


@pytest.fixture
def served_with_commands(served_settings: Settings, client_folder: Path) -> Iterator[Served]:
    """A worker in a thread, and a spawner that runs commands."""
    with serving_here(served_settings, client_folder, commands=True) as here:
        yield here


@pytest.fixture
def serve(peopled: Path, client_folder: Path) -> Iterator[ServeProcess]:
    """`modeltrain serve` with two workers as a process of its own."""
    with serve_process(peopled, client_folder, "--workers", "2") as process:
        yield process
