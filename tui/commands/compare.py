"""modeltrain compare: ask two or three models the same from the shell; list, show, judge and rank what was compared."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from core.errors import InvalidInput
from tui.commands import compare_judging as judging
from tui.commands import compare_records as records
from tui.commands.common import Invocation, err, print_json, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.compare.types import Comparison

#: Bytes of a question that are read: more than the longest one, so that its length is refused and not cut.
_INPUT_LIMIT = 8_000_004
ASK = "ask"
#: Global options that may stand before the first word: with a value, and without one.
_VALUED, _FLAGS = ("--data", "--as"), ("--json", "--help")


class _Group(typer.core.TyperGroup):
    """`compare -c A -c B "question"` means `compare ask -c A -c B "question"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = iter(args)
        for argument in rest:
            if argument in self.commands or argument == "--help":
                break
            if argument in _VALUED:
                next(rest, None)
            elif argument not in _FLAGS and not argument.startswith(tuple(f"{name}=" for name in _VALUED)):
                return super().parse_args(ctx, [ASK, *args])
        else:
            if args:
                return super().parse_args(ctx, [ASK, *args])
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help=_("Ask two or three models the same: modeltrain compare -c A -c B “question”. Look at what was compared, judge it, rank models."),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


@app.command(
    ASK,
    help=_(
        "Ask two or three configurations the same. Each answer is printed when it is whole, with its figures; progress goes to standard "
        "error. Exit status 0: all answers are complete; 3: one was cut off, stopped or reached the token limit; 4: a provider refused; "
        "5: a provider could not be reached (the highest of all answers); 130: stopped with Ctrl+C."
    ),
)
def ask(
    context: typer.Context,
    text: Annotated[list[str] | None, typer.Argument(help=_("The question; without it, standard input."), show_default=False)] = None,
    configurations: Annotated[
        list[str] | None,
        typer.Option("-c", "--config", metavar="NAME", help=_("A configuration to ask; two or three of them."), show_default=False),
    ] = None,
    file: Annotated[
        NamedFile | None, typer.Option("--file", "-f", metavar="FILE", help=_("Read the question from this file."), parser=NamedFile)
    ] = None,
    image: Annotated[
        list[NamedFile] | None,
        typer.Option("--image", metavar="FILE", help=_("An image to send along; up to four, for models that see."), parser=NamedFile),
    ] = None,
    comparison: Annotated[
        str, typer.Option("--comparison", metavar="ID", help=_("Go on with this comparison, as a follow-up question."), show_default=False)
    ] = "",
    sequential: Annotated[bool, typer.Option("--sequential", help=_("One model after the other, for a single GPU."))] = False,
    blind: Annotated[bool, typer.Option("--blind", help=_("Hide the names, and draw their order by lot, until the vote."))] = False,
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help=_("The type of question, for the leaderboard."))] = "",
    reasoning: Annotated[bool, typer.Option("--reasoning", help=_("Print the reasoning, too."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.llm.images import IMAGE_BYTES
        from tui.commands.compare_ask import Following
        from tui.commands.compare_output import status_of

        # One byte more than is allowed: then its size is refused, and nothing is cut.
        images = [each.read_bytes(IMAGE_BYTES + 1) for each in image or ()]
        question = _question(text, file)
        if comparison and configurations:
            raise InvalidInput("configurations", "models_fixed")
        if comparison:
            opened = await services.comparisons.get(principal, comparison, tail=0)
            if sequential != (opened.mode == "sequential"):
                await services.comparisons.set_mode(principal, opened.id, "sequential" if sequential else "parallel")
        else:
            opened = await _begin(services, principal, configurations or [], sequential=sequential, blind=blind, kind=kind)
        await services.comparisons.ask(principal, opened.id, question, images=images)
        begun = await services.comparisons.get(principal, opened.id, tail=1)
        following = Following(services, principal, begun, quiet=invocation.json, reasoning=reasoning)
        await following.to_end()
        _tell(following.comparison, as_json=invocation.json)
        return following.interrupted or status_of(following.round)

    raise typer.Exit(run_with_services(invocation, action))


async def _begin(
    services: Services, principal: Principal, names: list[str], *, sequential: bool, blind: bool, kind: str
) -> Comparison:  # fmt: skip
    found = [(await services.configurations.by_name(principal, name)).id for name in names]
    mode = "sequential" if sequential else "parallel"
    return await services.comparisons.create(principal, found, mode=mode, blind=blind, type=kind)  # type: ignore[arg-type]


def _question(text: list[str] | None, file: NamedFile | None) -> str:
    """The question, without the line ends at its end."""
    if file is not None:
        return file.read_text(_INPUT_LIMIT).rstrip("\r\n")
    if text and text != ["-"]:
        return " ".join(text)
    if sys.stdin.isatty():
        err(_("Type the question, then press Ctrl+D on an empty line."))
    return sys.stdin.buffer.read(_INPUT_LIMIT).decode(errors="replace").rstrip("\r\n")


def _tell(comparison: Comparison, *, as_json: bool) -> None:
    """After the answers: who was fastest and cheapest, and how to judge; or the object for scripts."""
    from tui.comparison_files import as_object, cheapest, fastest

    shown = comparison.last_round
    if shown is None:
        return
    if as_json:
        print_json(as_object(comparison))
        return
    words = []
    if (label := fastest(comparison, shown)) is not None:
        words.append(_("Fastest: {label}.").format(label=label))
    if (label := cheapest(comparison, shown)) is not None:
        words.append(_("Cheapest: {label}.").format(label=label))
    words.append(_("Judge it: modeltrain compare vote {id} A").format(id=comparison.id))
    err("")
    err(" ".join(words))


app.command("list", help=_("List your comparisons, the last used first."))(records.list_)
app.command("show", help=_("Show the questions, answers and verdicts of a comparison."))(records.show)
app.command("export", help=_("Write a comparison as JSON or Markdown, to standard output or a file."))(records.export)
app.command("again", help=_("Ask the same questions of the same configurations once more, as a new comparison."))(records.again)
app.command("rename", help=_("Give a comparison another title."))(records.rename)
app.command("delete", help=_("Delete comparisons with their answers and verdicts, for good."))(records.delete)
app.command("similar", help=_("List your questions like this one, with what each model made of them."))(records.similar)
app.command("vote", help=_("Judge the last question of a comparison: a winner, a tie, all bad, or stars."))(judging.vote)
app.command("leaderboard", help=_("Rank the models by your votes."))(judging.leaderboard)
