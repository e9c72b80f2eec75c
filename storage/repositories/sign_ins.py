"""Queries over sign ins. Never commits; every query names the owner."""

from __future__ import annotations

from storage.repositories.base import Repository


class SignInRepository(Repository):
    """See the module."""
