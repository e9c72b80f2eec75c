"""Somebody's files on the real disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.auth.principal import Principal, Role
from core.files.area import UserArea
from core.files.service import UserFiles

QUOTA = 1_000_000


@pytest.fixture
def ann() -> Principal:
    return Principal("a" * 32, "ann", "ann@example.org", Role.USER)


@pytest.fixture
def bob() -> Principal:
    return Principal("b" * 32, "bob", "bob@example.org", Role.USER)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[UserFiles]:
    made = UserFiles(tmp_path / "data", QUOTA, reserve=0)
    yield made
    made.close()


@pytest.fixture
def area(files: UserFiles, ann: Principal) -> UserArea:
    files.folder(ann)
    return files.area(ann)
