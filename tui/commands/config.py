"""modeltrain config: model configurations from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_with_services
from tui.commands.config_input import KeyFile, draft_of, read_key, sort_of, with_key
from tui.commands.config_output import (
    configuration_as_json,
    fields,
    key_state,
    model_as_json,
    model_row,
    result_as_json,
    state,
    status,
    tell_added,
    tell_result,
)
from tui.i18n import _, ngettext

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services

app = command_group(_("Model configurations: a model with its parameters, by name."))

Name = Annotated[str, typer.Argument(metavar="NAME", help=_("Name or id of the configuration."), show_default=False)]


@app.command("add", help=_("Save a configuration. The key comes from --key-file, MODELTRAIN_API_KEY or a prompt."))
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("What to call it."), show_default=False)],
    provider: Annotated[str, typer.Option(metavar="ID", help=_("The provider's id; see “modeltrain provider list”."), show_default=False)],
    model: Annotated[str, typer.Option(metavar="MODEL", help=_("The model's name at the provider."), show_default=False)],
    endpoint: Annotated[str, typer.Option(metavar="URL", help=_("Default: the provider's own."), show_default=False)] = "",
    key_file: KeyFile = None,
    temperature: Annotated[str, typer.Option(metavar="0..2", show_default=False)] = "",
    top_p: Annotated[str, typer.Option(metavar="0..1", show_default=False)] = "",
    top_k: Annotated[str, typer.Option(metavar="N", show_default=False)] = "",
    max_tokens: Annotated[str, typer.Option(metavar="N", help=_("The longest answer, in tokens."), show_default=False)] = "",
    presence_penalty: Annotated[str, typer.Option(metavar="-2..2", show_default=False)] = "",
    frequency_penalty: Annotated[str, typer.Option(metavar="-2..2", show_default=False)] = "",
    seed: Annotated[str, typer.Option(metavar="N", show_default=False)] = "",
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help=_("A stop sequence; may be given again."), show_default=False)
    ] = None,
    extra: Annotated[str, typer.Option(metavar="JSON", help=_("An object merged into the request."), show_default=False)] = "",
    system: Annotated[str, typer.Option(metavar="TEXT", help=_("The default system prompt."), show_default=False)] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    timeout: Annotated[str, typer.Option(metavar="SECONDS", help=_("Of silence, after which an answer counts as stalled."))] = "120",
    default: Annotated[bool, typer.Option("--default", help=_("Make it the one that is asked when none is named."))] = False,
) -> None:
    texts = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "max_tokens": max_tokens,
        "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty,
        "seed": seed,
        "extra": extra,
    }
    plain = {"name": name, "provider_id": provider, "model": model, "endpoint": endpoint, "system_prompt": system}
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        draft = draft_of(plain, texts, stop or [], timeout, note)
        draft = await with_key(services, principal, draft, key_file)
        made = await services.configurations.create(principal, draft)
        if default and not made.is_default:
            made = await services.configurations.set_default(principal, made.id)
        tell_added(made, as_json=invocation.json)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("list", help=_("List your configurations."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="WORDS", help=_("Words that must be in name, model, provider or note."))] = "",
    sort: Annotated[str, typer.Option(metavar="ORDER", help=_("name, model, provider, updated or created"))] = "name",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.configurations.list(principal, query=query, sort=sort_of(sort))
        if invocation.json:
            print_json([configuration_as_json(configuration) for configuration in found])
        elif not found:
            err(_("There is no configuration here. Make one with: modeltrain config add NAME --provider ID --model MODEL"))
        else:
            rows = [(c.name, c.provider_id, c.model, key_state(c), state(c), c.endpoint) for c in found]
            print_table((_("NAME"), _("PROVIDER"), _("MODEL"), _("KEY"), _("STATE"), _("ENDPOINT")), rows)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("show", help=_("Show a configuration; its key only masked."))
def show(context: typer.Context, name: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        configuration = await services.configurations.by_name(principal, name)
        used = await services.configurations.used_by(principal, configuration.id)
        if invocation.json:
            print_json({**configuration_as_json(configuration), "conversations": used.conversations})
        else:
            print_table((_("FIELD"), _("VALUE")), fields(configuration, used.conversations))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("test", help=_("Ask the model something short. Exit status 4: the provider refused; 5: it could not be reached."))
def test(context: typer.Context, name: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        configuration = await services.configurations.by_name(principal, name)
        result = await services.configurations.test(principal, configuration.id)
        if invocation.json:
            print_json({"configuration": configuration.name, "model": configuration.model, **result_as_json(result)})
        else:
            tell_result(result)
        return status(result.error)

    raise typer.Exit(run_with_services(invocation, action))


@app.command("models", help=_("List the models known for a configuration's endpoint."))
def models(
    context: typer.Context, name: Name, refresh: Annotated[bool, typer.Option("--refresh", help=_("Ask the provider first."))] = False
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        configuration = await services.configurations.by_name(principal, name)
        if refresh:
            known = await services.providers.refresh_models(principal, configuration_id=configuration.id)
        else:
            known = await services.providers.models(principal, configuration.provider_id, configuration.endpoint)
        if invocation.json:
            print_json([model_as_json(model) for model in known])
        elif not known:
            err(_("No models are known here yet. Ask the provider with: modeltrain config models NAME --refresh"))
        else:
            print_table((_("MODEL"), _("SIZE"), _("CONTEXT"), _("CAN"), _("STATE")), [model_row(model) for model in known])
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("default", help=_("Make a configuration the one that is asked when none is named."))
def default(context: typer.Context, name: Name) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        configuration = await services.configurations.by_name(principal, name)
        configuration = await services.configurations.set_default(principal, configuration.id)
        if invocation.json:
            print_json(configuration_as_json(configuration))
        else:
            out(_("“{name}” is the default now.").format(name=configuration.name))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("key", help=_("Set the API key of a configuration: from --key-file, MODELTRAIN_API_KEY or a prompt."))
def key(
    context: typer.Context,
    name: Name,
    key_file: KeyFile = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("Remove the key."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from dataclasses import replace

        configuration = await services.configurations.by_name(principal, name)
        secret = None if remove else read_key(_("API key: "), key_file)
        changed = await services.configurations.update(principal, configuration.id, replace(configuration.draft(), key=secret))
        if invocation.json:
            print_json(configuration_as_json(changed))
        elif changed.has_key:
            out(_("The key {hint} is for {endpoint} only.").format(hint=changed.key_hint, endpoint=changed.endpoint))
        else:
            out(_("“{name}” has no key now.").format(name=changed.name))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("remove", help=_("Delete configurations; all of them, or none if one is unknown."))
def remove(
    context: typer.Context, names: Annotated[list[str], typer.Argument(metavar="NAME...", help=_("Names or ids."), show_default=False)]
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        ids = [(await services.configurations.by_name(principal, name)).id for name in names]
        used = await services.configurations.used_by(principal, *ids)
        count = await services.configurations.delete(principal, ids)
        if invocation.json:
            print_json({"deleted": count, "conversations": used.conversations, "was_default": used.is_default})
            return 0
        out(ngettext("Deleted {count} configuration.", "Deleted {count} configurations.", count).format(count=count))
        if used.conversations:
            text = ngettext(
                "{count} conversation used it; choose another for it when you go on.",
                "{count} conversations used them; choose another for each when you go on.",
                used.conversations,
            )
            err(text.format(count=used.conversations))
        if used.is_default:
            err(_("There is no default now. Set one with: modeltrain config default NAME"))
        return 0

    raise typer.Exit(run_with_services(invocation, action))
