"""What Markdown looks like: Rich styles by meaning and the glyphs to draw with."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.style import Style

from tui.glyphs import UNICODE, Glyphs

BOLD = Style(bold=True)
ITALIC = Style(italic=True)
STRIKE = Style(strike=True)
UNDERLINE = Style(underline=True)


@dataclass(frozen=True, slots=True)
class Marks:
    """The glyphs that Markdown needs beside letters. `bullets`: one per level of nesting. `corners`: both upper, then both lower."""

    horizontal: str = "─"
    vertical: str = "│"
    corners: str = "┌┐└┘"
    bullets: str = "•◦▪"
    quote: str = "▎"
    box_open: str = "☐"
    box_done: str = "☑"

    @classmethod
    def of(cls, glyphs: Glyphs = UNICODE) -> Marks:
        """The marks in the manner of `glyphs`: ASCII on poor terminals."""
        if not glyphs.ascii:
            return cls()
        return cls(glyphs.rule, glyphs.wall, "++++", "*-+", "|", "[ ]", "[x]")


@dataclass(frozen=True)
class Look:
    """Styles and glyphs. A change of theme makes a new one, and with it every cached line anew.

    `code` maps the kinds of tokens (highlight.CODE_STYLES) to styles. `copy_hint` stands in the upper right corner of a code box.
    """

    text: Style
    dim: Style
    heading: Style
    strong: Style
    inline_code: Style
    link: Style
    quote: Style
    rule: Style
    maths: Style
    code_text: Style
    marks: Marks = Marks()
    code: dict[str, Style] = field(default_factory=dict)
    copy_hint: str = ""
