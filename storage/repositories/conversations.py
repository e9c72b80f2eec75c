"""Queries over conversations. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class ConversationRepository(Repository):
    """See the module."""
