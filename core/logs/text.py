"""A line as a person reads it: progress bars (drawn over and over behind carriage returns) folded to what they said last."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.logs.levels import level_of
from core.logs.types import Bar, Level, Line, Shown
from core.sanitise import sanitise

#: tqdm: "Training:  10%|█         | 2/20 [00:08<01:14,  4.12s/it]"; without a total: "12it [00:01, 9.8it/s]".
_BAR = re.compile(
    r"(?P<bar>[^|\r]{0,160}?(?P<percent>\d{1,3})%\|[^|]{0,400}\|\s*(?P<done>[\d.,]+)(?P<unit>[kKMGT]?B?)/(?P<total>[\d.,]+)[kKMGT]?B?"
    r"(?:\s*\[[^\]\r]{0,200}\])?)(?P<rest>.*)",
    re.DOTALL,
)
_OPEN_BAR = re.compile(r"(?P<bar>[^|\r\[]{0,160}?\d+ ?(?:it|examples|B|kB|MB)? \[\d\d:\d\d[^\]\r]{0,200}\])(?P<rest>.*)", re.DOTALL)
#: Of the states of a bar only the last ones are parsed.
_STATES = 32


def show(line: Line) -> Shown:
    """What to draw for `line`. Text is sanitised, tabs are kept."""
    text = line.data.decode("utf-8", "replace")
    if "\r" not in text and "%|" not in text:
        clean = _clean(text)
        return Shown(clean, level_of(clean))
    states = text.split("\r")
    if len(states) > 2:
        # Of a piece of a longer line the states at its edges are cut.
        states = states[0 if line.begins else 1 : None if line.ends else -1]
    return _fold(states)


def _fold(states: Sequence[str]) -> Shown:
    """The last bar, and of what is no bar the last, or the last error."""
    bars = sum("%|" in state for state in states)
    bar, texts = _last_bar(states), []
    for state in states:
        rest = state if "%|" not in state else "" if state.rstrip().endswith("]") else _behind_bar(state)
        if rest.strip() and _OPEN_BAR.fullmatch(rest) is None:
            texts.append(rest)
    chosen = next((text for text in reversed(texts[-_STATES:]) if level_of(text) is Level.ERROR), texts[-1] if texts else "")
    clean = _clean(chosen)
    folded = max(0, bars - (1 if bar is not None and not clean else 0))
    if not clean.strip() and bar is not None:
        return Shown(bar.text, Level.PLAIN, bar, folded)
    return Shown(clean, level_of(clean), bar, folded)


def _behind_bar(state: str) -> str:
    found = _BAR.match(state)
    return found["rest"] if found else state


def _last_bar(states: Sequence[str]) -> Bar | None:
    for state in reversed(states[-_STATES:]):
        if bar := parse_bar(state):
            return bar
    return None


def parse_bar(text: str) -> Bar | None:
    """The progress bar that `text` begins with, if it is one."""
    if found := _BAR.match(text):
        plain = found["unit"] == ""
        return Bar(_clean(found["bar"]).strip(), float(found["percent"]), _whole(found["done"], plain), _whole(found["total"], plain))
    if found := _OPEN_BAR.match(text):
        return Bar(_clean(found["bar"]).strip())
    return None


def _whole(digits: str, plain: bool) -> int | None:
    """A count; None for sizes ("1.2G") and halves."""
    digits = digits.replace(",", "")
    return int(digits) if plain and digits.isdigit() and len(digits) < 19 else None


def _clean(text: str) -> str:
    # Printable text has nothing that the sanitiser takes out; most lines are.
    return text if text.isprintable() else sanitise(text).replace("\n", " ")
