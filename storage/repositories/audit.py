"""Queries over audit. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class AuditRepository(Repository):
    """See the module."""
