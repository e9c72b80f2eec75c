"""What a terminal can show: how many colours, which shortcuts in its language; and styles as the codes of such a terminal.

The local application and the served ones share this. A style is brought down to the colours of the terminal here, where it becomes
codes: Rich keeps the escape text of a style with the style, which all applications of a process share, so that its own way of
using fewer colours would give one person the colours of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from rich.color import Color, ColorSystem, ColorType
from rich.style import Style

from tui.ssh.palette256 import nearest

Depth = Literal["none", "16", "256", "truecolor"]
DEPTHS: tuple[Depth, ...] = ("truecolor", "256", "16", "none")
#: The preference of an account: one of DEPTHS, or what the terminal says.
AUTO = "auto"
_SYSTEMS = {"16": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}
#: Terminals without colours, and those that have sixteen whatever the rest of the environment says.
_COLOURLESS = ("dumb", "vt100", "vt102", "vt220", "vt320", "ansi-m", "xterm-mono")
_SIXTEEN = ("linux", "cons25", "ansi", "cygwin")
#: Terminals that are known for all colours although they hardly ever get to say so over SSH.
_TRUECOLOR = ("-direct", "kitty", "ghostty", "alacritty", "foot", "wezterm", "contour")
#: Terminals that do not erase with the ground of the style in use, as terminfo has it ("bce").
_PLAIN_ERASE = ("screen", "tmux", "vt", "dumb", "ansi")
#: Terminals that cannot erase a number of cells ("ech").
_NO_ECH = ("screen", "vt100", "vt102", "dumb", "ansi", "rxvt")
#: Terminals that cannot scroll some of their lines ("csr").
_NO_REGIONS = ("dumb", "ansi", "cygwin")


@dataclass(frozen=True, slots=True)
class Abilities:
    """`ech`: can erase a number of cells at once; `bce`: does so with the ground of the style in use; `ends_singly`: can end one
    attribute and keep the others; `plain`: draws lines and blocks of letters; `scrolls`: can move a part of its lines up and down."""

    depth: Depth = "truecolor"
    ech: bool = True
    bce: bool = True
    ends_singly: bool = True
    plain: bool = False
    scrolls: bool = True


def depth_of(environment: Mapping[str, str], preference: str = AUTO) -> Depth:
    """How many colours to use for a terminal with this TERM, COLORTERM and NO_COLOR; a preference other than "auto" decides."""
    if preference in DEPTHS:
        return preference
    term = environment.get("TERM", "").lower()
    if "NO_COLOR" in environment or term.startswith(_COLOURLESS):
        return "none"
    if term.startswith(_SIXTEEN):
        return "16"
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") or any(name in term for name in _TRUECOLOR):
        return "truecolor"
    return "256" if "256" in term else "16"


def abilities_of(environment: Mapping[str, str], depth: Depth, *, plain: bool = False) -> Abilities:
    """What the terminal named by TERM can do, with `depth` colours; `plain`: without lines and blocks."""
    term = environment.get("TERM", "").lower()
    return Abilities(
        depth,
        ech=not term.startswith(_NO_ECH),
        bce=not term.startswith(_PLAIN_ERASE),
        ends_singly=not term.startswith(_COLOURLESS),
        plain=plain,
        scrolls=not term.startswith(_NO_REGIONS),
    )


class Look(NamedTuple):
    """How a cell looks: attributes as the codes that begin them, colours as codes ("" is the terminal's own)."""

    attributes: frozenset[str] = frozenset()
    front: str = ""
    back: str = ""

    @property
    def shows_on_blanks(self) -> bool:
        """Whether a blank of this look is more than its ground."""
        return not self.attributes.isdisjoint(_SEEN_ON_BLANKS)


PLAIN = Look()
#: Bits of Rich's styles and the codes that begin the attribute.
_BITS = tuple((1 << bit, code) for bit, code in enumerate(("1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "51", "52", "53")))
_SEEN_ON_BLANKS = frozenset(("4", "7", "9", "21", "51", "52", "53"))
#: What ends an attribute; several attributes may share their end.
_ENDS = {
    "1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24",
    "51": "54", "52": "54", "53": "55",
}  # fmt: skip


@lru_cache(maxsize=8192)
def look_of(style: Style | None, depth: Depth) -> Look:
    """The look of `style` on a terminal with `depth` colours."""
    if style is None:
        return PLAIN
    bits = style._attributes & style._set_attributes
    attributes = frozenset(code for bit, code in _BITS if bits & bit) if bits else PLAIN.attributes
    return _one(attributes, _codes(style.color, depth, front=True), _codes(style.bgcolor, depth, front=False))


@lru_cache(maxsize=8192)
def _one(attributes: frozenset[str], front: str, back: str) -> Look:
    # One object for all styles that look alike, so that cells are compared by identity most of the time.
    return Look(attributes, front, back) if attributes or front or back else PLAIN


@lru_cache(maxsize=4096)
def _codes(colour: Color | None, depth: Depth, *, front: bool) -> str:
    if colour is None or depth == "none" or colour.is_default:
        return ""
    if depth == "256" and colour.triplet is not None and colour.type is ColorType.TRUECOLOR:
        return f"{38 if front else 48};5;{nearest(*colour.triplet)}"
    return ";".join(colour.downgrade(_SYSTEMS[depth]).get_ansi_codes(foreground=front))


@lru_cache(maxsize=16384)
def change(before: Look | None, after: Look, *, singly: bool = True) -> str:
    """The shortest sequence that turns the style in use from `before` (None: unknown) into `after`."""
    if before == after:
        return ""
    codes = [*sorted(after.attributes), *filter(None, (after.front, after.back))]
    anew = f"\x1b[;{';'.join(codes)}m" if codes else "\x1b[m"
    if before is None or not singly:
        return anew
    ended = {_ENDS[code] for code in before.attributes - after.attributes}
    begun = {code for code in after.attributes if code not in before.attributes or _ENDS[code] in ended}
    parts = [*sorted(ended), *sorted(begun)]
    if before.front != after.front:
        parts.append(after.front or "39")
    if before.back != after.back:
        parts.append(after.back or "49")
    step = f"\x1b[{';'.join(parts)}m"
    return step if len(step) <= len(anew) else anew
