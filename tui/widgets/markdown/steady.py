"""Text whose width every terminal agrees on.

Terminals disagree on emoji that are joined, coloured or asked to be drawn wide (U+200D, skin tones, U+FE0F): one takes two cells
where another takes six, and the rest of the line is displaced. Drawn without these marks, each emoji takes its own two cells.
Copies keep the text as it was.
"""

from __future__ import annotations

import re

_UNSTEADY = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


def steady(text: str) -> str:
    """`text` without what makes its width uncertain; looks at each character alone, so a stream may be cut anywhere."""
    return text if text.isascii() else _UNSTEADY.sub("", text)


_MARKS = "\u0300-\u036f\u0483-\u0489\u0610-\u061a\u064b-\u065f\u20d0-\u20ff\ufe20-\ufe2f"
_FLOOD = re.compile(f"([{_MARKS}]{{4}})[{_MARKS}]+")


def calm(text: str) -> str:
    """`text` with at most four marks on a letter: hundreds of them would run over the lines around."""
    return text if text.isascii() else _FLOOD.sub(r"\1", text)
