"""What administrators do with providers: switch them on and off, set a shared key, allow addresses of the inner network."""

from __future__ import annotations

from core.errors import InvalidInput, ModeltrainError
from core.llm.endpoints import normalise_endpoint
from core.models.types import ProviderInfo
from core.sanitise import one_line
from tui.errors import describe, remark
from tui.i18n import N_, _
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Ask, Choose, Decide

_NEW = "+"


class ProviderActions(AreaScreen):
    """The part of the models screen that changes providers."""

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    @property
    def provider_in_hand(self) -> str:
        """The id of the provider that the keys act on, "" for none."""
        raise NotImplementedError

    def toggle_provider(self) -> None:
        if self.provider_in_hand:
            self.start(self._toggle_provider, self.provider_in_hand, group="change", exclusive=False)

    async def _toggle_provider(self, provider_id: str) -> None:
        provider = await self.services.providers.get(self.principal, provider_id)
        changed = await self.services.providers.set_enabled(self.principal, provider_id, provider.availability != "enabled")
        text = _("{provider} is open to everybody.") if changed.availability == "enabled" else _("{provider} is closed.")
        self.modeltrain.say(text.format(provider=one_line(changed.name)))
        self.reload(provider_id)

    def action_shared_key(self) -> None:
        if self.provider_in_hand:
            self.start(self._ask_shared_key, self.provider_in_hand, group="shared-key")

    async def _ask_shared_key(self, provider_id: str) -> None:
        provider = await self.services.providers.get(self.principal, provider_id)
        if not provider.takes_key:
            self.modeltrain.say(_("{provider} takes no key.").format(provider=one_line(provider.name)))
            return

        async def typed(key: str | None) -> None:
            if key is None:
                return
            with self.reporting():
                await self.services.providers.set_shared_key(self.principal, provider_id, key.strip() or None)
                done = _("The shared key is set.") if key.strip() else _("The shared key is removed.")
                self.modeltrain.say(done)
                self.reload(provider_id)

        explanation = _("It is sent to {endpoint} only. Leave it empty to remove the shared key.").format(
            endpoint=one_line(provider.endpoint) or _("the default endpoint")
        )
        if provider.availability == "local_only":
            explanation += "\n" + _opens(provider)
        question = _("A key for {provider} that everybody here may use").format(provider=one_line(provider.name))
        self.app.push_screen(Ask(question, explanation=explanation, password=True), typed)

    # The default endpoint --------------------------------------------------------------------------------------------

    def action_endpoint(self) -> None:
        if self.provider_in_hand:
            self.start(self._ask_endpoint, self.provider_in_hand, group="endpoint")

    async def _ask_endpoint(self, provider_id: str) -> None:
        provider = await self.services.providers.get(self.principal, provider_id)

        async def typed(endpoint: str | None) -> None:
            if endpoint is None or endpoint.strip() == provider.endpoint:
                return
            with self.reporting():
                changed = await self.services.providers.set_endpoint(self.principal, provider_id, endpoint)
                self.modeltrain.say(_endpoint_set(changed, lost_key=provider.has_shared_key and not changed.has_shared_key))
                self.reload(provider_id)

        question = _("The default endpoint of {provider}").format(provider=one_line(provider.name))
        explanation = _("New configurations begin with it. Leave it empty for the one that comes with modeltrain.")
        if provider.availability == "local_only":
            explanation += "\n" + _opens(provider)
        if provider.has_shared_key:
            explanation += "\n" + _("The shared key is removed when this changes: it was entered for the old endpoint.")
        self.app.push_screen(Ask(question, provider.endpoint, explanation, hint="https://host/v1", check=_endpoint_problem), typed)

    # Allowed addresses -----------------------------------------------------------------------------------------------

    def action_allowed(self) -> None:
        self.start(self._show_allowed, group="allowed")

    async def _show_allowed(self) -> None:
        addresses = await self.services.providers.allowed(self.principal)
        options = [(_NEW, _("Allow another address…"), ""), *((address, address, _("Enter closes it")) for address in addresses)]

        def chosen(value: str | None) -> None:
            if value == _NEW:
                self._ask_address()
            elif value:
                self._ask_to_close(value)

        explanation = _("People who come over SSH may use providers at these addresses of the inner network.")
        self.app.push_screen(Choose(_("Allowed addresses"), options, explanation=explanation), chosen)

    def _ask_address(self) -> None:
        async def typed(address: str | None) -> None:
            if not address:
                return
            try:
                allowed = await self.services.providers.allow(self.principal, address)
            except ModeltrainError as error:
                self.modeltrain.show_problem(describe(error))
                return
            self.modeltrain.say(_("{address} is allowed.").format(address=allowed))
            self.action_allowed()

        self.app.push_screen(Ask(_("Which address may be used?"), hint=N_("host:port, IP address, or network")), typed)

    def _ask_to_close(self, address: str) -> None:
        async def decided(answer: str | None) -> None:
            if answer == "close":
                with self.reporting():
                    await self.services.providers.disallow(self.principal, address)
                self.action_allowed()

        question = _("Close the address {address} again?").format(address=one_line(address))
        self.app.push_screen(Decide(question, {"y": ("close", N_("close it")), "n": ("", N_("keep it"))}), decided)


def _opens(provider: ProviderInfo) -> str:
    # What an administrator sets up is for everybody; until then an inner address is for this machine's terminal only.
    return _("This also opens {provider} to everybody, people who come over SSH included.").format(provider=one_line(provider.name))


def _endpoint_problem(text: str) -> str:
    """What is wrong with an endpoint, "" for nothing; an empty one means the default."""
    try:
        if text.strip():
            normalise_endpoint(text)
    except InvalidInput as error:
        return remark(error.rule, **{name: value for name, value in error.fields.items() if name not in ("field", "rule")})
    return ""


def _endpoint_set(provider: ProviderInfo, *, lost_key: bool) -> str:
    name, endpoint = one_line(provider.name), one_line(provider.endpoint)
    if lost_key:
        return _("{provider} is asked at {endpoint} from now on. Its shared key was removed.").format(provider=name, endpoint=endpoint)
    if not endpoint:
        return _("{provider} has no default endpoint now.").format(provider=name)
    return _("{provider} is asked at {endpoint} from now on.").format(provider=name, endpoint=endpoint)
