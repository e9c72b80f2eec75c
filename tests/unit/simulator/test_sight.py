"""What the simulated model that sees makes of images, in whichever format they come."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from core.llm.simulator.question import Refused
from core.llm.simulator.sight import seen_in

GIF = b64encode(b"GIF89a\x1e\x00\x14\x00\x00\x00\x00").decode()
SAID = "GIF, 30x20 pixels, 13 bytes"


def asked(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", **message} for message in messages]}


def openai(url: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": url}]}


@pytest.mark.parametrize(
    "message",
    [
        openai({"url": f"data:image/gif;base64,{GIF}"}),
        openai(f"data:image/gif;base64,{GIF}"),
        {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}}]},
        {"content": "look", "images": [GIF]},
    ],
    ids=["openai", "openai, a text", "anthropic", "ollama"],
)
def test_it_is_seen_in_every_format(message: dict[str, Any]) -> None:
    assert seen_in(asked(message)) == (SAID,)


def test_the_last_images_count_and_addresses_are_not_fetched() -> None:
    remote = openai({"url": "https://example.org/a.png"})
    assert seen_in(asked(remote, {"content": "and now?"})) == ("an address, which is not fetched",)
    assert seen_in(asked(remote, {"content": "", "images": [GIF, GIF]}, {"content": "so?"})) == (SAID, SAID)
    assert seen_in(asked({"content": "nothing"})) == ()


@pytest.mark.parametrize("data", ["not base64!", b64encode(b"<svg/>").decode(), ""])
def test_what_is_no_image_is_refused(data: str) -> None:
    with pytest.raises(Refused) as refused:
        seen_in(asked({"content": "look", "images": [data]}))
    assert refused.value.status == 400


def test_images_without_end_are_refused() -> None:
    with pytest.raises(Refused):
        seen_in(asked({"content": "look", "images": [GIF] * 65}))
