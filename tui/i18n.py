"""The languages of the interface: gettext catalogues, one language per session, switchable while the program runs.

Each application (or shell command) puts one `Locale` into the context variable; its tasks share that object, so that
`locale.switch("zh_CN")` is seen by all of them at once. Strings that are made at import (class-level titles, bindings) are
marked with `N_` and translated with `_` when they are shown. A missing catalogue or message is English.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

DOMAIN = "modeltrain"
LOCALES = Path(__file__).parent / "locales"
#: Code and the language's own name, in the order shown.
LANGUAGES: Mapping[str, str] = {"en": "English", "zh_CN": "简体中文"}
DEFAULT = "en"
_FULL_WIDTH_ENDS = "。！？；：）"


@lru_cache(maxsize=8)
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == DEFAULT:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, localedir=LOCALES, languages=[language], fallback=True)


class Locale:
    """The language of one session. Mutable on purpose: a switch reaches every task that holds this object."""

    __slots__ = ("_catalogue", "_watchers", "language")

    def __init__(self, language: str = DEFAULT) -> None:
        self._watchers: list[Callable[[], None]] = []
        self.switch(language)

    def switch(self, language: str) -> None:
        """Speak `language` from now on; an unknown one means English."""
        self.language = language if language in LANGUAGES else DEFAULT
        self._catalogue = _catalogue(self.language)
        for watcher in tuple(self._watchers):
            watcher()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` after each switch; call the returned function to stop."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    def gettext(self, message: str) -> str:
        # The empty message is the catalogue's header, never a text.
        return self._catalogue.gettext(message) if message else ""

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        return self._catalogue.ngettext(singular, plural, count)


_ENGLISH = Locale()
_current: ContextVar[Locale | None] = ContextVar("modeltrain_locale", default=None)


def current() -> Locale:
    """The locale of this session; English where none was set."""
    return _current.get() or _ENGLISH


def use(locale: Locale) -> None:
    """Make `locale` that of this context and of the tasks started from it."""
    _current.set(locale)


def _(message: str) -> str:
    """`message` in the language of this session."""
    return current().gettext(message)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name
    """Marks `message` for the catalogue; it is translated with `_` when it is shown."""
    return message


def ngettext(singular: str, plural: str, count: int) -> str:
    """The form for `count` things, still with its placeholders."""
    return current().ngettext(singular, plural, count)


def joined(*sentences: str) -> str:
    """Whole sentences one behind the other; full-width marks hold their own blank. What others wrote may lack its end."""
    text = ""
    for sentence in filter(None, sentences):
        if text and text[-1].isalnum():
            text += "." if text[-1].isascii() else "。"
        text += sentence if not text or text[-1] in _FULL_WIDTH_ENDS else f" {sentence}"
    return text


def every_form(message: str) -> tuple[str, ...]:
    """`message` in every language, without repeats: what a search over commands looks into."""
    forms = dict.fromkeys(_catalogue(language).gettext(message) for language in LANGUAGES) if message else {}
    return tuple(forms)


def match(wanted: str) -> str | None:
    """The supported language for a code such as zh-Hans, zh_CN.UTF-8 or en_GB; None if there is none."""
    base = wanted.split(".")[0].split("@")[0].replace("-", "_").lower()
    if base in {"c", "posix"} or base.split("_")[0] == "en":
        return DEFAULT
    if base.split("_")[0] == "zh":
        return "zh_CN"
    return None


def from_environment(environment: Mapping[str, str] | None = None) -> str:
    """The language that LANGUAGE, LC_ALL, LC_MESSAGES and LANG ask for, in that order; English if none is supported."""
    environment = os.environ if environment is None else environment
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        for wanted in environment.get(name, "").split(":"):
            if wanted and (language := match(wanted)):
                return language
    return DEFAULT
