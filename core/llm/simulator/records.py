"""What was asked of the simulator, so that tests can prove it. Secrets are never kept: a salted fingerprint stands for each."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

from core.llm.simulator.formats.base import to_json
from core.llm.simulator.parser import Request
from core.llm.simulator.question import Question

#: Records, characters of a text and bytes of the parameters that are kept.
RECORDS = 1_000
TEXT_LIMIT = 4_000
PARAMETERS_LIMIT = 8_000
_HEADER_LIMIT = 500

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"})
_SECRET_PARTS = ("key", "token", "secret", "password")


@dataclass(slots=True)
class RequestRecord:
    """One request. It grows while the answer is sent.

    `headers`: names in lower case, secrets replaced by "#" and a fingerprint (see `RequestLog.fingerprint`). `tokens_sent`:
    deltas handed to the connection so far. `finished`: the answer was sent to its end, as the model wanted it.
    `disconnected`: the client left before that (or the simulator was stopped). `connection`: which one it came on, from 1: the next
    request on it proves that the client had read this answer. `ended`: when the answer's last byte was handed over, or the client left.
    """

    time: datetime
    protocol: str
    method: str
    path: str
    headers: dict[str, str]
    model: str = ""
    message_count: int = 0
    system: str = ""
    last_user_text: str = ""
    stream: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    tokens_sent: int = 0
    finished: bool = False
    disconnected: bool = False
    connection: int = 0
    ended: datetime | None = None

    def describe(self, question: Question) -> None:
        """Take over what was asked."""
        self.model = question.name
        self.message_count = len(question.turns) + bool(question.system)
        self.system = question.system[:TEXT_LIMIT]
        self.last_user_text = question.text[:TEXT_LIMIT]
        self.stream = question.stream
        size = len(to_json(question.parameters))
        self.parameters = question.parameters if size <= PARAMETERS_LIMIT else {"left_out_bytes": size}


class RequestLog:
    """The last `limit` requests, and how many there were in all."""

    def __init__(self, limit: int = RECORDS) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=limit)
        self._salt = secrets.token_bytes(16)
        self.total = 0

    def __iter__(self) -> Any:
        return iter(self._records)

    def fingerprint(self, secret: str) -> str:
        """What stands for `secret` in the records of this log; another log has another salt."""
        return "#" + blake2b(secret.encode(errors="surrogatepass"), key=self._salt, digest_size=6).hexdigest()

    def begin(self, request: Request, protocol: str, moment: datetime, connection: int = 0) -> RequestRecord:
        """A record of a request that has just come."""
        record = RequestRecord(moment, protocol, request.method, request.path[:_HEADER_LIMIT], self._without_secrets(request.headers))
        record.connection = connection
        self._records.append(record)
        self.total += 1
        return record

    def _without_secrets(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self.fingerprint(key_in(name, value)) if _is_secret(name) else value[:_HEADER_LIMIT] for name, value in headers.items()
        }

    def as_json(self) -> bytes:
        """All records, oldest first."""
        requests = [
            asdict(record) | {"time": record.time.isoformat(), "ended": record.ended.isoformat() if record.ended else None}
            for record in self._records
        ]
        return to_json({"total": self.total, "requests": requests})


def _is_secret(name: str) -> bool:
    return name in _SECRET or any(part in name for part in _SECRET_PARTS)


def key_in(name: str, value: str) -> str:
    """The key itself in a header's value: what follows Bearer."""
    return value[7:].strip() if name == "authorization" and value[:7].lower() == "bearer " else value
