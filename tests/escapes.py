"""What a terminal is told: the bytes of a PTY as tokens, and which of them modeltrain may send. Everything else is an attack.

The list below was taken from a harmless session through all screens and read by eye; `tests/acceptance/test_screens.py` shows that
each entry is in use, so that it is no wider than it has to be.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, Protocol

#: Controls, and what moves or hides text: C0, DEL, C1, soft hyphen, bidirectional marks, zero width characters, tags, half characters.
CONTROLS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_TOKEN = re.compile(
    r"(?P<newline>\r\n)"
    r"|(?P<csi>\x1b\[[0-?]*[ -/]*[@-~])"
    r"|(?P<string>\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\))"
    r"|(?P<escape>\x1b[ -/]*[0-~])"
    rf"|(?P<control>[{CONTROLS}])"
    rf"|(?P<text>[^{CONTROLS}]+)"
)


class Token(NamedTuple):
    """`kind`: newline, csi, string, escape, control or text; `start`: where it begins, in characters."""

    kind: str
    text: str
    start: int


def tokens(data: bytes) -> Iterator[Token]:
    """`data` in tokens. Raises UnicodeDecodeError for what is not UTF-8."""
    for found in _TOKEN.finditer(data.decode("utf-8")):
        yield Token(str(found.lastgroup), found.group(), found.start())


_COLOUR = r"[34]8;2;\d{1,3};\d{1,3};\d{1,3}"
#: Bold, dim, italic, underlined, reversed, struck through; the end of each; the terminal's own colours.
_ATTRIBUTE = r"[123479]|2[23479]|[34]9"
#: What modeltrain may send, by name. Positions are checked against the size, copies by their text.
LAWFUL = {
    "new line": re.compile(r"\r\n"),
    "first column": re.compile(r"\r"),
    "cursor": re.compile(r"\x1b\[(?P<row>[1-9]\d*)?(?:;(?P<column>[1-9]\d*))?H"),
    "to the right": re.compile(r"\x1b\[(?P<column>[1-9]\d*)?C"),
    "to the left": re.compile(r"\x1b\[(?P<column>[1-9]\d*)?D"),
    "lines that scroll": re.compile(r"\x1b\[(?:(?P<first>[1-9]\d*);(?P<row>[1-9]\d*))?r"),
    "scroll down": re.compile(r"\x1bM"),
    "erase all": re.compile(r"\x1b\[2J"),
    "erase the rest": re.compile(r"\x1b\[K"),
    "erase some": re.compile(r"\x1b\[(?P<column>[1-9]\d*)X"),
    "plain": re.compile(r"\x1b\[m"),
    "colours": re.compile(rf"\x1b\[;?(?:{_ATTRIBUTE}|{_COLOUR})(?:;(?:{_ATTRIBUTE}|{_COLOUR}))*m"),
    "other screen": re.compile(r"\x1b\[\?1049[hl]"),
    "mouse": re.compile(r"\x1b\[\?(?:1000|1003|1006|1015)[hl]"),
    "cursor seen": re.compile(r"\x1b\[\?25[hl]"),
    "focus": re.compile(r"\x1b\[\?1004[hl]"),
    "pastes in brackets": re.compile(r"\x1b\[\?2004[hl]"),
    "wrapping": re.compile(r"\x1b\[\?7[hl]"),
    "what can you do": re.compile(r"\x1b\[\?(?:2026|2048)\$p"),
    "keyboard": re.compile(r"\x1b\[(?:>25|<)u"),
    "pointer": re.compile(r"\x1b\]22;default\x07"),
}
#: Only with the theme that takes the sixteen colours of the terminal.
_SIXTEEN = rf"(?:{_ATTRIBUTE}|[34][0-7]|9[0-7]|10[0-7])"
SIXTEEN = re.compile(rf"\x1b\[;?{_SIXTEEN}(?:;{_SIXTEEN})*m")
COPY = re.compile(r"\x1b\]52;c;(?P<text>[A-Za-z0-9+/=]*)\x07")


class Receiver(Protocol):
    """Anything that keeps the bytes it received: a Terminal."""

    received: bytearray


class Judge:
    """Reads what `terminal` received so far and fails on what is not lawful. It was never larger than `width` x `height`.

    `sixteen`: the theme with the terminal's own colours is used, too. `copies`: the texts that were copied, in order.
    """

    def __init__(self, terminal: Receiver, width: int, height: int, *, sixteen: bool = False) -> None:
        self._terminal, self._width, self._height, self._sixteen = terminal, width, height, sixteen
        self._read, self._before = 0, ""
        self.lawful: Counter[str] = Counter()
        self.copies: list[str] = []

    def check(self, doing: str, *, end: bool = False) -> None:
        """Fail if anything since the last look is not lawful. `doing`: what was tried. `end`: nothing follows what was received."""
        received = self._terminal.received
        # What begins with the last escape character may not be whole yet.
        until = len(received) if end else max(self._read, received.rfind(b"\x1b"))
        data = bytes(received[self._read : until])
        self._read = until
        found = list(self._unlawful(data))
        assert not found, f"{doing}: sent to the terminal:\n" + "\n".join(found[:10])

    def _unlawful(self, data: bytes) -> Iterator[str]:
        text = data.decode("utf-8")
        for token in tokens(data):
            name = "" if token.kind == "text" else self._name(token.text)
            # A whole screen is erased at its beginning only.
            if name == "erase all" and self._before != "plain":
                name = ""
            self._before = name
            if token.kind == "text":
                continue
            if name:
                self.lawful[name] += 1
            elif copy := COPY.fullmatch(token.text):
                self.copies.append(base64.b64decode(copy["text"]).decode("utf-8"))
            elif not (self._sixteen and SIXTEEN.fullmatch(token.text)):
                yield f"{token.text!r} in {text[max(0, token.start - 80) : token.start + len(token.text) + 40]!r}"

    def _name(self, token: str) -> str:
        for name, form in LAWFUL.items():
            found = form.fullmatch(token)
            if found is None:
                continue
            # What has no number stands for 1.
            row, column = (int(found.groupdict().get(side) or 1) for side in ("row", "column"))
            if row > self._height or column > self._width:
                return ""
            return name
        return ""


def attacks(text: str) -> list[str]:
    """What of `text` a terminal would act on, for texts that were copied or printed; line ends and tabs are none."""
    return [found.group() for found in re.finditer(f"[{CONTROLS}]", text) if found.group() not in "\n\t"]
