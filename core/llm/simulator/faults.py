"""What goes wrong on request: each fault answers in its own way, streamed or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate

from core.llm.simulator.delivery import Delivery
from core.llm.simulator.names import parse_name
from core.llm.simulator.question import Piece, Plan, Refused

Fault = Callable[[Delivery], Awaitable[None]]

MEGABYTE = 1_000_000
_FLOOD_MB = 100
_LINE_MB = 50
_DELAY_MS = 2_000
_FILLER = "simulated " * 820  # some 8 KB
_PACKET = 65_536
_MARK = "@@FILLING@@"
_ABSURD = "99999999999"

_MESSAGES = {
    400: "The request is not valid",
    401: "Incorrect API key provided",
    403: "This key may not use the model",
    404: "The model does not exist",
    408: "The request timed out",
    413: "The request is too large",
    429: "Rate limit reached",
    500: "The server had an error",
    502: "Bad gateway",
    503: "The server is overloaded or loading the model",
    529: "Overloaded",
}
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
    "<body><h1>{title}</h1><p>modeltrain simulator: a fault on request.</p></body></html>\n"
)


def _message(status: int) -> str:
    return f"{_MESSAGES[status]} (simulated by modeltrain)."


# Instead of an answer ------------------------------------------------------------------------------------------------------


async def status(delivery: Delivery) -> None:
    model, argument = delivery.asked.model, delivery.asked.argument
    kind = "model_not_found" if model.status == 404 else ""
    raise Refused(model.status, _message(model.status), kind, _retry_after(delivery, model.status, argument))


def _retry_after(delivery: Delivery, code: int, argument: str) -> tuple[tuple[str, str], ...]:
    wall = delivery.clock.wall()
    values = {
        "": "2" if code == 429 else "",
        "none": "",
        "absurd": _ABSURD,
        "date": formatdate(wall + 30, usegmt=True),
        "past": formatdate(wall - 3600, usegmt=True),
    }
    value = values.get(argument, argument)
    return (("Retry-After", value),) if value else ()


async def proxy_page(delivery: Delivery) -> None:
    code = delivery.asked.model.status
    delivery.record.status = code
    delivery.response.send(code, _PAGE.format(title="502 Bad Gateway").encode(), "text/html; charset=utf-8")


async def redirect(delivery: Delivery) -> None:
    delivery.record.status = delivery.asked.model.status
    delivery.response.send(delivery.asked.model.status, b"", headers=(("Location", "/simulator/elsewhere"),))


async def drop(delivery: Delivery) -> None:
    delivery.response.cut()


async def stall_head(delivery: Delivery) -> None:
    await delivery.forever()


async def error_in_200(delivery: Delivery) -> None:
    delivery.response.send(200, delivery.format.error(503, _message(503)))


async def json_body(delivery: Delivery) -> None:
    await delivery.wait_whole()
    delivery.send_whole()


async def json_other(delivery: Delivery) -> None:
    delivery.response.send(200, b'{"status":"ok","detail":"modeltrain simulator: this is no answer"}')


async def html_page(delivery: Delivery) -> None:
    delivery.response.send(200, _PAGE.format(title="Welcome").encode(), "text/html; charset=utf-8")


async def empty(delivery: Delivery) -> None:
    delivery.response.begin(200, delivery.format.stream_type if delivery.question.stream else "application/json")
    delivery.response.end()


async def done_only(delivery: Delivery) -> None:
    if not delivery.question.stream:
        await empty(delivery)
        return
    delivery.response.begin(200, delivery.format.stream_type)
    delivery.response.end(delivery.writer.end_mark())


async def error_first(delivery: Delivery) -> None:
    if not delivery.question.stream:
        await error_in_200(delivery)
        return
    delivery.response.begin(200, delivery.format.stream_type)
    delivery.response.end(delivery.writer.error(503, _message(503)))


async def error_text(delivery: Delivery) -> None:
    if not delivery.question.stream:
        delivery.response.send(200, b'{"error":"%b"}' % _message(503).encode())
        return
    delivery.response.begin(200, delivery.format.stream_type)
    delivery.response.end(delivery.writer.error_text(_message(503)))


async def no_usage_option(delivery: Delivery) -> None:
    if delivery.question.parameters.get("stream_options") is not None:
        raise Refused(400, "Unrecognized request argument supplied: stream_options (simulated by modeltrain).")
    await delivery.answer()


# In the middle of an answer --------------------------------------------------------------------------------------------------


async def _half(delivery: Delivery) -> None:
    """The stream as far as the fault, or half of the one body that was asked for."""
    if delivery.question.stream:
        await delivery.tokens(delivery.middle)
        delivery.flush()
    else:
        body = delivery.whole()
        delivery.response.promise(200, len(body))
        delivery.response.write(body[: len(body) // 2])


async def cut(delivery: Delivery) -> None:
    await _half(delivery)
    delivery.response.cut()


async def reset(delivery: Delivery) -> None:
    await _half(delivery)
    await delivery.response.drain()
    delivery.response.reset()


async def stall(delivery: Delivery) -> None:
    await _half(delivery)
    await delivery.forever()


async def no_end(delivery: Delivery) -> None:
    if delivery.question.stream:
        await delivery.tokens(delivery.middle)
        delivery.close()
    else:
        body = delivery.whole()
        delivery.response.send(200, body[: len(body) // 2])


async def error_event(delivery: Delivery) -> None:
    await _with_error(delivery, then_done=False)


async def error_then_done(delivery: Delivery) -> None:
    await _with_error(delivery, then_done=True)


async def _with_error(delivery: Delivery, *, then_done: bool) -> None:
    if not delivery.question.stream:
        await error_in_200(delivery)
        return
    await delivery.tokens(delivery.middle)
    error = delivery.writer.error(503, _message(503))
    # An error followed by the end mark comes as a plain data event in the OpenAI format.
    delivery.add(
        error.removeprefix(b"event: error\n") + delivery.writer.end_mark() if then_done and delivery.format.name == "openai" else error
    )
    if then_done and delivery.format.name != "openai":
        delivery.add(delivery.writer.end_mark())
    delivery.close()


async def garbage(delivery: Delivery) -> None:
    if not delivery.question.stream:
        await no_end(delivery)
        return
    await delivery.tokens(delivery.middle)
    delivery.add(delivery.writer.garbage())
    delivery.end()


# At its end, or all along it ---------------------------------------------------------------------------------------------------


async def no_done(delivery: Delivery) -> None:
    await _ended(delivery, finish=True, done=False)


async def no_finish(delivery: Delivery) -> None:
    await _ended(delivery, finish=False, done=True)


async def _ended(delivery: Delivery, *, finish: bool, done: bool) -> None:
    if not delivery.question.stream:
        await delivery.answer()
        return
    await delivery.tokens()
    delivery.end(finish=finish, done=done)


async def as_planned(delivery: Delivery) -> None:
    """Nothing is wrong with the delivery: the plan or the usage differ."""
    await delivery.answer()


async def delay(delivery: Delivery) -> None:
    argument = delivery.asked.argument
    await delivery.sleep((int(argument) if argument else _DELAY_MS) / 1000)
    await delivery.answer()


def _size(delivery: Delivery, megabytes: int) -> int:
    argument = delivery.asked.argument
    return (int(argument) if argument else megabytes) * MEGABYTE


async def flood(delivery: Delivery) -> None:
    piece = Piece(False, _FILLER)
    count = max(1, _size(delivery, _FLOOD_MB) // len(_FILLER))
    delivery.plan.pieces[:] = [piece] * count
    if not delivery.question.stream:
        await _filled_body(delivery, count * len(_FILLER))
        return
    delivery.begin()
    event = delivery.writer.delta(piece)  # the first may open a block
    delivery.add(event)
    repeated = delivery.writer.delta(piece)
    for sent in range(1, count):
        delivery.add(repeated)
        delivery.record.tokens_sent = sent + 1
        if sent % 16 == 0:
            delivery.flush()
            await delivery.response.drain()
            await asyncio.sleep(0)
    delivery.end()


async def long_line(delivery: Delivery) -> None:
    size = _size(delivery, _LINE_MB)
    delivery.plan.pieces[:] = [Piece(False, _MARK)]
    if not delivery.question.stream:
        await _filled_body(delivery, size)
        return
    delivery.begin()
    delivery.flush()
    before, _, after = delivery.writer.delta(delivery.plan.pieces[0]).partition(_MARK.encode())
    await _fill(delivery, before, size)
    delivery.record.tokens_sent = 1
    delivery.add(after)
    delivery.end()


async def _filled_body(delivery: Delivery, size: int) -> None:
    """One JSON body whose text has `size` bytes, without ever holding them."""
    whole = delivery.format.whole(
        delivery.question, Plan([Piece(False, _MARK)], "stop", delivery.plan.input_tokens, 0), delivery.clock.wall(), 0.0
    )
    before, _, after = whole.partition(_MARK.encode())
    delivery.response.begin(200, "application/json")
    await _fill(delivery, before, size)
    delivery.response.end(after)
    delivery.record.finished = True


async def _fill(delivery: Delivery, before: bytes, size: int) -> None:
    filling = (b"simulated " * (_PACKET // 10 + 1))[:_PACKET]
    delivery.response.write(before)
    for sent in range(0, size, _PACKET):
        delivery.response.write(filling[: min(_PACKET, size - sent)])
        await delivery.response.drain()
        await asyncio.sleep(0)


async def flaky_first(delivery: Delivery) -> None:
    """What sim-flaky does the first time a question comes."""
    asked = delivery.asked
    played = parse_name(f"sim-{asked.argument or '503'}")
    delivery.asked = replace(played, rate=asked.rate, length=asked.length)
    await FAULTS[played.model.fault](delivery)


FAULTS: dict[str, Fault] = {
    "status": status,
    "proxy_page": proxy_page,
    "redirect": redirect,
    "drop": drop,
    "stall_head": stall_head,
    "delay": delay,
    "error_in_200": error_in_200,
    "error_first": error_first,
    "error_text": error_text,
    "json": json_body,
    "json_other": json_other,
    "html": html_page,
    "empty": empty,
    "done_only": done_only,
    "no_usage_option": no_usage_option,
    "cut": cut,
    "reset": reset,
    "stall": stall,
    "no_end": no_end,
    "error_event": error_event,
    "error_then_done": error_then_done,
    "garbage": garbage,
    "no_done": no_done,
    "no_finish": no_finish,
    "no_usage": as_planned,
    "length": as_planned,
    "limited": as_planned,
    "filter": as_planned,
    "flood": flood,
    "long_line": long_line,
    "flaky": flaky_first,
}
