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
    if zeros := head.count(0):
        even, odd = head[::2].count(0), head[1::2].count(0)
        if zeros > len(head) // 5 and (odd > 4 * even or even > 4 * odd):
            return "utf-16-le" if odd > even else "utf-16-be"
        return ""
    if (wide := _wide_hanzi(head)) and not _reads(file, "utf-8"):
        return wide
    if _reads(file, "utf-8"):
        return "utf-8-sig"
    return _eight_bit(file)


def _wide_hanzi(head: bytes) -> str:
    """UTF-16 without a mark whose text is Chinese nearly throughout, so that it has no zeros: its line ends tell."""
    return "utf-16-le" if b"\n\x00" in head else "utf-16-be" if b"\x00\n" in head else ""


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
