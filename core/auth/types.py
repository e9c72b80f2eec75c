"""What the account services hand out: plain values, safe to show. Tokens are kept out of every repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.auth.principal import Principal, Role


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that succeeded. Over SSH the tokens are "": the connection is the proof.

    `previous_*`: the sign-in before this one; `previous_address` is "" for a local terminal.
    `new_address`: this account was never signed in from this address before, though it was from others.
    """

    principal: Principal
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    previous_sign_in: datetime | None
    previous_address: str
    new_address: bool
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as its owner and administrators see it. "" for language, theme and time zone: not chosen."""

    user_id: str
    email: str
    nickname: str
    role: Role
    language: str
    theme: str
    time_zone: str
    preferences: Mapping[str, Any]
    created_at: datetime
    last_sign_in_at: datetime | None
    last_sign_in_from: str
    default_configuration_id: str | None
    disabled: bool
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A sign-in that goes on. `kind`: local, ssh or shell. `current`: the one that asks."""

    id: str
    kind: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Whether an account asks for a code after the password. `since`: None where it does not."""

    enabled: bool
    since: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor being set up: the secret in base32, for those who type it, and the URI of the QR code, which holds it too."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SshKeyInfo:
    """A public key. `kind`: its OpenSSH name, for example "ssh-ed25519"; `fingerprint`: as ssh-keygen -l shows it."""

    id: str
    name: str
    kind: str
    fingerprint: str
    public_key: str
    created_at: datetime
    last_used_at: datetime | None
