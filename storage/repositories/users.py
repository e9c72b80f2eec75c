"""Queries over users. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class UserRepository(Repository):
    """See the module."""
