"""Every error that core raises, in one tree. Each has a stable code and plain fields; tui/errors.py writes the sentence.

ModeltrainError                      code, fields
├── InvalidInput                     a value given by a person is wrong: `field` says which, `rule` says how
├── NotFound                         no such thing, or not yours: one answer for both
├── Forbidden                        the role does not allow it
├── Conflict                         taken, or changed by somebody else in the meantime
├── QuotaExceeded                    an account's files would take more than they may
├── AuthError
│   ├── SignInRefused                no such account or wrong password: one answer for both
│   ├── AccountDisabled
│   ├── TooManyAttempts              retry_after_s
│   ├── SecondFactorNeeded           the password is right; a code is asked for next: `challenge`
│   ├── CodeRefused                  a wrong or used one-time or recovery code
│   ├── ChallengeEnded               too late, or too many wrong codes: the sign-in begins anew
│   ├── TooManySessions              commands and file transfers over SSH at once: limit
│   ├── SessionEnded                 signed out, revoked, expired
│   ├── PasswordNeeded               a sensitive action asks for the password again
│   └── RegistrationClosed
├── StorageError
│   ├── DatabaseBusy                 locked for longer than we wait
│   ├── DatabaseReadOnly
│   ├── DatabaseUnreachable
│   ├── DiskFull
│   ├── DatabaseTooNew               made by a newer program
│   ├── DatabaseDamaged
│   ├── MasterKeyMissing
│   └── SecretUnreadable             a secret does not decrypt: wrong key or moved row
├── ProviderError                    status, provider, model, endpoint, retry_after_s, partial
│   ├── NameNotResolved
│   ├── ConnectionRefused
│   ├── TlsFailed
│   ├── AddressNotAllowed            the endpoint check refused the address
│   ├── Unauthorized                 401
│   ├── AccessDenied                 403
│   ├── ModelNotFound                404
│   ├── RateLimited                  429
│   ├── BadRequest                   400 and other 4xx
│   ├── ProviderFault                5xx, or an error inside a 200
│   ├── NotAStream                   JSON or HTML where a stream was expected
│   ├── EmptyStream                  200 without one event
│   ├── StreamTruncated              the stream ended without its end
│   ├── StreamStalled                nothing came for the time allowed
│   ├── ResponseTooLarge
│   ├── ConnectionLost               the network broke in mid-answer
│   └── ImagesNotSeen                the question has images and the model takes none
├── AnswerInterrupted                this program ended while it was receiving an answer
└── EnvironmentProblem               port taken, folder not writable, ... : `what` says which
"""

from __future__ import annotations

from typing import Any, ClassVar


class ModeltrainError(Exception):
    """The root. `code` is stable and may be quoted; `fields` are plain values for the sentence, never secrets."""

    code: ClassVar[str] = "error"

    def __init__(self, **fields: Any) -> None:
        self.fields: dict[str, Any] = fields
        super().__init__(self.code)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields.items() if value is not None)
        return f"{self.code} ({shown})" if shown else self.code

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.fields))


def _rebuild(kind: type[ModeltrainError], fields: dict[str, Any]) -> ModeltrainError:
    return kind(**fields)


class InvalidInput(ModeltrainError):
    """`field`: the name of the input; `rule`: too_short, too_long, taken, not_an_email, out_of_range, ...; more fields by rule."""

    code = "invalid_input"

    def __init__(self, field: str, rule: str, **fields: Any) -> None:
        super().__init__(field=field, rule=rule, **fields)
        self.field = field
        self.rule = rule

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.fields))


class NotFound(ModeltrainError):
    """`kind`: conversation, configuration, user, ...; `reference`: what was asked for."""

    code = "not_found"


class Forbidden(ModeltrainError):
    """`action`: what was tried."""

    code = "forbidden"


class Conflict(ModeltrainError):
    """`what`: what is in the way."""

    code = "conflict"


class QuotaExceeded(ModeltrainError):
    """`used` and `limit` in bytes; or `entries`: how many files and folders there may be."""

    code = "quota_exceeded"


class AuthError(ModeltrainError):
    code = "auth"


class SignInRefused(AuthError):
    code = "sign_in_refused"


class AccountDisabled(AuthError):
    code = "account_disabled"


class TooManyAttempts(AuthError):
    """`retry_after_s`: seconds until the next try is looked at."""

    code = "too_many_attempts"


class SecondFactorNeeded(AuthError):
    """`challenge`: what `answer_challenge` takes with the code. It is kept out of the fields: it proves that the password was right."""

    code = "second_factor_needed"

    def __init__(self, challenge: str = "") -> None:
        super().__init__()
        self.challenge = challenge

    def __reduce__(self) -> tuple[Any, ...]:
        return (SecondFactorNeeded, (self.challenge,))


class CodeRefused(AuthError):
    """`tries_left`: how many more codes this sign-in takes."""

    code = "code_refused"


class ChallengeEnded(AuthError):
    code = "challenge_ended"


class TooManySessions(AuthError):
    """`limit`: how many connections for commands and file transfers one account may have at once."""

    code = "too_many_sessions"


class SessionEnded(AuthError):
    """`why`: signed_out, revoked, expired, reused, disabled, password_changed, too_many_sessions."""

    code = "session_ended"


class PasswordNeeded(AuthError):
    code = "password_needed"


class RegistrationClosed(AuthError):
    code = "registration_closed"


class StorageError(ModeltrainError):
    code = "storage"


class DatabaseBusy(StorageError):
    code = "database_busy"


class DatabaseReadOnly(StorageError):
    code = "database_read_only"


class DatabaseUnreachable(StorageError):
    code = "database_unreachable"


class DiskFull(StorageError):
    code = "disk_full"


class DatabaseTooNew(StorageError):
    """`found`: the revision in the database; `known`: the newest this program knows."""

    code = "database_too_new"


class DatabaseDamaged(StorageError):
    code = "database_damaged"


class MasterKeyMissing(StorageError):
    """`source`: where the key was looked for (a path or a variable's name, never a key)."""

    code = "master_key_missing"


class SecretUnreadable(StorageError):
    code = "secret_unreadable"


class ProviderError(ModeltrainError):
    """An answer that did not come. `message` is the provider's own text, hostile until sanitised, at most 500 characters."""

    code = "provider_error"

    @property
    def retryable(self) -> bool:
        """Whether asking again without a change may help."""
        return self.code in {
            "connection_refused", "rate_limited", "provider_fault", "empty_stream", "stream_truncated", "stream_stalled", "connection_lost",
            "name_not_resolved",
        }  # fmt: skip


class NameNotResolved(ProviderError):
    code = "name_not_resolved"


class ConnectionRefused(ProviderError):
    code = "connection_refused"


class TlsFailed(ProviderError):
    code = "tls_failed"


class AddressNotAllowed(ProviderError):
    code = "address_not_allowed"


class Unauthorized(ProviderError):
    code = "unauthorized"


class AccessDenied(ProviderError):
    code = "access_denied"


class ModelNotFound(ProviderError):
    code = "model_not_found"


class RateLimited(ProviderError):
    """`retry_after_s`: seconds asked for by the provider, or None."""

    code = "rate_limited"


class BadRequest(ProviderError):
    code = "bad_request"


class ProviderFault(ProviderError):
    code = "provider_fault"


class NotAStream(ProviderError):
    code = "not_a_stream"


class EmptyStream(ProviderError):
    code = "empty_stream"


class StreamTruncated(ProviderError):
    code = "stream_truncated"


class StreamStalled(ProviderError):
    """`after_s`: seconds of silence that were allowed."""

    code = "stream_stalled"


class ResponseTooLarge(ProviderError):
    """`limit`: bytes that are accepted."""

    code = "response_too_large"


class ConnectionLost(ProviderError):
    code = "connection_lost"


class ImagesNotSeen(ProviderError):
    """The question has images and the model does not see: it is not even asked. `model`: its name."""

    code = "images_not_seen"


class AnswerInterrupted(ModeltrainError):
    """Found at the next start: the process that received the answer is gone. What it had saved is kept."""

    code = "answer_interrupted"


class EnvironmentProblem(ModeltrainError):
    """`what`: port_taken, folder_not_writable, not_a_terminal, ...; more fields by kind."""

    code = "environment"


#: Provider errors that mean "could not be reached at all" (exit status 5 in the shell).
UNREACHABLE = (NameNotResolved, ConnectionRefused, TlsFailed, AddressNotAllowed)
