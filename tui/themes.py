"""Themes, and the colours by meaning ("tokens") that every widget draws with.

A theme is a set of tokens; styles/tokens.tcss gives them to the style sheets as `$token`, `palette(app)` as Rich styles to the
widgets that draw their own lines. "terminal" uses the terminal's own sixteen colours and background.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from rich.style import Style

from tui.i18n import N_

if TYPE_CHECKING:
    from textual.theme import Theme

#: The least contrast of any text token on the grounds it is drawn on (WCAG 2.1, 1.4.3).
CONTRAST = 4.5


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme: `ground` behind everything, `raised` behind lines, dialogs, fields, `selection` behind the row in hand."""

    name: str
    label: str
    dark: bool
    ground: str
    raised: str
    selection: str
    rule: str
    text: str
    dim: str
    accent: str
    good: str
    warn: str
    bad: str
    reasoning: str
    code: str
    ansi: bool = False


THEMES: dict[str, Tokens] = {
    tokens.name: tokens
    for tokens in (
        Tokens(
            "night", N_("Night"), True,
            ground="#14171c", raised="#1c2129", selection="#26344a", rule="#39424f",
            text="#d8dee6", dim="#939eac", accent="#7cb7ff", good="#7fd08f", warn="#e8bd5e", bad="#ff8f88", reasoning="#b7a6ee",
            code="#1a1f27",
        ),
        Tokens(
            "ember", N_("Ember"), True,
            ground="#1b1715", raised="#26201d", selection="#412f26", rule="#4a4039",
            text="#e8dfd5", dim="#a89b8d", accent="#f2ab6d", good="#a3c982", warn="#ecc65f", bad="#ff938a", reasoning="#c9a9d6",
            code="#221c19",
        ),
        Tokens(
            "day", N_("Day"), False,
            ground="#fbfbfa", raised="#eff1f3", selection="#d3e3f8", rule="#c3c9d0",
            text="#1d232a", dim="#56606b", accent="#0a56b0", good="#1b6632", warn="#7c5000", bad="#b0261f", reasoning="#5f429f",
            code="#f2f4f6",
        ),
        Tokens(
            "paper", N_("Paper"), False,
            ground="#f8f2e4", raised="#eee6d3", selection="#e0d2ae", rule="#cbbfa2",
            text="#2d2720", dim="#5f5546", accent="#15558a", good="#38591a", warn="#754600", bad="#9c2b1f", reasoning="#6b3d82",
            code="#f1ead9",
        ),
        Tokens(
            "terminal", N_("Colours of the terminal"), True,
            ground="ansi_default", raised="ansi_default", selection="ansi_default", rule="ansi_bright_black",
            text="ansi_default", dim="ansi_bright_black", accent="ansi_cyan", good="ansi_green", warn="ansi_yellow", bad="ansi_red",
            reasoning="ansi_magenta", code="ansi_default", ansi=True,
        ),
    )
}  # fmt: skip
DEFAULT_THEME = "night"
#: The one with the sixteen colours and the ground of the terminal.
ANSI_THEME = "terminal"


def tokens_of(name: str) -> Tokens:
    """The tokens of the theme `name`, or of the default theme."""
    return THEMES.get(name, THEMES[DEFAULT_THEME])


@dataclass(frozen=True, slots=True)
class Palette:
    """The tokens as Rich styles: foregrounds alone, but `selection`, `raised`, `field` (grounds) and `cursor` (reversed)."""

    text: Style
    dim: Style
    accent: Style
    good: Style
    warn: Style
    bad: Style
    reasoning: Style
    rule: Style
    selection: Style
    raised: Style
    code: Style
    ground: Style
    field: Style
    cursor: Style
    bold: Style
    dark: bool
    ansi: bool

    @property
    def key(self) -> Style:
        """How a key is named."""
        return self.accent


def _rich(colour: str) -> str:
    return colour.removeprefix("ansi_")


def make_palette(tokens: Tokens) -> Palette:
    """The styles of a theme. Where a ground cannot be told by colour (the terminal's own) the selection is reversed."""
    front = {
        name: Style(color=_rich(getattr(tokens, name))) for name in ("text", "dim", "accent", "good", "warn", "bad", "reasoning", "rule")
    }
    back = {name: Style(bgcolor=_rich(getattr(tokens, name))) for name in ("raised", "code", "ground")}
    selection = Style(reverse=True) if tokens.ansi else Style(bgcolor=tokens.selection)
    field = Style(underline=True) if tokens.ansi else back["raised"]
    plain = {"cursor": Style(reverse=True), "bold": Style(bold=True)}
    return Palette(**front, **back, **plain, selection=selection, field=field, dark=tokens.dark, ansi=tokens.ansi)


_PALETTES: dict[str, Palette] = {}


def palette(app: Any) -> Palette:
    """The styles of the theme that `app` shows now; the default theme's in an app that has another (as in a widget's test)."""
    tokens = tokens_of(getattr(app, "drawn_theme", app.theme))
    made = _PALETTES.get(tokens.name)
    if made is None:
        made = _PALETTES[tokens.name] = make_palette(tokens)
    return made


def css_variables(tokens: Tokens) -> dict[str, str]:
    """The tokens under the names that the style sheets use."""
    words = {field.name: getattr(tokens, field.name) for field in fields(Tokens) if isinstance(getattr(tokens, field.name), str)}
    return {name: value for name, value in words.items() if name not in ("name", "label")}


def textual_theme(tokens: Tokens) -> Theme:
    """The theme for Textual, so that its own widgets (scroll bars, toasts, text areas) agree with ours."""
    from textual.theme import Theme

    # The last two are missing from Textual's own variables of an ANSI theme, though its style sheets use them.
    variables = css_variables(tokens) | {"ansi-background": tokens.ground, "ansi-foreground": tokens.text}
    if not tokens.ansi:
        variables |= {
            "scrollbar": tokens.rule,
            "scrollbar-hover": tokens.dim,
            "scrollbar-active": tokens.accent,
            "scrollbar-background": tokens.ground,
            "scrollbar-background-hover": tokens.ground,
            "scrollbar-background-active": tokens.ground,
            "scrollbar-corner-color": tokens.ground,
            "input-selection-background": tokens.selection,
            "screen-selection-background": tokens.selection,
            "text": tokens.text,
            "text-muted": tokens.dim,
        }
    return Theme(
        name=tokens.name,
        primary=tokens.accent,
        secondary=tokens.reasoning,
        warning=tokens.warn,
        error=tokens.bad,
        success=tokens.good,
        accent=tokens.accent,
        foreground=tokens.text,
        background=tokens.ground,
        surface=tokens.raised,
        panel=tokens.raised,
        dark=tokens.dark,
        variables=variables,
        ansi=tokens.ansi,
    )
