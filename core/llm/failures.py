"""What went wrong at a provider, as the typed errors of core/errors.py: HTTP statuses, error bodies, and the network's exceptions.

Every message is the provider's own text, on one line, without control characters, cut to 500 characters, and without the key.
Where one error has several causes, the field `reason` tells them apart:

| error | reasons |
| --- | --- |
| ConnectionRefused | refused (nobody listens), unreachable (no way there), timeout (no answer to the knock) |
| AddressNotAllowed | inner (an administrator may allow it), never (nobody may) |
| TlsFailed | certificate (message: what is wrong with it), not_tls (the port speaks something else), handshake |
| Unauthorized | key_not_ascii (never sent: no key has such characters), else None: the provider refused the key |
| BadRequest | redirect (with `location`), not_json (extra parameters that cannot be sent), bad_request_made, else None |
| ProviderFault | not_http, encoding (a compression nobody asked for), garbled (nonsense in mid-stream), else None |
| NotAStream | no_list (a model list was expected), else None |
| StreamTruncated, ConnectionLost | connection_closed; broken, no_answer (before anything came) |
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core import errors
from core.sanitise import one_line

MESSAGE_LIMIT = 500
#: A longer Retry-After is taken for a mistake.
_LONGEST_WAIT_S = 24 * 3600.0
_SHORTEST_KEY = 4
#: anyio's names for a connection that the other side ended.
_HUNG_UP = frozenset({"EndOfStream", "BrokenResourceError", "ClosedResourceError"})
_MESSAGE_FIELDS = ("error", "message", "detail", "msg", "error_msg", "errors", "type")
#: A script without its end reaches to the end of the text: else every "<script" would be looked for an end of its own.
_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^<>]*>", re.DOTALL | re.IGNORECASE)

_BY_STATUS: dict[int, type[errors.ProviderError]] = {
    401: errors.Unauthorized,
    403: errors.AccessDenied,
    404: errors.ModelNotFound,
    408: errors.ProviderFault,
    429: errors.RateLimited,
}
#: Words of error types and codes in use; the first that is found decides. Anything else inside a 200 is the provider's fault.
_BY_WORD: tuple[tuple[str, type[errors.ProviderError]], ...] = (
    ("rate_limit", errors.RateLimited),
    ("too_many_requests", errors.RateLimited),
    ("authentication", errors.Unauthorized),
    ("invalid_api_key", errors.Unauthorized),
    ("permission", errors.AccessDenied),
    ("model_not_found", errors.ModelNotFound),
    ("not_found", errors.ModelNotFound),
    ("invalid_request", errors.BadRequest),
    ("badrequest", errors.BadRequest),
    ("context_length", errors.BadRequest),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer comes from: the fields that every error about it carries. The secret is only ever removed from texts."""

    provider: str
    endpoint: str
    model: str = ""
    secret: str | None = field(default=None, repr=False)

    def error(self, kind: type[errors.ProviderError], *, message: str | None = None, **fields: Any) -> errors.ProviderError:
        """The error, with the provider's text made fit to be shown."""
        return kind(
            provider=self.provider,
            model=self.model or None,
            endpoint=self.endpoint,
            message=self.clean(message) if message else None,
            **fields,
        )

    def clean(self, text: str) -> str:
        """`text` of the provider on one line, without the key, at most MESSAGE_LIMIT characters."""
        if self.secret and len(self.secret) >= _SHORTEST_KEY:
            text = text.replace(self.secret, "•••")
        return one_line(text, MESSAGE_LIMIT)


def from_status(origin: Origin, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> errors.ProviderError:
    """The error of an HTTP answer that is none: 3xx, 4xx or 5xx. Redirects are never followed, since they could lead anywhere."""
    wait = retry_after_s(headers.get("retry-after"), now)
    if 300 <= status < 400:
        target = headers.get("location", "").partition("?")[0].partition("#")[0]
        return origin.error(errors.BadRequest, status=status, reason="redirect", location=origin.clean(target) or None)
    kind = _BY_STATUS.get(status) or (errors.BadRequest if status < 500 else errors.ProviderFault)
    return origin.error(kind, message=message_of(body), status=status, retry_after_s=wait)


def from_error_value(origin: Origin, value: Any, *, status: int = 200) -> errors.ProviderError:
    """The error that stands inside an answer with status 200: by its code or type where that says something, else a fault."""
    words = ""
    code = None
    if isinstance(value, dict):
        code = _status_code(value.get("code")) or _status_code(value.get("status"))
        words = " ".join(str(value.get(name, "")) for name in ("type", "code", "status")).lower()
    kind: type[errors.ProviderError] = errors.ProviderFault
    if code is not None:
        kind = _BY_STATUS.get(code) or (errors.BadRequest if code < 500 else errors.ProviderFault)
    else:
        kind = next((kind for word, kind in _BY_WORD if word in words), kind)
    return origin.error(kind, message=text_of_error(value), status=code or status)


def _status_code(value: Any) -> int | None:
    """`value` as an HTTP error status, if it is one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else None


def message_of(body: bytes) -> str:
    """What a person should read of an error body: the message inside JSON, the text of HTML, or the text as it is."""
    text = body.decode("utf-8", "replace").strip()
    if text.startswith(("{", "[")):
        try:
            return text_of_error(json.loads(text, strict=False))
        except (ValueError, RecursionError):
            return text
    if text.startswith("<"):
        return _MARKUP.sub(" ", text)
    return text


def text_of_error(value: Any) -> str:
    """The message in the error shapes in use: a string, {"error": ...}, {"message": ...}, {"detail": ...}, {"msg": ...}, lists of them."""
    for _ in range(6):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            found = next((value[name] for name in _MESSAGE_FIELDS if value.get(name)), None)
            if found is None:
                break
            value = found
        else:
            break
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)[: 2 * MESSAGE_LIMIT]


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a Retry-After header (seconds or an HTTP date, RFC 9110, 10.2.3); None if absent, absurd or unreadable."""
    if not value:
        return None
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - now).total_seconds())
    return seconds if 0 <= seconds <= _LONGEST_WAIT_S else None


def from_exception(origin: Origin, error: BaseException, *, silence_s: float, streaming: bool) -> errors.ProviderError:
    """The error of an exception of httpx, httpcore or the network. `streaming`: the answer's head had already come."""
    import httpx

    causes = tuple(_chain(error))
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return origin.error(errors.StreamStalled, after_s=silence_s)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return origin.error(errors.ConnectionRefused, reason="timeout")
    if isinstance(error, httpx.ConnectError):
        return _not_connected(origin, causes)
    if isinstance(error, httpx.RemoteProtocolError):
        if streaming:
            return origin.error(errors.StreamTruncated, reason="connection_closed")
        if "disconnected" in str(error):
            return origin.error(errors.ConnectionLost, reason="no_answer")
        return origin.error(errors.ProviderFault, reason="not_http", message=str(error))
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return origin.error(errors.BadRequest, reason="bad_request_made", message=str(error))
    return origin.error(errors.ConnectionLost, reason="broken")


def _not_connected(origin: Origin, causes: tuple[BaseException, ...]) -> errors.ProviderError:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return origin.error(errors.TlsFailed, reason="certificate", message=cause.verify_message)
        if isinstance(cause, ssl.SSLError):
            reason = "not_tls" if cause.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"} else "handshake"
            return origin.error(errors.TlsFailed, reason=reason, message=cause.reason)
        if isinstance(cause, socket.gaierror):
            return origin.error(errors.NameNotResolved)
    hung_up = any(isinstance(cause, ConnectionResetError) or type(cause).__name__ in _HUNG_UP for cause in causes)
    if hung_up and origin.endpoint.startswith("https:"):
        return origin.error(errors.TlsFailed, reason="handshake")
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    return origin.error(errors.ConnectionRefused, reason="refused" if refused else "unreachable")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what caused it, down to the first cause; exception groups are looked into."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        current = queue.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            queue.extend(current.exceptions)
        queue.append(current.__cause__)
        queue.append(current.__context__)
