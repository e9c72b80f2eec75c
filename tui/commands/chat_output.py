"""What `modeltrain chat` prints: the answer as it grows, why it ended, and the object for scripts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from core.errors import UNREACHABLE, StorageError
from core.sanitise import StreamSanitiser
from tui.commands.common import REFUSED, err, print_problem
from tui.errors import describe
from tui.i18n import _, joined

if TYPE_CHECKING:
    from core.chat.types import AnswerUpdate, Message
    from core.errors import ModeltrainError

TRUNCATED, PROVIDER_ERROR, NOT_REACHED = 3, 4, 5
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
#: How an answer ended, in the words of the object for scripts.
_FINISH = {"complete": "stop", "stopped": "stopped", "truncated": "truncated", "failed": "error"}


class AnswerPrinter:
    """Writes answer text to standard output and reasoning to standard error, sanitised, at once. `quiet`: nothing at all."""

    def __init__(self, *, reasoning: bool, quiet: bool) -> None:
        self._reasoning = reasoning
        self._quiet = quiet
        self._dim = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        self._doors = {"text": StreamSanitiser(), "reasoning": StreamSanitiser()}
        self._ends_line = True  # what is on standard output
        self._in_reasoning = False
        self._answered = False

    def show(self, update: AnswerUpdate) -> None:
        if self._quiet:
            return
        if update.reset and self._answered:
            self._regrouped()
            self._answer(self._doors["text"].feed(update.text))
        else:
            self._think(self._doors["reasoning"].feed(update.reasoning))
            self._answer(self._doors["text"].feed(update.text))
        if update.message is not None:
            self._close()

    def _regrouped(self) -> None:
        """What was printed as the answer was reasoning. It cannot be taken back, so say it."""
        self._answer("" if self._ends_line else "\n")
        if self._reasoning:
            err(_("What was printed up to here was reasoning. The answer begins now."))
        self._doors = {"text": StreamSanitiser(), "reasoning": StreamSanitiser()}
        self._answered = False

    def _think(self, text: str) -> None:
        if not text or not self._reasoning:
            return
        self._in_reasoning = True
        sys.stderr.write(f"{_DIM}{text}{_PLAIN}" if self._dim else text)
        sys.stderr.flush()

    def _answer(self, text: str) -> None:
        if not text:
            return
        self._end_reasoning()
        self._answered = True
        self._ends_line = text.endswith("\n")
        sys.stdout.write(text)
        sys.stdout.flush()

    def _end_reasoning(self) -> None:
        if self._in_reasoning:
            self._in_reasoning = False
            sys.stderr.write("\n\n")
            sys.stderr.flush()

    def _close(self) -> None:
        self._think(self._doors["reasoning"].close())
        self._answer(self._doors["text"].close())
        self._end_reasoning()
        if not self._ends_line:
            self._answer("\n")


def tell_end(update: AnswerUpdate) -> None:
    """Why the answer is not complete, on standard error."""
    if update.error is not None:
        print_problem(describe(update.error))
    message = update.message
    if message is None or message.state == "complete":
        return
    if message.error is not None:
        print_problem(describe(message.error))
    elif message.finish == "length":
        err(_("The answer reached the token limit. Raise max_tokens in the configuration, or ask it to continue."))
    elif message.finish == "content_filter":
        err(_("The provider's filter ended the answer."))
    else:
        err(_("Stopped. What came is kept."))


def status_of(update: AnswerUpdate) -> int:
    """The exit status: 0 only for a complete answer that is saved."""
    message = update.message
    if message is None or update.error is not None:
        return REFUSED
    if message.state == "complete":
        return 0
    if message.state != "failed":
        return TRUNCATED
    if isinstance(message.error, StorageError):
        return REFUSED
    return NOT_REACHED if isinstance(message.error, UNREACHABLE) else PROVIDER_ERROR


def answer_as_json(conversation_id: str, update: AnswerUpdate) -> dict[str, Any]:
    """The answer as scripts get it. `error` is what kept it from being saved, if that is what went wrong."""
    message = update.message
    error = update.error or (message.error if message is not None else None)
    return {
        "answer": message.content if message is not None else "",
        "reasoning": message.reasoning if message is not None else "",
        "finish": _finish(message),
        "error": _error_as_json(error),
        "model": message.model if message is not None else "",
        "conversation": conversation_id,
        "usage": _usage_as_json(message),
        "ttft_ms": message.ttft_ms if message is not None else None,
        "ttfa_ms": message.ttfa_ms if message is not None else None,
        "total_ms": message.total_ms if message is not None else None,
        "cost": float(message.cost) if message is not None and message.cost is not None else None,
    }


def _finish(message: Message | None) -> str:
    if message is None:
        return "error"
    return "length" if message.finish == "length" else _FINISH.get(message.state, "error")


def _usage_as_json(message: Message | None) -> dict[str, Any] | None:
    if message is None or message.usage is None:
        return None
    usage = message.usage
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "exact": usage.exact,
    }


def _error_as_json(error: ModeltrainError | None) -> dict[str, str] | None:
    if error is None:
        return None
    problem = describe(error)
    said = joined(problem.title, problem.why)
    return {"code": error.code, "message": said, "remedy": problem.remedy}
