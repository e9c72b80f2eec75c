"""Images of questions in words: a terminal shows that they are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.i18n import _

if TYPE_CHECKING:
    from core.llm.images import ImageInfo


def with_images(question: str, images: Sequence[ImageInfo]) -> str:
    """A question with a line for each of its images."""
    return "\n".join([question, *(image_words(each.media_type, each.size, each.width, each.height) for each in images)])


def image_words(media_type: str, size: int, width: int, height: int) -> str:
    """An image in a line of text. `size` in bytes."""
    kind = media_type.partition("/")[2].upper()
    kilobytes = f"{max(1, size // 1024):,}"
    if width and height:
        return _("[image: {kind}, {width}x{height}, {size} KB]").format(kind=kind, width=width, height=height, size=kilobytes)
    return _("[image: {kind}, {size} KB]").format(kind=kind, size=kilobytes)
