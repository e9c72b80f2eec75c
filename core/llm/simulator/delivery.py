"""From the plan of an answer to the wire, on a schedule that does not drift.

Token number i (from 1) is due i / rate seconds after the start. Whoever wakes late sends all that is due at once, so that the last
token is on time whatever happened before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from core.clock import Clock
from core.llm.simulator.formats.base import Format, Writer
from core.llm.simulator.framing import BOM, FRAMINGS
from core.llm.simulator.http import Response
from core.llm.simulator.names import Asked
from core.llm.simulator.question import Plan, Question
from core.llm.simulator.records import RequestRecord

Sleep = Callable[[float], Awaitable[None]]
#: Tokens of one packet at most; between packets others get their turn.
BATCH = 256
#: Guards against a token counted as not yet due because of the last bit of a float.
_EPSILON = 1e-6


class Delivery:
    """One answer on its way. `asked` may differ from the question's where a model plays another one (sim-flaky)."""

    def __init__(self, form: Format, question: Question, plan: Plan, response: Response, record: RequestRecord, clock: Clock, sleep: Sleep):
        self.format = form
        self.question = question
        self.plan = plan
        self.response = response
        self.record = record
        self.clock = clock
        self.sleep = sleep
        self.asked: Asked = question.asked
        self._created = clock.wall()
        self._started = clock.monotonic()
        framing = self.asked.model.framing
        self._frame = FRAMINGS.get(framing)
        self._is_plain = framing == ""
        self._first = BOM if framing == "bom" else b""
        self._keepalive = framing == "keepalive"
        self._trim = framing == "no_newline"
        self.writer: Writer = form.writer(question, plan, self._created, quirks=framing == "quirks")
        self._pending: list[bytes] = []

    @property
    def middle(self) -> int:
        """After how many tokens a fault comes: the argument of the model's name, or half of the answer."""
        argument = self.asked.argument
        return min(int(argument), len(self.plan.pieces)) if argument.isdigit() else len(self.plan.pieces) // 2

    @property
    def elapsed_s(self) -> float:
        return self.clock.monotonic() - self._started

    async def answer(self) -> None:
        """The whole answer, as it should be."""
        if not self.question.stream:
            await self.wait_whole()
            self.send_whole()
            return
        await self.tokens()
        self.end()

    # -- one body --

    async def wait_whole(self) -> None:
        """The time that writing the whole answer takes."""
        if self.asked.rate > 0:
            await self.sleep(len(self.plan.pieces) / self.asked.rate)

    def whole(self) -> bytes:
        return self.format.whole(self.question, self.plan, self._created, self.elapsed_s)

    def send_whole(self) -> None:
        body = self.whole()
        self.record.tokens_sent = len(self.plan.pieces)
        self.response.send(200, body)
        self.record.finished = True

    # -- a stream --

    def begin(self) -> None:
        """The head of a stream and what comes before the first token; it waits for the first packet."""
        self.response.begin(200, self.format.stream_type)
        opening = self.writer.opening()
        self._pending.append(self._first + opening)

    async def tokens(self, upto: int | None = None) -> None:
        """The stream up to the token `upto` (all of them), at the pace of the model's name."""
        self.begin()
        count = len(self.plan.pieces) if upto is None else upto
        if self.asked.rate > 0:
            await self._paced(count)
        else:
            await self._at_once(count)

    async def _paced(self, count: int) -> None:
        rate, sent = self.asked.rate, 0
        self.flush()
        start = self.clock.monotonic()
        while sent < count:
            due = int((self.clock.monotonic() - start) * rate + _EPSILON)
            if due <= sent:
                await self.sleep(max(0.0, start + (sent + 1) / rate - self.clock.monotonic()))
                continue
            upto = min(due, count, sent + BATCH)
            self._add(sent, upto)
            self.flush()
            sent = upto
            await self.response.drain()

    async def _at_once(self, count: int) -> None:
        for sent in range(0, count, BATCH):
            if sent:
                self.flush()
                await self.response.drain()
                await asyncio.sleep(0)
            self._add(sent, min(count, sent + BATCH))

    def _add(self, sent: int, upto: int) -> None:
        delta, pieces = self.writer.delta, self.plan.pieces
        if self._keepalive:
            self._pending.extend(self.writer.keepalive() + delta(pieces[index]) for index in range(sent, upto))
        else:
            self._pending.extend([delta(pieces[index]) for index in range(sent, upto)])
        self.record.tokens_sent = upto

    def add(self, event: bytes) -> None:
        """Events that are no tokens, behind what was sent."""
        self._pending.append(event)

    def flush(self) -> None:
        """Send what is waiting."""
        data = b"".join(self._pending)
        self._pending.clear()
        if self._is_plain or self._frame is None:
            self.response.write(data)
            return
        for packet in self._frame(data):
            self.response.write(packet)

    def end(self, *, finish: bool = True, done: bool = True) -> None:
        """The proper end of the stream, without some of its marks where a fault wants it so."""
        self._pending.append(self.writer.ending(self.elapsed_s, finish=finish, done=done, usage=self.asked.model.fault != "no_usage"))
        self.close()
        self.record.finished = finish and done

    def close(self) -> None:
        """Send what is waiting, and end the HTTP body."""
        if self._is_plain:
            data = b"".join(self._pending)
            self._pending.clear()
            self.response.end(data)
            return
        if self._trim:
            self._pending = [b"".join(self._pending).rstrip(b"\n")]
        self.flush()
        self.response.end()

    async def forever(self) -> None:
        """Say nothing until the client leaves or the simulator stops."""
        await asyncio.get_running_loop().create_future()
