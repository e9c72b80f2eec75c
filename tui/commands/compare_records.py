"""What was compared before, from the shell: list, show, export, ask again, rename, delete, similar questions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InvalidInput
from core.sanitise import one_line, sanitise
from tui.commands.common import Invocation, err, out, print_json, print_table, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.compare.types import Comparison, ComparisonSummary, SimilarRound

Id = Annotated[str, typer.Argument(metavar="ID", help=_("The id of a comparison; see “modeltrain compare list”."))]
FORMATS = ("json", "markdown")
VERDICTS = ("none", "given", "winner", "tie", "both_bad", "stars")
JUDGED = {"": "", "winner": N_("winner"), "tie": N_("tie"), "both_bad": N_("all bad"), "stars": N_("stars")}


def day(text: str, field: str, *, end: bool = False) -> datetime | None:
    """A day as somebody typed it: its beginning in this machine's time zone, or its `end`. None for "". Raises InvalidInput (not_a_day)."""
    if not text:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").astimezone()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, "not_a_day", value=text) from error
    return found + timedelta(days=1) if end else found


def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in the title or the questions."), show_default=False)] = "",
    model: Annotated[str, typer.Option(metavar="MODEL", help=_("Only with this model."), show_default=False)] = "",
    verdict: Annotated[
        str, typer.Option(metavar="none|given|winner|tie|both_bad|stars", help=_("Only judged like this."), show_default=False)
    ] = "",
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help=_("Only of this type."), show_default=False)] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help=_("Only used from this day on: 2026-01-31."), show_default=False)] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help=_("Only used up to this day."), show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 50,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if verdict and verdict not in VERDICTS:
            raise InvalidInput("verdict", "unknown", value=verdict)
        page = await services.comparisons.records(
            principal,
            query=query,
            model=model,
            type=kind,
            verdict=verdict,  # type: ignore[arg-type]
            since=day(since, "since"),
            until=day(until, "until", end=True),
            limit=limit,
            offset=offset,
        )
        if invocation.json:
            print_json([summary_as_object(item) for item in page.items])
        elif not page.items:
            err(_("There is no comparison here. Begin one with: modeltrain compare -c A -c B TEXT"))
        else:
            headings = (_("ID"), _("TITLE"), _("MODELS"), _("QUESTIONS"), _("VERDICT"), _("TYPE"), _("LAST USED"))
            print_table(headings, [_row(item) for item in page.items])
            if page.total > len(page.items):
                err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def summary_as_object(item: ComparisonSummary) -> dict[str, Any]:
    """A comparison of the list as scripts get it."""
    return {
        "id": item.id,
        "title": item.title,
        "models": None if item.names_hidden else list(item.models),
        "configurations": None if item.names_hidden else list(item.configurations),
        "mode": item.mode,
        "blind": item.blind,
        "type": item.type,
        "rounds": item.rounds,
        "verdict": item.judged or None,
        "winner": item.winner or None,
        "generating": item.generating,
        "created_at": item.created_at,
        "used_at": item.used_at,
    }


def _row(item: ComparisonSummary) -> tuple[str, ...]:
    models = _("hidden until the vote") if item.names_hidden else ", ".join(one_line(model, 30) for model in item.models)
    judged = " ".join(part for part in (_(JUDGED[item.judged]) if item.judged else "", item.winner) if part)
    used = item.used_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return item.id, one_line(item.title, 60) or _("(no title)"), models, str(item.rounds), judged, one_line(item.type, 20), used


async def whole(services: Services, principal: Principal, comparison_id: str) -> Comparison:
    """A comparison with all its rounds. Raises NotFound."""
    from tui.comparison_files import ALL_ROUNDS

    return await services.comparisons.get(principal, comparison_id, tail=ALL_ROUNDS)


def show(
    context: typer.Context,
    comparison: Id,
    reasoning: Annotated[bool, typer.Option("--reasoning", help=_("With the reasoning of the answers."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        opened = await whole(services, principal, comparison)
        if invocation.json:
            from tui.comparison_files import as_object

            print_json(as_object(opened))
        else:
            _print(opened, reasoning=reasoning)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _print(comparison: Comparison, *, reasoning: bool) -> None:
    from tui.commands.compare_output import print_answer
    from tui.comparison_files import verdict_sentence

    out(one_line(comparison.title) or _("(no title)"))
    for shown in comparison.rounds:
        out()
        out("══ " + _("Question {number}").format(number=shown.ordinal + 1))
        out(sanitise(shown.question).rstrip("\n"))
        for answer in shown.answers:
            print_answer(comparison, answer, reasoning=reasoning)
        if shown.verdict is not None:
            out()
            out("══ " + (verdict_sentence(comparison, shown.verdict) or _("Note")))
            if shown.verdict.note:
                out(sanitise(shown.verdict.note))


def export(
    context: typer.Context,
    comparison: Id,
    output: Annotated[
        NamedFile | None, typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), parser=NamedFile)
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="json|markdown", help=_("The form of the export."))] = "json",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from tui.comparison_files import as_json_text, as_markdown

        if form not in FORMATS:
            raise InvalidInput("format", "unknown", value=form)
        opened = await whole(services, principal, comparison)
        text = as_json_text(opened) if form == "json" or invocation.json else as_markdown(opened)
        if output is None or output.is_standard:
            out(text.rstrip("\n"))
        else:
            output.write_text(text.rstrip("\n") + "\n")
            err(_("Written to {path}.").format(path=output))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def again(
    context: typer.Context,
    comparison: Id,
    reasoning: Annotated[bool, typer.Option("--reasoning", help=_("Print the reasoning, too."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from tui.commands.compare_ask import follow_all

        questions = len((await whole(services, principal, comparison)).rounds)
        begun = await services.comparisons.run_again(principal, comparison)
        return await follow_all(services, principal, begun.id, questions, as_json=invocation.json, reasoning=reasoning)

    raise typer.Exit(run_with_services(invocation, action))


def rename(
    context: typer.Context, comparison: Id, title: Annotated[str, typer.Argument(metavar="TITLE", help=_("The new title."))]
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        await services.comparisons.rename(principal, comparison, title)
        if invocation.json:
            print_json({"id": comparison, "title": title})
        else:
            out(_("It is called “{title}” now.").format(title=one_line(title)))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def delete(
    context: typer.Context,
    comparisons: Annotated[list[str], typer.Argument(metavar="ID...", help=_("The ids of comparisons; see “modeltrain compare list”."))],
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        count = await services.comparisons.delete(principal, comparisons)
        if invocation.json:
            print_json({"deleted": count})
        else:
            out(ngettext("{count} comparison is deleted.", "{count} comparisons are deleted.", count).format(count=count))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def similar(
    context: typer.Context,
    question: Annotated[list[str], typer.Argument(metavar="QUESTION", help=_("The question, or the id of a comparison."))],
    at_least: Annotated[float, typer.Option("--at-least", min=0.5, max=1.0, help=_("How similar, from 0.5 to 1."))] = 0.9,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await _similar(services, principal, question, at_least)
        if invocation.json:
            print_json([_similar_as_object(each) for each in found])
        elif not found:
            err(_("You asked nothing like it in a comparison."))
        else:
            rows = [row for each in found for row in _similar_rows(each)]
            headings = (_("ASKED"), _("ALIKE"), _("ID"), _("QUESTION"), _("MODEL"), _("ANSWER"), _("TOTAL"), _("STARS"))
            print_table(headings, rows)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


async def _similar(services: Services, principal: Principal, question: list[str], at_least: float) -> tuple[SimilarRound, ...]:
    from core.errors import NotFound

    if len(question) == 1:
        try:
            return await services.comparisons.similar_to(principal, question[0], at_least=at_least)
        except NotFound:
            pass  # it is a question, then
    return await services.comparisons.similar(principal, " ".join(question), at_least=at_least)


def _similar_rows(found: SimilarRound) -> list[tuple[str, ...]]:
    from tui.amounts import seconds
    from tui.comparison_files import STATES

    asked = found.asked_at.astimezone().strftime("%Y-%m-%d %H:%M")
    front = (asked, f"{found.score:.0%}", found.comparison_id, one_line(found.question, 40))
    rows = [
        (
            one_line(answer.model, 30),
            _(STATES[answer.state]),
            seconds(answer.total_ms) if answer.total_ms is not None else "",
            "★" * answer.stars + (" " + _("winner") if answer.won else ""),
        )
        for answer in found.answers
    ]
    return [
        (*(front if index == 0 else ("", "", "", "")), *row) for index, row in enumerate(rows or [(_("hidden until the vote"), "", "", "")])
    ]


def _similar_as_object(found: SimilarRound) -> dict[str, Any]:
    return {
        "comparison": found.comparison_id,
        "round": found.round_id,
        "title": found.title,
        "question": found.question,
        "similarity": round(found.score, 4),
        "asked_at": found.asked_at,
        "answers": [
            {
                "label": answer.label,
                "model": answer.model,
                "configuration": answer.configuration_name,
                "state": answer.state,
                "ttft_ms": answer.ttft_ms,
                "total_ms": answer.total_ms,
                "output_tokens": answer.output_tokens,
                "tokens_per_second": answer.tokens_per_second,
                "cost": None if answer.cost is None else float(answer.cost),
                "currency": answer.currency,
                "stars": answer.stars,
                "won": answer.won,
            }
            for answer in found.answers
        ],
    }
