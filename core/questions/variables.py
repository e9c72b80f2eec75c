"""Variables in texts: `{{name}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

_VARIABLE = re.compile(r"\{\{\s*([^\W\d][\w.\-]*)\s*\}\}")


def variables_in(*texts: str | None) -> tuple[str, ...]:
    """The names that stand in `texts` as {{name}}, each once, in the order of the text."""
    return tuple(dict.fromkeys(name for text in texts if text for name in _VARIABLE.findall(text)))


def fill(text: str, variables: Mapping[str, str]) -> str:
    """`text` with every {{name}} that is known replaced by its value; others stay as they stand. Values are not looked through again."""
    if not variables or "{{" not in text:
        return text
    return _VARIABLE.sub(partial(_value, variables), text)


def _value(variables: Mapping[str, str], found: re.Match[str]) -> str:
    return variables.get(found[1], found[0])
