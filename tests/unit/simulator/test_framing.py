"""How bytes are laid out: the text survives every layout, and the layout is what its name says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.llm.simulator.framing import FRAMINGS
from tests.unit.simulator.support import Asker, packets, read


@given(st.sampled_from(sorted(FRAMINGS)), st.text())
def test_packets_hold_the_same_text(name: str, text: str) -> None:
    sent = b"".join(FRAMINGS[name](text.encode()))
    plain = sent.replace(b"\r\n", b"\n") if name == "crlf" else sent
    expected = text.replace("\n", "\r") if name == "cr" else text
    if name == "crlf":
        plain, expected = sent, text.replace("\n", "\r\n")
    if name == "no_space":
        expected = re.sub(r"(?m)^(data|event): ", r"\1:", text) if "\r" not in text else plain.decode()
    assert plain.decode() == expected


async def chunks(asker: Asker, name: str, form: str) -> list[bytes]:
    async with asker.stream(name, form=form) as response:
        return [chunk async for chunk in packets(response)]


async def test_characters_are_cut_between_packets(asker: Asker, form: str) -> None:
    parts = await chunks(asker, "sim-split-utf8@0", form)
    assert sum(_is_cut(part) for part in parts) > 50
    answer = read(form, b"".join(parts))
    assert "👩‍💻" in answer.text
    assert answer.done


def _is_cut(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return True
    return False


async def test_one_byte_a_packet(asker: Asker, form: str) -> None:
    parts = await chunks(asker, "sim-split-bytes@0x2", form)
    assert {len(part) for part in parts} == {1}
    assert len(read(form, b"".join(parts)).deltas) == 2


@pytest.mark.parametrize(("name", "end"), [("sim-crlf", b"\r\n"), ("sim-cr", b"\r")])
async def test_other_line_ends(asker: Asker, form: str, name: str, end: bytes) -> None:
    parts = await chunks(asker, f"{name}@0x3", form)
    raw = b"".join(parts)
    assert raw.endswith(end)
    if name == "sim-crlf":
        assert all(part.startswith(b"\n") for part in parts[1:])
        assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    else:
        assert b"\n" not in raw
    assert len(read(form, raw.replace(end, b"\n")).deltas) == 3


async def test_byte_order_mark_blank_and_last_newline(asker: Asker, form: str) -> None:
    marked = b"".join(await chunks(asker, "sim-bom@0x3", form))
    assert marked.startswith(b"\xef\xbb\xbf")
    assert len(read(form, marked[3:]).deltas) == 3
    tight = b"".join(await chunks(asker, "sim-no-space@0x3", form))
    assert b"data: " not in tight
    assert len(read(form, tight).deltas) == 3
    for pace in ("@0x3", "@5000x3"):
        open_end = b"".join(await chunks(asker, f"sim-no-newline{pace}", form))
        assert open_end.endswith({"openai": b"[DONE]", "ollama": b"}", "anthropic": b"}"}[form])
        assert len(read(form, open_end + b"\n").deltas) == 3


async def test_keep_alives_stand_between_the_events(asker: Asker, form: str) -> None:
    raw = b"".join(await chunks(asker, "sim-keepalive@0x3", form))
    if form == "ollama":
        assert raw.count(b"\n\n") == 3 - 1
        assert raw.startswith(b"\n")
        raw = raw.replace(b"\n\n", b"\n").removeprefix(b"\n")
    else:
        assert raw.count(b": keep-alive\n") == 3
    assert len(read(form, raw).deltas) == 3


async def test_quirks_lose_nothing(asker: Asker, form: str) -> None:
    plain = await asker.ask("sim-chat@0x40", form=form)
    raw = (await asker.post("sim-quirks@0x40", form=form)).content
    if form == "openai":
        for mark in (b'"choices":[]', b'"choices":null', b'"delta":null', b'"content":null', b'"finish_reason":""', b'[{"type":"text"'):
            assert mark in raw, mark
        assert b'"usage":null}\n\ndata' in raw
    elif form == "ollama":
        for mark in (b'"message":null', b'"content":null', b'{"done":false}', b"{}\n"):
            assert mark in raw, mark
    else:
        for mark in (b"event: something_new", b"citations_delta", b'"text":""}}'):
            assert mark in raw, mark
    assert plain.finish == "stop"
