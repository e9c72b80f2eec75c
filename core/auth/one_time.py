"""One-time codes (TOTP, RFC 6238: SHA-1, 30 s, 6 digits, what every authenticator app speaks) and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

STEP_S: Final = 30
DIGITS: Final = 6
#: Steps before and after the present one whose codes are taken too: clocks differ, and typing takes a while.
WINDOW: Final = 1
SECRET_BYTES: Final = 20  # RFC 4226, 4: 160 bits are recommended
ISSUER: Final = "modeltrain"
RECOVERY_CODES: Final = 10
#: Bytes of the account's name in the URI. More would make the QR code too large for a terminal of 24 lines.
_LABEL_LIMIT: Final = 40
_RECOVERY_CHARACTERS: Final = 12  # of base32: 60 bits
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(rf"[a-z2-7]{{{_RECOVERY_CHARACTERS}}}")
_SEPARATORS = re.compile(r"[\s\-_.·]+")
#: What people read in place of the letters of base32, which has none of these digits.
_MISREAD = str.maketrans("018", "olb")


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A secret in base32: 32 characters."""
    return base64.b32encode(random_bytes(SECRET_BYTES)).decode()


def step_at(now_ms: int) -> int:
    """The time step of a moment in milliseconds."""
    return now_ms // (STEP_S * 1000)


def matching_step(secret: str, code: str, now_ms: int) -> int | None:
    """The time step, of those taken now, whose code this is; None if it is the code of none. Every step is compared."""
    from pyotp import TOTP

    totp, present, found = TOTP(secret, digits=DIGITS, interval=STEP_S), step_at(now_ms), None
    for step in range(max(0, present - WINDOW), present + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def uri_of(secret: str, email: str) -> str:
    """What the QR code says (the Key URI Format of authenticator apps). The issuer is in the label only: said twice, the code grows."""
    label = ""
    for character in email:
        piece = quote(character, safe="@")
        if len(label) + len(piece) > _LABEL_LIMIT:
            break
        label += piece
    return f"otpauth://totp/{ISSUER}:{label}?secret={secret}"


def read_code(typed: str) -> tuple[str, str]:
    """What somebody typed, as (one-time code, recovery code): the one it can be, the other "", or both "" for anything else."""
    text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed[:100])).lower()
    if _CODE.fullmatch(text):
        return text, ""
    text = text.translate(_MISREAD)
    return "", text if _RECOVERY.fullmatch(text) else ""


def new_recovery_code(random_bytes: Callable[[int], bytes]) -> str:
    """Three groups of four letters and digits, for example "k3vq-x7mt-c2pa"."""
    text = base64.b32encode(random_bytes(8)).decode().lower()[:_RECOVERY_CHARACTERS]
    return "-".join(text[start : start + 4] for start in range(0, _RECOVERY_CHARACTERS, 4))


def hash_recovery(secret: str, code: str) -> str:
    """HMAC-SHA256 under the secret of the second factor, which is sealed: the database alone does not tell the codes.

    `code`: as it was made, or as `read_code` gives it.
    """
    return hmac.new(secret.encode(), code.replace("-", "").encode(), hashlib.sha256).hexdigest()
