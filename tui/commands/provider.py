"""modeltrain provider: providers, their shared keys, and the inner addresses that are open to served users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import Invocation, command_group, err, out, print_json, print_table, run_as_operator
from tui.commands.config_input import KeyFile, read_key
from tui.i18n import N_, _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.models.providers import ProviderInfo

app = command_group(_("Providers: list, enable, disable, shared keys, and addresses of the inner network."))

Id = Annotated[str, typer.Argument(metavar="ID", help=_("The provider's id; see “modeltrain provider list”."), show_default=False)]
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help=_("host, host:port, an IP address, or a network such as 10.0.0.0/8"), show_default=False)
]
#: The word for each availability.
STATES = {"enabled": N_("enabled"), "local_only": N_("local only"), "disabled": N_("disabled")}


@app.command("list", help=_("List the providers. “local only”: closed to users over SSH until an administrator enables it."))
def list_(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.providers.list(principal)
        if invocation.json:
            print_json([as_json(provider) for provider in found])
        else:
            rows = [(p.id, p.name, _key_state(p), _(STATES[p.availability]), p.endpoint) for p in found]
            print_table((_("ID"), _("NAME"), _("KEY"), _("STATE"), _("ENDPOINT")), rows)
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("enable", help=_("Open a provider to everybody; a local one also to users over SSH."))
def enable(context: typer.Context, provider: Id) -> None:
    raise typer.Exit(_set_enabled(context.obj, provider, True))


@app.command("disable", help=_("Close a provider to everybody. Configurations on it are kept, but not asked."))
def disable(context: typer.Context, provider: Id) -> None:
    raise typer.Exit(_set_enabled(context.obj, provider, False))


def _set_enabled(invocation: Invocation, provider_id: str, enabled: bool) -> int:
    async def action(services: Services, principal: Principal) -> int:
        changed = await services.providers.set_enabled(principal, provider_id, enabled)
        text = _("{name} is enabled.") if enabled else _("{name} is disabled.")
        _tell(invocation, changed, text.format(name=changed.name))
        return 0

    return run_as_operator(invocation, action)


@app.command("endpoint", help=_("Set the default endpoint of a provider (“” for the built-in one)."))
def endpoint(context: typer.Context, provider: Id, url: Annotated[str, typer.Argument(metavar="URL", show_default=False)]) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        had_key = (await services.providers.get(principal, provider)).has_shared_key
        changed = await services.providers.set_endpoint(principal, provider, url)
        _tell(invocation, changed, _("{name} is asked at {endpoint} now.").format(name=changed.name, endpoint=changed.endpoint or "-"))
        if had_key and not changed.has_shared_key:
            err(_("The shared key was for the old endpoint and was removed. Set it again with: modeltrain provider key ID"))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("key", help=_("Set the key that everybody may use: from --key-file, MODELTRAIN_API_KEY or a prompt."))
def key(
    context: typer.Context,
    provider: Id,
    key_file: KeyFile = None,
    remove: Annotated[bool, typer.Option("--remove", help=_("Remove the shared key."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        secret = None
        if not remove:
            await services.providers.get(principal, provider)
            secret = read_key(_("Shared API key: "), key_file)
        changed = await services.providers.set_shared_key(principal, provider, secret)
        if changed.has_shared_key:
            text = _("Everybody may use the shared key {hint} at {endpoint} now.")
        else:
            text = _("There is no shared key for {name} now.")
        _tell(invocation, changed, text.format(hint=changed.shared_key_hint, endpoint=changed.shared_key_endpoint, name=changed.name))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("allow", help=_("Open an address of the inner network to users over SSH."))
def allow(context: typer.Context, address: Address) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        opened = await services.providers.allow(principal, address)
        if invocation.json:
            print_json({"allowed": opened})
        else:
            out(_("{address} is open to users over SSH now.").format(address=opened))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("disallow", help=_("Close an address again."))
def disallow(context: typer.Context, address: Address) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        closed = await services.providers.disallow(principal, address)
        if invocation.json:
            print_json({"disallowed": closed})
        else:
            out(_("{address} is closed to users over SSH now.").format(address=closed))
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


@app.command("allowed", help=_("List the addresses of the inner network that are open to users over SSH."))
def allowed(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        addresses = await services.providers.allowed(principal)
        if invocation.json:
            print_json(list(addresses))
        elif not addresses:
            err(_("No address is open. Open one with: modeltrain provider allow ADDRESS"))
        else:
            for address in addresses:
                out(address)
        return 0

    raise typer.Exit(run_as_operator(invocation, action))


def as_json(provider: ProviderInfo) -> dict[str, Any]:
    """A provider as scripts get it; its shared key only masked, and only for administrators."""
    return {
        "id": provider.id,
        "name": provider.name,
        "endpoint": provider.endpoint,
        "protocol": provider.protocol,
        "needs_key": provider.needs_key,
        "local": provider.local,
        "enabled": provider.enabled,
        "availability": provider.availability,
        "has_shared_key": provider.has_shared_key,
        "shared_key_hint": provider.shared_key_hint,
    }


def _key_state(provider: ProviderInfo) -> str:
    if provider.has_shared_key:
        return provider.shared_key_hint or _("shared")
    if provider.needs_key:
        return _("needed")
    return _("optional") if provider.takes_key else "-"


def _tell(invocation: Invocation, provider: ProviderInfo, text: str) -> None:
    if invocation.json:
        print_json(as_json(provider))
    else:
        out(text)
