"""One suite for all wire formats: everything that goes wrong has its typed error, and what came before is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core import errors
from core.clock import Clock
from core.llm.client import ModelClients
from core.llm.endpoints import EndpointPolicy
from core.llm.presets import preset
from tests.contract.asking import Outcome, ask
from tests.contract.raw_server import Play, RawServer, head, in_pieces, play
from tests.contract.wires import ANTHROPIC, KEY, OPENAI, Wire, chat_model, question, sse

PARTS = [("reasoning", "Hm."), ("text", "A kettle "), ("text", "boils <wa")]


async def outcome_of(wire: Wire, clients: ModelClients, *plays: Play, stream: bool = True, silence_s: float = 10.0) -> Outcome:
    async with RawServer(*plays) as server:
        return await ask(chat_model(clients, wire, server.url), question(stream=stream, silence_s=silence_s))


def begun(wire: Wire) -> bytes:
    """The stream up to its last delta."""
    whole = wire.stream(PARTS)
    return whole[: len(whole) - len(wire.end(wire.words["stop"], (11, 7)))]


def ok(wire: Wire) -> Play:
    return play(wire.stream([("text", "so")]), content_type=wire.content_type)


class TestInMidStream:
    """What came is kept, the error says that the answer is not whole."""

    def check(self, outcome: Outcome, kind: type[errors.ProviderError]) -> None:
        assert type(outcome.problem) is kind
        assert (outcome.reasoning, outcome.text) == ("Hm.", "A kettle boils <wa")
        assert outcome.problem.fields["partial"] is True
        assert outcome.problem.fields["model"] == "m"
        assert outcome.usage is not None
        assert not outcome.usage.exact

    async def test_the_stream_ends_without_its_end(self, wire: Wire, clients: ModelClients) -> None:
        self.check(await outcome_of(wire, clients, play(begun(wire), content_type=wire.content_type)), errors.StreamTruncated)

    async def test_an_event_is_cut_in_two(self, wire: Wire, clients: ModelClients) -> None:
        body = begun(wire) + wire.delta("text", "never seen")[:-20]
        self.check(await outcome_of(wire, clients, play(body, content_type=wire.content_type)), errors.StreamTruncated)

    async def test_a_character_is_cut_in_two(self, wire: Wire, clients: ModelClients) -> None:
        body = begun(wire) + wire.delta("text", "你").partition("你".encode())[0] + "你".encode()[:2]
        self.check(await outcome_of(wire, clients, play(body, content_type=wire.content_type)), errors.StreamTruncated)

    async def test_the_connection_ends_before_the_body_does(self, wire: Wire, clients: ModelClients) -> None:
        body = begun(wire)
        declared = play(body, content_type=wire.content_type, content_length=str(len(body) + 100))
        self.check(await outcome_of(wire, clients, declared), errors.StreamTruncated)

    async def test_the_connection_is_reset(self, wire: Wire, clients: ModelClients) -> None:
        pieces = [begun(wire), b" " if wire.name == "ollama" else b":\n"]
        self.check(await outcome_of(wire, clients, play(pieces, content_type=wire.content_type, reset=True)), errors.ConnectionLost)

    async def test_the_stream_goes_silent(self, wire: Wire, clients: ModelClients) -> None:
        outcome = await outcome_of(wire, clients, play(begun(wire), content_type=wire.content_type, stall=True), silence_s=1.5)
        self.check(outcome, errors.StreamStalled)
        assert outcome.problem.fields["after_s"] == 1.5

    async def test_an_error_comes(self, wire: Wire, clients: ModelClients) -> None:
        outcome = await outcome_of(wire, clients, play(begun(wire) + wire.error("out of \x1b[31mmemory"), content_type=wire.content_type))
        self.check(outcome, errors.ProviderFault)
        assert outcome.problem.fields["message"] == "out of memory"

    async def test_an_error_and_then_a_proper_end(self, wire: Wire, clients: ModelClients) -> None:
        body = begun(wire) + wire.error("out of memory") + wire.end(wire.words["stop"], (1, 1))
        self.check(await outcome_of(wire, clients, play(body, content_type=wire.content_type)), errors.ProviderFault)

    async def test_what_comes_is_no_json(self, wire: Wire, clients: ModelClients) -> None:
        nonsense = b"{nonsense}\n" if wire.name == "ollama" else b"data: {nonsense}\n\n"
        outcome = await outcome_of(wire, clients, play(begun(wire) + nonsense + wire.stream([]), content_type=wire.content_type))
        self.check(outcome, errors.ProviderFault)
        assert outcome.problem.fields["reason"] == "garbled"

    async def test_it_is_not_tried_again(self, wire: Wire, clients: ModelClients, pauses: list[float]) -> None:
        async with RawServer(play(begun(wire), content_type=wire.content_type), ok(wire)) as server:
            await ask(chat_model(clients, wire, server.url), question())
            assert len(server.asked) == 1
        assert pauses == []


class TestBeforeTheFirstToken:
    async def test_no_event_at_all(self, wire: Wire, clients: ModelClients) -> None:
        for body in (b"", b"\n\n", b"  "):
            outcome = await outcome_of(wire, clients, play(body, content_type=wire.content_type))
            assert type(outcome.problem) is errors.EmptyStream
            assert outcome.usage is None

    async def test_an_error_inside_a_200(self, wire: Wire, clients: ModelClients) -> None:
        for body in (wire.error("no memory"), b'{"error": "no memory"}', b'{"error": {"message": "no memory", "code": "oom"}}'):
            for stream in (True, False):
                outcome = await outcome_of(wire, clients, play(body, content_type="application/json"), stream=stream)
                assert type(outcome.problem) is errors.ProviderFault
                assert outcome.problem.fields["message"] == "no memory"
                assert outcome.problem.fields["partial"] is False

    async def test_a_page_where_a_stream_was_expected(self, wire: Wire, clients: ModelClients) -> None:
        page = b"<!doctype html><style>b{}</style><title>Portal</title><b>Log in</b>"
        outcome = await outcome_of(wire, clients, play(page, content_type="text/html"))
        assert type(outcome.problem) is errors.NotAStream
        assert outcome.problem.fields["message"] == "Portal Log in"

    async def test_json_that_is_no_answer(self, wire: Wire, clients: ModelClients) -> None:
        for body in (b'{"status": "ok"}', b"[]", b'"text"', b'{"detail": "wrong path"}', b"{", b"[" * 100_000):
            outcome = await outcome_of(wire, clients, play(body, content_type="application/json"))
            assert type(outcome.problem) in (errors.NotAStream, errors.StreamTruncated), body[:20]

    async def test_nothing_comes(self, wire: Wire, clients: ModelClients) -> None:
        outcome = await outcome_of(wire, clients, Play((), stall=True), silence_s=0.2)
        assert type(outcome.problem) is errors.StreamStalled

    async def test_what_answers_speaks_no_http(self, wire: Wire, clients: ModelClients) -> None:
        outcome = await outcome_of(wire, clients, Play((b"SSH-2.0-OpenSSH_9.2\r\n\r\n",)))
        assert type(outcome.problem) is errors.ProviderFault
        assert outcome.problem.fields["reason"] == "not_http"


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, errors.BadRequest),
            (401, errors.Unauthorized),
            (402, errors.BadRequest),
            (403, errors.AccessDenied),
            (404, errors.ModelNotFound),
            (413, errors.BadRequest),
            (422, errors.BadRequest),
            (429, errors.RateLimited),
            (500, errors.ProviderFault),
            (504, errors.ProviderFault),
        ],
    )
    async def test_each_has_its_error(self, wire: Wire, clients: ModelClients, status: int, kind: type[errors.ProviderError]) -> None:
        body = json.dumps({"error": {"message": "why"}}).encode()
        outcome = await outcome_of(wire, clients, play(body, status=f"{status} X", content_type="application/json"))
        problem = outcome.problem
        assert type(problem) is kind
        assert (problem.fields["status"], problem.fields["message"], problem.fields["provider"]) == (status, "why", wire.preset_id)
        assert problem.fields["endpoint"].startswith("http://127.0.0.1:")

    async def test_a_redirect_is_not_followed(self, wire: Wire, clients: ModelClients) -> None:
        async with RawServer(play(b"", status="307 X", location="http://169.254.169.254/secret?key=1"), ok(wire)) as server:
            outcome = await ask(chat_model(clients, wire, server.url), question())
            assert len(server.asked) == 1
        assert type(outcome.problem) is errors.BadRequest
        assert outcome.problem.fields["location"] == "http://169.254.169.254/secret"

    async def test_the_key_is_never_in_a_message(self, wire: Wire, clients: ModelClients) -> None:
        for body in (f"wrong key {KEY}".encode(), json.dumps({"error": {"message": f"Bearer {KEY}"}}).encode(), f"<p>{KEY}</p>".encode()):
            outcome = await outcome_of(wire, clients, play(body, status="401 X"))
            assert KEY not in str(outcome.problem)
            assert "•••" in outcome.problem.fields["message"]

    async def test_a_message_is_cut_and_cleaned(self, wire: Wire, clients: ModelClients) -> None:
        outcome = await outcome_of(wire, clients, play(b"a\x1b]0;title\x07\nb" + b"x" * 300_000, status="500 X"))
        message = outcome.problem.fields["message"]
        assert message.startswith("a bxxx")
        assert len(message) <= 500


class TestTryingAgain:
    @pytest.mark.parametrize("status", [502, 503, 529])
    async def test_a_server_that_is_down_for_a_moment(self, wire: Wire, clients: ModelClients, pauses: list[float], status: int) -> None:
        down = play(b"", status=f"{status} X")
        outcome = await outcome_of(wire, clients, down, down, ok(wire))
        assert (outcome.text, len(pauses)) == ("so", 2)

    async def test_at_most_twice(self, wire: Wire, clients: ModelClients) -> None:
        async with RawServer(play(b"", status="503 X")) as server:
            outcome = await ask(chat_model(clients, wire, server.url), question())
            assert len(server.asked) == 3
        assert type(outcome.problem) is errors.ProviderFault

    async def test_not_after_500(self, wire: Wire, clients: ModelClients) -> None:
        async with RawServer(play(b"", status="500 X"), ok(wire)) as server:
            await ask(chat_model(clients, wire, server.url), question())
            assert len(server.asked) == 1

    async def test_a_server_that_hangs_up_at_once(self, wire: Wire, clients: ModelClients, pauses: list[float]) -> None:
        outcome = await outcome_of(wire, clients, Play(()), ok(wire))
        assert (outcome.text, len(pauses)) == ("so", 1)

    async def test_a_short_wait_is_waited(self, wire: Wire, clients: ModelClients, pauses: list[float]) -> None:
        outcome = await outcome_of(wire, clients, play(b"", status="429 X", retry_after="3"), ok(wire))
        assert (outcome.text, pauses) == ("so", [3.0])

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("11", 11.0), ("86400", 86400.0), ("1e9", None), ("-1", None), ("soon", None), ("nan", None), ("inf", None), ("", None)],
    )
    async def test_a_long_or_absurd_wait_is_not(
        self, wire: Wire, clients: ModelClients, pauses: list[float], header: str, seconds: float | None
    ) -> None:
        for status in ("429 X", "503 X"):
            outcome = await outcome_of(wire, clients, play(b"", status=status, retry_after=header))
            assert outcome.problem.fields["retry_after_s"] == seconds
        assert [pause for pause in pauses if pause > 1] == []

    async def test_a_wait_until_a_date(self, wire: Wire) -> None:
        now = datetime(2030, 1, 1, tzinfo=UTC)
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        clients = ModelClients(clock=Clock(wall=now.timestamp), sleep=sleep)
        later = format_datetime(now + timedelta(seconds=7), usegmt=True)
        past = format_datetime(now - timedelta(days=1), usegmt=True)
        plays = [play(b"", status="429 X", retry_after=date) for date in (later, past)]
        outcome = await outcome_of(wire, clients, *plays, ok(wire))
        await clients.close()
        assert (outcome.text, slept) == ("so", [7.0, 0.0])


class TestNotReached:
    async def test_nobody_listens(self, wire: Wire, clients: ModelClients, pauses: list[float]) -> None:
        async with RawServer(ok(wire)) as server:
            endpoint = server.url
        outcome = await ask(chat_model(clients, wire, endpoint), question())
        assert type(outcome.problem) is errors.ConnectionRefused
        assert outcome.problem.fields["reason"] == "refused"
        assert len(pauses) == 2

    async def test_the_key_has_characters_that_no_key_has(self, wire: Wire, clients: ModelClients) -> None:
        for key in ("sk-ключ", "sk-a\nb", "sk a"):
            async with RawServer(ok(wire)) as server:
                outcome = await ask(chat_model(clients, wire, server.url, key), question())
                assert server.asked == []
            assert type(outcome.problem) is errors.Unauthorized
            assert outcome.problem.fields["reason"] == "key_not_ascii"

    async def test_extra_parameters_that_are_no_json(self, wire: Wire, clients: ModelClients) -> None:
        from core.llm.request import Parameters

        async with RawServer(ok(wire)) as server:
            model = chat_model(clients, wire, server.url)
            outcome = await ask(model, question(parameters=Parameters(extra={"x": float("nan")})))
            assert server.asked == []
        assert type(outcome.problem) is errors.BadRequest


class TestTooMuch:
    async def test_a_line_that_never_ends(self, wire: Wire, clients: ModelClients) -> None:
        body = begun(wire) + wire.delta("text", "x").partition(b"x")[0]
        outcome = await outcome_of(wire, clients, play([body, *[b"x" * 65536] * 160], content_type=wire.content_type))
        assert type(outcome.problem) is errors.ResponseTooLarge
        assert outcome.text == "A kettle boils <wa"

    async def test_an_answer_that_never_ends(self, wire: Wire, clients: ModelClients) -> None:
        delta = wire.delta("text", "0123456789" * 6000)
        outcome = await outcome_of(
            wire,
            clients,
            play([wire.stream([]).replace(wire.end(wire.words["stop"], (11, 7)), b""), *[delta] * 200], content_type=wire.content_type),
        )
        assert type(outcome.problem) is errors.ResponseTooLarge
        assert 7_000_000 < len(outcome.text) <= outcome.problem.fields["limit"]

    async def test_a_document_that_never_ends(self, wire: Wire, clients: ModelClients) -> None:
        pieces = [b'{"choices": ["', *[b"x" * 65536] * 160]
        outcome = await outcome_of(wire, clients, play(pieces, content_type="application/json"), stream=False)
        assert type(outcome.problem) is errors.ResponseTooLarge

    async def test_a_little_that_unpacks_to_much(self, wire: Wire, clients: ModelClients) -> None:
        import gzip
        import tracemalloc

        bomb = gzip.compress(b"data: " + b"x" * 300_000_000, compresslevel=1)
        tracemalloc.start()
        outcome = await outcome_of(wire, clients, play(in_pieces(bomb, 65536), content_type=wire.content_type, content_encoding="gzip"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert type(outcome.problem) in (errors.ResponseTooLarge, errors.NotAStream)
        assert peak < 60_000_000

    async def test_packing_that_nobody_asked_for(self, wire: Wire, clients: ModelClients) -> None:
        for encoding in ("br", "gzip"):
            outcome = await outcome_of(wire, clients, play(b"nonsense", content_type=wire.content_type, content_encoding=encoding))
            assert type(outcome.problem) is errors.ProviderFault


@pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC], ids=lambda wire: wire.name)
class TestTheTail:
    """Once the model said why it stops, the answer is whole, whatever the connection does. (Ollama says it with its end mark.)"""

    def finished(self, wire: Wire) -> bytes:
        whole = wire.stream([("text", "so")], usage=None)
        return whole[: whole.rindex(b"data: [DONE]")] if wire.name == "openai" else whole[: whole.rindex(b"event: message_stop")]

    async def test_the_end_mark_is_missing(self, wire: Wire, clients: ModelClients) -> None:
        for reset in (False, True):
            outcome = await outcome_of(wire, clients, play([self.finished(wire), b":\n"], content_type=wire.content_type, reset=reset))
            assert (outcome.text, outcome.finish) == ("so", "stop")

    async def test_nobody_waits_for_it_as_long_as_for_a_token(
        self, wire: Wire, clients: ModelClients, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.llm.flow.TAIL_S", 0.2)
        started = time.monotonic()
        outcome = await outcome_of(wire, clients, play(self.finished(wire), content_type=wire.content_type, stall=True), silence_s=60)
        assert (outcome.text, outcome.finish) == ("so", "stop")
        assert time.monotonic() - started < 30


async def test_lists_fail_as_answers_do(wire: Wire, clients: ModelClients) -> None:
    cases: list[tuple[Play, type[errors.ProviderError]]] = [
        (play(b"", status="401 X"), errors.Unauthorized),
        (play(b"<html>", content_type="text/html"), errors.NotAStream),
        (play(b"{}", content_type="application/json"), errors.NotAStream),
        (play(b'{"error": "no"}', content_type="application/json"), errors.ProviderFault),
        (play(b"[[", content_type="application/json"), errors.NotAStream),
        (play(b'{"da', content_type="application/json", content_length="100"), errors.StreamTruncated),
    ]
    for turn, kind in cases:
        async with RawServer(turn) as server:
            with pytest.raises(kind) as caught:
                await chat_model(clients, wire, server.url).list_models()
        assert caught.value.fields["provider"] == wire.preset_id


@pytest.mark.parametrize("hostile", [b"<script " * 8_000, b"<" * 60_000, "\x9d".encode() * 30_000])
async def test_a_refusal_of_hostile_text_is_read_at_once(wire: Wire, clients: ModelClients, hostile: bytes) -> None:
    """Its message is looked for in the loop: seconds would be everybody's."""
    started = time.process_time()
    outcome = await outcome_of(wire, clients, play(b"<p>No such thing</p>" + hostile, status="400 X", content_type="text/html"))
    assert type(outcome.problem) is errors.BadRequest
    assert outcome.problem.fields["message"].startswith("No such thing")
    assert time.process_time() - started < 1


async def test_nesting_that_is_only_just_read_is_an_error_like_any_other(wire: Wire, clients: ModelClients) -> None:
    """Python reads JSON a little deeper than it looks through it."""
    for depth in (400, 700, *range(900, 1000, 9)):
        deep = "[" * depth + "]" * depth
        odd = {
            "openai": '{"choices":[{"delta":{"content":[{"text":%s}]}}]}',
            "ollama": '{"error":{"x":%s}}',
            "anthropic": '{"type":"error","error":{"x":%s}}',
        }[wire.name]
        framed = (odd % deep).encode() + b"\n" if wire.name == "ollama" else b"data: " + (odd % deep).encode() + b"\n\n"
        outcome = await outcome_of(wire, clients, play(begun(wire) + framed, content_type=wire.content_type))
        assert outcome.error is not None
        assert (outcome.reasoning, outcome.text) == ("Hm.", "A kettle boils <wa")


async def test_an_odd_list_is_a_list_or_an_error(wire: Wire, clients: ModelClients) -> None:
    odd: list[dict[str, object]] = [
        {"data": [{"id": "a"}], "models": [{"name": "a"}], "has_more": True, "last_id": "\ud800"},
        {"capabilities": [["completion"], {}, None, "vision"], "model_info": {"x.context_length": {}}, "data": [], "models": []},
        {"error": json.loads("[" * 900 + "]" * 900)},
    ]
    for value in odd:
        answer = play(json.dumps(value).encode(), content_type="application/json")
        for plays in ((answer,), (play(wire.models(["a"]), content_type="application/json"), answer)):
            async with RawServer(*plays) as server:
                with contextlib.suppress(errors.ProviderError):
                    await chat_model(clients, wire, server.url).list_models()
                assert server.asked


async def test_a_list_of_megabytes_is_not_read(wire: Wire, clients: ModelClients) -> None:
    """Reading JSON takes the whole process, in whatever thread it is done."""
    huge = b'{"data":[' + b'{"x":1},' * 600_000 + b'{}],"models":[]}'
    async with RawServer(play(huge, content_type="application/json")) as server:
        with pytest.raises(errors.ResponseTooLarge):
            await chat_model(clients, wire, server.url).list_models()


async def test_an_unknown_policy_reaches_nothing_inner(wire: Wire, clients: ModelClients) -> None:
    async with RawServer(ok(wire)) as server:
        policy = EndpointPolicy(served=True)
        outcome = await ask(clients.chat_model(preset(wire.preset_id), server.url, KEY, policy=policy), question())
        assert server.asked == []
    assert type(outcome.problem) is errors.AddressNotAllowed
    assert outcome.problem.fields["address"] == "127.0.0.1"


async def test_the_raw_server_sends_what_it_is_told() -> None:
    assert head(retry_after="1").endswith(b"retry-after: 1\r\n\r\n")
    assert sse({}) == b"data: {}\n\n"


async def test_one_huge_event_does_not_hold_up_everybody_else(wire: Wire, clients: ModelClients) -> None:
    """Text that is slow to split, in one event of a megabyte, while somebody else counts: 7 turns if it were read in the loop."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    huge = wire.stream([("text", "a<t\n" * 250_000)])
    async with RawServer(ok(wire), play(in_pieces(huge, 65536), content_type=wire.content_type)) as server:
        model = chat_model(clients, wire, server.url)
        await ask(model, question())
        counting = asyncio.create_task(count())
        outcome = await ask(model, question())
        counting.cancel()
    assert len(outcome.text) == 1_000_000
    assert turns > 40
