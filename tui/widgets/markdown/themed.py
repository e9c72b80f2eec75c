"""How Markdown looks in the themes: made from the colours by meaning, so that every theme has it."""

from __future__ import annotations

from rich.style import Style

from tui.glyphs import Glyphs
from tui.themes import Palette
from tui.widgets.markdown.look import BOLD, ITALIC, UNDERLINE, Look, Marks


def look_of(colours: Palette, glyphs: Glyphs, base: Style, *, copy_hint: str = "") -> Look:
    """The look on the ground of `base`; `copy_hint` is already translated."""
    text = base + colours.text
    code = {
        "comment": colours.dim + ITALIC,
        "keyword": colours.reasoning,
        "string": colours.good,
        "number": colours.warn,
        "operator": colours.dim,
        "name": colours.accent,
        "builtin": colours.warn,
        "error": colours.bad,
    }
    return Look(
        text=text,
        dim=base + colours.dim,
        heading=text + colours.accent + BOLD,
        strong=text + BOLD,
        inline_code=colours.warn,
        link=colours.accent + UNDERLINE,
        quote=base + colours.dim,
        rule=base + colours.rule,
        maths=colours.reasoning,
        code_text=text,
        marks=Marks.of(glyphs),
        code={kind: base + style for kind, style in code.items()},
        copy_hint=copy_hint,
    )
