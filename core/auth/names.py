"""The rules of e-mail addresses and nicknames.

An e-mail is stored lower-cased and in NFKC, so that it is one account however it is typed. A nickname keeps what its owner typed (in NFC);
its key (NFKC, case-folded, without invisible joiners) is what must be unique.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.errors import InvalidInput

EMAIL_LIMIT = 254
NICKNAME_MIN, NICKNAME_MAX = 2, 50
_CODE_POINTS, _KEY_CODE_POINTS = 200, 600
#: The name that reaches the registration over SSH (ssh register@host); no account has it, however it is typed.
REGISTER = "register"

_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
#: Zero-width joiners: part of emoji, and of words in Persian and in Indic scripts. Kept between visible characters, not in the key.
_JOINERS = "\u200c\u200d"
_SELECTORS = tuple(chr(point) for point in range(0xFE00, 0xFE10))
#: Letters and marks that show nothing.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MARKS_ON_ONE = 6


def fold_email(text: str) -> str:
    """`text` as it would be stored, valid or not: what sign-in looks for, and what its attempts are counted by.

    What no database takes (NUL, lone surrogates) becomes U+FFFD, which is in no address.
    """
    return _NO_TEXT.sub("\ufffd", unicodedata.normalize("NFKC", text.strip()).lower())


@dataclass(frozen=True, slots=True)
class SignInName:
    """What somebody typed to say who they are: the e-mail or the nickname's key to look for. The other one is "".

    Never both: no nickname has the form of an e-mail.
    """

    email: str = ""
    nickname_key: str = ""

    @property
    def folded(self) -> str:
        return self.email or self.nickname_key


def read_name(text: str) -> SignInName:
    """The account that `text` names, valid or not."""
    text = _NO_TEXT.sub("\ufffd", text[:_KEY_CODE_POINTS].strip())
    email = fold_email(text)
    return SignInName(email=email[:EMAIL_LIMIT]) if is_email(email) else SignInName(nickname_key=nickname_key(text)[:_KEY_CODE_POINTS])


def check_email(text: str) -> str:
    """The address as it is stored. Raises InvalidInput (field email: required, too_long, not_an_email)."""
    email = fold_email(text)
    if not email:
        raise InvalidInput("email", "required")
    if len(email) > EMAIL_LIMIT:
        raise InvalidInput("email", "too_long", max=EMAIL_LIMIT)
    if not is_email(email):
        raise InvalidInput("email", "not_an_email")
    return email


def is_email(email: str) -> bool:
    """Whether a folded address has the form name@host.domain (the dot-atom of RFC 5322, with the letters of RFC 6531)."""
    local, at, domain = email.rpartition("@")
    labels = domain.split(".")
    return (
        bool(at)
        and len(local.encode(errors="replace")) <= 64
        and _LOCAL.fullmatch(local) is not None
        and len(labels) >= 2
        and all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def check_nickname(text: str) -> str:
    """The nickname as it is stored: NFC, blanks made single. Raises InvalidInput (field nickname).

    Rules: required, control_characters, too_short (min), too_long (max), no_letter, looks_like_email.
    """
    if any(ord(character) < 0x20 or unicodedata.category(character) == "Zl" for character in text.strip()):
        raise InvalidInput("nickname", "control_characters")
    nickname = unicodedata.normalize("NFC", " ".join(text.split()))
    if not nickname:
        raise InvalidInput("nickname", "required")
    if len(nickname) > _CODE_POINTS:  # before anything that takes time
        raise InvalidInput("nickname", "too_long", max=NICKNAME_MAX)
    if not _can_be_shown(nickname):
        raise InvalidInput("nickname", "control_characters")
    length = count_characters(nickname)
    if length < NICKNAME_MIN:
        raise InvalidInput("nickname", "too_short", min=NICKNAME_MIN)
    if length > NICKNAME_MAX or len(nickname_key(nickname)) > _KEY_CODE_POINTS:
        raise InvalidInput("nickname", "too_long", max=NICKNAME_MAX)
    if not any(unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So" for character in nickname):
        raise InvalidInput("nickname", "no_letter")
    if is_email(fold_email(nickname)):
        raise InvalidInput("nickname", "looks_like_email")
    if nickname_key(nickname) == REGISTER:
        raise InvalidInput("nickname", "taken")
    return nickname


def nickname_key(nickname: str) -> str:
    """What two nicknames have in common if people would take one for the other: case, width and invisible characters do not count."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", nickname).casefold())
    return " ".join("".join(character for character in folded if character not in _JOINERS and character not in _SELECTORS).split())


def _can_be_shown(text: str) -> bool:
    marks = 0
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        if character in _JOINERS:
            if not (0 < index < len(text) - 1 and ord(text[index - 1]) > 0x7F and ord(text[index + 1]) > 0x7F):
                return False
            continue
        if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or character in _INVISIBLE:
            return False
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MARKS_ON_ONE or (index == 0 and marks):
            return False
    return True


def count_characters(text: str) -> int:
    """How many characters a person sees: the main rules of extended grapheme clusters (UAX #29), without tables of their own."""
    count, previous, flags = 0, "", 0
    for character in text:
        flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        second_of_flag = flag and flags % 2 == 1
        flags = flags + 1 if flag else 0
        if not (previous and (second_of_flag or _extends(character) or _joined(previous, character) or _hangul(previous, character))):
            count += 1
        previous = character
    return count


def _extends(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me", "Mc"} or character in _JOINERS or "\U0001f3fb" <= character <= "\U0001f3ff"


def _joined(previous: str, character: str) -> bool:
    return previous == "\u200d" and unicodedata.category(character) == "So"


def _hangul(previous: str, character: str) -> bool:
    """Conjoining jamo that follow each other make one syllable: L before L, V or a syllable; V or T before V or T."""
    leading, vowel, trailing = "\u1100" <= previous <= "\u115f", "\u1160" <= character <= "\u11a7", "\u11a8" <= character <= "\u11ff"
    if leading:
        return "\u1100" <= character <= "\u11a7" or "\uac00" <= character <= "\ud7a3"
    return (vowel or trailing) and ("\u1160" <= previous <= "\u11ff" or "\uac00" <= previous <= "\ud7a3")
