"""The questions of a version: their serials in order, kept as ranges ("1-500,502,501"), so that a version of 100,000 is a short text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def encode(serials: Iterable[int]) -> str:
    """As kept."""
    parts: list[str] = []
    first = last = 0
    for serial in serials:
        if last and serial == last + 1:
            last = serial
            continue
        if last:
            parts.append(_part(first, last))
        first = last = serial
    if last:
        parts.append(_part(first, last))
    return ",".join(parts)


def _part(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def decode(text: str) -> list[int]:
    """The serials of what `encode` gave."""
    return list(_decoded(text))


def _decoded(text: str) -> Iterator[int]:
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if dash:
            yield from range(int(first), int(last) + 1)
        else:
            yield int(first)
