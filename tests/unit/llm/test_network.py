"""Names are resolved and checked once, and connections go where the check said. Over real sockets on loopback."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core import errors
from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.presets import preset
from core.llm.request import ChatRequest, Turn
from tests.contract.asking import Outcome, ask
from tests.contract.raw_server import RawServer, play
from tests.contract.wires import OPENAI

ANSWER = play(OPENAI.stream([("text", "so")]))
LOCAL = EndpointPolicy()
SERVED = EndpointPolicy(served=True)


class Names:
    """A resolver that answers from a list, one entry a call, the last again and again."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def no_sleep(seconds: float) -> None:
    return None


async def asked_of(names: Names, endpoint: str, policy: EndpointPolicy = LOCAL) -> Outcome:
    clients = ModelClients(resolver=names, sleep=no_sleep)
    try:
        model = clients.chat_model(preset("openai-compatible"), endpoint, "k", policy=policy)
        return await ask(model, ChatRequest("m", (Turn("user", "a"),), silence_s=5))
    finally:
        await clients.close()


async def test_the_connection_goes_to_the_checked_address_and_the_name_stays() -> None:
    async with RawServer(ANSWER) as server:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        outcome = await asked_of(names, f"http://models.example:{server.port}/v1")
        assert outcome.text == "so"
        assert server.asked[0].headers["host"] == f"models.example:{server.port}"
        assert names.asked == [("models.example", server.port)]


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with RawServer(ANSWER) as server:
        outcome = await asked_of(Names(["127.0.0.2", "127.0.0.1"]), f"http://models.example:{server.port}")
    assert outcome.text == "so"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        ["not an address"],
    ],
)
async def test_served_one_inner_address_refuses_the_name(addresses: list[str]) -> None:
    async with RawServer(ANSWER) as server:
        outcome = await asked_of(Names(addresses), f"http://models.example:{server.port}", SERVED)
        assert server.asked == []
    assert type(outcome.problem) is errors.AddressNotAllowed
    assert outcome.problem.fields["host"] == "models.example"


async def test_metadata_services_are_refused_locally_too() -> None:
    outcome = await asked_of(Names(["169.254.169.254"]), "http://models.example")
    assert type(outcome.problem) is errors.AddressNotAllowed


async def test_what_an_administrator_opened_is_reached() -> None:
    async with RawServer(ANSWER) as server:
        endpoint = f"http://models.example:{server.port}/v1"
        for policy in (
            EndpointPolicy(served=True, allowed=(f"models.example:{server.port}",)),
            EndpointPolicy(served=True, allowed=("127.0.0.0/8",)),
            EndpointPolicy(served=True, local_endpoints=(endpoint,)),
        ):
            assert (await asked_of(Names(["127.0.0.1"]), endpoint, policy)).text == "so"


async def test_an_open_connection_is_no_way_around_the_check() -> None:
    """The check is made for every request, also where a connection to the same host is kept."""
    body = OPENAI.stream([("text", "so")])
    async with RawServer(play(body, content_length=str(len(body)))) as server:
        clients = ModelClients(sleep=no_sleep)
        endpoint = f"http://127.0.0.1:{server.port}"
        question = ChatRequest("m", (Turn("user", "a"),))
        first = await ask(clients.chat_model(preset("vllm"), endpoint, None, policy=EndpointPolicy()), question)
        second = await ask(clients.chat_model(preset("vllm"), endpoint, None, policy=SERVED), question)
        await clients.close()
    assert first.text == "so"
    assert type(second.problem) is errors.AddressNotAllowed


@pytest.mark.parametrize("answer", [OSError("no such name"), TimeoutError(), []])
async def test_a_name_that_does_not_resolve(answer: Sequence[str] | Exception) -> None:
    outcome = await asked_of(Names(answer), "http://models.example")
    assert type(outcome.problem) is errors.NameNotResolved
    assert outcome.problem.fields["host"] == "models.example"


async def test_the_real_resolver_knows_localhost() -> None:
    async with RawServer(ANSWER) as server:
        clients = ModelClients()
        model = clients.chat_model(preset("vllm"), f"http://localhost:{server.port}", None, policy=EndpointPolicy())
        outcome = await ask(model, ChatRequest("m", (Turn("user", "a"),)))
        await clients.close()
    assert outcome.text == "so"


@pytest.fixture
async def tls_port(tmp_path: Path) -> AsyncIterator[int]:
    """A server with a certificate that nobody knows, for models.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "models.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("models.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(ANSWER.pieces))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_a_certificate_that_nobody_knows(tls_port: int) -> None:
    outcome = await asked_of(Names(["127.0.0.1"]), f"https://models.example:{tls_port}")
    assert type(outcome.problem) is errors.TlsFailed
    assert outcome.problem.fields["reason"] == "certificate"


async def test_the_certificate_is_checked_against_the_name_not_the_address(
    tls_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    assert (await asked_of(Names(["127.0.0.1"]), f"https://models.example:{tls_port}")).text == "so"
    outcome = await asked_of(Names(["127.0.0.1"]), f"https://other.example:{tls_port}")
    assert type(outcome.problem) is errors.TlsFailed
    assert outcome.problem.fields["reason"] == "certificate"


@pytest.mark.parametrize(("reply", "reason"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "not_tls"), (b"", "handshake")])
async def test_a_server_that_speaks_no_tls(reply: bytes, reason: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    outcome = await asked_of(Names(["127.0.0.1"]), f"https://models.example:{server.sockets[0].getsockname()[1]}")
    server.close()
    await server.wait_closed()
    assert type(outcome.problem) is errors.TlsFailed
    assert outcome.problem.fields["reason"] == reason


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(ANSWER) as server, RawServer(play(b"", status="500 Proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        outcome = await asked_of(Names(["127.0.0.1"]), f"http://models.example:{server.port}")
        assert proxy.asked == []
    assert outcome.text == "so"
