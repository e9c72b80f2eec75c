"""Endpoints: how they are written down, and which addresses a request may reach.

A provider's URL is given by a person and reaches the network from our machine: without a check, a user of a served installation could
read inner services through it. So a name is resolved once, every address it has is checked, and the connection goes to a checked
address (core/llm/network.py) whatever the name resolves to later. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from core.errors import InvalidInput
from core.sanitise import one_line

log = logging.getLogger(__name__)
Parsed = TypeVar("Parsed")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Reach = Literal["public", "inner", "never"]

SIMULATOR_SCHEME = "simulator:"
_PORTS = {"http": 80, "https": 443}
#: Paths of single calls that people paste; what stands before them is the endpoint.
_CALLS = (
    "/chat/completions", "/completions", "/embeddings", "/responses", "/models",
    "/api/chat", "/api/generate", "/api/tags", "/v1/messages", "/messages",
)  # fmt: skip
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]")

#: Never reached, whoever asks: link-local, multicast, unspecified and reserved addresses, and the metadata services of clouds, which
#: hand out credentials (some of them sit inside ranges that look private or even public).
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
        "::/128", "64:ff9b:1::/48", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128", "100::/64",
    )
)  # fmt: skip
_CGNAT = ipaddress.ip_network("100.64.0.0/10")
#: Endings of names that are never those of the internet: RFC 6761, 6762 (appendix G too), 8375 and ICANN's .internal.
_INNER_NAMES = ("localhost", "local", "lan", "internal", "intranet", "private", "corp", "home", "home.arpa")
#: Prefixes that carry an IPv4 address: (network, bits to the right of it).
_CARRIERS = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
    (ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible, deprecated
)


def normalise_endpoint(text: str) -> str:
    """`text` as it is stored and compared: scheme, host in lower-case ASCII, port unless it is the scheme's own, path without its call.

    Raises InvalidInput(field="endpoint") with the rule: empty, blanks, scheme, credentials, fragment, query, host, port, too_long.
    """
    text = text.strip()
    if not text:
        raise InvalidInput("endpoint", "empty")
    if len(text) > 2000:
        raise InvalidInput("endpoint", "too_long", limit=2000)
    if text.rstrip("/").lower() == SIMULATOR_SCHEME:
        return SIMULATOR_SCHEME
    if _BLANK_OR_CONTROL.search(text):
        raise InvalidInput("endpoint", "blanks")
    parts = _split(text)
    host = normalise_host(parts.hostname or "")
    port = _port(parts)
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        shown += f":{port}"
    return f"{parts.scheme}://{shown}{_path(parts.path)}"


def _split(text: str) -> SplitResult:
    if not re.match(r"https?://", text, re.IGNORECASE):
        raise InvalidInput("endpoint", "scheme")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise InvalidInput("endpoint", "host") from None
    if "@" in parts.netloc:
        raise InvalidInput("endpoint", "credentials")
    if "#" in text:
        raise InvalidInput("endpoint", "fragment")
    if "?" in text:
        raise InvalidInput("endpoint", "query")
    return parts


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise InvalidInput("endpoint", "port") from None
    if port == 0:
        raise InvalidInput("endpoint", "port")
    return port


def _path(path: str) -> str:
    """The path without the call at its end and without slashes there."""
    path = re.sub(r"/{2,}", "/", path).rstrip("/")
    if "/../" in f"{path}/" or "/./" in f"{path}/":
        raise InvalidInput("endpoint", "path")
    lowered = path.lower()
    for call in _CALLS:
        if lowered.endswith(call):
            return path[: -len(call)].rstrip("/")
    return path


def normalise_host(host: str) -> str:
    """A host name in lower-case ASCII (IDNA), or an IP address in its usual form. Raises InvalidInput(endpoint, host).

    Every way of writing an IPv4 address that resolvers accept (127.1, 2130706433, 0x7f.1, 0177.0.0.1) comes out as four decimals.
    """
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise InvalidInput("endpoint", "host") from None
        if address.scope_id is not None:
            raise InvalidInput("endpoint", "host")
        return str(address)
    name = _ascii_name(host).removesuffix(".").lower()
    labels = name.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return str(_any_ipv4(labels))
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput("endpoint", "host")
    return name


def _ascii_name(host: str) -> str:
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise InvalidInput("endpoint", "host") from None


def _any_ipv4(labels: list[str]) -> ipaddress.IPv4Address:
    """One to four numbers, decimal, octal or hexadecimal, the last filling what is left (https://url.spec.whatwg.org, IPv4 parser)."""
    try:
        numbers = [_number(label) for label in labels]
        if len(numbers) > 4 or any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
            raise ValueError
        value = numbers[-1] + sum(number << (24 - 8 * place) for place, number in enumerate(numbers[:-1]))
        return ipaddress.IPv4Address(value)
    except ValueError:
        raise InvalidInput("endpoint", "host") from None


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    if not label.isdigit():
        raise ValueError(label)
    return int(label, 8 if len(label) > 1 and label.startswith("0") else 10)


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """(host, port) of a normalised endpoint."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def is_inner(endpoint: str) -> bool:
    """Whether a normalised endpoint is, by how it is written, on this machine or the inner network. Asks nobody, so it is no guard:
    where a request really goes is checked when it is made."""
    if endpoint == SIMULATOR_SCHEME:
        return True
    host, _port = split_endpoint(endpoint)
    try:
        return reach_of(ipaddress.ip_address(host)) == "inner"
    except ValueError:
        return "." not in host or host.endswith(tuple(f".{ending}" for ending in _INNER_NAMES))


def reach_of(address: Address) -> Reach:
    """How far the address lies: in the internet, in an inner network (loopback and carrier-grade NAT too), or where nobody may go."""
    if any(address in network for network in _NEVER if network.version == address.version):
        return "never"
    if isinstance(address, ipaddress.IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return reach_of(carried)
    return "public" if address.is_global and address not in _CGNAT else "inner"


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one, if it carries one. Loopback (::1) is not taken for such."""
    if address.is_loopback:
        return None
    if address.teredo is not None:
        return address.teredo[1]
    for network, shift in _CARRIERS:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class AllowedEntry:
    """One entry of the administrator's list: a host name, or a network (a single address is one too), with a port or for all ports."""

    host: str | None = None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    port: int | None = None

    def __str__(self) -> str:
        shown = self.host or ""
        if self.network is not None:
            alone = self.network.num_addresses == 1
            shown = str(self.network.network_address) if alone else str(self.network)
            if self.port is not None and self.network.version == 6:
                shown = f"[{shown}]"
        return shown if self.port is None else f"{shown}:{self.port}"

    def covers(self, host: str, port: int, address: Address) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.host is not None:
            return self.host == host
        return self.network is not None and address.version == self.network.version and address in self.network


def parse_allowed(text: str) -> AllowedEntry:
    """`text` as an entry: host, host:port, address, address:port, [IPv6]:port or a network such as 10.0.0.0/8.

    Raises InvalidInput(field="address") with the rule: empty, host, port, network, never (an address nobody may reach).
    """
    text = text.strip().lower()
    if not text:
        raise InvalidInput("address", "empty")
    try:
        entry = AllowedEntry(network=ipaddress.ip_network(text, strict=False)) if "/" in text else _parse_single(text)
    except InvalidInput as error:
        raise InvalidInput("address", error.rule) from None
    except ValueError:
        raise InvalidInput("address", "network") from None
    if entry.network is not None and entry.network.num_addresses == 1 and reach_of(entry.network.network_address) == "never":
        raise InvalidInput("address", "never")
    return entry


def _parse_single(text: str) -> AllowedEntry:
    host, port = text, None
    bare_v6 = text.count(":") > 1 and not text.startswith("[")
    if not bare_v6:
        parts = urlsplit(f"//{text}")
        if parts.path or parts.username is not None or "?" in text or "#" in text:
            raise InvalidInput("address", "host")
        host, port = parts.hostname or "", _port(parts)
    host = normalise_host(host)
    try:
        return AllowedEntry(network=ipaddress.ip_network(host), port=port)
    except ValueError:
        return AllowedEntry(host=host, port=port)


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Who may reach what.

    served: False where one person runs the program on their own machine: then inner addresses are free.
    allowed: what an administrator opened (see parse_allowed).
    local_endpoints: exact endpoints of the local presets that an administrator enabled, and the simulator's.
    """

    served: bool = False
    allowed: tuple[str, ...] = ()
    local_endpoints: tuple[str, ...] = ()
    _entries: tuple[AllowedEntry, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """What cannot be read opens nothing, rather than stopping everybody: it was checked when it was entered."""
        object.__setattr__(self, "_entries", tuple(_readable(parse_allowed, self.allowed)))
        object.__setattr__(self, "local_endpoints", tuple(_readable(normalise_endpoint, self.local_endpoints)))

    def permits(self, endpoint: str, address: Address) -> bool:
        """Whether a request to the normalised `endpoint` may go to `address`, one of those its host has."""
        reach = reach_of(address)
        if reach != "inner":
            return reach == "public"
        if not self.served or endpoint in self.local_endpoints:
            return True
        host, port = split_endpoint(endpoint)
        return any(entry.covers(host, port, address) for entry in self._entries)


def _readable(parse: Callable[[str], Parsed], texts: Iterable[str]) -> Iterator[Parsed]:
    for text in texts:
        try:
            yield parse(text)
        except InvalidInput:
            log.warning("an address that was allowed cannot be read and opens nothing: %s", one_line(text, 100))
