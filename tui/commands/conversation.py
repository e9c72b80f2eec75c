"""modeltrain conversation: list, show, share, export, delete and restore conversations from the shell."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput, StorageError
from tui.commands import conversation_sharing as sharing
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.conversation_output import FORMATS, as_json_text, as_markdown, print_conversation, row, summary_as_json
from tui.commands.files import NamedFile
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

app = command_group(_("Your conversations."))

Id = Annotated[str, typer.Argument(metavar="ID", help=_("The id of a conversation; see “modeltrain conversation list”."))]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help=_("The ids of conversations; see “modeltrain conversation list”."))]


@app.command("list", help=_("List your conversations, the last used first."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in the title."), show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help=_("How many at most."))] = 50,
    offset: Annotated[int, typer.Option(min=0, help=_("How many to leave out first."))] = 0,
    trash: Annotated[bool, typer.Option("--trash", help=_("Those in the trash."))] = False,
    shared: Annotated[bool, typer.Option("--shared", help=_("Those that others share with you."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if shared:
            page = await services.chat.shared_with_me(principal, limit=limit, offset=offset, query=query)
        else:
            page = await services.chat.conversations(principal, limit=limit, offset=offset, query=query, trash=trash)
        if invocation.json:
            print_json([summary_as_json(item) for item in page.items])
        elif shared and not page.items:
            err(_("Nobody shares a conversation with you."))
        elif not page.items:
            err(_("There is no conversation here. Begin one with: modeltrain chat TEXT"))
        else:
            owner = (_("OWNER"),) if shared else ()
            print_table((_("ID"), _("TITLE"), _("MODEL"), _("MESSAGES"), _("LAST USED"), *owner), [row(item) for item in page.items])
            if page.total > len(page.items):
                err(_("{count} of {total} are shown; --limit and --offset show others.").format(count=len(page.items), total=page.total))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show the messages of a conversation."))
def show(
    context: typer.Context,
    conversation: Id,
    reasoning: Annotated[bool, typer.Option("--reasoning", help=_("With the reasoning of the answers."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if invocation.json:
            print_json(await services.chat.export(principal, conversation))
        else:
            exported = await services.chat.export(principal, conversation)
            print_conversation(exported, reasoning=reasoning)
            if "owner" not in exported:
                # It was shown, whether that can be kept or not.
                with suppress(StorageError):
                    await services.chat.seen(principal, conversation)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


app.command("share", help=_("Let a colleague, or everyone, read a conversation; without a name, say who may."))(sharing.share)
app.command("unshare", help=_("Take back that somebody may read a conversation, at once."))(sharing.unshare)


@app.command("export", help=_("Write a conversation as JSON or Markdown, to standard output or a file."))
def export(
    context: typer.Context,
    conversation: Id,
    output: Annotated[
        NamedFile | None,
        typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), parser=NamedFile),
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="json|markdown", help=_("The form of the export."))] = "json",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        if form not in FORMATS:
            raise InvalidInput("format", "unknown", value=form)
        exported = await services.chat.export(principal, conversation)
        text = as_json_text(exported) if form == "json" or invocation.json else as_markdown(exported)
        if output is None or output.is_standard:
            out(text)
        else:
            output.write_text(text + "\n")
            err(_("Written to {path}.").format(path=output))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("delete", help=_("Put conversations into the trash, where they stay for 30 days."))
def delete(context: typer.Context, conversations: Ids) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        count = await services.chat.delete(principal, conversations)
        if invocation.json:
            print_json({"deleted": count})
        else:
            out(
                ngettext(
                    "{count} conversation is in the trash now; “modeltrain conversation restore ID” brings it back.",
                    "{count} conversations are in the trash now; “modeltrain conversation restore ID” brings one back.",
                    count,
                ).format(count=count)
            )
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("restore", help=_("Bring conversations back from the trash."))
def restore(context: typer.Context, conversations: Ids) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        count = await services.chat.restore(principal, conversations)
        if invocation.json:
            print_json({"restored": count})
        else:
            out(ngettext("{count} conversation is back.", "{count} conversations are back.", count).format(count=count))
        return 0

    raise typer.Exit(run_with_services(invocation, action))
