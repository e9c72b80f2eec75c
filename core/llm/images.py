"""Images in questions: told by their first bytes, never decoded, so that nothing hostile in them is ever run through a decoder.

Sizes are read from the headers: PNG (https://www.w3.org/TR/png-3/#11IHDR), JPEG (ITU-T T.81, B.2.2), GIF89a (17, 18) and WebP
(https://developers.google.com/speed/webp/docs/riff_container).
"""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final, Literal

from core.errors import InvalidInput

MediaType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
#: Bytes of one image: 5 MB once written in base64, which every provider takes.
IMAGE_BYTES: Final = 3_750_000
#: Images of one question.
IMAGES: Final = 4

_PNG = b"\x89PNG\r\n\x1a\n"
#: Frame headers of JPEG; C4, C8 and CC are something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What may be said of an image without its bytes. `size` in bytes; `width` and `height` in pixels, 0 where its header does not say."""

    id: str
    media_type: MediaType
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image that somebody asks with. `width` and `height` in pixels, 0 where its header does not say."""

    media_type: MediaType
    data: bytes = field(repr=False)
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as every format writes it: its bytes in base64, made once and away from the event loop."""

    media_type: str
    base64: str = field(repr=False)


def encoded(media_type: str, data: bytes) -> EncodedImage:
    return EncodedImage(media_type, b64encode(data).decode("ascii"))


def recognise(data: bytes) -> Image:
    """The image that `data` is. Raises InvalidInput("image", "empty" | "too_large" | "not_an_image"): PNG, JPEG, GIF and WebP are known."""
    if not data:
        raise InvalidInput("image", "empty")
    if len(data) > IMAGE_BYTES:
        raise InvalidInput("image", "too_large", size=IMAGE_BYTES)
    media_type = _media_type(data)
    if media_type is None:
        raise InvalidInput("image", "not_an_image")
    try:
        width, height = _SIZES[media_type](data)
    except (struct.error, IndexError):
        width, height = 0, 0
    return Image(media_type, bytes(data), width, height)


def _media_type(data: bytes) -> MediaType | None:
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", data[6:10])
    return width, height


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(data: bytes) -> tuple[int, int]:
    """The size in the first frame header; segments before it are stepped over."""
    at = 2
    while at < len(data) - 8:
        if data[at] != 0xFF:
            return 0, 0
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            at += 2 + max(2, struct.unpack(">H", data[at + 2 : at + 4])[0])
    return 0, 0


_SIZES = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}
