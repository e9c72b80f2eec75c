"""What the simulated models say. Each content is a list of blocks: the first few are the natural answer, then they go round."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from random import Random

from core.llm.simulator.catalogue import Content
from core.llm.simulator.question import Question, is_chinese, tokens_of
from core.llm.simulator.texts import blocks

#: Characters of the question that are quoted in an answer.
_QUOTED = 60
#: Blocks of a natural answer.
_CHAT_BLOCKS = 3
_REASONING_BLOCKS = 5
_TITLE_WORDS = 6
_TITLE_CHARACTERS = 10

_TITLE_ASKED = re.compile(r"\btitle\b|标题|標題", re.IGNORECASE)
_OF_A_CONVERSATION = re.compile(r"conversation|chat|dialog|对话|会话|聊天", re.IGNORECASE)
#: How an application may wrap the conversation that it wants a title for.
_BEFORE = re.compile(r"\s*(?:user|question|human|用户|问题|提问)\s*[:：]", re.IGNORECASE)
_BEHIND = re.compile(r"\n\s*(?:assistant|answer|model|助手|回答)\s*[:：]", re.IGNORECASE)

HOSTILE = (
    "Simulated by modeltrain: text that attacks a terminal or a renderer.",
    "OSC 52 clipboard: \x1b]52;c;aGFja2Vk\x07 title: \x1b]0;owned\x07 link: \x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\ end.",
    "CSI: \x1b[2J\x1b[H\x1b[31mred\x1b[0m \x1b[?1049h \x1b[6n \x1b[1000D; DCS: \x1bP+q544e\x1b\\; APC: \x1b_Gi=1;AAAA\x1b\\ end.",
    "More: PM \x1b^x\x1b\\; SOS \x1bXx\x1b\\; RIS \x1bc; charset \x1b(0qqq\x1b(B end.",
    "C1: \x9b31m \x9d0;c1\x9c \x90q\x9c \x85next \x84 end.",
    "C0: \x00 \x07 \x08\x08\x08 \x0b \x0c \x0e \x0f \x7f; carriage return: visible\rhidden.",
    "Bidirectional: \u202eesrever\u202c \u2066isolated\u2069 \u200fmark\u200e end.",
    "Zero width: a\u200bb\u200cc\u200dd\u2060e\ufefff; tags: \U000e0041\U000e007f.",
    "Markup: [/bold] [red]x[/] [@click=app.quit]y[/] [[z]] {braces} %s %(a)s <script>alert(1)</script> &lt; \\[ `` ` ``` </think",
    "Unfinished: \x1b]52;c;Zm9yZXZlcg \x1b[38;2;1;2;",
    "Half characters: \ud83d alone, \ude00 alone, and a pair in two deltas:",
    "\ud83d",
    "\ude00",
    "Combining flood: e" + "\u0301" * 60 + " wide: \ufdfd \U0001242b \u3000 end.",
)
SEPARATORS = (
    "Simulated by modeltrain: these are not line ends:",
    "U+2028 a\u2028b,",
    "U+2029 c\u2029d,",
    "U+0085 e\u0085f,",
    "U+000B g\x0bh, U+000C i\x0cj, U+001C k\x1cl, U+001D m\x1dn, U+001E o\x1ep.",
    "data: not a field\n\ndata: [DONE]\n\nevent: error\n",
)


def topic_of(text: str) -> str:
    """The question in one short line, for quoting."""
    line = " ".join(text[:500].split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1].rstrip() + "…"


def asks_for_title(question: Question) -> bool:
    """Whether the application wants a title for a conversation rather than an answer."""
    system = question.system[:2000]
    return bool(_TITLE_ASKED.search(system) and _OF_A_CONVERSATION.search(system))


def title(question: Question) -> list[str]:
    """A title from the first words of the conversation: six words, or ten Chinese characters."""
    source = next((text for role, text in question.turns if role == "user"), "")
    begun = _BEFORE.match(source)
    line = " ".join(_BEHIND.split(source[begun.end() if begun else 0 :][:500])[0].split())
    if is_chinese(line):
        return tokens_of(line[:_TITLE_CHARACTERS].rstrip("，。？！、,.?! ") or "模拟的对话")
    words = line.split()[:_TITLE_WORDS]
    return tokens_of(" ".join(words).rstrip(".,;:?!") or "A simulated conversation")


@cache
def _tokens(name: str) -> tuple[tuple[str, ...], ...]:
    """The blocks of a data file as tokens, each behind an empty line."""
    return tuple(tuple(tokens_of(f"\n\n{block}")) for block in blocks(name))


def _first(tokens: list[str]) -> list[str]:
    if tokens:
        tokens[0] = tokens[0].lstrip()
    return tokens


def _collect(block: Callable[[int], tuple[str, ...] | list[str]], natural: int, length: int | None) -> list[str]:
    """Tokens of the blocks 0, 1, 2, ...: `natural` blocks of them, or exactly `length` tokens."""
    tokens: list[str] = []
    index = 0
    while index < natural if length is None else len(tokens) < length:
        tokens.extend(block(index))
        index += 1
    return _first(tokens if length is None else tokens[:length])


def answer(content: Content, question: Question, random: Random, length: int | None) -> list[str]:
    """The tokens of an answer, `length` of them or as many as the text has by itself."""
    if content == "echo":
        return _echo(question.text, length)
    if content == "hostile":
        return _lines(HOSTILE, length)
    if content == "separators":
        return _lines(SEPARATORS, length)
    if content == "sight":
        return _sight(question, length)
    if content == "markdown":
        return _markdown(question, random, length)
    if content == "chat":
        name = "chat.zh" if is_chinese(question.text) else "chat.en"
        return _about(name, question, random, _CHAT_BLOCKS, length)
    sections = _tokens(content)
    return _collect(lambda index: sections[index % len(sections)], len(sections), length)


def reasoning(question: Question, random: Random, length: int | None) -> list[str]:
    """The tokens of reasoning about the question."""
    name = "reasoning.zh" if is_chinese(question.text) else "reasoning.en"
    return _about(name, question, random, _REASONING_BLOCKS, length)


def _echo(text: str, length: int | None) -> list[str]:
    tokens = tokens_of(text or "(nothing)")
    if length is None:
        return tokens
    return _collect(lambda index: tokens if index == 0 else ["\n" + tokens[0].lstrip() or "\n", *tokens[1:]], 1, length)


def _lines(lines: tuple[str, ...], length: int | None) -> list[str]:
    """Each line is one token, so that a sequence stays whole. Half characters follow each other without a break between them."""

    def block(index: int) -> list[str]:
        line = lines[index % len(lines)]
        return [line if len(line) == 1 else f"\n\n{line}"]

    return _collect(block, len(lines), length)


def _sight(question: Question, length: int | None) -> list[str]:
    chinese = is_chinese(question.text)
    if chinese:
        said = f"我看到 {len(question.seen)} 张图片。" if question.seen else "我没有看到图片。"
    else:
        said = f"I see {len(question.seen)} image{'s' * (len(question.seen) != 1)}." if question.seen else "I see no image."
    lines = [said, *(f"{number}. {seen}" for number, seen in enumerate(question.seen, 1))]
    note = "本回答由 modeltrain 模拟，未经任何模型查看。" if chinese else "This answer is simulated by modeltrain; no model has looked."
    blocks = [f"\n{line}" for line in lines] + [f"\n\n{note}"]
    return _collect(lambda index: tokens_of(blocks[index % len(blocks)]), len(blocks), length)


def _markdown(question: Question, random: Random, length: int | None) -> list[str]:
    sections = _tokens("markdown")
    order = list(range(len(sections)))
    random.shuffle(order)
    topic = topic_of(question.text).replace("`", "'")
    opening = tokens_of(f"# {topic or 'A simulated answer'}\n\n*This answer is simulated by modeltrain; no model was asked.*")
    return _collect(lambda index: opening if index == 0 else sections[order[(index - 1) % len(order)]], len(order) + 1, length)


def _about(name: str, question: Question, random: Random, natural: int, length: int | None) -> list[str]:
    """The first block speaks of the question; the others follow in an order that the question decides."""
    first = tokens_of(blocks(name)[0].format(topic=topic_of(question.text)))
    others = _tokens(name)[1:]
    order = list(range(len(others)))
    random.shuffle(order)
    return _collect(lambda index: first if index == 0 else others[order[(index - 1) % len(order)]], natural, length)
