"""Asking two or three models from the shell: each answer is printed whole when it has ended, progress goes to standard error."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.sanitise import one_line
from tui.amounts import seconds
from tui.commands.chat_output import TRUNCATED
from tui.commands.common import INTERRUPTED, err, out, print_json
from tui.commands.compare_output import print_answer, status_of
from tui.commands.interrupts import interrupts
from tui.comparison_files import ALL_ROUNDS, STATES, as_object
from tui.i18n import _
from tui.widgets.lines import fit

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.compare.types import CandidateAnswer, Comparison, Round

#: Seconds between two looks at an answer, and between two lines of progress on a terminal.
_INTERVAL_S = 0.2
#: Seconds between two looks at a comparison whose next candidate is about to be asked.
_TURN_S = 0.05
#: Looks in a row at which nobody asked the next question, until it is not waited for any more.
_PATIENCE = 40
_CLEAR = "\r\x1b[K"


@dataclass
class _Seen:
    """What is known of an answer that is being written."""

    characters: int = 0
    thinking: bool = False
    elapsed_ms: int = 0
    over: bool = False


class Following:
    """Follows one round of a comparison (the last one, or the one with this number) to its end. `quiet`: prints nothing but errors."""

    def __init__(
        self, services: Services, principal: Principal, comparison: Comparison, *, quiet: bool, reasoning: bool, ordinal: int | None = None
    ) -> None:
        self._services, self._principal = services, principal
        self.comparison = comparison
        last = comparison.last_round
        self._ordinal = ordinal if ordinal is not None else last.ordinal if last is not None else 0
        self._quiet, self._reasoning = quiet, reasoning
        self._seen: dict[str, _Seen] = {}
        self._told: set[str] = set()
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._line = _ProgressLine(shown=not quiet)
        self.interrupted = 0

    @property
    def round(self) -> Round:
        return next(each for each in self.comparison.rounds if each.ordinal == self._ordinal)

    async def to_end(self) -> None:
        """Until every answer has ended or is waited for no longer. At Ctrl+C all are stopped; at the second one this ends at once."""
        task = asyncio.current_task()
        assert task is not None
        stopping: list[asyncio.Future[None]] = []

        def interrupt(number: int) -> None:
            again, self.interrupted = self.interrupted, INTERRUPTED if number == signal.SIGINT else 128 + number
            if again:
                task.cancel()
            else:
                stopping.append(asyncio.ensure_future(self._services.comparisons.stop(self._principal, self.comparison.id)))

        try:
            with interrupts(interrupt):
                await self._follow()
        except asyncio.CancelledError:
            if not self.interrupted:
                raise
            task.uncancel()
        finally:
            self._line.clear()
            for watching in self._watching.values():
                watching.cancel()
            await asyncio.gather(*self._watching.values(), *stopping, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            self._tell_ended()
            if self.round.ended or (self.interrupted and not self._generating()):
                return
            for answer in self.round.answers:
                if answer.message is not None and answer.state == "generating" and answer.message.id not in self._watching:
                    self._watching[answer.message.id] = asyncio.create_task(self._watch(answer.candidate_id, answer.message.id))
            self._draw()
            at_work = [watching for watching in self._watching.values() if not watching.done()]
            if at_work:
                await asyncio.wait(at_work, timeout=_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(_TURN_S)
            if not at_work or any(watching.done() for watching in at_work):
                self.comparison = await self._services.comparisons.get(self._principal, self.comparison.id, tail=ALL_ROUNDS)

    def _generating(self) -> bool:
        return any(answer.state == "generating" for answer in self.round.answers)

    async def _watch(self, candidate_id: str, answer_id: str) -> None:
        seen = self._seen.setdefault(candidate_id, _Seen())
        told = False
        async with aclosing(self._services.comparisons.watch(self._principal, answer_id, interval_s=_INTERVAL_S)) as updates:
            async for update in updates:
                seen.characters = len(update.text) + (0 if update.reset else seen.characters)
                seen.thinking = not seen.characters and bool(update.reasoning or seen.thinking)
                seen.elapsed_ms = update.elapsed_ms
                if update.error is not None and not told:
                    told = True
                    self._line.clear()
                    err(_("An answer is not saved yet, because the database does not take it. Trying again; Ctrl+C gives up."))
        seen.over = True

    # What is printed -------------------------------------------------------------------------------------------------

    def _tell_ended(self) -> None:
        """Print the answers that have ended since."""
        for answer in self.round.answers:
            if answer.state in ("waiting", "generating") or answer.candidate_id in self._told:
                continue
            self._told.add(answer.candidate_id)
            self._line.clear()
            if not self._quiet:
                print_answer(self.comparison, answer, reasoning=self._reasoning, first=len(self._told) == 1)

    def _draw(self) -> None:
        parts = []
        for answer in self.round.answers:
            candidate = self.comparison.candidate(answer.candidate_id)
            if candidate is not None:
                parts.append(f"{candidate.label} {self._progress(answer)}")
        self._line.show("  ".join(parts))

    def _progress(self, answer: CandidateAnswer) -> str:
        seen = self._seen.get(answer.candidate_id)
        if answer.state != "generating" or seen is None:
            return _(STATES[answer.state])
        time = seconds(seen.elapsed_ms)
        if seen.characters:
            return _("writes, {count} characters, {time}").format(count=f"{seen.characters:,}", time=time)
        return _("thinks, {time}").format(time=time) if seen.thinking else _("no token yet, {time}").format(time=time)


class _ProgressLine:
    """One line on standard error that is written over; only on a terminal."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._last = ""

    def show(self, text: str) -> None:
        if self._shown and text != self._last:
            import shutil

            self._last = text
            sys.stderr.write(_CLEAR + fit(text, shutil.get_terminal_size().columns - 1))
            sys.stderr.flush()

    def clear(self) -> None:
        if self._last:
            self._last = ""
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


async def follow_all(
    services: Services, principal: Principal, comparison_id: str, questions: int, *, as_json: bool, reasoning: bool
) -> int:
    """Follow a comparison that asks `questions` questions, one after the other, by itself; the exit status, the highest of its rounds."""
    status = 0
    for ordinal in range(questions):
        comparison = await _when_asked(services, principal, comparison_id, ordinal)
        if comparison is None:
            status = max(status, TRUNCATED)
            break
        following = Following(services, principal, comparison, quiet=as_json, reasoning=reasoning, ordinal=ordinal)
        if not as_json:
            out(("\n" if ordinal else "") + "══ " + one_line(following.round.question, 200))
        await following.to_end()
        if following.interrupted:
            status = following.interrupted
            break
        status = max(status, status_of(following.round))
    if as_json:
        print_json(as_object(await services.comparisons.get(principal, comparison_id, tail=ALL_ROUNDS)))
    return status


async def _when_asked(services: Services, principal: Principal, comparison_id: str, ordinal: int) -> Comparison | None:
    """The comparison once it has a question of this number; None where nobody is going to ask it."""
    idle = 0
    while idle < _PATIENCE:
        comparison = await services.comparisons.get(principal, comparison_id, tail=ALL_ROUNDS)
        if any(each.ordinal == ordinal for each in comparison.rounds):
            return comparison
        idle = 0 if comparison.asking else idle + 1
        await asyncio.sleep(_TURN_S)
    return None
