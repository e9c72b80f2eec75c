"""modeltrain training: the training environment, what it knows, and training configurations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from tui.commands import training_output as output
from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_as_operator, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.training.environment_types import InstallProgress

app = command_group(_("The training environment, what it knows, and training configurations."))

Query = Annotated[str, typer.Argument(metavar="WORDS", help=_("Words that must be in the name."), show_default=False)]
Name = Annotated[str, typer.Argument(metavar="NAME", help=_("A training configuration by name or id."), show_default=False)]
#: Seconds between two looks at an installation.
_LOOK_S = 1.0
#: Exit status where something is there but does not work.
NOT_WELL = 1


# The environment ---------------------------------------------------------------------------------------------------------


@app.command("install", help=_("Make the training environment, or go on where that ended. Several gigabytes."))
def install(
    context: typer.Context,
    cpu: Annotated[bool, typer.Option("--cpu", help=_("For a machine without a GPU."))] = False,
    extra: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=_("Also deepspeed, bitsandbytes, vllm, ...; may be given again."))
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help=_("Do not wait for it; see “modeltrain training status”."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        begun = await services.environment.install(principal, cpu=cpu, extras=tuple(extra or ()))
        if detach:
            return output.print_progress(invocation, begun)
        return await _watch(services, principal, invocation)

    raise typer.Exit(run_as_operator(invocation, action))


async def _watch(services: Services, principal: Principal, invocation: Invocation) -> int:
    """Tell of each step until it is over. Ending this command does not end the installation."""
    told: set[str] = set()
    while True:
        progress = await services.environment.progress(principal)
        for step in progress.steps:
            if step.state in ("done", "failed") and step.name not in told:
                told.add(step.name)
                err(output.step_line(step))
        if progress.kind != "running":
            return output.print_progress(invocation, progress)
        await asyncio.sleep(_LOOK_S)


@app.command("cancel", help=_("Stop an installation. What is done stays done."))
def cancel(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        progress: InstallProgress = await services.environment.cancel(principal)
        output.print_progress(invocation, progress)
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("status", help=_("Whether there is a working training environment, and its versions. Exit status 1 if not."))
def status(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        state = await services.environment.state(principal)
        progress = await services.environment.progress(principal)
        output.print_state(invocation, state, progress)
        return 0 if state.ready else NOT_WELL

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("check", help=_("Import everything in the training environment for real. Exit status 1 if something does not work."))
def check(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        result = await services.environment.check(principal)
        output.print_check(invocation, result)
        return 0 if result.ok else NOT_WELL

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("use", help=_("Use an existing environment instead of an own one; without a folder, the own one again."))
def use(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help=_("A virtual environment with LLaMA-Factory."), show_default=False)] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        state = await services.environment.use(principal, folder)
        output.print_state(invocation, state, await services.environment.progress(principal))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("uninstall", help=_("Delete the environment that was made by “training install”."))
def uninstall(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        state = await services.environment.remove(principal)
        output.print_state(invocation, state, await services.environment.progress(principal))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


# What it knows -----------------------------------------------------------------------------------------------------------


@app.command("options", help=_("Options of LLaMA-Factory with type, default, range and help."))
def options(context: typer.Context, query: Query = "") -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        catalogue = await services.environment.whole_catalogue(principal)
        words = query.casefold().split()
        found = [option for name, option in sorted(catalogue.options.items()) if all(word in name for word in words)]
        if invocation.json:
            print_json([output.option_as_json(option) for option in found])
            return 0
        print_table((_("OPTION"), _("TYPE"), _("DEFAULT"), _("VALUES"), _("HELP")), [output.option_row(option) for option in found])
        if not catalogue.complete:
            err(_("Only the usual options: there is no working training environment to ask."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("models", help=_("Models that LLaMA-Factory knows by name, with the template that fits."))
def models(context: typer.Context, query: Query = "") -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        catalogue = await services.environment.catalogue(principal)
        words = query.casefold().split()
        found = [model for model in catalogue.models if all(word in f"{model.name} {model.hub}".casefold() for word in words)]
        if invocation.json:
            print_json([{"name": model.name, "hub": model.hub, "template": model.template} for model in found])
        else:
            print_table((_("MODEL"), _("HUB"), _("TEMPLATE")), [(model.name, model.hub, model.template) for model in found])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("recommend", help=_("What fits a model into the memory of a GPU, the best first."))
def recommend(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_("A folder, or a name at a hub."), show_default=False)],
    memory: Annotated[
        float | None, typer.Option("--memory", min=1, metavar="GIB", help=_("Of each GPU; default: of the smallest one here."))
    ] = None,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        size = None if memory is None else round(memory * (1 << 30))
        output.print_recommendations(invocation, await services.training.recommend(principal, model, size))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


# Training configurations -------------------------------------------------------------------------------------------------


@app.command("list", help=_("Your training configurations, and those that others share."))
def list_(context: typer.Context, query: Query = "") -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.training.list(principal, query=query)
        if invocation.json:
            print_json([output.configuration_as_json(each) for each in found])
        elif not found:
            err(_("There is no training configuration yet. Import one with: modeltrain training import FILE.yaml"))
        else:
            headings = (_("NAME"), _("MODEL"), _("METHOD"), _("STAGE"), _("VERSION"), _("OWNER"))
            print_table(headings, [output.configuration_row(each) for each in found])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("A training configuration as YAML, exactly as LLaMA-Factory reads it."))
def show(context: typer.Context, name: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.training.by_name(principal, name)
        text = await services.training.to_yaml(principal, found.draft)
        if invocation.json:
            print_json(output.configuration_as_json(found) | {"yaml": text})
        else:
            output.print_yaml(text)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("import", help=_("Make a training configuration of a LLaMA-Factory YAML of yours."))
def import_(
    context: typer.Context,
    file: Annotated[NamedFile, typer.Argument(metavar="FILE.yaml", parser=NamedFile, help=_("The YAML; “-” is standard input."))],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help=_("What to call it; default: the file's name."))] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from dataclasses import replace

        from tui.commands.train_input import read_yaml_file

        found = await services.training.from_yaml(principal, read_yaml_file(file))
        output.print_remarks(found.remarks)
        if (wrong := next((each for each in found.remarks if each.level == "error"), None)) is not None:
            raise InvalidInput(wrong.key, wrong.rule, **{key: value for key, value in wrong.fields.items() if key not in ("field", "rule")})
        wanted = name or ("" if file.is_standard else str(file).rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml"))
        saved = await services.training.save(principal, replace(found.draft, name=wanted))
        if invocation.json:
            print_json(output.configuration_as_json(saved))
        else:
            out(saved.id)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("share", help=_("Let everybody read and copy a training configuration."))
def share(context: typer.Context, name: Name, stop: Annotated[bool, typer.Option("--stop", help=_("Nobody any more."))] = False) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.training.by_name(principal, name)
        changed = await services.training.share(principal, found.id, not stop)
        if invocation.json:
            print_json(output.configuration_as_json(changed))
        else:
            out(_("Everybody may read it now.") if changed.shared else _("Nobody else may read it now."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("copy", help=_("Copy a training configuration, also a shared one, under the next free name."))
def copy(context: typer.Context, name: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.training.by_name(principal, name)
        made = await services.training.copy(principal, found.id)
        if invocation.json:
            print_json(output.configuration_as_json(made))
        else:
            out(made.id)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("remove", help=_("Delete training configurations. Runs keep what they were made of."))
def remove(context: typer.Context, names: Annotated[list[str], typer.Argument(metavar="NAME...", show_default=False)]) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        ids = [(await services.training.by_name(principal, each)).id for each in names]
        count = await services.training.delete(principal, ids)
        if invocation.json:
            print_json({"removed": count})
        else:
            out(_("Removed: {count}").format(count=count))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("preflight", help=_("All checks of a start, with what to do about them. Exit status 1 if something fails."))
def preflight(
    context: typer.Context,
    file: Annotated[
        NamedFile | None,
        typer.Argument(metavar="FILE.yaml", parser=NamedFile, help=_("The YAML; “-” is standard input."), show_default=False),
    ] = None,
    config: Annotated[str, typer.Option("-c", "--config", metavar="NAME", help=_("A saved training configuration instead."))] = "",
    dataset: Annotated[list[str] | None, typer.Option(metavar="ID", help=_("A dataset by id or name; may be given again."))] = None,
    gpus: Annotated[int, typer.Option(min=0, metavar="N", help=_("How many GPUs, 0 for the CPU."))] = 1,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.training.types import RunRequest
        from tui.commands.train_input import dataset_ids, read_yaml_file

        if (file is None) == (not config):
            raise InvalidInput("file", "one_of", value="FILE.yaml, --config")
        text, configuration, ids = None, None, tuple(dataset or ())
        if file is not None:
            text = read_yaml_file(file)
            ids = await dataset_ids(services, principal, file, text, list(ids))
        else:
            configuration = (await services.training.by_name(principal, config)).id
            ids = tuple([(await services.datasets.dataset(principal, each)).id for each in ids])
        for each in ids:  # what nobody looked at yet is looked at now: the checks are about it
            if (await services.datasets.dataset(principal, each)).verdict == "unchecked":
                await (await services.datasets.check(principal, each)).wait()
        request = RunRequest(configuration_id=configuration, yaml_text=text, dataset_ids=ids, gpus=gpus)
        found = await services.training.preflight(principal, request)
        output.print_preflight(invocation, found)
        return 0 if found.ready else NOT_WELL

    raise typer.Exit(run_with_services(invocation, action))
