"""Which path is answered how: chats, lists of models, the request log; and every refusal in the words of its format."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import unquote

from core import __version__
from core.clock import Clock
from core.llm.simulator.catalogue import BY_NAME
from core.llm.simulator.compose import compose
from core.llm.simulator.delivery import Delivery, Sleep
from core.llm.simulator.faults import FAULTS
from core.llm.simulator.formats.anthropic import AnthropicFormat
from core.llm.simulator.formats.base import Format, to_json
from core.llm.simulator.formats.ollama import OllamaFormat
from core.llm.simulator.formats.openai import OpenAIFormat
from core.llm.simulator.http import Response
from core.llm.simulator.parser import BadMessage, Request
from core.llm.simulator.question import Question, Refused
from core.llm.simulator.records import RequestLog, key_in

#: The key that is refused; any other, and none, is accepted.
WRONG_KEY = "wrong"
#: Requests a second that sim-limited takes where its name does not say.
LIMIT = 10
#: Questions that sim-flaky remembers.
_FLAKY_LIMIT = 10_000
_PORT = re.compile(r":[0-9]{0,5}\Z")
_GREETING = f"modeltrain simulator {__version__}: simulated models for trying and testing. GET /v1/models lists them.\n"

Route = Callable[[Request, Response], Awaitable[None]]
Make = Callable[[Request], bytes]


class Routes:
    """Answers requests. `guards_host`: refuse names of other machines, behind which a web page could hide."""

    def __init__(self, log: RequestLog, clock: Clock, sleep: Sleep, *, shows_log: bool) -> None:
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self.guards_host = True
        self._flaky_seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        #: When requests of sim-limited were taken, by the model's whole name.
        self._taken: dict[str, deque[float]] = {}
        self._openai, self._ollama, self._anthropic = OpenAIFormat(), OllamaFormat(), AnthropicFormat()
        self._table = self._make_table()
        if shows_log:
            self._table["/simulator/requests"] = {"GET": self._show_requests}

    def _make_table(self) -> dict[str, dict[str, Route]]:
        ollama, messages = self._ollama, self._chatting(self._anthropic)
        return {
            "/": {"GET": self._greet},
            "/v1/models": {"GET": self._list_models},
            "/v1/chat/completions": {"POST": self._chatting(self._openai)},
            "/v1/messages": {"POST": messages},
            "/api/tags": {"GET": self._listing(ollama, lambda _request: ollama.listing())},
            "/api/show": {"POST": self._listing(ollama, ollama.show)},
            "/api/version": {"GET": self._listing(ollama, lambda _request: to_json({"version": f"{__version__}-simulator"}))},
            "/api/chat": {"POST": self._chatting(ollama)},
            "/anthropic/v1/models": {"GET": self._listing(self._anthropic, self._anthropic.listing)},
            "/anthropic/v1/messages": {"POST": messages},
        }

    # -- finding --

    async def handle(self, request: Request, response: Response) -> None:
        """Answer one request, whatever it is."""
        try:
            self._check_host(request)
            route = self._find(request)
        except Refused as refusal:
            record = self._log.begin(request, self._format_of(request.path).name, self._clock.now())
            record.status = refusal.status
            self._send_refusal(request, response, refusal)
            return
        await route(request, response)

    def _find(self, request: Request) -> Route:
        methods = self._table.get(request.path)
        if methods is None:
            if request.path.startswith("/v1/models/"):
                methods = {"GET": self._one_model}
            else:
                raise Refused(404, f"There is nothing at {request.path[:200]}.", "unknown_url")
        route = methods.get(request.method)
        if route is None:
            allowed = ", ".join(methods)
            raise Refused(405, f"{request.path[:200]} takes {allowed}.", "method_not_allowed", (("Allow", allowed),))
        return route

    def _check_host(self, request: Request) -> None:
        if self.guards_host and not _is_local(request.headers.get("host", "localhost")):
            raise Refused(421, "This simulator answers only under the names of this machine's loopback.", "misdirected")

    def _format_of(self, path: str) -> Format:
        """The format in whose words an error at `path` is told."""
        if path.startswith("/anthropic") or path == "/v1/messages":
            return self._anthropic
        return self._ollama if path.startswith("/api") else self._openai

    def _send_refusal(self, request: Request, response: Response, refusal: Refused) -> None:
        body = self._format_of(request.path).error(refusal.status, refusal.message, refusal.kind)
        response.send(refusal.status, body, headers=refusal.headers)

    def refuse(self, problem: BadMessage) -> tuple[bytes, str]:
        """The body, and its type, for something that is no proper request."""
        return self._format_of(problem.path).error(problem.status, problem.message), "application/json"

    # -- what is not a chat --

    async def _greet(self, request: Request, response: Response) -> None:
        response.send(200, _GREETING.encode(), "text/plain; charset=utf-8")

    async def _show_requests(self, request: Request, response: Response) -> None:
        response.send(200, self._log.as_json())

    async def _list_models(self, request: Request, response: Response) -> None:
        if request.headers.get("anthropic-version"):  # both formats list at this path
            await self._listing(self._anthropic, self._anthropic.listing)(request, response)
        else:
            await self._listing(self._openai, lambda _request: self._openai.listing())(request, response)

    async def _one_model(self, request: Request, response: Response) -> None:
        def make(request: Request) -> bytes:
            model = BY_NAME.get(unquote(request.path.removeprefix("/v1/models/")))
            if model is None:
                raise Refused(404, "There is no such model.", "model_not_found")
            return to_json(self._openai.listed(model))

        await self._listing(self._openai, make)(request, response)

    def _listing(self, form: Format, make: Make) -> Route:
        """A route whose answer is made at once."""

        async def route(request: Request, response: Response) -> None:
            record = self._log.begin(request, form.name, self._clock.now())
            try:
                _check_key(request)
                body = make(request)
            except Refused as refusal:
                record.status = refusal.status
                self._send_refusal(request, response, refusal)
                return
            response.send(200, body)
            record.finished = True

        return route

    # -- chats --

    def _chatting(self, form: Format) -> Route:
        async def route(request: Request, response: Response) -> None:
            record = self._log.begin(request, form.name, self._clock.now(), response.connection)
            try:
                _check_key(request)
                question = form.read(request)
                record.describe(question)
                delivery = Delivery(form, question, compose(question), response, record, self._clock, self._sleep)
                await self._deliver(delivery)
            except Refused as refusal:
                record.status = refusal.status
                self._send_refusal(request, response, refusal)
            except asyncio.CancelledError:
                record.disconnected = not record.finished
                raise
            finally:
                record.ended = self._clock.now()

        return route

    async def _deliver(self, delivery: Delivery) -> None:
        fault = delivery.asked.model.fault
        if fault == "limited":
            self._limit(delivery)
        if fault in ("", "limited") or (fault == "flaky" and self._was_asked(delivery.question)):
            await delivery.answer()
        else:
            await FAULTS[fault](delivery)

    def _limit(self, delivery: Delivery) -> None:
        """Refuse what goes beyond so many requests in any one second. Raises Refused (429), which does not count itself."""
        argument, now = delivery.asked.argument, self._clock.monotonic()
        allowed = int(argument) if argument else LIMIT
        taken = self._taken.setdefault(delivery.question.name, deque())
        while taken and taken[0] <= now - 1.0:
            taken.popleft()
        if len(taken) >= allowed:
            message = f"Rate limit reached: {allowed} requests a second (simulated by modeltrain)."
            raise Refused(429, message, "rate_limit_exceeded", (("Retry-After", "1"),))
        taken.append(now)

    def _was_asked(self, question: Question) -> bool:
        """Whether this question came before; the oldest are forgotten."""
        key = (question.name, question.text[:2000])
        if key in self._flaky_seen:
            return True
        self._flaky_seen[key] = None
        if len(self._flaky_seen) > _FLAKY_LIMIT:
            self._flaky_seen.popitem(last=False)
        return False


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    """Whether a Host header names this machine's loopback, whatever the port."""
    name = _PORT.sub("", host.strip().lower())
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_key(request: Request) -> None:
    for name in ("authorization", "x-api-key"):
        if key_in(name, request.headers.get(name, "")) == WRONG_KEY:
            raise Refused(401, "Incorrect API key provided (simulated by modeltrain: the key is “wrong”).")
