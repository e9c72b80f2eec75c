"""Queries over providers. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class ProviderRepository(Repository):
    """See the module."""
