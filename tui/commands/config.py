"""modeltrain config: model configurations from the shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, read_first_line, run_with_services
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
    from core.models.configurations import Configuration, ConfigurationDraft

app = command_group(_("Model configurations: a model with its parameters, by name."))

KEY_VARIABLE = "MODELTRAIN_API_KEY"

Name = Annotated[str, typer.Argument(help=_("Name or id of the configuration."), show_default=False)]


@app.command("add", help=_("Save a configuration. The key comes from --key-file, MODELTRAIN_API_KEY or a prompt."))
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=_("What to call it."), show_default=False)],
    provider: Annotated[str, typer.Option(help=_("The provider's id; see “modeltrain provider list”."), show_default=False)],
    model: Annotated[str, typer.Option(help=_("The model's name at the provider."), show_default=False)],
    endpoint: Annotated[str, typer.Option(metavar="URL", help=_("Default: the provider's own."), show_default=False)] = "",
    key_file: Annotated[Path | None, typer.Option(help=_("A file with the API key (- is standard input)."), show_default=False)] = None,
    temperature: Annotated[str, typer.Option(metavar="0..2", show_default=False)] = "",
    top_p: Annotated[str, typer.Option(metavar="0..1", show_default=False)] = "",
    top_k: Annotated[str, typer.Option(metavar="N", show_default=False)] = "",
    max_tokens: Annotated[str, typer.Option(metavar="N", help=_("The longest answer, in tokens."), show_default=False)] = "",
    presence_penalty: Annotated[str, typer.Option(metavar="-2..2", show_default=False)] = "",
    frequency_penalty: Annotated[str, typer.Option(metavar="-2..2", show_default=False)] = "",
    seed: Annotated[str, typer.Option(metavar="N", show_default=False)] = "",
    stop: Annotated[list[str] | None, typer.Option(help=_("A stop sequence; may be given again."), show_default=False)] = None,
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
        draft = _draft(plain, texts, stop or [], timeout, note)
        draft = await _with_key(services, principal, draft, key_file)
        made = await services.configurations.create(principal, draft)
        if default and not made.is_default:
            made = await services.configurations.set_default(principal, made.id)
        tell_added(made, as_json=invocation.json, needs_key=await _needs_key(services, principal, made))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


@app.command("list", help=_("List your configurations."))
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help=_("Words that must be in name, model, provider or note."))] = "",
    sort: Annotated[str, typer.Option(help=_("name, model, provider, updated or created"))] = "name",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.configurations.list(principal, query=query, sort=_sort(sort))
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


@app.command("remove", help=_("Delete configurations; all of them, or none if one is unknown."))
def remove(context: typer.Context, names: Annotated[list[str], typer.Argument(help=_("Names or ids."), show_default=False)]) -> None:
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


# From options to a draft ---------------------------------------------------------------------------------------------


def _draft(plain: dict[str, str], texts: dict[str, str], stop: list[str], timeout: str, note: str) -> ConfigurationDraft:
    """Raises the first InvalidInput of the options."""
    from core.errors import InvalidInput
    from core.models.configurations import ConfigurationDraft
    from core.models.forms import parse_number, parse_parameters

    parameters, problems = parse_parameters(texts, stop)
    for problem in problems.values():
        raise problem
    timeout_s = parse_number("timeout_s", timeout)
    if timeout_s is None:
        raise InvalidInput("timeout_s", "required")
    return ConfigurationDraft(
        name=plain["name"],
        provider_id=plain["provider_id"],
        model=plain["model"],
        endpoint=plain["endpoint"],
        system_prompt=plain["system_prompt"],
        parameters=parameters,
        timeout_s=timeout_s,
        note=note,
    )


async def _with_key(services: Services, principal: Principal, draft: ConfigurationDraft, key_file: Path | None) -> ConfigurationDraft:
    """The draft with a key, if the provider takes one and there is one. Asks for it only where the provider needs it."""
    from dataclasses import replace

    if key_file is not None:
        return replace(draft, key=read_first_line(key_file))
    if not services.providers.takes_key(draft.provider_id):
        return draft
    if key := os.environ.get(KEY_VARIABLE):
        return replace(draft, key=key)
    provider = next((info for info in await services.providers.list(principal) if info.id == draft.provider_id), None)
    needed = services.configurations.check(draft, provider=provider).get("key")
    if needed is None or not sys.stdin.isatty():
        return draft
    import getpass

    return replace(draft, key=getpass.getpass(_("API key of {provider}: ").format(provider=draft.provider_id)))


async def _needs_key(services: Services, principal: Principal, made: Configuration) -> bool:
    provider = next((info for info in await services.providers.list(principal) if info.id == made.provider_id), None)
    return "key" in services.configurations.check(made.draft(), provider=provider, current=made)


def _sort(text: str) -> Any:
    from core.errors import InvalidInput

    if text not in ("name", "model", "provider", "updated", "created"):
        raise InvalidInput("sort", "unknown", value=text)
    return text
