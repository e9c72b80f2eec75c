"""Queries over settings. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class SettingRepository(Repository):
    """See the module."""
