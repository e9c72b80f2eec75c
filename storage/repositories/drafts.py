"""Queries over drafts. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class DraftRepository(Repository):
    """See the module."""
