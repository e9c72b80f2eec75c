"""The one sanitiser: whatever comes from outside (models, files, names, logs) passes it before it is drawn or printed.

Removed: C0 controls but tab and newline, DEL, C1 controls, whole escape sequences (CSI, OSC, DCS, APC, PM, SOS and two-byte
ones), bidirectional controls, and other invisible format characters that move or hide text. CR and CRLF become a newline.
Lone surrogates become U+FFFD. What is left can be written to a terminal; it is still never markup.
"""

from __future__ import annotations

import re

#: What may never reach a terminal. U+200D (joins emoji) and U+FE0F (emoji presentation) stay.
_FORBIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI, 8 bit
    # OSC, DCS, SOS, PM, APC. Another opener ends the search for the end of one: else time would grow with the square of their number.
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"  # two-byte and charset sequences
)
_CONTROL = re.compile(f"[{_FORBIDDEN}]")
_SUSPECT = re.compile(f"[{_FORBIDDEN}\r\ud800-\udfff]")
_NOT_IN_JSON = re.compile(f"[{_FORBIDDEN}\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: The longest unfinished sequence held back between two chunks, in characters; longer ones are let go (without their controls).
_HOLD = 4096
_UNFINISHED = re.compile(
    r"(?:\x1b\[[0-?]*[ -/]*|\x9b[0-?]*[ -/]*|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*\x1b?|\x1b[ -/]*|\r)\Z"
)


def sanitise(text: str) -> str:
    """`text` without anything that a terminal would act on. Newlines and tabs stay."""
    if not _SUSPECT.search(text):
        return text
    # Line ends first: a sequence between CR and LF must not decide whether they are one line end, or a chunk border would.
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def one_line(text: str, limit: int | None = None) -> str:
    """`text` sanitised, with every run of blanks made one space; cut to `limit` characters with an ellipsis if given."""
    line = " ".join(sanitise(text).split())
    if limit is not None and len(line) > limit:
        return line[: max(0, limit - 1)] + "…"
    return line


def json_safe(text: str) -> str:
    """JSON text that may be printed: what `sanitise` would remove is written as \\uXXXX, so that who parses it loses nothing."""
    return _NOT_IN_JSON.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


class StreamSanitiser:
    """The same over a stream: a sequence split between two chunks is held back until it is whole."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, chunk: str) -> str:
        """The part of the stream that is now safe to draw."""
        text = self._held + chunk
        self._held = ""
        unfinished = _UNFINISHED.search(text)
        if unfinished and len(text) - unfinished.start() <= _HOLD:
            self._held = text[unfinished.start() :]
            text = text[: unfinished.start()]
        return sanitise(text)

    def close(self) -> str:
        """What was still held at the end."""
        text, self._held = self._held, ""
        return sanitise(text)
