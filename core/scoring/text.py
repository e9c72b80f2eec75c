"""Texts before they are compared: what may be overlooked, and what language they are in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

Language = Literal["zh", "ja", "ko", "other"]

_Blocks = tuple[tuple[str, str], ...]
#: Han (with its extensions and compatibility forms), kana, hangul: scripts whose words are not set apart by spaces, or whose
#: syllables count as words here.
HAN: _Blocks = (("\u3400", "\u4dbf"), ("\u4e00", "\u9fff"), ("\uf900", "\ufaff"), ("\U00020000", "\U000323af"), ("\u3007", "\u3007"))
KANA: _Blocks = (("\u3041", "\u30fa"), ("\u30fc", "\u30ff"), ("\u31f0", "\u31ff"), ("\uff66", "\uff9f"))
HANGUL: _Blocks = (("\u1100", "\u11ff"), ("\uac00", "\ud7a3"))


def _class(blocks: _Blocks) -> str:
    return "".join(f"{low}-{high}" for low, high in blocks)


_HAN, _KANA, _HANGUL = (re.compile(f"[{_class(blocks)}]") for blocks in (HAN, KANA, HANGUL))
#: One character of any of them.
UNSPACED = re.compile(f"[{_class(HAN + KANA + HANGUL)}]")
_LETTER = re.compile(r"[^\W\d_]")
_BLANKS = re.compile(r"\s+")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
#: Marks of Markdown that only change the look: emphasis, code, headings, quotes.
_MARKUP = re.compile(r"[*`]+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)|^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)", re.MULTILINE)


def language_of(text: str) -> Language:
    """The language as far as the script tells it: kana means Japanese, more hangul than Han means Korean, else Han means Chinese.

    A text is none of them when fewer than one letter in ten is of their scripts: an English text may name something in Chinese.
    """
    han, kana, hangul = (len(block.findall(text)) for block in (_HAN, _KANA, _HANGUL))
    if (han + kana + hangul) * 10 < len(_LETTER.findall(text)) or not han + kana + hangul:
        return "other"
    if hangul > han + kana:
        return "ko"
    return "ja" if kana * 10 > han + kana else "zh"


def normalised(text: str, settings: Mapping[str, Any]) -> str:
    """`text` without what the settings (ignore_*) say does not matter. Runs of blanks become one space, ends are stripped."""
    if settings.get("ignore_width"):
        text = unicodedata.normalize("NFKC", text)
    if settings.get("ignore_markup"):
        text = _MARKUP.sub("", text)
    if settings.get("ignore_case"):
        text = text.casefold()
    if settings.get("ignore_punctuation"):
        text = "".join(" " if unicodedata.category(character).startswith("P") else character for character in text)
    if settings.get("ignore_articles"):
        text = _ARTICLES.sub(" ", text)
    return _BLANKS.sub("" if settings.get("ignore_spaces") else " ", text).strip()


def accepted(expected: str | None, settings: Mapping[str, Any]) -> list[str]:
    """All texts that an answer may be compared with: what is expected, and the option `alternatives`."""
    alternatives = texts(settings.get("alternatives"))
    return ([expected] if expected is not None and expected.strip() else []) + [one for one in alternatives if one.strip()]


def texts(value: Any) -> list[str]:
    """An option of kind "texts": one text, or a list of them."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
