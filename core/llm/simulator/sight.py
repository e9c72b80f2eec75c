"""The images of a request, in whichever format it is, as a simulated model that sees would describe them."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from core.errors import InvalidInput
from core.llm.images import IMAGES, recognise
from core.llm.simulator.question import Refused

_DATA = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_NAMES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}
#: Images of a whole request, with those of earlier questions.
_MOST = IMAGES * 16


def seen_in(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What the images of the last message that has some show: "PNG, 640x480 pixels, 1234 bytes". Raises Refused (400).

    OpenAI's `image_url` with a data URL (others are not fetched), Anthropic's `image` with a base64 source, Ollama's `images`.
    """
    shown: list[str] = []
    count = 0
    for message in body.get("messages") or ():
        found = [_described(data) for data in _data_of(message)] if isinstance(message, dict) else []
        count += len(found)
        if count > _MOST:
            raise Refused(400, f"A request may have {_MOST} images.")
        shown = found or shown
    return tuple(shown)


def _data_of(message: Mapping[str, Any]) -> list[str | None]:
    """The base64 of each image of a message; None for an address on the network."""
    found: list[str | None] = [text for text in message.get("images") or () if isinstance(text, str)]
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") == "image_url":
            value = part.get("image_url")
            url = value.get("url") if isinstance(value, dict) else value
            head = _DATA.match(url) if isinstance(url, str) else None
            found.append(url[head.end() :] if head and isinstance(url, str) else None)
        elif part.get("type") == "image":
            source = part.get("source")
            data = source.get("data") if isinstance(source, dict) else None
            found.append(data if isinstance(data, str) else None)
    return found


def _described(data: str | None) -> str:
    if data is None:
        return "an address, which is not fetched"
    try:
        image = recognise(b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise Refused(400, "An image is not base64.") from None
    except InvalidInput as problem:
        raise Refused(400, f"An image is refused: {problem.rule}.") from None
    return f"{_NAMES[image.media_type]}, {image.width}x{image.height} pixels, {len(image.data)} bytes"
