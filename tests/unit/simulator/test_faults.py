"""Every fault, in every wire format, as a plain reader meets it."""

from __future__ import annotations

import asyncio
import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from core.llm.simulator.catalogue import MODELS
from core.llm.simulator.faults import FAULTS
from tests.unit.simulator.support import Asker, ManualTime, body_of, read, until, url_of


def test_every_fault_has_a_model_and_every_model_its_fault() -> None:
    assert {model.fault for model in MODELS if model.fault} == set(FAULTS)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 429, 500, 503, 529])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_status_has_the_error_of_its_format(asker: Asker, form: str, status: int, stream: bool) -> None:
    response = await asker.post(f"sim-{status}", form=form, stream=stream)
    assert response.status_code == status
    error = response.json()["error"]
    message = error if form == "ollama" else error["message"]
    assert "simulated by modeltrain" in message
    assert asker.simulator.requests[-1].status == status
    again = await asker.post("sim-echo@0", form=form)
    assert again.status_code == 200  # the connection goes on


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sim-429", "2"),
        ("sim-429-17", "17"),
        ("sim-429-none", None),
        ("sim-429-absurd", "99999999999"),
        ("sim-503", None),
        ("sim-503-5", "5"),
    ],
)
async def test_retry_after(asker: Asker, form: str, name: str, expected: str | None) -> None:
    assert (await asker.post(name, form=form)).headers.get("retry-after") == expected


async def test_retry_after_as_a_date(timed: Asker, time: ManualTime) -> None:
    for name, seconds in (("sim-429-date", 30), ("sim-429-past", -3600)):
        value = (await timed.post(name)).headers["retry-after"]
        assert value.endswith(" GMT")
        assert parsedate_to_datetime(value).timestamp() == int(time.clock.wall()) + seconds


async def test_a_page_of_a_proxy_and_a_redirect(asker: Asker, form: str) -> None:
    page = await asker.post("sim-502", form=form)
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
    away = await asker.post("sim-redirect", form=form)
    assert (away.status_code, away.headers["location"]) == (307, "/simulator/elsewhere")
    portal = await asker.post("sim-html", form=form)
    assert (portal.status_code, portal.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<html>" in portal.text


@pytest.mark.parametrize("pace", ["@0", "@5000"])
@pytest.mark.parametrize(
    ("name", "length"), [("sim-cut{pace}x10", 5), ("sim-cut-3{pace}x10", 3), ("sim-cut-0{pace}x10", 0), ("sim-cut-99{pace}x10", 10)]
)
async def test_a_cut_keeps_what_came_before(asker: Asker, form: str, name: str, length: int, pace: str) -> None:
    raw = b""
    with pytest.raises(httpx.RemoteProtocolError):
        async with asker.stream(name.format(pace=pace), form=form) as response:
            async for chunk in response.aiter_raw():
                raw += chunk
    answer = read(form, raw)
    assert (len(answer.deltas), answer.done, answer.finish, answer.error) == (length, False, None, None)
    record = asker.simulator.requests[-1]
    assert (record.tokens_sent, record.finished, record.disconnected) == (length, False, False)


async def test_a_reset_is_a_reset(asker: Asker, form: str) -> None:
    with pytest.raises(httpx.ReadError):
        async with asker.stream("sim-reset@0x10", form=form) as response:
            async for _chunk in response.aiter_raw():
                pass


@pytest.mark.parametrize("name", ["sim-cut", "sim-reset"])
async def test_a_whole_body_is_cut_too(asker: Asker, form: str, name: str) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await asker.post(f"{name}@0", form=form, stream=False)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_dropped_connection_answers_nothing(asker: Asker, form: str, stream: bool) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await asker.post("sim-drop", form=form, stream=stream)


async def test_a_stall_goes_silent_after_half(asker: Asker, form: str) -> None:
    raw = b""
    with pytest.raises(httpx.ReadTimeout):
        async with asker.http.stream(
            "POST", url_of(asker.simulator, form), json=json.loads(request_of(form, "sim-stall@0x10")), timeout=httpx.Timeout(60, read=1.5)
        ) as response:
            async for chunk in response.aiter_raw():
                raw += chunk
    answer = read(form, raw)
    assert (len(answer.deltas), answer.done) == (5, False)
    await until(lambda: asker.simulator.requests[-1].disconnected)


@pytest.mark.parametrize(("name", "stream"), [("sim-stall-head", True), ("sim-stall-head", False), ("sim-stall", False)])
async def test_silence_before_or_within_a_body(asker: Asker, form: str, name: str, stream: bool) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await asker.http.post(
            url_of(asker.simulator, form),
            json=json.loads(request_of(form, f"{name}@0", stream=stream)),
            timeout=httpx.Timeout(60, read=0.2),
        )
    await until(lambda: asker.simulator.connections == 0)


def request_of(form: str, name: str, *, stream: bool = True) -> str:
    return json.dumps(body_of(name, "hi", form=form, stream=stream))


async def test_a_stream_that_ends_in_the_middle_with_a_proper_http_body(asker: Asker, form: str) -> None:
    answer = await asker.ask("sim-no-end@0x10", form=form)
    assert (len(answer.deltas), answer.done, answer.finish) == (5, False, None)
    half = await asker.post("sim-no-end@0x10", form=form, stream=False)
    with pytest.raises(json.JSONDecodeError):
        half.json()


async def test_no_end_mark_and_no_finish_reason(asker: Asker, form: str) -> None:
    no_done, no_finish = await asker.ask("sim-no-done@0x4", form=form), await asker.ask("sim-no-finish@0x4", form=form)
    assert (len(no_done.deltas), no_done.done) == (4, False)
    assert no_done.finish == (None if form == "ollama" else "stop")
    assert (len(no_finish.deltas), no_finish.done, no_finish.finish) == (4, True, None)
    assert not asker.simulator.requests[-1].finished


@pytest.mark.parametrize(
    "name", ["sim-error-in-200", "sim-error-in-200-stream", "sim-error-text", "sim-error-event", "sim-error-then-done"]
)
async def test_an_error_inside_a_200(asker: Asker, form: str, name: str) -> None:
    response = await asker.post(f"{name}@0x10", form=form)
    assert response.status_code == 200
    if name == "sim-error-in-200":
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error"]
        return
    answer = read(form, response.content)
    assert answer.error
    assert isinstance(answer.error, str) == (form == "ollama" or name == "sim-error-text")
    assert len(answer.deltas) == (5 if name in ("sim-error-event", "sim-error-then-done") else 0)
    assert answer.done == (name == "sim-error-then-done")
    assert answer.finish is None
    whole = await asker.post(f"{name}@0x10", form=form, stream=False)
    assert (whole.status_code, bool(whole.json()["error"])) == (200, True)


async def test_error_events_are_named_in_the_openai_format(asker: Asker) -> None:
    named, unnamed = await asker.ask("sim-error-event@0x2"), await asker.ask("sim-error-then-done@0x2")
    assert named.events[-1][0] == "error"
    assert [event for event, _chunk in unnamed.events] == [""] * 3
    assert unnamed.raw.endswith(b"data: [DONE]\n\n")


async def test_one_json_body_where_a_stream_was_asked_for(asker: Asker, form: str) -> None:
    response = await asker.post("sim-json@0x6", form=form)
    assert response.headers["content-type"] == "application/json"
    assert response.json()["model"] == "sim-json@0x6"
    other = await asker.post("sim-json-other", form=form)
    assert (other.status_code, other.headers["content-type"], set(other.json())) == (200, "application/json", {"status", "detail"})


async def test_a_200_without_one_event(asker: Asker, form: str) -> None:
    for stream in (True, False):
        response = await asker.post("sim-empty", form=form, stream=stream)
        assert (response.status_code, response.content) == (200, b"")
    only = await asker.ask("sim-done-only", form=form)
    assert (only.done, only.deltas, only.finish) == (True, [], None)


async def test_garbage_in_mid_stream(asker: Asker, form: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        await asker.ask("sim-garbage@0x4", form=form)


async def test_no_usage(asker: Asker, form: str) -> None:
    answer = await asker.ask("sim-no-usage@0x4", form=form)
    assert (answer.usage, answer.finish, answer.done) == (None, "stop", True)
    assert b'usage":{' not in answer.raw
    whole = (await asker.post("sim-no-usage@0x4", form=form, stream=False)).json()
    assert "usage" not in whole
    assert "eval_count" not in whole


async def test_the_option_of_usage_refused(asker: Asker) -> None:
    refused = await asker.post("sim-no-usage-option@0x4")
    assert refused.status_code == 400
    assert "stream_options" in refused.json()["error"]["message"]
    assert len((await asker.ask("sim-no-usage-option@0x4", stream_options=None)).deltas) == 4
    assert (await asker.post("sim-no-usage-option@0x4", form="ollama")).status_code == 200


async def test_length_and_filter(asker: Asker, form: str) -> None:
    assert (await asker.ask("sim-length@0x4", form=form)).finish == "length"
    assert (await asker.ask("sim-filter@0x4", form=form)).finish == "content_filter"


async def test_a_flood_has_its_size_and_a_proper_end(asker: Asker, form: str) -> None:
    answer = await asker.ask("sim-flood-3@0", form=form)
    assert 2_980_000 < len(answer.text) <= 3_000_000
    assert (answer.finish, answer.done) == ("stop", True)
    assert answer.usage is not None
    assert answer.usage[1] == len(answer.deltas) == asker.simulator.requests[-1].tokens_sent
    whole = (await asker.post("sim-flood-3@0", form=form, stream=False)).text
    assert len(whole) > 2_980_000
    json.loads(whole)


async def test_a_long_line_is_one_delta(asker: Asker, form: str) -> None:
    answer = await asker.ask("sim-long-line-2@0", form=form)
    assert [len(text) for _reasoning, text in answer.deltas] == [2_000_000]
    assert (answer.finish, answer.done) == ("stop", True)
    json.loads((await asker.post("sim-long-line-2@0", form=form, stream=False)).content)


async def test_a_flood_waits_for_its_reader(asker: Asker) -> None:
    async with asker.stream("sim-flood@0") as response:
        await anext(response.aiter_raw())
        record = asker.simulator.requests[-1]
        before = -1
        while record.tokens_sent != before:  # until nothing moves any more
            before = record.tokens_sent
            for _turn in range(200):
                await asyncio.sleep(0)
        assert record.tokens_sent < 6000
    await until(lambda: record.disconnected)


async def test_flaky_fails_once_for_each_question(asker: Asker, form: str) -> None:
    statuses = [(await asker.post("sim-flaky@0", text, form=form)).status_code for text in ("a", "a", "b", "b", "a")]
    assert statuses == [503, 200, 503, 200, 200]
    other = Asker(asker.simulator)
    assert [(await other.post("sim-flaky-429@0", "a", form=form)).status_code for _time in range(2)] == [429, 200]
    await other.http.aclose()


async def test_flaky_plays_other_faults_at_its_own_length(asker: Asker, form: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await asker.post("sim-flaky-cut@0x8", form=form)
    assert asker.simulator.requests[-1].tokens_sent == 4
    answer = await asker.ask("sim-flaky-cut@0x8", form=form)
    assert (len(answer.deltas), answer.finish) == (8, "stop")
    assert (await asker.ask("sim-flaky-no-end@0x8", form=form)).done is False
    assert (await asker.ask("sim-flaky-no-end@0x8", form=form)).done is True


async def test_limited_refuses_what_goes_beyond_so_many_in_a_second(timed: Asker, time: ManualTime, form: str) -> None:
    statuses = [(await timed.post("sim-limited-2@max", str(number), form=form)).status_code for number in range(3)]
    assert statuses == [200, 200, 429]
    refused = await timed.post("sim-limited-2@max", "too soon", form=form)
    assert refused.headers["retry-after"] == "1"
    await time.advance(1.0)
    assert (await timed.post("sim-limited-2@max", "later", form=form)).status_code == 200
    records = timed.simulator.requests
    assert [record.status for record in records] == [200, 200, 429, 429, 200]
    assert {record.connection for record in records} == {1}
    assert all(record.ended is not None for record in records)
