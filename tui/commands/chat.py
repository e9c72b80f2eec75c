"""modeltrain chat: one question from the shell, its answer streamed to standard output (C12)."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands.chat_output import AnswerPrinter, answer_as_json, status_of, tell_end
from tui.commands.common import INTERRUPTED, Invocation, command_group, err, print_json, run_with_services
from tui.commands.interrupts import interrupts
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.chat.types import AnswerUpdate, Sent

app = command_group(_("Ask a model from the shell."))

#: Bytes of standard input that are read: more than the longest question, so that its length is refused and not cut.
_INPUT_LIMIT = 8_000_004
#: Seconds between two writes of an answer.
_INTERVAL_S = 0.05


@app.command(
    "chat",
    help=_(
        "Ask a model; the answer goes to standard output, reasoning to standard error. Exit status 0: a complete answer; 3: it was cut off "
        "or reached the token limit; 4: the provider refused; 5: the provider could not be reached; 130: stopped with Ctrl+C."
    ),
)
def chat(
    context: typer.Context,
    text: Annotated[list[str] | None, typer.Argument(help=_("The question; without it, standard input."), show_default=False)] = None,
    configuration: Annotated[
        str, typer.Option("-c", "--config", metavar="NAME", help=_("The configuration to ask; else the default."), show_default=False)
    ] = "",
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help=_("The system prompt of the conversation."), show_default=False)
    ] = None,
    conversation: Annotated[str, typer.Option(metavar="ID", help=_("Go on with this conversation."), show_default=False)] = "",
    no_stream: Annotated[bool, typer.Option("--no-stream", help=_("Ask for the answer in one piece."))] = False,
    no_reasoning: Annotated[bool, typer.Option("--no-reasoning", help=_("Do not print the reasoning."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if not configuration and not conversation:
            await services.configurations.ensure_starter(principal)  # an account made in the shell has never seen the application
        named = (await services.configurations.by_name(principal, configuration)).id if configuration else None
        question = " ".join(text) if text and text != ["-"] else _standard_input()
        sent = await services.chat.send(
            principal,
            conversation or None,
            question,
            configuration_id=named,
            system=system,
            stream=not no_stream,
            name=False,  # the command would have to wait for it
        )
        printer = AnswerPrinter(reasoning=not no_reasoning, quiet=invocation.json)
        last, interrupted = await _follow(services, principal, sent, printer)
        if last is None:
            return interrupted
        if invocation.json:
            print_json(answer_as_json(sent.conversation_id, last))
        else:
            tell_end(last)
        return interrupted or status_of(last)

    raise typer.Exit(run_with_services(invocation, action))


def _standard_input() -> str:
    """The question from standard input, without the line ends at its end."""
    if sys.stdin.isatty():
        err(_("Type the question, then press Ctrl+D on an empty line."))
    return sys.stdin.buffer.read(_INPUT_LIMIT).decode(errors="replace").rstrip("\r\n")


async def _follow(services: Services, principal: Principal, sent: Sent, printer: AnswerPrinter) -> tuple[AnswerUpdate | None, int]:
    """Print the answer to its end. Returns the last update, and the exit status of a signal that ended it (0 if none did)."""
    status, told = 0, False
    latest: AnswerUpdate | None = None

    def interrupt(number: int) -> None:
        nonlocal status
        again, status = status != 0, (INTERRUPTED if number == signal.SIGINT else 128 + number)
        if again or (latest is not None and latest.state != "generating"):
            me.cancel()  # somebody is in a hurry, or it has ended and only waits to be saved
        else:
            stopping.append(asyncio.ensure_future(services.chat.stop(principal, sent.answer_id)))

    me, stopping = _this_task(), list[asyncio.Future[None]]()
    try:
        with interrupts(interrupt):
            async with aclosing(services.chat.watch(principal, sent.answer_id, interval_s=_INTERVAL_S)) as updates:
                async for update in updates:
                    latest = update
                    printer.show(update)
                    if update.error is not None and update.message is None and not told:
                        told = True
                        err(_("The answer is not saved yet, because the database does not take it. Trying again; Ctrl+C gives up."))
    except asyncio.CancelledError:
        if not status:
            raise
        me.uncancel()
    return latest, status


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task
