"""Queries over ssh keys. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class SshKeyRepository(Repository):
    """See the module."""
