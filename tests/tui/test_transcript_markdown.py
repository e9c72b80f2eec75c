"""Markdown for the transcript: blocks of a stream, wrapping by cells, every element, hostile text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from core.sanitise import sanitise
from tui.glyphs import ASCII, UNICODE
from tui.themes import THEMES, make_palette
from tui.widgets.markdown import BlockSplitter, Look, Rendered, render, verbatim, wrap
from tui.widgets.markdown.maths import readable
from tui.widgets.markdown.parser import block_tokens
from tui.widgets.markdown.steady import steady
from tui.widgets.markdown.themed import look_of

LOOK: Look = look_of(make_palette(THEMES["night"]), UNICODE, Style(), copy_hint="y copy")

PIECES = st.sampled_from(
    [
        "# Head\n", "## Two\n", "para one\n", "para\n", "text **bold** `c`\n", "\n", "\n\n", "- a\n", "- b\n", "  - nested\n",
        "  more\n", "* star\n", "1. one\n", "2. two\n", "   in item\n", "> quote\n", "> > deep\n", "lazy\n", "```python\n", "```\n",
        "~~~\n", "````\n", "code = 1\n", "    indented\n", "| a | b |\n", "|---|--:|\n", "| 1 | 二 |\n", "a | b\n", "-|-\n", "---\n",
        "===\n", "***\n", "$$\n", "x^2\n", "\\[\n", "\\]\n", "$$ y $$\n", "[x] done\n", "- [ ] task\n", "<b>html</b>\n",
        "[l]: http://e.org\n", "<!-- c -->\n", "中文段落，很长。\n", "no newline", " ", "\t", "\\", "`", "*", "_", "![p](u)", "[t](http://u)",
    ]
)  # fmt: skip
DOCUMENTS = st.lists(PIECES, max_size=30).map("".join)
NAUGHTY = st.text(alphabet=st.sampled_from("ab *_`~#>-|[]()!\\$\n\t1.😀中é\u0301\u200d\u202e\x1b\x07\x9b"), max_size=120)


def sources(chunks: list[str]) -> list[tuple[str, bool]]:
    splitter = BlockSplitter()
    for chunk in chunks:
        splitter.feed(chunk)
    splitter.close()
    assert splitter.open is None
    return [(block.source, block.gap) for block in splitter.closed]


def cut(text: str, places: list[int]) -> list[str]:
    marks = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(marks)]


def texts(rendered: Rendered) -> list[str]:
    return ["".join(segment.text for segment in line) for line in rendered.lines]


def drawn(source: str, width: int = 60) -> list[str]:
    return [line.rstrip() for line in texts(render(source, width, LOOK))]


def whole(text: str, width: int) -> list[str]:
    """All blocks of `text`, split and drawn."""
    lines: list[str] = []
    for source, gap in sources([text]):
        lines += ([""] if gap and lines else []) + texts(render(source, width, LOOK))
    return lines


class TestSplitting:
    @given(DOCUMENTS, st.lists(st.integers(0, 10_000), max_size=40))
    @settings(max_examples=300, deadline=None)
    def test_the_same_text_gives_the_same_blocks_however_it_was_cut(self, text: str, places: list[int]) -> None:
        expected = sources([text])
        assert sources(cut(text, places)) == expected
        assert sources(list(text)) == expected

    @given(DOCUMENTS)
    @settings(max_examples=300, deadline=None)
    def test_blocks_are_those_that_the_parser_sees_in_the_whole_text(self, text: str) -> None:
        tops = [token for token in block_tokens(text) if token.level == 0 and token.nesting >= 0 and token.map]
        seen = [token for source, _gap in sources([text]) for token in block_tokens(source) if token.level == 0 and token.nesting >= 0]
        assert [token.type for token in seen] == [token.type for token in tops]

    @given(DOCUMENTS)
    @settings(max_examples=200, deadline=None)
    def test_no_text_is_lost(self, text: str) -> None:
        kept = "".join(source for source, _gap in sources([text]))
        assert "".join(kept.split()) == "".join(text.split())

    @given(NAUGHTY, st.lists(st.integers(0, 500), max_size=10))
    @settings(max_examples=300, deadline=None)
    def test_naughty_text_is_split_the_same_too(self, text: str, places: list[int]) -> None:
        text = steady(sanitise(text))
        assert sources(cut(text, places)) == sources([text])

    def test_what_is_closed_never_changes_again(self) -> None:
        text = "# A\n\npara\n\n- x\n- y\n\nend\n\n```py\nx = 1\n```\nlast"
        splitter, before = BlockSplitter(), []
        for character in text:
            splitter.feed(character)
            assert splitter.closed[: len(before)] == before
            before = list(splitter.closed)

    def test_an_open_fence_is_watched_and_not_parsed(self) -> None:
        splitter = BlockSplitter()
        splitter.feed("```py\n# not a heading\n\n- not a list\n")
        assert splitter.in_fence and not splitter.closed
        splitter.feed("```\n")
        assert [block.source for block in splitter.closed] == ["```py\n# not a heading\n\n- not a list\n```"]


class TestWrapping:
    @given(st.text(alphabet="ab ,。中文（）é😀", max_size=80), st.integers(2, 30))
    @settings(deadline=None)
    def test_no_line_is_wider_than_asked(self, text: str, width: int) -> None:
        for line in wrap([(text, Style())], width):
            assert sum(cell_len(segment.text) for segment in line) <= width

    @given(st.text(alphabet="ab ,。中文（）é😀", max_size=80), st.integers(2, 30))
    @settings(deadline=None)
    def test_nothing_but_blanks_is_dropped(self, text: str, width: int) -> None:
        kept = "".join(segment.text for line in wrap([(text, Style())], width) for segment in line)
        assert kept.replace(" ", "") == text.replace(" ", "")

    def test_chinese_breaks_between_characters_but_not_before_closing_marks(self) -> None:
        lines = ["".join(segment.text for segment in line) for line in wrap([("一二三四五，六七八。", Style())], 10)]
        assert lines == ["一二三四", "五，六七", "八。"]

    def test_styles_do_not_part_a_word(self) -> None:
        bold = Style(bold=True)
        lines = wrap([("aaaa ", Style()), ("bold", bold), (", rest", Style())], 10)
        assert ["".join(segment.text for segment in line) for line in lines] == ["aaaa bold,", "rest"]

    def test_verbatim_keeps_indentation_and_blank_lines(self) -> None:
        lines = ["".join(segment.text for segment in line) for line in verbatim("def f():\n    return  1\n\nend", Style(), 40)]
        assert lines == ["def f():", "    return  1", "", "end"]


class TestDrawing:
    @given(DOCUMENTS, st.integers(10, 70))
    @settings(max_examples=200, deadline=None)
    def test_every_line_fits(self, text: str, width: int) -> None:
        for line in whole(text, width):
            assert cell_len(line) <= max(width, 12) + 30 if _nested(text) else cell_len(line) <= width

    def test_paragraph_with_inline_marks(self) -> None:
        line = render("a **b** *c* ~~d~~ `e` [f](http://x.org)", 60, LOOK).lines[0]
        assert "".join(segment.text for segment in line) == "a b c d e f (http://x.org)"
        styles = {segment.text: segment.style for segment in line if segment.style}
        assert styles["b"].bold and styles["c"].italic and styles["d"].strike and styles["f"].underline

    def test_a_link_never_hides_where_it_leads(self) -> None:
        assert drawn("[http://bank.example](http://evil.example)") == ["http://bank.example (http://evil.example)"]
        assert drawn("<http://a.org>") == ["http://a.org"]

    def test_lists_nest_and_number(self) -> None:
        assert drawn("9. a\n10. b\n    - c\n      d\n- [ ] t\n- [x] u") == [" 9. a", "10. b", "    ◦ c", "      d", "☐ t", "☑ u"]

    def test_quote(self) -> None:
        assert drawn("> a\n> b\n>\n> > c") == ["▎ a", "▎ b", "▎", "▎ ▎ c"]

    def test_a_code_block_has_a_box_with_language_and_hint(self) -> None:
        rendered = render("```python\nx = 1\n```", 30, LOOK)
        assert texts(rendered) == ["┌ python ────────── y copy ──┐", "│ x = 1                      │", "└────────────────────────────┘"]
        assert [(code.first, code.end, code.text, code.language) for code in rendered.codes] == [(0, 3, "x = 1", "python")]

    def test_long_code_lines_are_wrapped_and_nothing_is_lost(self) -> None:
        rendered = render("```\n" + "x" * 50 + "\n```", 24, LOOK)
        inner = "".join(line[2:-2].strip() for line in texts(rendered)[1:-1])
        assert inner == "x" * 50
        assert {cell_len(line) for line in texts(rendered)} == {24}

    def test_code_gets_its_colours_when_it_is_closed(self) -> None:
        source = "```python\ndef f(): pass"
        growing = {segment.style for segment in render(source, 40, LOOK, live=True).lines[1]}
        closed = {segment.style for segment in render(source + "\n```", 40, LOOK).lines[1]}
        assert LOOK.code["keyword"] in closed and LOOK.code["keyword"] not in growing

    def test_table_is_aligned_by_cells(self) -> None:
        lines = drawn("| 名 | n |\n|:--|--:|\n| 中文 | 1 |\n| b | 22 |")
        assert lines == ["名     n", "────  ──", "中文   1", "b     22"]

    def test_a_wide_table_wraps_and_a_very_wide_one_becomes_records(self) -> None:
        table = "| a | b |\n|---|---|\n| " + "word " * 20 + "| x |"
        assert all(cell_len(line) <= 40 for line in drawn(table, 40)) and len(drawn(table, 40)) > 3
        many = "|" + "|".join(f"h{n}" for n in range(9)) + "|\n" + "|---" * 9 + "|\n|" + "|".join(f"v{n}" for n in range(9)) + "|"
        assert drawn(many, 30) == [f"h{n}: v{n}" for n in range(9)]

    def test_maths_is_readable_and_its_underscores_are_no_emphasis(self) -> None:
        assert drawn(r"so \(a_1 * b_1 * c\) and $x^2$, but $5 and $6") == ["so a₁ * b₁ * c and x², but $5 and $6"]
        assert drawn("$$\n\\sum_{i=1}^{n} x_i\n$$") == ["  ∑ᵢ₌₁ⁿ xᵢ"]
        assert readable(r"\unknown{x}^{ab}") == r"\unknown{x}^(ab)"

    def test_html_and_definitions_are_text(self) -> None:
        assert drawn("<script>x</script> [t][1]") == ["<script>x</script> [t][1]"]
        assert drawn("[1]: http://e.org") == ["[1]: http://e.org"]

    def test_short_lines_stay_lines_and_long_ones_are_one_paragraph(self) -> None:
        assert drawn("Name: a\nAge: b") == ["Name: a", "Age: b"]
        long = "this line was wrapped by somebody at about seventy columns, as mail is,\nand goes on"
        assert drawn(long, 200) == [long.replace("\n", " ")]

    def test_markup_of_rich_is_no_markup(self) -> None:
        assert drawn("[bold]x[/] [/bold] [link=http://e]y[/link]") == ["[bold]x[/] [/bold] [link=http://e]y[/link]"]

    def test_deep_nesting_neither_fails_nor_takes_all_the_width(self) -> None:
        assert any("x" in line for line in drawn("> " * 60 + "x", 40))
        assert drawn("> " * 500 + "x", 40) and "x" in "".join(drawn("> " * 500 + "x", 40))
        assert drawn("[" * 3000)

    def test_ascii_signs(self) -> None:
        plain = look_of(make_palette(THEMES["night"]), ASCII, Style())
        text = "\n".join(texts(render("- a\n\n> q\n\n```\nc\n```\n\n---\n\n- [x] d", 30, plain)))
        assert text.isascii()


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;title\x07x",
        "\x1b[2Jx",
        "\x1b]52;c;aGk=\x07x",
        "\x9b31mx",
        "a\u202eb",
        "\x1bPq\x1b\\x",
        "`\x1b[31mx`",
        "```\n\x1b[31m\n```",
        "| \x1b[1m |\n|--|",
    ],
)
def test_hostile_text_is_harmless_when_it_was_sanitised(hostile: str) -> None:
    shown = "\n".join(whole(steady(sanitise(hostile)), 40))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


def test_unsteady_emoji_become_steady() -> None:
    assert steady("👨\u200d👩\u200d👧 ❤\ufe0f 👍\U0001f3fd") == "👨👩👧 ❤ 👍"


def _nested(text: str) -> bool:
    return bool(re.search(r"^\s*([>*+-]|\d+\.)\s", text, re.M))


def test_a_flood_of_marks_on_one_letter_is_cut() -> None:
    assert drawn("e" + "\u0301" * 100 + " end") == ["e" + "\u0301" * 4 + " end"]
