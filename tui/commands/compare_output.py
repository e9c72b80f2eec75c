"""What the commands of comparisons print: answers under a line that says whose they are, and what went wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len

from core.errors import ModeltrainError
from core.sanitise import sanitise
from tui.commands.chat_output import NOT_REACHED, PROVIDER_ERROR, TRUNCATED
from tui.commands.common import REFUSED, err, out, print_problem
from tui.comparison_files import STATES, figures_sentence, name_of
from tui.errors import describe
from tui.i18n import _

if TYPE_CHECKING:
    from core.compare.types import CandidateAnswer, Comparison, Round


def print_answer(comparison: Comparison, answer: CandidateAnswer, *, reasoning: bool, first: bool = False) -> None:
    """One answer under a line that says whose it is, how it ended, and its figures; what went wrong on standard error."""
    candidate, message = comparison.candidate(answer.candidate_id), answer.message
    parts = [name_of(comparison, candidate) if candidate is not None else ""]
    if answer.state != "complete":
        parts.append(_(STATES[answer.state]))
    if message is not None and not comparison.names_hidden and (figures := figures_sentence(message)):
        parts.append(figures)
    if not first:
        out()
    out(_heading("── " + " · ".join(parts) + " "))
    if message is None:
        sys.stdout.flush()
        return
    if reasoning and message.reasoning:
        out("\n".join(f"  ┊ {line}" for line in sanitise(message.reasoning).splitlines()))
    if message.content:
        out(sanitise(message.content).rstrip("\n"))
    sys.stdout.flush()
    if message.error is not None:
        _print_error(comparison, message.error)
    elif message.finish == "length":
        err(_("The answer reached the token limit. Raise max_tokens in the configuration."))


def _print_error(comparison: Comparison, error: ModeltrainError) -> None:
    if comparison.names_hidden:
        err(_("It failed; why would tell which model it is."))
    else:
        print_problem(describe(error))


def _heading(text: str) -> str:
    """A line as wide as the terminal, up to 100 cells; only as long as its words where there is none."""
    if not sys.stdout.isatty():
        return text.rstrip()
    import shutil

    return text + "─" * max(0, min(100, shutil.get_terminal_size().columns) - cell_len(text))


def status_of(shown: Round) -> int:
    """The exit status: 0 only where every answer is complete; else the highest of those of the answers."""
    return max((_status(answer) for answer in shown.answers), default=0)


def _status(answer: CandidateAnswer) -> int:
    from core.errors import UNREACHABLE, StorageError

    if answer.state == "complete":
        return 0
    if answer.state != "failed" or answer.message is None:
        return TRUNCATED
    error = answer.message.error
    if isinstance(error, StorageError):
        return REFUSED
    return NOT_REACHED if isinstance(error, UNREACHABLE) else PROVIDER_ERROR
