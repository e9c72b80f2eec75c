"""What all three wire formats promise: exact counts, exact pace in the name, the same text streamed and whole."""

from __future__ import annotations

import json

import pytest

from tests.unit.simulator.support import Asker, body_of, read, url_of


@pytest.mark.parametrize(
    "name", ["sim-chat", "sim-markdown", "sim-reasoning", "sim-echo", "sim-chinese", "sim-wide", "sim-think-tags", "sim-hostile"]
)
@pytest.mark.parametrize("length", [1, 2, 7, 300])
async def test_exactly_as_many_deltas_as_the_name_says(asker: Asker, form: str, name: str, length: int) -> None:
    answer = await asker.ask(f"{name}@0x{length}", form=form)
    assert len(answer.deltas) == length
    assert all(text for _reasoning, text in answer.deltas)
    assert answer.usage is not None
    assert answer.usage[1] == length
    assert (answer.finish, answer.done, answer.error) == ("stop", True, None)


async def test_the_whole_body_says_the_same_as_the_stream(asker: Asker, form: str) -> None:
    streamed = await asker.ask("sim-reasoning@0x40", form=form)
    body = (await asker.post("sim-reasoning@0x40", form=form, stream=False)).json()
    if form == "openai":
        message = body["choices"][0]["message"]
        found = (message["content"], message["reasoning_content"], body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"])
        assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 16}
    elif form == "ollama":
        found = (body["message"]["content"], body["message"]["thinking"], body["eval_count"], body["done_reason"])
        assert body["done"] is True
    else:
        thinking, text = body["content"]
        assert (thinking["type"], text["type"], body["stop_reason"]) == ("thinking", "text", "end_turn")
        found = (text["text"], thinking["thinking"], body["usage"]["output_tokens"], "stop")
    assert found == (streamed.text, streamed.reasoning, 40, "stop")
    assert sum(is_reasoning for is_reasoning, _text in streamed.deltas) == 16


async def test_the_same_question_gets_the_same_answer_and_another_another(asker: Asker, form: str) -> None:
    first, again = await asker.ask("sim-chat@0", "Why?", form=form), await asker.ask("sim-chat@maxx1000", "Why?", form=form)
    assert again.text.startswith(first.text)
    other = await asker.ask("sim-chat@0", "Why not?", form=form)
    assert other.text != first.text


async def test_max_tokens_cuts_with_the_finish_reason_length(asker: Asker, form: str) -> None:
    limit = {"options": {"num_predict": 5}} if form == "ollama" else {"max_tokens": 5}
    answer = await asker.ask("sim-chat@0x50", form=form, **limit)
    assert (len(answer.deltas), answer.finish) == (5, "length")
    exact = {"options": {"num_predict": 50}} if form == "ollama" else {"max_tokens": 50}
    assert (await asker.ask("sim-chat@0x50", form=form, **exact)).finish == "stop"


async def test_stop_sequences_end_the_answer_before_them(asker: Asker, form: str) -> None:
    stop = {"openai": {"stop": "three"}, "ollama": {"options": {"stop": ["three"]}}, "anthropic": {"stop_sequences": ["nine", "three"]}}[
        form
    ]
    answer = await asker.ask("sim-echo@0", "one two three four", form=form, **stop)
    assert (answer.text, answer.finish) == ("one two ", "stop")
    if form == "anthropic":
        assert answer.events[-2][1]["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "three"}


async def test_input_tokens_grow_with_what_is_said(asker: Asker, form: str) -> None:
    short, long = await asker.ask("sim-echo@0", "one", form=form), await asker.ask("sim-echo@0", "one two 三四", form=form)
    assert short.usage is not None
    assert long.usage is not None
    assert long.usage[0] == short.usage[0] + 3


async def test_the_answer_says_that_it_is_simulated(asker: Asker, form: str) -> None:
    response = await asker.post("sim-chat@0", form=form)
    assert response.headers["server"] == "modeltrain-simulator"
    assert "simulated by modeltrain" in read(form, response.content).text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda body: body.pop("model"), 400),
        (lambda body: body.update(model=5), 400),
        (lambda body: body.update(model="gpt-4o"), 404),
        (lambda body: body.pop("messages"), 400),
        (lambda body: body.update(messages=[]), 400),
        (lambda body: body.update(messages="hi"), 400),
        (lambda body: body.update(messages=["hi"]), 400),
        (lambda body: body.update(messages=[{"role": "wizard", "content": "hi"}]), 400),
        (lambda body: body.update(messages=[{"role": "user", "content": 5}]), 400),
        (lambda body: body.update(messages=[{"role": "user", "content": [{"type": "text"}]}]), 400),
        (lambda body: body.update(messages=[{"role": "user", "content": ["hi"]}]), 400),
        (lambda body: body.update(stream="yes"), 400),
        (lambda body: body.update(temperature=9, options={"temperature": 9}), 400),
        (lambda body: body.update(top_p="x", options={"top_p": True}), 400),
        (lambda body: body.update(max_tokens=0, options={"num_predict": 1.5}), 400),
        (lambda body: body.update(stop=5, stop_sequences=5, options={"stop": [5]}), 400),
        (lambda body: body.update(stream_options=5, options=5, max_tokens="x"), 400),
    ],
)
async def test_a_wrong_request_is_refused_in_the_words_of_the_format(asker: Asker, form: str, change: object, status: int) -> None:
    body = body_of("sim-chat@0", "hi", form=form)
    assert callable(change)
    change(body)
    response = await asker.http.post(url_of(asker.simulator, form), json=body)
    assert response.status_code == status
    message_of(form, response.json())


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"null"])
async def test_a_body_that_is_no_json_object_is_refused(asker: Asker, form: str, raw: bytes) -> None:
    response = await asker.http.post(url_of(asker.simulator, form), content=raw)
    assert response.status_code == 400
    assert "JSON" in message_of(form, response.json())


def message_of(form: str, body: dict[str, object]) -> str:
    """The message of an error, after its shape was checked."""
    error = body["error"]
    if form == "ollama":
        assert isinstance(error, str)
        return error
    assert isinstance(error, dict)
    assert error["message"]
    if form == "anthropic":
        assert body["type"] == "error"
        assert error["type"].endswith(("_error", "_large"))
    else:
        assert set(error) == {"message", "type", "param", "code"}
    return str(error["message"])


async def test_the_wrong_key_is_refused_everywhere(asker: Asker, form: str) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"x-api-key": "wrong"}):
        response = await asker.http.post(url_of(asker.simulator, form), json=body_of("sim-chat", "hi", form=form), headers=headers)
        assert response.status_code == 401
        message_of(form, response.json())
    listing = {"openai": "/models", "ollama": "/api/tags", "anthropic": "/v1/models"}[form]
    response = await asker.http.get(asker.simulator.base_urls[form] + listing, headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401
    right = await asker.http.post(
        url_of(asker.simulator, form), json=body_of("sim-chat@0", "hi", form=form), headers={"Authorization": "Bearer any"}
    )
    assert right.status_code == 200


async def test_parts_of_a_message_are_read_as_text(asker: Asker, form: str) -> None:
    parts = [{"type": "text", "text": "look: "}, {"type": "image_url", "image_url": {"url": "data:"}}]
    answer = await asker.ask("sim-echo@0", form=form, messages=[{"role": "user", "content": parts}])
    assert answer.text == "look: [image_url]"


class TestOpenAI:
    async def test_the_events_of_a_stream_to_the_letter(self, asker: Asker) -> None:
        answer = await asker.ask("sim-echo@0", "Say “hé”\u2028.")
        chunks = [chunk for _event, chunk in answer.events]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert {chunk["model"] for chunk in chunks} == {"sim-echo@0"}
        choices = [chunk["choices"] for chunk in chunks]
        assert choices == [
            [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
            [{"index": 0, "delta": {"content": "Say"}, "finish_reason": None}],
            [{"index": 0, "delta": {"content": " “hé”"}, "finish_reason": None}],
            [{"index": 0, "delta": {"content": "\u2028."}, "finish_reason": None}],
            [{"index": 0, "delta": {}, "finish_reason": "stop"}],
            [],
        ]
        assert chunks[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        assert all(chunk["usage"] is None for chunk in chunks[:-1])
        assert answer.raw.endswith(b"}\n\ndata: [DONE]\n\n")
        assert "\u2028.".encode() in answer.raw

    async def test_no_usage_unless_it_is_asked_for(self, asker: Asker) -> None:
        answer = await asker.ask("sim-chat@0", stream_options=None)
        assert b"usage" not in answer.raw
        assert answer.done

    async def test_options_of_a_stream_without_a_stream_are_refused(self, asker: Asker) -> None:
        response = await asker.post("sim-chat@0", stream=False, stream_options={"include_usage": True})
        assert response.status_code == 400

    async def test_models(self, asker: Asker) -> None:
        listed = (await asker.http.get(asker.simulator.base_urls["openai"] + "/models", headers={"anthropic-version": ""})).json()
        assert (listed["object"], [model["id"] for model in listed["data"]]) == ("list", list(asker.simulator.models))
        plain = (await asker.http.get(asker.simulator.base_urls["openai"] + "/models/sim-reasoning")).json()
        assert (plain["id"], plain["owned_by"], plain["context_length"]) == ("sim-reasoning", "modeltrain-simulator", 131_072)
        assert plain["capabilities"] == ["chat", "reasoning"]
        assert (await asker.http.get(asker.simulator.base_urls["openai"] + "/models/other")).status_code == 404


class TestOllama:
    async def test_the_lines_of_a_stream_to_the_letter(self, asker: Asker) -> None:
        answer = await asker.ask("sim-echo@0", "one two", form="ollama")
        lines = [line for _event, line in answer.events]
        assert {line["model"] for line in lines} == {"sim-echo@0"}
        assert [line["message"] for line in lines] == [
            {"role": "assistant", "content": "one"},
            {"role": "assistant", "content": " two"},
            {"role": "assistant", "content": ""},
        ]
        assert [line["done"] for line in lines] == [False, False, True]
        assert {"total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"} < set(
            lines[-1]
        )

    async def test_a_stream_is_the_default(self, asker: Asker) -> None:
        body = body_of("sim-echo@0", "hi", form="ollama")
        del body["stream"]
        response = await asker.http.post(url_of(asker.simulator, "ollama"), json=body)
        assert read("ollama", response.content).text == "hi"

    async def test_no_limit_is_no_limit(self, asker: Asker) -> None:
        for unlimited in (-1, -2, 0):
            assert (await asker.ask("sim-chat@0x9", form="ollama", options={"num_predict": unlimited})).finish == "stop"

    async def test_tags_show_and_version(self, asker: Asker) -> None:
        root = asker.simulator.base_urls["ollama"]
        tags = (await asker.http.get(f"{root}/api/tags")).json()["models"]
        assert [model["name"] for model in tags] == list(asker.simulator.models)
        shown = (await asker.http.post(f"{root}/api/show", json={"model": "sim-reasoning"})).json()
        assert shown["capabilities"] == ["completion", "thinking"]
        assert shown["model_info"]["simulated.context_length"] == 131_072
        assert (await asker.http.post(f"{root}/api/show", json={"model": "llama3"})).status_code == 404
        assert (await asker.http.get(f"{root}/api/version")).json()["version"].endswith("-simulator")


class TestAnthropic:
    async def test_the_events_of_a_stream_to_the_letter(self, asker: Asker) -> None:
        answer = await asker.ask("sim-reasoning@0x5", "one two", form="anthropic")
        assert [event for event, _value in answer.events] == [
            "message_start", "ping",
            "content_block_start", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_stop",
            "content_block_start", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_stop",
            "message_delta", "message_stop",
        ]  # fmt: skip
        values = [value for _event, value in answer.events]
        assert values[0]["message"]["content"] == []
        assert values[2]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
        assert [value["delta"]["type"] for value in values[3:6]] == ["thinking_delta", "thinking_delta", "signature_delta"]
        assert [value["index"] for value in values[2:12]] == [0] * 5 + [1] * 5
        assert values[12]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}

    async def test_version_and_max_tokens_are_needed_as_with_the_real_one(self, asker: Asker) -> None:
        url = url_of(asker.simulator, "anthropic")
        body = body_of("sim-chat@0", "hi", form="anthropic")
        missing = await asker.http.post(url, json=body, headers={"anthropic-version": ""})
        assert (missing.status_code, missing.json()["error"]["type"]) == (400, "invalid_request_error")
        del body["max_tokens"]
        assert "max_tokens" in (await asker.http.post(url, json=body)).json()["error"]["message"]

    async def test_the_system_prompt_is_a_field(self, asker: Asker) -> None:
        await asker.ask("sim-chat@0", form="anthropic", system=[{"type": "text", "text": "Be brief."}])
        assert asker.simulator.requests[-1].system == "Be brief."
        refused = await asker.post("sim-chat@0", form="anthropic", messages=[{"role": "system", "content": "x"}])
        assert refused.status_code == 400

    async def test_messages_at_the_root_too(self, asker: Asker) -> None:
        root = asker.simulator.base_urls["ollama"]
        response = await asker.http.post(f"{root}/v1/messages", json=body_of("sim-echo@0", "hi", form="anthropic"))
        assert read("anthropic", response.content).text == "hi"

    async def test_models_come_page_by_page(self, asker: Asker) -> None:
        url, names, after = asker.simulator.base_urls["anthropic"] + "/v1/models", [], None
        while True:
            page = (await asker.http.get(url, params={"limit": 7} | ({"after_id": after} if after else {}))).json()
            names += [model["id"] for model in page["data"]]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            if not page["has_more"]:
                break
            after = page["last_id"]
        assert names == list(asker.simulator.models)
        assert len((await asker.http.get(url)).json()["data"]) == 20
        for wrong in ({"limit": "0"}, {"limit": "9" * 5000}, {"limit": "x"}, {"after_id": "nobody"}):
            assert (await asker.http.get(url, params=wrong)).status_code == 400
        at_root = await asker.http.get(asker.simulator.base_urls["openai"] + "/models")
        assert at_root.json()["has_more"] is True
        assert json.loads(at_root.content)["data"][0]["type"] == "model"
