"""How the text of a file is written, told by its bytes."""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO, Final

from core.errors import InvalidInput

#: The error handler of codecs that puts MARK where bytes are no text: such a row is named, and the rows around it are read.
_HANDLER: Final = "modeltrain-mark"
MARK: Final = "\udcff"
_CHUNK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
#: Both bytes of most Chinese characters in GBK and GB18030.
_HANZI: Final = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return MARK, error.end
    raise error


codecs.register_error(_HANDLER, _mark)


def named(encoding: str) -> str:
    """The codec that a person means. Raises InvalidInput("encoding", "unknown_encoding")."""
    try:
        found = codecs.lookup(encoding.strip())
    except (LookupError, ValueError):
        raise InvalidInput("encoding", "unknown_encoding", value=encoding[:40]) from None
    if not getattr(found, "_is_text_encoding", True):
        raise InvalidInput("encoding", "unknown_encoding", value=encoding[:40])
    return "utf-8-sig" if found.name == "utf-8" else "gb18030" if found.name in ("gb2312", "gbk") else found.name


def detect(file: BinaryIO) -> str:
    """The encoding of a file, read through to its end; "" for what is no text at all. The place in the file is lost."""
    file.seek(0)
    head = file.read(4096)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if head.count(0):
        return _utf16(head)
    if (wide := _utf16(head) if b"\n" in head else "") and not _reads(file, "utf-8"):
        return wide
    if _reads(file, "utf-8"):
        return "utf-8-sig"
    return _eight_bit(file)


#: What text is made of: ASCII that can be written, Chinese, Japanese and Korean with their signs, and what lies between.
_WRITTEN: Final = re.compile("[\t\n\r\x20-\x7e\u00a0-\u05ff\u2010-\u2027\u2030-\u205e\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: the order of bytes in which nearly everything is what people write; "" for none."""
    shares: dict[str, float] = {}
    for encoding in ("utf-16-le", "utf-16-be"):
        text = head[: len(head) // 2 * 2].decode(encoding, "replace")
        if "\x00" not in text and ("\n" in text or len(head) < 4096):
            shares[encoding] = len(_WRITTEN.findall(text)) / max(1, len(text))
    best = max(shares, key=lambda encoding: shares[encoding], default="")
    return best if best and shares[best] > 0.9 else ""


def _reads(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := file.read(_CHUNK):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _eight_bit(file: BinaryIO) -> str:
    """GB18030 where most of what is not ASCII is Chinese in it; UTF-8 with broken rows where most rows are; else Western European."""
    file.seek(0)
    sample = file.read(_CHUNK)
    if sample.count(0):
        return ""
    rows = [row for row in sample.split(b"\n") if not row.isascii()]
    whole = sum(1 for row in rows if _is_utf8(row))
    if 2 * whole > len(rows):
        return "utf-8-sig"
    high = sum(1 for byte in sample if byte > 127)
    hanzi = 2 * len(_HANZI.findall(sample))
    if _reads(file, "gb18030") and hanzi * 10 >= high * 6:
        return "gb18030"
    if hanzi * 10 >= high * 8:
        return "gb18030"  # Chinese with broken rows
    return "cp1252" if _reads(file, "cp1252") else "latin-1"


def _is_utf8(row: bytes) -> bool:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def text_of(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file as text from its start, line ends as they are. What is no text is MARK."""
    file.seek(0)
    return io.TextIOWrapper(file, encoding=encoding, errors=_HANDLER, newline="")


def shown(encoding: str) -> str:
    """The name that people know an encoding by."""
    return {"utf-8-sig": "utf-8", "cp1252": "windows-1252"}.get(encoding, encoding)
