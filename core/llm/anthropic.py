"""The format of Anthropic's messages. Source: https://docs.claude.com/en/api/messages-streaming."""

from __future__ import annotations

from typing import Any

from core import errors
from core.llm.answer import Answer, as_count
from core.llm.body import Parser, parse_json
from core.llm.capabilities import guess
from core.llm.failures import Origin, from_error_value
from core.llm.merging import finish_reason, merged, plain_turns, sampling, text_in
from core.llm.presets import profile_for
from core.llm.request import ChatRequest, ListedModel, Turn
from core.llm.wire import HttpChatModel

VERSION = "2023-06-01"
_NAMES = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "stop": "stop_sequences"}
_INPUT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_PAGES = 20


class AnthropicChatModel(HttpChatModel):
    """See the module. Penalties and a seed do not exist in this format and are not sent."""

    def _url(self, call: str) -> str:
        base = self._connection.endpoint.removesuffix("/v1")
        return base + ("/v1/messages" if call == "chat" else self._connection.preset.models_path)

    def _headers(self) -> dict[str, str]:
        key = self._connection.key
        return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}

    def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        profile = profile_for(self._connection.preset, request.model)
        parameters = request.parameters
        thinking = parameters.extra.get("thinking")
        budget = as_count(thinking.get("budget_tokens")) if isinstance(thinking, dict) else None
        names = dict(_NAMES)
        if parameters.temperature is not None:
            del names["top_p"]  # newer models refuse both at once
        if isinstance(thinking, dict) and thinking.get("type") != "disabled":
            names = {"stop": _NAMES["stop"]}  # sampling cannot be changed while the model thinks
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": parameters.max_tokens or profile.max_tokens + (budget or 0),
            "messages": plain_turns(request.turns, _with_images),
            "stream": request.stream,
            **sampling(parameters, profile, names),
        }
        if request.system:
            body["system"] = request.system
        return merged(body, parameters.extra)

    def _parser(self, answer: Answer, origin: Origin) -> Parser:
        return AnthropicParser(answer, origin)

    async def list_models(self) -> tuple[ListedModel, ...]:
        """See core.llm.request.ChatModel."""
        found: dict[str, ListedModel] = {}
        after = ""
        for _ in range(_PAGES):
            value = await self._json("GET", f"{self._url('models')}?limit=1000{after}")
            rows = value.get("data") if isinstance(value, dict) else None
            if not isinstance(rows, list):
                raise self._origin.error(errors.NotAStream, reason="no_list", status=200)
            for row in rows:
                if isinstance(row, dict) and (name := text_in(row.get("id"))):
                    found[name] = ListedModel(name=name, display_name=text_in(row.get("display_name")), capabilities=guess(name))
            last = text_in(value.get("last_id"))
            if value.get("has_more") is not True or not last:
                break
            after = f"&after_id={_quoted(last)}"
        return tuple(found[name] for name in sorted(found, key=str.lower))


def _with_images(turn: Turn) -> dict[str, Any]:
    """Images before the text, as https://docs.claude.com/en/docs/build-with-claude/vision advises."""
    sources = [{"type": "base64", "media_type": image.media_type, "data": image.base64} for image in turn.images]
    return {"content": [*({"type": "image", "source": source} for source in sources), {"type": "text", "text": turn.content}]}


class AnthropicParser(Parser):
    """Message events, and whole messages. Signatures, redacted thinking, tools and citations have nothing to show."""

    def __init__(self, answer: Answer, origin: Origin) -> None:
        super().__init__(answer)
        self._origin = origin

    def event(self, name: str, data: str) -> None:
        value = parse_json(data)
        if not isinstance(value, dict):
            return
        kind = value.get("type") or name
        if kind == "content_block_delta":
            self._delta(value.get("delta"))
        elif kind == "content_block_start":
            self._block(value.get("content_block"))
        elif kind == "message_start":
            message = value.get("message")
            self._usage(message.get("usage") if isinstance(message, dict) else None, begun=True)
        elif kind == "message_delta":
            delta = value.get("delta")
            self._stop(delta.get("stop_reason") if isinstance(delta, dict) else None)
            self._usage(value.get("usage"))
        elif kind == "message_stop":
            self.done = True
        elif kind == "error" or value.get("error"):
            raise from_error_value(self._origin, value.get("error") or value)

    def document(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        if value.get("error"):
            raise from_error_value(self._origin, value["error"])
        content = value.get("content")
        if not isinstance(content, list):
            return False
        for block in content:
            self._block(block)
        self._usage(value.get("usage"))
        self._stop(value.get("stop_reason") or "end_turn")
        return True

    def _delta(self, delta: Any) -> None:
        if not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if kind == "text_delta":
            self.answer.text(text_in(delta.get("text")))
        elif kind == "thinking_delta":
            self.answer.reasoning(text_in(delta.get("thinking")))

    def _block(self, block: Any) -> None:
        if not isinstance(block, dict):
            return
        if block.get("type") == "text":
            self.answer.text(text_in(block.get("text")))
        elif block.get("type") == "thinking":
            self.answer.reasoning(text_in(block.get("thinking")))

    def _stop(self, reason: Any) -> None:
        if (known := finish_reason(reason)) is not None:
            self.answer.finished(known)

    def _usage(self, usage: Any, *, begun: bool = False) -> None:
        """Counts are cumulative; what is output at the beginning is no count yet. Cached input is input too, counted apart."""
        if not isinstance(usage, dict):
            return
        inputs = [as_count(usage.get(name)) for name in _INPUT_COUNTS]
        self.answer.usage(
            input_tokens=None if inputs[0] is None else sum(count or 0 for count in inputs),
            output_tokens=None if begun else usage.get("output_tokens"),
        )


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="", errors="replace")
