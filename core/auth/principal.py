"""Principal: who asks. Every service method takes one first, and every query names its owner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.errors import Forbidden, NotFound


class Role(StrEnum):
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a sign-in comes from. `address` is "" for a local terminal, else the peer's IP address."""

    kind: Literal["local", "ssh", "shell"] = "local"
    address: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in account, or the operator: the OS account that owns the data folder, acting from the shell.

    `user_id` is "" for the operator, who may administer accounts but owns no conversations. `session_id` names the sign-in
    (it can be revoked); "" for `--as` in the shell. `served`: reached over SSH, so addresses of the inner network are guarded.
    """

    user_id: str
    nickname: str
    email: str
    role: Role
    session_id: str = ""
    origin: Origin = Origin()
    served: bool = False

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def is_operator(self) -> bool:
        return not self.user_id

    def require_admin(self, action: str) -> None:
        """Raise Forbidden unless this is an administrator or the operator."""
        if not self.is_admin:
            raise Forbidden(action=action)

    def require_user(self, action: str) -> str:
        """The user id, or Forbidden for the operator, who is nobody in particular."""
        if not self.user_id:
            raise Forbidden(action=action)
        return self.user_id

    def require_owner(self, owner_id: str, kind: str, reference: str) -> None:
        """Raise the same NotFound as an unknown id unless the thing is this principal's own."""
        if not self.user_id or owner_id != self.user_id:
            raise NotFound(kind=kind, reference=reference)


def operator(name: str) -> Principal:
    """The principal of the OS account that owns the data folder; `name` is its login name, for the audit."""
    return Principal(user_id="", nickname=name, email="", role=Role.ADMIN, origin=Origin("shell"))
