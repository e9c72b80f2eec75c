"""Secrets at rest (interface; see Storage helper)."""

from __future__ import annotations

from sqlmodel import Session


class SecretBox:
    """Encrypts with AES-256-GCM under a wrapped data key; the row's identity is the associated data."""

    def on(self, session: Session) -> SecretBox:
        """The same box reading its data keys through `session`."""
        raise NotImplementedError

    def seal(self, plain: str, identity: str) -> str:
        """An envelope of `plain` that opens only with the same `identity`, for example "configurations/<id>/key"."""
        raise NotImplementedError

    def open(self, envelope: str, identity: str) -> str:
        """What was sealed. Raises Undecryptable."""
        raise NotImplementedError
