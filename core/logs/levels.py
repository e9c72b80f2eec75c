"""How bad a line is, in the formats that training writes.

LLaMA-Factory and transformers: `[INFO|2026-01-01 12:00:00] ...`, `[WARNING|trainer.py:123] 2026-... >> ...`; Python's logging:
`ERROR:root:...`, `2026-01-01 12:00:00,123 - INFO - ...`; torchrun (glog): `E1121 08:00:00.000000 123 ...`; warnings of Python
(`FutureWarning: ...`); tracebacks, also with torchrun's `[rank0]:` before each line; what the kernel or a shell says of a dead process.
"""

from __future__ import annotations

import re

from core.logs.types import Level

#: Of a line only so many characters are looked at.
_LOOKED_AT = 2048
_PREFIX = r"^(?:\[(?:rank|default)?\d+\]:?\s*)*"
_ERROR = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL)\b"
    rf"|{_PREFIX}\s*(?:Traceback \(most recent call last\)|(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt)(?::|\s*$))"
    rf"|{_PREFIX}[EF]\d{{4}} \d\d:\d\d:\S+ +\d+ torch/"
    r"|^(?:Killed|Segmentation fault|Aborted|Bus error)\b"
)
_WARNING = re.compile(rf"\bWARN(?:ING)?\b|\b[A-Z]\w*Warning:|{_PREFIX}W\d{{4}} \d\d:\d\d:\S+ +\d+ torch/|^[Ww]arning:")
_INFO = re.compile(rf"\bINFO\b|{_PREFIX}I\d{{4}} \d\d:\d\d:")
_DEBUG = re.compile(r"\bDEBUG\b")
#: Without one of these (in capitals or not) in its bytes a line is no error, or no warning: found at the speed of memory. "torch/" stands
#: in what torchrun says.
ERROR_SIGNS = (b"error", b"exception", b"traceback", b"critical", b"fatal", b"interrupt", b"killed", b"segmentation", b"aborted", b"torch/")
WARNING_SIGNS = (b"warn",)
_ANY_ERROR = re.compile(r"[EF][01R]|rror|xception|CRIT|FATAL|Trace|Inter|Kill|Segm|Abor|Bus ")
_ANY_WARNING = re.compile(r"W[01A]|arning")


def level_of(text: str) -> Level:
    """The level of one line. The worst that is said of it counts; numbers and names of metrics say nothing."""
    text = text[:_LOOKED_AT]
    if _ANY_ERROR.search(text) and _ERROR.search(text):
        return Level.ERROR
    if _ANY_WARNING.search(text) and _WARNING.search(text):
        return Level.WARNING
    if ("INFO" in text or text[:1] in "I[") and _INFO.search(text):
        return Level.INFO
    return Level.DEBUG if "DEBUG" in text and _DEBUG.search(text) else Level.PLAIN


def signs(level: Level) -> tuple[bytes, ...]:
    """What stands in every line that is at least as bad as `level` (WARNING or ERROR)."""
    return ERROR_SIGNS if level >= Level.ERROR else ERROR_SIGNS + WARNING_SIGNS
