"""Queries over configurations. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class ConfigurationRepository(Repository):
    """See the module."""
