"""Queries over messages. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class MessageRepository(Repository):
    """See the module."""
