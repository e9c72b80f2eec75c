"""The root of the shell commands: a group that imports a command's module only when that command is used or asked for help."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from core.sanitise import one_line
from tui.commands.common import INTERRUPTED, Invocation, Served, err, out
from tui.commands.files import use_files_of
from tui.i18n import N_, Locale, _, from_environment, use


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives: `module` exposes `app: typer.Typer`; `sub` names one command of it, "" means the whole group.

    `served`: it is there for people who are signed in over SSH, too.
    """

    module: str
    summary: str
    sub: str = ""
    served: bool = False


COMMANDS: dict[str, Entry] = {
    "run": Entry("tui.commands.run", N_("Start the application (also without any command)"), "run"),
    "sign-in": Entry("tui.commands.sign_in", N_("Sign in and stay signed in for local commands"), "sign-in"),
    "sign-out": Entry("tui.commands.sign_in", N_("Sign out of the kept session"), "sign-out"),
    "chat": Entry("tui.commands.chat", N_("Ask a model; the answer goes to standard output"), "chat", served=True),
    "compare": Entry("tui.commands.compare", N_("Compare models: ask, list, show, vote, leaderboard, similar"), served=True),
    "conversation": Entry("tui.commands.conversation", N_("List, show, export and delete conversations"), served=True),
    "dataset": Entry("tui.commands.dataset", N_("Datasets: add, check, list, show, preview, repair, dedupe, split, remove"), served=True),
    "batch": Entry("tui.commands.batch", N_("Batches of questions: plan, run, resume, status, answers, report, retry"), served=True),
    "questions": Entry("tui.commands.questions", N_("Sets of test questions: import, list, show, export, remove, examples"), served=True),
    "config": Entry("tui.commands.config", N_("Model configurations: add, list, show, test, remove"), served=True),
    "provider": Entry("tui.commands.provider", N_("Providers: list, and allow an inner address"), served=True),
    "train": Entry("tui.commands.train", N_("Runs: start, list, show, logs, metrics, pause, resume, stop, retry"), served=True),
    "training": Entry("tui.commands.training", N_("The training environment, and training configurations"), served=True),
    "model": Entry("tui.commands.model", N_("Models on this machine: list, show, serve, stop, merge, note, delete"), served=True),
    "swanlab": Entry("tui.commands.swanlab", N_("SwanLab: experiments, clean-up, archives, dashboard"), served=True),
    "webui": Entry("tui.commands.webui", N_("LLaMA-Factory's own web interface, for administrators"), served=True),
    "user": Entry("tui.commands.user", N_("Accounts: add, list, passwd, key, second-factor, enable, disable, role"), served=True),
    "serve": Entry("tui.commands.serve", N_("Serve the application to a team over SSH"), "serve"),
    "secrets": Entry("tui.commands.secrets", N_("The master key of stored secrets: show its id, rotate it")),
    "simulate": Entry("tui.commands.simulate", N_("Serve the simulator of model providers on loopback"), "simulate"),
    "doctor": Entry("tui.commands.doctor", N_("Check the installation and say what to mend"), "doctor"),
}


#: How alike a name must be to be offered: "conversaton" is, "version" is not.
_NEAR = 0.75


def _into(name: str) -> Any:
    """A callback that keeps the option's value in the Invocation, wherever on the line the option stood."""

    def keep(context: typer.Context, value: Any) -> Any:
        if value not in (None, False):
            setattr(context.find_root().obj, name, value)
        return value

    return keep


def global_options(*, served: bool = False) -> list[Any]:
    """The options that hold for every command, made anew for each command that gets them.

    Whoever is served acts as the account that signed in, on the data of this server.
    """
    carrier = typer.Typer(add_completion=False)

    @carrier.command()
    def options(
        data: Annotated[
            Path | None,
            typer.Option(
                "--data",
                metavar="DIR",
                help=_("The data folder."),
                callback=_into("data_dir"),
                expose_value=False,
                show_default=False,
                readable=False,  # what is wrong with it is said in our words
            ),
        ] = None,
        json: Annotated[bool, typer.Option("--json", help=_("Print JSON."), callback=_into("json"), expose_value=False)] = False,
        as_: Annotated[
            str | None,
            typer.Option(
                "--as",
                metavar="EMAIL",
                help=_("Act for this account (owner of the data folder)."),
                callback=_into("as_email"),
                expose_value=False,
            ),
        ] = None,
    ) -> None: ...

    names = ("json",) if served else ("data", "json", "as_")
    return [parameter for parameter in typer.main.get_command(carrier).params if parameter.name in names]


def _with_global_options(command: Any, *, served: bool) -> Any:
    """`command` with the global options on each of its leaves, where they are not taken already."""
    children = getattr(command, "commands", None)
    if children is None:
        taken = {name for parameter in command.params for name in parameter.opts}
        command.params.extend(option for option in global_options(served=served) if not taken & set(option.opts))
    else:
        for name, child in children.items():
            children[name] = _with_global_options(child, served=served)
    return command


def commands_for(*, served: bool) -> dict[str, Entry]:
    """The commands that are there at the machine itself, or for people who are signed in over SSH."""
    return {name: entry for name, entry in COMMANDS.items() if entry.served or not served}


class LazyGroup(typer.core.TyperGroup):
    """Knows its commands by name and summary; loads one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(commands_for(served=_is_served(ctx)))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        served = _is_served(ctx)
        entry = commands_for(served=served).get(cmd_name)
        if entry is None:
            return None
        group = typer.main.get_group(import_module(entry.module).app)
        return _with_global_options(group.commands[entry.sub] if entry.sub else group, served=served)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        served = _is_served(ctx)
        known = commands_for(served=served)
        if args and args[0] not in known and not args[0].startswith("-"):
            text = _("There is no command “{name}” on this server.") if served else _("There is no command “{name}”.")
            err(text.format(name=one_line(args[0], 60)))
            near = get_close_matches(args[0], known, n=1, cutoff=_NEAR)
            if near:
                err(_("Did you mean “{name}”?").format(name=near[0]))
            err(_("All commands: help") if served else _("All commands: modeltrain --help"))
            raise typer.Exit(2)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(entry.summary)) for name, entry in commands_for(served=_is_served(ctx)).items()])


def _is_served(context: Any) -> bool:
    return getattr(context.find_root().obj, "served", None) is not None


def _show_version(value: bool) -> None:
    if value:
        from core import __version__

        out(f"modeltrain {__version__}")
        raise typer.Exit


def build(*, served: bool = False) -> Any:
    """The root command; `served`: as it is for people who are signed in over SSH."""
    app = typer.Typer(
        cls=LazyGroup,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help=_("A terminal workbench for teams that run and fine-tune large language models on their own GPU server."),
    )

    @app.callback(invoke_without_command=True)
    def root(
        context: typer.Context,
        version: Annotated[
            bool, typer.Option("--version", "-V", help=_("Print the version."), callback=_show_version, is_eager=True, expose_value=False)
        ] = False,
    ) -> None:
        if context.invoked_subcommand is None and not served:
            from tui.commands.run import run_application

            raise typer.Exit(run_application(context.obj))

    command = typer.main.get_group(app)
    command.params.extend(global_options(served=served))
    return command


def run_command_line(arguments: list[str], *, served: Served | None = None) -> int:
    """Run one command line and return its exit status. What nobody foresaw is logged, never shown with its values.

    `served`: for somebody who is signed in over SSH, in the language that is in use.
    """
    if served is None:
        use(Locale(from_environment()))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows ? for what it cannot show
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    elif arguments[:1] == ["version"]:
        arguments = ["--version", *arguments[1:]]
    use_files_of(served)
    invocation = Invocation(served=served)
    try:
        build(served=served is not None).main(arguments, prog_name="modeltrain", obj=invocation, standalone_mode=True)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _unforeseen(error, invocation)
    return 0


def _unforeseen(error: Exception, invocation: Invocation) -> int:
    from core.settings import default_data_dir
    from tui.commands.common import print_problem
    from tui.crash import describe_crash

    logging.getLogger(__name__).debug("unforeseen", exc_info=error)
    served = invocation.served
    data_dir = served.settings.data_dir if served is not None else invocation.data_dir or default_data_dir(os.environ)
    print_problem(describe_crash(error, data_dir, name_file=served is None), as_json=invocation.json)
    return 1
