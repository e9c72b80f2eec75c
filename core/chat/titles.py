"""Titles (C8): at first the beginning of the question, which needs no model; then one that the model makes after the first answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING

from core.errors import ModeltrainError
from core.llm.events import ReasoningRegrouped, TextDelta
from core.llm.request import ChatRequest, Parameters, Turn
from core.sanitise import one_line

if TYPE_CHECKING:
    from core.models.types import ReadyModel

log = logging.getLogger(__name__)
#: Words, or characters of Chinese and Japanese, that a title may have (C8), and characters in all.
UNITS, CHARACTERS = 10, 80
#: What the model is shown of question and answer, in characters.
_EXCERPT = 2_000
#: A model that says more than this has not written a title.
_TOO_MUCH = 300
_TOKENS = 1_024
_WIDE = "\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+")
_LABEL = re.compile(r"^(?:(?:conversation |chat )?title|标题|題目|题目)\s*[:：]\s*", re.IGNORECASE)
_MARKS = "#*_`~>\"'“”‘’«»「」『』《》【】 \t"
_END = ".。!！,，;；:： "
_SYSTEM = (
    "You name conversations. Answer with a title for the conversation below and nothing else: at most ten words, or ten characters in "
    "Chinese; in the language of the question; no quotation marks, no full stop, no Markdown, no explanation."
)


def shortened(line: str, *, mark: str = "…") -> str:
    """`line` cut to the length of a title; `mark` says that something is missing."""
    kept = line
    for number, unit in enumerate(_UNIT.finditer(line)):
        if number == UNITS:
            kept = line[: unit.start()].rstrip()
            break
    if len(kept) > CHARACTERS:
        kept = kept[:CHARACTERS].rstrip()
    return kept if kept == line else kept.rstrip(_END) + mark


def fallback(question: str) -> str:
    """A title from the first line of the question that has something to say."""
    for raw in question[:_EXCERPT].splitlines():
        line = one_line(raw).strip(_MARKS)
        if line and any(character.isalnum() for character in line):
            return shortened(line)
    return shortened(one_line(question[:_EXCERPT]))


def cleaned(raw: str) -> str:
    """The title in what a model said, "" if there is none."""
    for text in raw.splitlines():
        line = _LABEL.sub("", one_line(text).strip(_MARKS)).strip(_MARKS).rstrip(_END).strip(_MARKS)
        if line and any(character.isalnum() for character in line):
            return shortened(line, mark="")
    return ""


async def ask(ready: ReadyModel, question: str, answer: str, *, timeout_s: float) -> str:
    """A title from the model, "" if it made none in time. Never raises: a title is not worth an error."""
    try:
        async with asyncio.timeout(timeout_s):
            return cleaned(await _ask(ready, question, answer))
    except (ModeltrainError, TimeoutError) as error:
        log.info("no title from %s: %s", ready.model, error)
    except Exception:
        log.exception("no title from %s", ready.model)
    return ""


async def _ask(ready: ReadyModel, question: str, answer: str) -> str:
    shown = f"Question:\n{question[:_EXCERPT]}\n\nAnswer:\n{answer[:_EXCERPT]}"
    parameters = Parameters(max_tokens=_TOKENS, extra=ready.parameters.extra)
    request = ChatRequest(ready.model, (Turn("user", shown),), _SYSTEM, parameters, silence_s=ready.timeout_s)
    said = ""
    async with contextlib.aclosing(ready.chat_model.stream(request)) as stream:
        async for event in stream:
            if isinstance(event, ReasoningRegrouped):
                said = ""
            elif isinstance(event, TextDelta):
                said += event.text
                if len(said) > _TOO_MUCH:
                    return ""
    return said
