"""A command line that came over SSH: split into words as a shell would, with nothing of a shell behind it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tui.i18n import from_environment, match

#: Bytes of a command line. Longer texts come on standard input.
LONGEST = 32 * 1024
#: What a client's environment may say to a command, and the longest value.
_HEARD = ("TERM", "NO_COLOR", "COLORTERM")
_LONGEST_VALUE = 64


class Unreadable(Exception):
    """A command line that cannot be split. `why`: too_long, characters, open_quote."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def words_of(command: str) -> list[str]:
    """The words of a command line; "modeltrain" in front of it may be left out. `;`, `|`, `$`, `*` are letters like others.

    Raises Unreadable.
    """
    if len(command.encode(errors="surrogatepass")) > LONGEST or "\0" in command:
        raise Unreadable("too_long" if "\0" not in command else "characters")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Unreadable("open_quote") from error
    return words[1:] if words[:1] == ["modeltrain"] else words


def language_of(account: str, environment: Mapping[str, str]) -> str:
    """The language that the account chose, else the one that the client asks for."""
    return (match(account) if account else None) or from_environment(environment)


def environment_of(environment: Mapping[str, str], term: str = "") -> dict[str, str]:
    """All that a command gets to know as its environment. `term`: the kind of the terminal, "" for none."""
    heard = {name: environment[name] for name in _HEARD if name in environment} | ({"TERM": term} if term else {})
    plain = {name: value for name, value in heard.items() if len(value) <= _LONGEST_VALUE and value.isprintable() and value.isascii()}
    return plain | {"LANG": "C.UTF-8"}
