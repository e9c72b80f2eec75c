"""Ollama's own format: JSON lines, options apart. Source: https://github.com/ollama/ollama/blob/main/docs/api.md."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from core import errors
from core.errors import ProviderError
from core.llm.answer import Answer
from core.llm.body import Parser, parse_json
from core.llm.capabilities import Capability, guess
from core.llm.failures import Origin, from_error_value
from core.llm.merging import finish_reason, merged, plain_turns, sampling, text_in, whole_number
from core.llm.presets import profile_for
from core.llm.request import ChatRequest, ListedModel, Turn
from core.llm.wire import HttpChatModel

_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "num_predict",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "stop": "stop",
}
_CAPABILITIES: dict[str, Capability] = {"completion": "chat", "vision": "vision", "thinking": "reasoning", "embedding": "embedding"}
#: Details are asked for this many models, so many at a time.
_DETAILED = 100
_AT_ONCE = 4


class OllamaChatModel(HttpChatModel):
    """See the module. `think`, `keep_alive`, `format` and options such as `num_ctx` come through the extra parameters."""

    json_lines: ClassVar[bool] = True

    def _url(self, call: str) -> str:
        base = self._connection.endpoint.removesuffix("/v1").removesuffix("/api")
        return base + {"chat": "/api/chat", "models": self._connection.preset.models_path, "show": "/api/show"}[call]

    def _headers(self) -> dict[str, str]:
        key = self._connection.key
        return {"authorization": f"Bearer {key}"} if key else {}

    def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        profile = profile_for(self._connection.preset, request.model)
        messages = plain_turns(request.turns, _with_images)
        if request.system:
            messages.insert(0, {"role": "system", "content": request.system})
        body: dict[str, Any] = {"model": request.model, "messages": messages, "stream": request.stream}
        if options := sampling(request.parameters, profile, _NAMES):
            body["options"] = options
        return merged(body, request.parameters.extra)

    def _parser(self, answer: Answer, origin: Origin) -> Parser:
        return OllamaParser(answer, origin)

    async def list_models(self) -> tuple[ListedModel, ...]:
        """See core.llm.request.ChatModel. Capabilities and context lengths are asked for model by model, where the server tells them."""
        value = await self._json("GET", self._url("models"))
        rows = value.get("models") if isinstance(value, dict) else None
        if not isinstance(rows, list):
            raise self._origin.error(errors.NotAStream, reason="no_list", status=200)
        named = {name: row for row in rows if isinstance(row, dict) and (name := text_in(row.get("name")) or text_in(row.get("model")))}
        names = sorted(named, key=str.lower)
        details = await self._details(names[:_DETAILED])
        return tuple(_listed(name, named[name], details.get(name, {})) for name in names)

    async def _details(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """What /api/show says of each model; nothing for those where it fails, since a list without details is a list."""
        found: dict[str, dict[str, Any]] = {}
        if not names or not await self._show(names[0], found):
            return found
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> None:
            async with turn:
                await self._show(name, found)

        await asyncio.gather(*(one(name) for name in names[1:]))
        return found

    async def _show(self, name: str, found: dict[str, dict[str, Any]]) -> bool:
        try:
            value = await self._json("POST", self._url("show"), {"model": name})
        except ProviderError:
            return False
        found[name] = value if isinstance(value, dict) else {}
        return True


def _with_images(turn: Turn) -> dict[str, Any]:
    return {"content": turn.content, "images": [image.base64 for image in turn.images]}


class OllamaParser(Parser):
    """One JSON object a line; the last has `done`."""

    def __init__(self, answer: Answer, origin: Origin) -> None:
        super().__init__(answer)
        self._origin = origin

    def event(self, name: str, data: str) -> None:
        value = parse_json(data)
        if isinstance(value, dict):
            self._line(value)

    def document(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        self._line(value)
        return self.done

    def _line(self, value: dict[str, Any]) -> None:
        if value.get("error"):
            raise from_error_value(self._origin, value["error"])
        message = value.get("message")
        if isinstance(message, dict):
            if reasoning := text_in(message.get("thinking")):
                self.answer.reasoning(reasoning)
            if text := text_in(message.get("content")):
                self.answer.text(text)
        if value.get("done") is True:
            self.answer.usage(input_tokens=value.get("prompt_eval_count"), output_tokens=value.get("eval_count"))
            self.answer.finished(finish_reason(value.get("done_reason")) or "stop")
            self.done = True


def _listed(name: str, row: dict[str, Any], shown: dict[str, Any]) -> ListedModel:
    details = row.get("details")
    parameters = text_in(details.get("parameter_size")) if isinstance(details, dict) else ""
    return ListedModel(
        name=name,
        size_bytes=whole_number(row.get("size")),
        parameters=parameters or None,
        context_length=_context_length(shown),
        capabilities=_capabilities(name, shown),
    )


def _context_length(shown: dict[str, Any]) -> int | None:
    info = shown.get("model_info")
    if not isinstance(info, dict):
        return None
    return next((whole_number(value) for name, value in info.items() if str(name).endswith(".context_length")), None)


def _capabilities(name: str, shown: dict[str, Any]) -> tuple[Capability, ...]:
    told = shown.get("capabilities")
    guessed = guess(name)
    if not isinstance(told, list):
        return guessed
    found = [_CAPABILITIES[word] for word in told if text_in(word) in _CAPABILITIES]
    if "code" in guessed and "chat" in found:
        found.append("code")
    return tuple(dict.fromkeys(found)) or guessed
