"""The format of OpenAI's chat completions, as a dozen servers speak it, each with its own accent.

Source: https://platform.openai.com/docs/api-reference/chat. Reasoning comes in `reasoning_content` (DeepSeek, SGLang), `reasoning`
(vLLM, OpenRouter), `thinking`, `reasoning_details` (OpenRouter), in content parts of the type "thinking" (Mistral), or as tags.
"""

from __future__ import annotations

from typing import Any

from core import errors
from core.errors import ProviderError
from core.llm.answer import Answer
from core.llm.body import Parser, parse_json
from core.llm.capabilities import Capability, guess
from core.llm.failures import Origin, from_error_value
from core.llm.merging import FAILED, finish_reason, merged, plain_turns, sampling, text_in, whole_number
from core.llm.presets import profile_for
from core.llm.request import ChatRequest, ListedModel, Turn
from core.llm.wire import HttpChatModel

_NAMES = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "stop": "stop",
}
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CONTEXT_FIELDS = ("context_length", "max_model_len", "context_window", "max_context_length")


class OpenAIChatModel(HttpChatModel):
    """See the module. `stream_options` that was refused once is not sent for that model of that endpoint again.

    Per model, because gateways hand models on to servers of different kinds.
    """

    def _url(self, call: str) -> str:
        path = "/chat/completions" if call == "chat" else self._connection.preset.models_path
        return self._connection.endpoint + path

    def _headers(self) -> dict[str, str]:
        key = self._connection.key
        return {"authorization": f"Bearer {key}"} if key else {}

    def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        profile = profile_for(self._connection.preset, request.model)
        messages = plain_turns(request.turns, _with_images)
        if request.system:
            messages.insert(0, {"role": "system", "content": request.system})
        body: dict[str, Any] = {"model": request.model, "messages": messages, "stream": request.stream}
        names = {**_NAMES, "max_tokens": profile.max_tokens_field}
        body.update(sampling(request.parameters, profile, names))
        if request.stream and profile.usage_option and self._connection.memory.get(self._memory_key(request.model), True):
            body["stream_options"] = {"include_usage": True}
        return merged(body, request.parameters.extra)

    def _memory_key(self, model: Any) -> str:
        return f"stream_options {self._connection.endpoint} {model}"

    def _without_refused(self, body: dict[str, Any], error: ProviderError) -> dict[str, Any] | None:
        refused = isinstance(error, errors.BadRequest) and error.fields.get("status") in (400, 422)
        if not refused or "stream_options" not in body:
            return None
        if self._connection.memory.get(self._memory_key(body["model"])):
            return None  # it took the option before, so something else is wrong
        return {name: value for name, value in body.items() if name != "stream_options"}

    def _accepted(self, body: dict[str, Any]) -> None:
        if body["stream"] and profile_for(self._connection.preset, str(body["model"])).usage_option:
            self._connection.memory[self._memory_key(body["model"])] = "stream_options" in body

    def _parser(self, answer: Answer, origin: Origin) -> Parser:
        return OpenAIParser(answer, origin)

    async def list_models(self) -> tuple[ListedModel, ...]:
        """See core.llm.request.ChatModel."""
        value = await self._json("GET", self._url("models"))
        rows = value.get("data", value.get("models")) if isinstance(value, dict) else value
        if not isinstance(rows, list):
            raise self._origin.error(errors.NotAStream, reason="no_list", status=200)
        found = {model.name: model for row in rows if (model := _listed(row)) is not None}
        return tuple(found[name] for name in sorted(found, key=str.lower))


def _with_images(turn: Turn) -> dict[str, Any]:
    """Source: https://platform.openai.com/docs/guides/images-vision."""
    urls = [f"data:{image.media_type};base64,{image.base64}" for image in turn.images]
    return {"content": [{"type": "text", "text": turn.content}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]}


class OpenAIParser(Parser):
    """Chunks and completions; only the first choice counts."""

    def __init__(self, answer: Answer, origin: Origin) -> None:
        super().__init__(answer)
        self._origin = origin

    def event(self, name: str, data: str) -> None:
        if data.strip() == "[DONE]":
            self.done = True
            return
        value = parse_json(data)
        if name == "error" and not (isinstance(value, dict) and value.get("error")):
            raise from_error_value(self._origin, value)
        if isinstance(value, dict):
            self._chunk(value)

    def document(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        self._chunk(value)
        if self.answer.finish is None and self.answer.started:
            self.answer.finished("stop")
        return self.answer.finish is not None

    def _chunk(self, value: dict[str, Any]) -> None:
        if value.get("error"):
            raise from_error_value(self._origin, value["error"])
        if value.get("object") == "error":
            raise from_error_value(self._origin, value)
        usage = value.get("usage")
        if isinstance(usage, dict):
            self._usage(usage)
        choices = value.get("choices")
        if not isinstance(choices, list):
            return
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                self._choice(choice)
                return

    def _choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta)
        elif text := text_in(choice.get("text")):
            self.answer.text(text)
        reason = choice.get("finish_reason")
        if not reason:
            return
        if reason in FAILED if isinstance(reason, str) else False:
            raise from_error_value(self._origin, choice.get("error") or {"message": reason})
        if (known := finish_reason(reason)) is not None:
            self.answer.finished(known)

    def _delta(self, delta: dict[str, Any]) -> None:
        for name in _REASONING_FIELDS:
            reasoning = delta.get(name)
            if reasoning and isinstance(reasoning, str):
                self.answer.reasoning(reasoning)
                break
        else:
            if details := delta.get("reasoning_details"):
                self._details(details)
        content = delta.get("content")
        if not content:
            content = delta.get("refusal")
        if isinstance(content, str):
            if content:
                self.answer.text(content)
        elif isinstance(content, list):
            for part in content:
                self._part(part)
        elif isinstance(content, dict):
            self._part(content)

    def _part(self, part: Any) -> None:
        """One part of a content array."""
        if isinstance(part, str):
            self.answer.text(part)
            return
        if not isinstance(part, dict):
            return
        if part.get("type") in ("thinking", "reasoning"):
            self.answer.reasoning(_text_within(part.get("thinking") or part.get("reasoning") or part.get("text")))
        else:
            self.answer.text(_text_within(part.get("text") or part.get("refusal")))

    def _details(self, details: Any) -> None:
        """OpenRouter's list; encrypted entries have nothing to show."""
        for entry in details if isinstance(details, list) else [details]:
            if isinstance(entry, dict):
                self.answer.reasoning(_text_within(entry.get("text") or entry.get("summary")))

    def _usage(self, usage: dict[str, Any]) -> None:
        details = usage.get("completion_tokens_details")
        reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
        self.answer.usage(
            input_tokens=usage.get("prompt_tokens", usage.get("input_tokens")),
            output_tokens=usage.get("completion_tokens", usage.get("output_tokens")),
            reasoning_tokens=usage.get("reasoning_tokens") if reasoning is None else reasoning,
        )


def _text_within(value: Any) -> str:
    """Text, or the texts of a list of parts."""
    if isinstance(value, list):
        return "".join(_text_within(part.get("text") if isinstance(part, dict) else part) for part in value)
    return text_in(value)


def _listed(row: Any) -> ListedModel | None:
    """One row of a model list; None for what is none."""
    if isinstance(row, str):
        row = {"id": row}
    if not isinstance(row, dict) or not (name := text_in(row.get("id")) or text_in(row.get("name"))):
        return None
    context = next((number for field in _CONTEXT_FIELDS if (number := whole_number(row.get(field))) is not None), None)
    shown = text_in(row.get("name")) or text_in(row.get("display_name"))
    meta = row.get("meta")  # llama.cpp
    size = whole_number(meta.get("size")) if isinstance(meta, dict) else None
    if context is None and isinstance(meta, dict):
        context = whole_number(meta.get("n_ctx")) or whole_number(meta.get("n_ctx_train"))
    return ListedModel(
        name=name,
        display_name="" if shown == name else shown,
        size_bytes=size,
        context_length=context,
        capabilities=_capabilities(row, name),
    )


def _capabilities(row: dict[str, Any], name: str) -> tuple[Capability, ...]:
    found = list(guess(name))
    architecture = row.get("architecture")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    if isinstance(inputs, list) and "chat" in found and ("image" in inputs) != ("vision" in found):
        found.append("vision") if "image" in inputs else found.remove("vision")
    supported = row.get("supported_parameters")
    if isinstance(supported, list) and "reasoning" in supported and "reasoning" not in found:
        found.append("reasoning")
    return tuple(found)
