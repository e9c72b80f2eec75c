"""Colours for code: Pygments, loaded when the first closed code block is seen, never for large blocks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tui.widgets.markdown.look import Look
from tui.widgets.markdown.wrap import Run

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

#: Characters; larger blocks stay plain so that no key waits for them (about 60 ms of CPU).
LARGEST = 40_000
#: Pygments' token types (their first names) and the style they get.
_KINDS = (
    ("Comment", "comment"), ("Keyword", "keyword"), ("Literal.String", "string"), ("Literal.Number", "number"), ("Literal.Date", "number"),
    ("Operator.Word", "keyword"), ("Operator", "operator"), ("Punctuation", "operator"), ("Name.Function", "name"), ("Name.Class", "name"),
    ("Name.Tag", "keyword"), ("Name.Attribute", "name"), ("Name.Decorator", "name"), ("Name.Builtin", "builtin"),
    ("Name.Exception", "name"),
    ("Name.Namespace", "name"),
    ("Generic.Deleted", "error"), ("Generic.Inserted", "string"), ("Generic.Heading", "name"),
    ("Generic.Subheading", "name"), ("Generic.Error", "error"),
)  # fmt: skip
CODE_STYLES = ("comment", "keyword", "string", "number", "operator", "name", "builtin", "error")
_ALIASES = {"py3": "python", "shell": "bash", "sh": "bash", "zsh": "bash", "jsonl": "json", "vue": "html", "c#": "csharp", "golang": "go"}


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(_ALIASES.get(language, language), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=256)
def _kind(token: _TokenType) -> str:
    name = ".".join(token)
    return next((kind for prefix, kind in _KINDS if name == prefix or name.startswith(prefix + ".")), "")


@lru_cache(maxsize=64)
def _tokens(code: str, language: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The lines of `code`, each as pieces (text, kind)."""
    lexer = _lexer(language)
    if lexer is None:
        return tuple(((line, ""),) for line in code.split("\n"))
    lines: list[list[tuple[str, str]]] = [[]]
    for token, value in lexer.get_tokens(code):
        kind = _kind(token)
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((part, kind))
    return tuple(tuple(line) for line in lines)


def highlighted(code: str, language: str, look: Look, *, plain: bool = False) -> list[list[Run]]:
    """The lines of `code` as styled runs; without colours if `plain`, too large, or of an unknown language."""
    if plain or not language or len(code) > LARGEST:
        return [[(line, look.code_text)] if line else [] for line in code.split("\n")]
    base, styles = look.code_text, look.code
    return [[(text, styles.get(kind, base)) for text, kind in line] for line in _tokens(code, language)]
