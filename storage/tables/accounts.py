"""Accounts: users, their sign-ins, refresh tokens, keys, the throttle, and the audit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from storage.tables.base import KeyText, exact, moment, primary_key, reference, text


class User(SQLModel, table=True):
    """An account. `email` is lower-cased; `nickname_key` is the nickname normalised (NFKC, casefold) for uniqueness.
    A nickname of 50 characters as people see them may have 200 code points, and its key three times as many.

    `epoch` counts the times that all sessions were ended: a token made before says a smaller number. `revision` counts whatever a
    process that serves the account must hear of: a session ended, or who it is has changed. A count, so that no clock can hide it.
    """

    __tablename__ = "users"

    id: str = primary_key()
    email: str = Field(sa_type=exact(254), unique=True)
    nickname: str = Field(sa_type=exact(200))
    nickname_key: str = Field(sa_type=exact(600), unique=True)
    password_hash: str = Field(sa_type=exact(200))
    role: str = Field(max_length=16)
    epoch: int = 0
    revision: int = Field(default=0, sa_type=BigInteger, nullable=False)
    disabled_at: int | None = moment(null=True)
    must_change_password: bool = False
    language: str = Field(default="", max_length=16)
    theme: str = Field(default="", max_length=40)
    time_zone: str = Field(default="", max_length=64)
    preferences: str = text()
    default_configuration_id: str | None = Field(default=None, sa_type=KeyText, nullable=True)
    last_sign_in_at: int | None = moment(null=True)
    last_sign_in_from: str = Field(default="", max_length=64)
    created_at: int = moment()
    updated_at: int = moment()


class Session(SQLModel, table=True):
    """One sign-in, the family of its refresh tokens. `kind`: local, ssh or shell. `ended_because`: see errors.SessionEnded.

    `served`: it lives by its SSH connection, has no tokens, and `expires_at` is a lease that the worker prolongs: past it, the session
    counts for no limit. `counted` is False until a connection's first channel says what it is.
    """

    __tablename__ = "sessions"

    id: str = primary_key()
    user_id: str = reference("users.id")
    epoch: int = 0
    kind: str = Field(max_length=8)
    address: str = Field(default="", max_length=64)
    created_at: int = moment()
    last_seen_at: int = moment()
    expires_at: int = moment(index=True)
    ended_at: int | None = moment(null=True)
    ended_because: str = Field(default="", max_length=24)
    served: bool = False
    counted: bool = True


class KnownAddress(SQLModel, table=True):
    """An address that an account was signed in from, and when last. It outlives the sessions."""

    __tablename__ = "known_addresses"

    user_id: str = reference("users.id", primary=True)
    address: str = Field(sa_type=exact(64), primary_key=True)
    seen_at: int = moment()


class RefreshToken(SQLModel, table=True):
    """`id` is the token's jti; only the SHA-256 of the token is kept. `used_at` set: presenting it again ends the session."""

    __tablename__ = "refresh_tokens"

    id: str = primary_key()
    session_id: str = reference("sessions.id")
    token_hash: str = Field(sa_type=exact(64), unique=True)
    created_at: int = moment()
    expires_at: int = moment(index=True)
    used_at: int | None = moment(null=True)


class SignInThrottle(SQLModel, table=True):
    """Counters of one account or one address. `key`: "account:" or "address:" and a SHA-256. Changed by whoever holds the row's lock.

    `failures` includes the tries `under_way`, which are settled by `under_way_until`. See core/auth/counters.py.
    """

    __tablename__ = "sign_in_throttle"

    key: str = Field(sa_type=exact(80), primary_key=True)
    window_started_at: int = moment()
    attempts: int = 0
    failures: int = 0
    locked_until: int = Field(default=0, sa_type=BigInteger, nullable=False)
    updated_at: int = moment(index=True)
    under_way: int = 0
    under_way_until: int = Field(default=0, sa_type=BigInteger, nullable=False)
    failed_at: int = Field(default=0, sa_type=BigInteger, nullable=False)


class SshKey(SQLModel, table=True):
    """A public key. `fingerprint` ("SHA256:...") belongs to one account only."""

    __tablename__ = "ssh_keys"

    id: str = primary_key()
    user_id: str = reference("users.id")
    name: str = Field(sa_type=exact(100))
    kind: str = Field(max_length=64)
    public_key: str = text()
    fingerprint: str = Field(sa_type=exact(64), unique=True)
    created_at: int = moment()
    last_used_at: int | None = moment(null=True)


class SecondFactor(SQLModel, table=True):
    """The one-time codes (TOTP) of an account. `secret` is sealed; `enabled_at` is None until its owner has typed a code.

    `last_step`: the newest time step whose code was accepted (Unix time / 30 s): no code is accepted twice.
    """

    __tablename__ = "second_factors"

    user_id: str = reference("users.id", primary=True)
    secret: str = text()
    created_at: int = moment()
    enabled_at: int | None = moment(null=True)
    last_step: int = Field(default=0, sa_type=BigInteger, nullable=False)


class RecoveryCode(SQLModel, table=True):
    """A code that is good once in place of a one-time code. Only a keyed hash of it is kept, under the secret of the second factor."""

    __tablename__ = "recovery_codes"

    id: str = primary_key()
    user_id: str = reference("users.id")
    code_hash: str = Field(sa_type=exact(64))
    created_at: int = moment()
    used_at: int | None = moment(null=True)


class AuditEvent(SQLModel, table=True):
    """Who did what to what, from where, when. Rows outlive the accounts they name, so nothing here is a foreign key."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_actor_id_at", "actor_id", "at"),)

    id: str = primary_key()
    at: int = moment(index=True)
    actor_id: str = Field(default="", sa_type=KeyText)
    actor_name: str = Field(default="", sa_type=exact(100))
    action: str = Field(max_length=64, index=True)
    subject_kind: str = Field(default="", max_length=32)
    subject_id: str = Field(default="", sa_type=KeyText)
    address: str = Field(default="", max_length=64)
    details: str = text()
