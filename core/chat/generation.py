"""One answer being made: it asks the model, keeps what comes, saves it, and tells whoever watches. It needs no watcher to go on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from core.chat import convert, figures
from core.chat.answer import AnswerText, Kind
from core.chat.outcome import INTERRUPTED, STOPPED, Outcome, broken, ended, error_columns
from core.chat.saving import AnswerSaver, Place
from core.chat.text import storable
from core.chat.types import AnswerUpdate, Message, MessageState
from core.clock import Clock
from core.errors import ModeltrainError, NotFound, ProviderError, ResponseTooLarge, StreamTruncated
from core.llm.events import Finished, ReasoningCut, ReasoningDelta, ReasoningRegrouped, StreamEvent, TextDelta, Usage
from core.llm.request import ChatRequest
from core.persistence import Store
from core.settings import ChatSettings
from core.supervisor import happens

if TYPE_CHECKING:
    from core.models.types import ReadyModel

log = logging.getLogger(__name__)
#: Events after which the loop gets a turn: a burst of buffered tokens must not hold up everybody's keys.
_BURST = 256


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be made. `row`: the columns of the answer as saved; `before`: its parts, when it is continued.

    `ready` is None when the model could not even be asked: then `refusal` says why. `request` reads the context from the database.
    """

    place: Place
    row: dict[str, Any]
    ready: ReadyModel | None
    request: Callable[[], Awaitable[ChatRequest]]
    refusal: ModeltrainError | None = None
    before: tuple[Any, ...] = ()

    @property
    def continued(self) -> bool:
        return bool(self.before)


class Generation:
    """Run `run()` in the supervisor; `watch()` as often as wanted; `stop()` ends it and keeps what came."""

    def __init__(self, job: Job, store: Store, clock: Clock, settings: ChatSettings) -> None:
        self.job = job
        self._clock = clock
        self._settings = settings
        self.text = AnswerText((part.kind, part.content) for part in job.before)
        self._kept: dict[Kind, int] = {"text": self.text.length("text"), "reasoning": self.text.length("reasoning")}
        self._watch = figures.Stopwatch(clock.monotonic, clock.monotonic())
        self._saver = AnswerSaver(store, clock, job.place, self.text, self._changed, lambda: self._lookers > 0)
        self._request: ChatRequest | None = None
        self._usage: Usage | None = None
        self._cut = False
        self._outcome: Outcome | None = None
        self._columns: dict[str, Any] = {}
        self._message: Message | None = None
        self._receiving: asyncio.Task[Outcome] | None = None
        self._stopping = False
        self._ended = asyncio.Event()  # nothing more comes
        self._give_up = asyncio.Event()  # the program closes: one last try to save
        self._done = asyncio.Event()  # saved, or given up
        self.saved = False
        self._watchers: set[asyncio.Event] = set()
        self._lookers = 0

    # Its life ------------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        return self._done.is_set()

    async def wait(self) -> None:
        """Until it is done."""
        await self._done.wait()

    def stop(self) -> None:
        """End it and keep what came. To stop what has ended already does nothing."""
        self._stopping = True
        if self._receiving is not None:
            self._receiving.cancel()

    async def run(self) -> None:
        """Make the answer and save it. Being cancelled (the program closes) stops it, and still saves."""
        work = asyncio.create_task(self._work())
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                if self._give_up.is_set():
                    work.cancel()
                    raise
                self._give_up.set()
                self.stop()
        work.result()

    async def _work(self) -> None:
        try:
            self._receiving = asyncio.create_task(self._receive())
            if self._stopping:
                self._receiving.cancel()
            saving = asyncio.create_task(self._save_as_it_grows())
            await asyncio.wait({self._receiving})
            outcome = STOPPED if self._receiving.cancelled() else self._receiving.result()
            cut_off = outcome is STOPPED and self._give_up.is_set() and self._settings.outlives_people
            self._end(INTERRUPTED if cut_off else outcome)
            await saving
            self._columns = await self._final_columns()
            self._message = convert.message(SimpleNamespace(**{**self.job.row, **self._columns}), self.text.content, self.text.reasoning)
            await self.save(self._settings.keep_trying_s)
        finally:
            # The task knows this generation, and the question may hold a long conversation: in a circle both would stay for long.
            self._receiving = self._request = None
            self._done.set()
            self._changed()

    async def save(self, keep_trying_s: float) -> bool:
        """Save the end of the answer; also once more, later, where the database did not take it."""
        self.saved = await self._saver.final(self._columns, give_up=self._give_up, keep_trying_s=keep_trying_s)
        if self.saved:
            self._saver.let_go()
        return self.saved

    @property
    def message(self) -> Message | None:
        """The whole answer, once it has ended."""
        return self._message

    @property
    def problem(self) -> ModeltrainError | None:
        """Why it is not saved."""
        return self._saver.problem

    async def _save_as_it_grows(self) -> None:
        while not self._ended.is_set():
            if await happens(self._ended, within_s=self._settings.save_every_s):
                return
            await self._saver.progress()
            if self._saver.stop_asked or self._saver.gone:
                self.stop()

    # What comes ----------------------------------------------------------------------------------------------------

    async def _receive(self) -> Outcome:
        try:
            return await self._ask()
        except asyncio.CancelledError:
            return STOPPED
        except ModeltrainError as error:
            return self._broken(error)
        except Exception:
            log.exception("answer %s failed", self.job.place.answer_id)
            return self._broken(ModeltrainError())

    def _broken(self, error: ModeltrainError) -> Outcome:
        return broken(error, came=self._watch.first is not None, continued=self.job.continued)

    async def _ask(self) -> Outcome:
        if self.job.refusal is not None or self.job.ready is None:
            raise self.job.refusal or ProviderError()
        self._request = await self.job.request()
        self._watch = figures.Stopwatch(self._clock.monotonic, self._clock.monotonic())
        count = 0
        async with contextlib.aclosing(self.job.ready.chat_model.stream(self._request)) as stream:
            async for event in stream:
                if isinstance(event, Finished):
                    return ended(
                        event.reason, answered=bool(self.text.length("text")), thought=bool(self.text.length("reasoning")), cut=self._cut
                    )
                self._take(event)
                count += 1
                if count % _BURST == 0:
                    await asyncio.sleep(0)
        raise StreamTruncated()

    def _take(self, event: StreamEvent) -> None:
        self._watch.take(event)
        if isinstance(event, TextDelta):
            self._append("text", event.text)
        elif isinstance(event, ReasoningDelta):
            self._append("reasoning", event.text)
        elif isinstance(event, ReasoningRegrouped):
            self.text.regroup(self._kept["text"], storable(event.text))
        elif isinstance(event, ReasoningCut):
            self._cut = True
        elif isinstance(event, Usage):
            self._usage = event
        self._changed()

    def _append(self, kind: Kind, delta: str) -> None:
        """Add a delta, up to the limit of an answer's size."""
        text = storable(delta)
        room = self._settings.answer_limit_bytes - self.text.bytes
        if len(text) * 4 > room and len(encoded := text.encode()) > room:
            self.text.append(kind, encoded[:room].decode(errors="ignore"))
            raise ResponseTooLarge(limit=self._settings.answer_limit_bytes)
        self.text.append(kind, text)

    def _end(self, outcome: Outcome) -> None:
        self._watch.end()
        self._outcome = outcome
        self._ended.set()
        self._changed()

    # The end -------------------------------------------------------------------------------------------------------

    async def _final_columns(self) -> dict[str, Any]:
        state, finish, error = self._outcome or STOPPED
        before = convert.usage(SimpleNamespace(**self.job.row)) if self.job.continued else None
        now = await self._counted()
        usage = figures.added(before, now)
        columns: dict[str, Any] = {"state": state, "finish": finish, **error_columns(error), "generator": "", "alive_at": None}
        columns["finished_at"] = self._clock.now_ms()
        if usage is not None:
            columns |= {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
            columns |= {"reasoning_tokens": usage.reasoning_tokens, "usage_exact": usage.exact}
        return columns | self._times() | await self._cost(now)

    async def _counted(self) -> Usage | None:
        """The provider's count, else ours of what came; None if nothing came."""
        if self._usage is not None or self._request is None or self._watch.first is None:
            return self._usage
        content, reasoning = (self.text.since(kind, self._kept[kind]) for kind in ("text", "reasoning"))
        return await asyncio.to_thread(figures.estimated, self._request, content, reasoning)

    def _times(self) -> dict[str, Any]:
        """Of a continued answer: the first tokens are those of the beginning, the rest adds up."""
        watch, row = self._watch, self.job.row
        if not self.job.continued:
            return {"ttft_ms": watch.ttft_ms, "ttfa_ms": watch.ttfa_ms, "total_ms": watch.elapsed_ms, "reasoning_ms": watch.reasoning_ms}
        thought = (
            None if row["reasoning_ms"] is None and watch.reasoning_ms is None else (row["reasoning_ms"] or 0) + (watch.reasoning_ms or 0)
        )
        return {"total_ms": (row["total_ms"] or 0) + watch.elapsed_ms, "reasoning_ms": thought}

    async def _cost(self, usage: Usage | None) -> dict[str, str]:
        if usage is None or self.job.ready is None:
            return {}
        amount, currency = await figures.price(self.job.ready, usage)
        if amount is None:
            return {}
        if self.job.continued and self.job.row["cost"] and self.job.row["currency"] == currency:
            amount += Decimal(self.job.row["cost"])
        return {"cost": str(amount), "currency": currency}

    # Who watches ---------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        for woken in self._watchers:
            woken.set()

    @property
    def state(self) -> MessageState:
        return "generating" if self._outcome is None else self._outcome.state

    async def watch(self, interval_s: float, *, looking: bool) -> AsyncGenerator[AnswerUpdate, None]:
        """Updates at most every `interval_s` seconds, and at once when the answer ends; the first has everything so far.

        `looking`: the answer's owner has it in sight, so its end is no news.
        """
        woken = asyncio.Event()
        self._watchers.add(woken)
        self._lookers += looking
        seen = _Seen()
        try:
            while True:
                woken.clear()
                last = self.done
                yield self._update(seen, last=last)
                if last:
                    return
                await happens(self._ended, within_s=interval_s)
                await woken.wait()
        finally:
            self._watchers.discard(woken)
            self._lookers -= looking

    def _update(self, seen: _Seen, *, last: bool) -> AnswerUpdate:
        reset = seen.epoch != self.text.epoch
        if reset:
            seen.epoch, seen.text, seen.reasoning = self.text.epoch, 0, 0
        text, reasoning = self.text.since("text", seen.text), self.text.since("reasoning", seen.reasoning)
        seen.text += len(text)
        seen.reasoning += len(reasoning)
        return AnswerUpdate(
            message_id=self.job.place.answer_id,
            state=self.state,
            text=text,
            reasoning=reasoning,
            reset=reset,
            message=self._message if last else None,
            error=NotFound(kind="conversation", reference=self.job.place.conversation_id) if self._saver.gone else self._saver.problem,
            ttft_ms=self._watch.ttft_ms,
            ttfa_ms=self._watch.ttfa_ms,
            elapsed_ms=self._watch.elapsed_ms,
        )


@dataclass(slots=True)
class _Seen:
    """How far a watcher is: characters of each kind, in an epoch of the text."""

    epoch: int = -1
    text: int = 0
    reasoning: int = 0
