"""Parsing chunks without a network, for tests of what only one format does."""

from __future__ import annotations

import json
from typing import Any

from core.errors import ProviderError
from core.llm.answer import Answer
from core.llm.body import Body, Parser
from core.llm.events import StreamEvent
from core.llm.failures import Origin
from core.llm.fold import AnswerFold
from core.llm.profiles import DEFAULT_PROFILE, Profile
from core.llm.request import ChatRequest, Turn

ORIGIN = Origin("test", "http://localhost", "m")
REQUEST = ChatRequest("m", (Turn("user", "What is a kettle?"),))


class Read:
    """An answer read from SSE chunks, or from lines for a parser of JSON lines."""

    def __init__(self, kind: type[Any], *chunks: Any, profile: Profile = DEFAULT_PROFILE, lines: bool = False) -> None:
        answer = Answer(REQUEST, profile)
        self.parser: Parser = kind(answer, ORIGIN)
        body = Body(self.parser, json_lines=lines)
        self.events: list[StreamEvent] = []
        self.error: ProviderError | None = None
        try:
            for chunk in chunks:
                text = chunk if isinstance(chunk, str) else json.dumps(chunk)
                body.feed(f"{text}\n".encode() if lines else f"data: {text}\n\n".encode())
                self.events += answer.take()
            body.close()
        except ProviderError as error:
            self.error = error
        self.finish = answer.finish
        self.events += answer.broken()
        fold = AnswerFold()
        for event in self.events:
            fold.apply(event)
        self.text, self.reasoning, self.usage = fold.text, fold.reasoning, fold.usage
