"""Endpoints: one spelling, and no way into inner networks."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.llm.endpoints import EndpointPolicy, normalise_endpoint, parse_allowed, reach_of, split_endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("  HTTPS://API.OpenAI.com:443/v1/chat/completions/ ", "https://api.openai.com/v1"),
        ("http://localhost:11434/api/chat", "http://localhost:11434"),
        ("http://localhost:11434/", "http://localhost:11434"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("https://host/openai//v1/models", "https://host/openai/v1"),
        ("http://gpu_1.lan.:8000/V1", "http://gpu_1.lan:8000/V1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[0:0:0:0:0:0:0:1]/v1", "http://[::1]/v1"),
        ("http://bücher.example/v1", "http://xn--bcher-kva.example/v1"),
        ("http://127.1/", "http://127.0.0.1"),
        ("http://2130706433", "http://127.0.0.1"),
        ("http://0x7f.1", "http://127.0.0.1"),
        ("http://0x7F000001", "http://127.0.0.1"),
        ("http://0177.0.0.1", "http://127.0.0.1"),
        ("http://①②⑦.0.0.1", "http://127.0.0.1"),
        ("http://127。0。0。1", "http://127.0.0.1"),
        ("simulator:", "simulator:"),
    ],
)
def test_an_endpoint_has_one_spelling(text: str, endpoint: str) -> None:
    assert normalise_endpoint(text) == endpoint
    assert normalise_endpoint(endpoint) == endpoint


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("api.openai.com/v1", "scheme"),
        ("ftp://host/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://host", "scheme"),
        ("http:/host", "scheme"),
        ("http://user:secret@host/", "credentials"),
        ("http://@host/", "credentials"),
        ("http://host/#a", "fragment"),
        ("http://host/?key=secret", "query"),
        ("http://host:0/", "port"),
        ("http://host:65536/", "port"),
        ("http://host:x/", "port"),
        ("http://", "host"),
        ("http://a..b/", "host"),
        ("http://-a/", "host"),
        ("http://1.2.3.4.5/", "host"),
        ("http://256.1.1.1/", "host"),
        ("http://09.1/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[fe80::1%eth0]/", "host"),
        ("http://[::1/", "host"),
        ("http://ho st/", "blanks"),
        ("http://host\\@evil/", "blanks"),
        ("http://host/\r\nx", "blanks"),
        ("http://host/a/../b", "path"),
        ("http://" + "a" * 2000, "too_long"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_its_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise_endpoint(text)
    assert (caught.value.field, caught.value.rule) == ("endpoint", rule)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_invalid_input(text: str) -> None:
    try:
        endpoint = normalise_endpoint(f"http://{text}")
    except InvalidInput:
        return
    assert normalise_endpoint(endpoint) == endpoint
    host, port = split_endpoint(endpoint)
    assert host
    assert host.isascii()
    assert 0 < port < 65536


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("8.8.8.8", "public"),
        ("2606:4700::1111", "public"),
        ("127.0.0.1", "inner"),
        ("127.255.0.9", "inner"),
        ("::1", "inner"),
        ("10.1.2.3", "inner"),
        ("172.16.0.1", "inner"),
        ("192.168.1.1", "inner"),
        ("100.64.0.1", "inner"),
        ("198.18.0.1", "inner"),
        ("fd12:3456::1", "inner"),
        ("::ffff:127.0.0.1", "inner"),
        ("::ffff:8.8.8.8", "public"),
        ("::127.0.0.1", "inner"),
        ("64:ff9b::7f00:1", "inner"),
        ("64:ff9b::808:808", "public"),
        ("2002:7f00:1::", "inner"),
        ("2002:a9fe:a9fe::1", "never"),
        ("0.0.0.0", "never"),
        ("0.1.2.3", "never"),
        ("::", "never"),
        ("169.254.169.254", "never"),
        ("::ffff:169.254.169.254", "never"),
        ("64:ff9b::a9fe:a9fe", "never"),
        ("64:ff9b:1::a9fe:a9fe", "never"),
        ("fe80::1", "never"),
        ("fec0::1", "never"),
        ("224.0.0.1", "never"),
        ("ff02::1", "never"),
        ("255.255.255.255", "never"),
        ("100.100.100.200", "never"),
        ("168.63.129.16", "never"),
        ("fd00:ec2::254", "never"),
    ],
)
def test_how_far_an_address_lies(address: str, reach: str) -> None:
    assert reach_of(ipaddress.ip_address(address)) == reach


def permits(policy: EndpointPolicy, endpoint: str, address: str) -> bool:
    return policy.permits(endpoint, ipaddress.ip_address(address))


def test_run_locally_inner_addresses_are_free_and_metadata_is_not() -> None:
    policy = EndpointPolicy()
    assert permits(policy, "http://gpu:8000", "192.168.1.7")
    assert permits(policy, "http://localhost:8000", "127.0.0.1")
    assert permits(policy, "https://api.openai.com/v1", "8.8.8.8")
    assert not permits(policy, "http://meta", "169.254.169.254")


def test_served_only_what_an_administrator_opened() -> None:
    policy = EndpointPolicy(served=True, allowed=("10.0.0.0/8", "gpu.lan:8000", "fd00::1"), local_endpoints=("http://localhost:11434",))
    assert permits(policy, "https://api.openai.com/v1", "8.8.8.8")
    assert permits(policy, "http://any:1", "10.9.9.9")
    assert permits(policy, "http://gpu.lan:8000/v1", "192.168.1.7")
    assert not permits(policy, "http://gpu.lan:22/v1", "192.168.1.7")
    assert not permits(policy, "http://other.lan:8000/v1", "192.168.1.7")
    assert permits(policy, "http://x", "fd00::1")
    assert permits(policy, "http://localhost:11434", "127.0.0.1")
    assert not permits(policy, "http://localhost:11434/other", "127.0.0.1")
    assert not permits(policy, "http://localhost:8000", "127.0.0.1")
    wide = replace(policy, allowed=("0.0.0.0/0", "::/0"))
    assert permits(wide, "http://x", "192.168.1.1")
    assert not permits(wide, "http://x", "169.254.169.254")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GPU1.lan", "gpu1.lan"),
        ("gpu1.lan:8000", "gpu1.lan:8000"),
        ("10.0.0.7/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:80", "10.1.2.3:80"),
        ("127.1", "127.0.0.1"),
        ("[::1]:80", "[::1]:80"),
        ("[::1]", "::1"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_entries_of_the_list_have_one_spelling(text: str, shown: str) -> None:
    assert str(parse_allowed(text)) == shown
    assert str(parse_allowed(shown)) == shown


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("a b", "host"),
        ("http://x", "network"),
        ("x/y", "network"),
        ("10.0.0.0/33", "network"),
        ("a:b", "port"),
        ("169.254.169.254", "never"),
        ("u@h", "host"),
    ],
)
def test_what_is_no_entry_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_allowed(text)
    assert (caught.value.field, caught.value.rule) == ("address", rule)


def test_an_entry_that_cannot_be_read_opens_nothing_and_stops_nobody() -> None:
    policy = EndpointPolicy(served=True, allowed=("no such thing", "10.0.0.0/8"), local_endpoints=("nonsense",))
    assert permits(policy, "http://x", "10.1.1.1")
    assert not permits(policy, "http://x", "192.168.1.1")
