"""How many small deltas a second go from bytes to events: line framing, JSON, the format's parser, the reasoning splitter.

Every packet holds one event, as with a slow model, which is the worst case. CPU seconds are measured, so other work does not disturb.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from core.llm.answer import Answer
from core.llm.anthropic import AnthropicParser
from core.llm.body import Body, Parser
from core.llm.failures import Origin
from core.llm.ollama import OllamaParser
from core.llm.openai import OpenAIParser
from core.llm.profiles import DEFAULT_PROFILE
from core.llm.reasoning import ReasoningSplitter
from core.llm.request import ChatRequest, Turn
from tests.bench.table import Row, print_table
from tests.contract.wires import ANTHROPIC, OLLAMA, OPENAI, Wire

DELTAS = 50_000
ROUNDS = 5
GOAL = ">= 100,000"
REQUEST = ChatRequest("m", (Turn("user", "What is a kettle?"),))
PROSE = ["The", " kettle", " is", " a", " vessel", ",", " and", " it", " boils", " water", ".", "\n\n"]
MARKDOWN = [
    "##",
    " Steps",
    "\n\n",
    "1.",
    " Run",
    " `",
    "make",
    "`",
    ":",
    "\n\n",
    "```",
    "sh\n",
    "make",
    " <",
    "target",
    ">",
    "\n",
    "```",
    "\n\n",
    "- [",
    "x",
    "]",
]
CHINESE = ["水壶", "是", "一种", "用来", "烧水", "的", "容器", ",", "很", "常见", "。", "\n"]
KINDS: tuple[tuple[Wire, type[Parser]], ...] = ((OPENAI, OpenAIParser), (OLLAMA, OllamaParser), (ANTHROPIC, AnthropicParser))


def repeated(words: list[str]) -> list[str]:
    return [words[index % len(words)] for index in range(DELTAS)]


def per_second(action: Callable[[], None]) -> list[float]:
    """Deltas a CPU second, of several rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        action()
        found.append(DELTAS / (time.process_time() - began))
    return found


def split(words: list[str], start: str) -> None:
    splitter = ReasoningSplitter()
    splitter.feed(start)
    for word in words:
        splitter.feed(word)
    splitter.close()


def parse(kind: type[Parser], packets: list[bytes], json_lines: bool) -> None:
    answer = Answer(REQUEST, DEFAULT_PROFILE)
    body = Body(kind(answer, Origin("bench", "http://localhost")), json_lines=json_lines)  # type: ignore[call-arg]
    for packet in packets:
        body.feed(packet)
        answer.take()
    answer.complete()


def main() -> None:
    rows = []
    for name, words in (("prose", PROSE), ("Markdown with code", MARKDOWN), ("Chinese", CHINESE)):
        text = repeated(words)
        rows.append(Row(f"splitter, answer, {name}", per_second(lambda text=text: split(text, "So ")), "/s", GOAL))  # type: ignore[misc]
        rows.append(Row(f"splitter, reasoning, {name}", per_second(lambda text=text: split(text, "<think>")), "/s", GOAL))  # type: ignore[misc]
    for wire, kind in KINDS:
        for name, words in (("prose", PROSE), ("Markdown with code", MARKDOWN)):
            packets = [wire.delta("text", word) for word in repeated(words)]
            rates = per_second(lambda kind=kind, packets=packets, wire=wire: parse(kind, packets, wire is OLLAMA))  # type: ignore[misc]
            rows.append(Row(f"bytes to events, {wire.name}, {name}", rates, "/s", GOAL))
    print_table(rows)


if __name__ == "__main__":
    main()
