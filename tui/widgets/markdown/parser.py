"""The one Markdown parser, made once: CommonMark with tables, strike-through and maths; no HTML, no reference definitions.

HTML and definitions are shown as the text they are: nothing that a model wrote may vanish.
"""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

#: Levels of quotes and lists; the parser drops what is nested deeper, so that is drawn as plain text (see renderer.py).
DEEPEST = 40
_DISPLAY = {"$$": "$$", "\\[": "\\]"}


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """The shared parser. Building one anew for each text was 14 % of all CPU."""
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False, "maxNesting": DEEPEST})
    markdown.enable(["table", "strikethrough"])
    markdown.disable(["reference", "html_block", "html_inline"])
    markdown.block.ruler.before("fence", "maths_block", _maths_block, {"alt": ["paragraph", "blockquote", "list"]})
    markdown.inline.ruler.before("escape", "maths", _maths)
    return markdown


def block_tokens(source: str) -> list[Token]:
    """The block structure only: inline texts are not parsed. For finding where blocks begin and end."""
    tokens: list[Token] = []
    markdown = parser()
    markdown.block.parse(source, markdown, {}, tokens)
    return tokens


def _maths_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Display maths: from a line that begins with $$ or \\[ to the end mark, but never over a blank line.

    The opening line alone decides, so that a stream looks the same however it is cut.
    """
    if state.is_code_block(start):
        return False
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    close = _DISPLAY.get(line[:2])
    if close is None or line[2:3] == "$":
        return False
    if silent:
        return True
    row, text, found = start, line[2:], False
    lines: list[str] = []
    while True:
        place = text.find(close)
        if place >= 0:
            lines.append(text[:place])
            found = True
            after = text[place + 2 :].strip()
            break
        lines.append(text)
        row += 1
        if row >= end or state.isEmpty(row) or state.sCount[row] < state.blkIndent:
            row -= 1
            break
        text = state.src[state.bMarks[row] + state.tShift[row] : state.eMarks[row]]
    token = state.push("maths_block", "math", 0)
    token.content = "\n".join(lines).strip("\n").strip()
    token.map = [start, row + 1]
    # What stands behind the end mark (mostly a full stop) is kept.
    token.info = after if found else ""
    state.line = row + 1
    return True


def _maths(state: StateInline, silent: bool) -> bool:
    """Inline maths: \\( ... \\) and $...$ as Pandoc has it (no blank inside the marks, no digit after the second)."""
    source, begin = state.src, state.pos
    if source.startswith("\\(", begin):
        close = source.find("\\)", begin + 2)
        inner, after = (source[begin + 2 : close], close + 2) if close > 0 else ("", 0)
    elif source.startswith("$", begin):
        close = _dollar(source, begin + 1, state.posMax)
        inner, after = (source[begin + 1 : close], close + 1) if close > 0 else ("", 0)
    else:
        return False
    if not inner.strip() or after > state.posMax:
        return False
    if not silent:
        state.push("maths_inline", "math", 0).content = inner.strip()
    state.pos = after
    return True


def _dollar(source: str, start: int, limit: int) -> int:
    """The place of the $ that ends maths begun before `start`, or -1."""
    if start >= limit or source[start] in " \t\n$":
        return -1
    close = source.find("$", start, limit)
    while close > 0 and source[close - 1] == "\\":
        close = source.find("$", close + 1, limit)
    if close < 0 or source[close - 1] in " \t\n" or source[close + 1 : close + 2].isdigit() or "\n\n" in source[start:close]:
        return -1
    return close
