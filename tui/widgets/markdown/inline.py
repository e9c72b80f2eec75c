"""Inline Markdown (bold, code, links, maths, ...) as runs of styled text."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it.token import Token
from rich.cells import cell_len
from rich.style import Style

from core.sanitise import one_line
from tui.i18n import _
from tui.widgets.markdown.look import BOLD, ITALIC, STRIKE, Look
from tui.widgets.markdown.maths import readable
from tui.widgets.markdown.wrap import Run

_LONGEST_ADDRESS = 200
#: Source lines of so many cells were wrapped by machine.
_WRAPPED = 50


def runs_of(tokens: Sequence[Token] | None, look: Look, base: Style) -> list[Run]:
    """The children of an inline token as runs."""
    runs: list[Run] = []
    styles = [base]
    address: list[tuple[str, int]] = []
    for token in tokens or ():
        kind = token.type
        if kind == "text":
            if token.content:
                runs.append((token.content, styles[-1]))
        elif kind == "softbreak":
            runs.append((_soft_break(runs), base))
        elif kind == "hardbreak":
            runs.append(("\n", base))
        elif kind == "code_inline":
            runs.append((token.content.replace("\n", " "), styles[-1] + look.inline_code))
        elif kind == "maths_inline":
            runs.append((readable(token.content), styles[-1] + look.maths))
        elif kind == "link_open":
            address.append((str(token.attrs.get("href", "")), len(runs)))
            styles.append(styles[-1] + look.link)
        elif kind == "link_close":
            styles.pop()
            runs.extend(_shown_address(*address.pop(), runs, look))
        elif kind == "image":
            # A terminal shows what the picture is and where it lies.
            runs.append((f"[{_plain(token) or _('image')}]", styles[-1] + look.link))
            runs.extend(_shown_address(str(token.attrs.get("src", "")), len(runs) - 1, runs, look))
        elif kind in _ATTRIBUTES:
            styles.append(styles[-1] + (look.strong if kind == "strong_open" else _ATTRIBUTES[kind]))
        elif kind in _ENDS:
            styles.pop()
        elif token.content:
            runs.append((token.content, styles[-1]))
    return runs


def _soft_break(runs: Sequence[Run]) -> str:
    """What a line break inside a paragraph means. Behind a long line the text was wrapped by machine, so it is a blank (nothing in
    Chinese); behind a short one somebody meant it: addresses, verses, "name: value"."""
    cells, last = 0, ""
    for text, _style in reversed(runs):
        place = text.rfind("\n")
        cells += cell_len(text[place + 1 :])
        last = last or text[-1:]
        if place >= 0 or cells >= _WRAPPED:
            break
    if cells < _WRAPPED:
        return "\n"
    return "" if cell_len(last) == 2 else " "


_ATTRIBUTES = {"strong_open": BOLD, "em_open": ITALIC, "s_open": STRIKE}
_ENDS = {"strong_close", "em_close", "s_close"}


def _plain(token: Token) -> str:
    return one_line("".join(child.content for child in token.children or ()))


def _shown_address(address: str, first: int, runs: Sequence[Run], look: Look) -> list[Run]:
    """The address of a link behind its text, unless the text is the address: a link never hides where it leads."""
    text = "".join(part for part, _style in runs[first:])
    shown = one_line(address, _LONGEST_ADDRESS)
    if not shown or shown in (text, f"mailto:{text}") or shown.rstrip("/") == text.rstrip("/"):
        return []
    return [(f" ({shown})", look.dim)]
