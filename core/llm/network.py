"""The way to a provider: names are resolved and checked once, and connections go to the checked addresses only.

httpx asks a transport for every request; ours hands the addresses that `Network.addresses` found good to the part that opens sockets.
Host header and TLS server name stay the name, so certificates are checked against it. Nothing is read from the environment (no
proxies, no .netrc), except that OpenSSL honours SSL_CERT_FILE and SSL_CERT_DIR beside its own certificates.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx

from core import errors
from core.llm.endpoints import EndpointPolicy, reach_of, split_endpoint
from core.llm.failures import Origin

# httpcore asks for sniffio at every lock it takes, a dozen times for each request; where it is not installed, each time the whole path is
# searched, which costs more than all the rest. That it is not there is told once.
if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

CONNECT_TIMEOUT_S = 10.0
#: How long one of several addresses may take before the next is tried.
_ONE_OF_SEVERAL_S = 3.0
_KEPT_CONNECTIONS = 20
_KEPT_S = 30.0

#: Resolves (host, port) to addresses as text. Raises OSError.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_ADDRESSES: ContextVar[tuple[str, ...]] = ContextVar("addresses", default=())


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(endpoint: str, policy: EndpointPolicy, origin: Origin, resolver: Resolver = resolve) -> tuple[str, ...]:
    """The addresses of the endpoint's host, all of them permitted. Raises NameNotResolved, AddressNotAllowed.

    One address that is not permitted refuses them all: a name that mixes public and inner addresses is an attack or a mistake.
    """
    host, port = split_endpoint(endpoint)
    try:
        found: Sequence[str] = (str(ipaddress.ip_address(host)),)
    except ValueError:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                found = await resolver(host, port)
        except (OSError, UnicodeError) as error:
            # TimeoutError is an OSError too: a resolver that does not answer has not resolved the name.
            raise origin.error(errors.NameNotResolved, host=host) from error
    if not found:
        raise origin.error(errors.NameNotResolved, host=host)
    for text in found:
        try:
            address = ipaddress.ip_address(text)
        except ValueError as error:
            raise origin.error(errors.AddressNotAllowed, host=host, address=text) from error
        if (isinstance(address, ipaddress.IPv6Address) and address.scope_id) or not policy.permits(endpoint, address):
            raise origin.error(errors.AddressNotAllowed, reason=reach_of(address), host=host, address=str(address))
    return tuple(found)


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to the addresses that were checked for this request, never to what the name means now."""

    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = _ADDRESSES.get()
        problem: Exception = httpcore.ConnectError("no address was checked for this connection")
        for index, address in enumerate(addresses):
            wait = timeout if index == len(addresses) - 1 or timeout is None else min(timeout, _ONE_OF_SEVERAL_S)
            try:
                return await self._backend.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None) -> Any:
        raise httpcore.ConnectError("sockets of this machine are not reached by requests")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        with _as_httpx():
            await self._stream.aclose()


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends requests that carry the extension "addresses". TLS is made ready when it is first needed (30 ms, in a thread)."""

    def __init__(self) -> None:
        self._plain: httpcore.AsyncConnectionPool | None = None
        self._secure: httpcore.AsyncConnectionPool | None = None
        self._lock = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = await self._pool(request.url.scheme)
        made = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        token = _ADDRESSES.set(tuple(request.extensions.get("addresses", ())))
        try:
            with _as_httpx():
                response = await pool.handle_async_request(made)
        finally:
            _ADDRESSES.reset(token)
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response.stream), extensions=response.extensions)

    async def aclose(self) -> None:
        for pool in (self._plain, self._secure):
            if pool is not None:
                await pool.aclose()

    async def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        if scheme == "http":
            if self._plain is None:
                self._plain = _make_pool(None)
            return self._plain
        async with self._lock:
            if self._secure is None:
                self._secure = _make_pool(await asyncio.to_thread(_tls))
        return self._secure


def _make_pool(tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=None,
        max_keepalive_connections=_KEPT_CONNECTIONS,
        keepalive_expiry=_KEPT_S,
        network_backend=_PinnedBackend(),
    )


def _tls() -> ssl.SSLContext:
    """The system's certificates, where an organisation's own are kept too, and those of certifi, where a system has none."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class _as_httpx:  # noqa: N801 - reads as a statement
    """Turns httpcore's exceptions into httpx's of the same name, as httpx's own transport does."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not type(error).__module__.startswith("httpcore"):
            return
        for cls in type(error).__mro__:
            same = getattr(httpx, cls.__name__, None)
            if isinstance(same, type) and issubclass(same, httpx.TransportError):
                raise same(str(error)) from error
        raise httpx.TransportError(str(error)) from error
