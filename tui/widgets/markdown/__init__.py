"""Markdown for terminals: a stream is split into top-level blocks, each block is rendered into lines of segments once."""

from tui.widgets.markdown.look import Look, Marks
from tui.widgets.markdown.renderer import CodeSpan, Rendered, render
from tui.widgets.markdown.splitter import Block, BlockSplitter
from tui.widgets.markdown.wrap import Line, Run, verbatim, wrap

__all__ = ["Block", "BlockSplitter", "CodeSpan", "Line", "Look", "Marks", "Rendered", "Run", "render", "verbatim", "wrap"]
