"""One provider: where it is asked, with whose key, and the models that are known there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, get_args

from textual.binding import Binding, BindingType
from textual.worker import Worker

from core.errors import InvalidInput, ModeltrainError
from core.events import ConfigurationsChanged, Event
from core.models.checks import check_model
from core.models.types import KEEP, Capability, Configuration, Keep, ModelInfo, ProviderInfo
from core.sanitise import one_line
from tui.errors import describe
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.models import lists, texts
from tui.screens.models.providers import ProviderActions
from tui.widgets.choices import Choice, Toggle
from tui.widgets.dialogs import Ask, Confirm
from tui.widgets.fields import Field
from tui.widgets.form_dialog import FormDialog
from tui.widgets.frame import Paragraphs, Rule
from tui.widgets.rows import Rows


class NewModel(FormDialog[tuple[str, Capability, bool]]):
    """Returns (name, what it is for, whether everybody sees it)."""

    def __init__(self, provider: str, *, for_all: bool) -> None:
        super().__init__(
            _("Add a model of {provider} by hand").format(provider=one_line(provider)),
            _("For a model that the provider does not list. Write its name exactly as the provider wants it."),
        )
        self._for_all = for_all

    def compose_fields(self) -> Iterable[Field]:
        yield Field(N_("Name"), max_length=400, label_width=16, id="field-model")
        yield Choice(N_("Good for"), dict(texts.CAPABILITIES), "chat", label_width=16, id="field-capability")
        if self._for_all:
            yield Toggle(N_("For everybody"), True, label_width=16, id="field-for_all")

    def problems(self) -> dict[str, InvalidInput | None]:
        try:
            check_model(self.form["model"])
        except InvalidInput as problem:
            return {"model": problem}
        return {"model": None}

    def answer(self) -> tuple[str, Capability, bool]:
        chosen = next(name for name in get_args(Capability) if name == self.form["capability"])
        return self.form["model"].strip(), chosen, self._for_all and self.form["for_all"] == "yes"


class ProviderScreen(ProviderActions):
    """Returns None; what it changes is stored at once."""

    AREA = N_("Models")
    HELP = N_(
        "The models that are known at the provider's default endpoint. Ctrl+R asks the provider for them; the list is kept, so that it is "
        "there the next time without asking.\n\n"
        "Enter makes a configuration with the model in hand. n adds a model that the provider does not list, d removes one.\n\n"
        "Where a key is needed to ask, the key of one of your configurations is used, or the shared one; otherwise you are asked for one, "
        "which is not stored.\n\n"
        "Administrators open and close the provider for everybody, set a key that everybody may use, and the default endpoint."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "refresh", N_("ask for models"), id="provider.refresh", tooltip=N_("Ask the provider for its models")),
        Binding("n", "add", N_("add"), id="provider.add", tooltip=N_("Add a model that the provider does not list")),
        Binding("d", "remove", N_("remove"), id="provider.remove", tooltip=N_("Remove the model in hand from the list")),
        Binding("slash", "filter", N_("search"), id="provider.filter", tooltip=N_("Search in the names")),
        Binding("u", "switch", N_("on/off"), id="provider.toggle", tooltip=N_("Open or close the provider for everybody")),
        Binding("p", "shared_key", N_("shared key"), id="provider.shared_key", tooltip=N_("Set a key that everybody may use")),
        Binding("o", "endpoint", N_("default endpoint"), id="provider.endpoint", tooltip=N_("Set where the provider is asked by default")),
        Binding("escape", "back", N_("back"), id="provider.back"),
    ]

    def __init__(self, provider_id: str) -> None:
        super().__init__()
        self._provider_id = provider_id
        self._provider: ProviderInfo | None = None
        self._models: tuple[ModelInfo, ...] = ()
        self._configurations: tuple[Configuration, ...] = ()
        self._looking: Worker[None] | None = None

    def compose_body(self) -> Iterable[Any]:
        yield Paragraphs(id="provider-facts")
        yield Rule(id="provider-rule")
        yield Field(hint=N_("search in the names"), id="provider-filter", classes="hidden")
        yield Rows(lists.MODEL_COLUMNS, id="provider-models")

    def on_mount(self) -> None:
        super().on_mount()
        self.rows.focus()
        self.reload()

    @property
    def provider_in_hand(self) -> str:
        return self._provider_id

    @property
    def rows(self) -> Rows:
        return self.query_one("#provider-models", Rows)

    @property
    def search_field(self) -> Field:
        return self.query_one("#provider-filter", Field)

    # Loading and drawing ---------------------------------------------------------------------------------------------

    def core_event(self, event: Event) -> None:
        if isinstance(event, ConfigurationsChanged):
            self.reload()

    def reload(self, keep: str | None = None) -> None:
        self.start(self._load, group="load")

    async def _load(self) -> None:
        providers = self.services.providers
        self._provider = await providers.get(self.principal, self._provider_id)
        self._models = await providers.models(self.principal, self._provider_id) if self._provider.endpoint else ()
        self._configurations = await self.services.configurations.list(self.principal)
        self.draw()

    def draw(self, said: tuple[str, str] | None = None) -> None:
        """Show what was read; `said`: a line about what goes on, with its token."""
        if self._provider is None:
            return
        signs, provider, query = glyphs(self.app), self._provider, self.search_field.value.casefold().strip()
        self.set_opened(provider.name)
        facts = texts.provider_facts(provider, signs)
        self.query_one("#provider-facts", Paragraphs).show(*facts, *([said] if said else []))
        shown = [model for model in self._models if query in model.name.casefold()]
        self.query_one("#provider-rule", Rule).text = ngettext("{count} model", "{count} models", len(shown)).format(count=len(shown))
        empty = lists.no_models(searched=bool(query), endpoint=provider.endpoint)
        self.rows.show([lists.model_row(model, signs) for model in shown], empty=empty)
        self.refresh_bindings()

    def retranslate(self) -> None:
        super().retranslate()
        self.draw()

    def on_rows_highlighted(self) -> None:
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        provider, model = self._provider, self._model_in_hand()
        if action in ("refresh", "add"):
            return provider is not None and bool(provider.endpoint)
        if action == "remove":
            return model is not None and (model.own or self.is_admin)
        if action == "shared_key":
            return self.is_admin and provider is not None and provider.takes_key
        if action == "endpoint":
            # The simulator is inside this program: there is nowhere else to ask it.
            return self.is_admin and self._provider_id != "simulator"
        return self.is_admin if action == "switch" else True

    # Moving ----------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.search_field.remove_class("hidden")
        self.search_field.focus()

    def on_input_changed(self) -> None:
        self.draw()

    def on_input_submitted(self) -> None:
        self.rows.focus()

    def action_back(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self.draw((_("The provider is no longer asked."), "dim"))
        elif not self.search_field.has_class("hidden"):
            self.search_field.value = ""
            self.search_field.add_class("hidden")
            self.rows.focus()
        else:
            self.dismiss(None)

    def _model_in_hand(self) -> ModelInfo | None:
        wanted = self.rows.current_id if self.is_mounted else ""
        return next((model for model in self._models if model.id == wanted), None)

    # Asking the provider ---------------------------------------------------------------------------------------------

    def action_switch(self) -> None:
        self.toggle_provider()

    def action_refresh(self) -> None:
        provider = self._provider
        if provider is None or self._looking is not None:
            return
        with_key = next((item for item in self._configurations if item.has_key and self._is_here(item)), None)
        if with_key is None and provider.needs_key and not provider.has_shared_key:
            question = _("A key for {provider}, to ask for its models").format(provider=one_line(provider.name))
            self.app.push_screen(Ask(question, explanation=_("It is used once and not stored."), password=True), self._look_with)
            return
        self._look(with_key.id if with_key else None, KEEP)

    def _is_here(self, item: Configuration) -> bool:
        return self._provider is not None and item.provider_id == self._provider_id and item.endpoint == self._provider.endpoint

    def _look_with(self, key: str | None) -> None:
        if key and key.strip():
            self._look(None, key.strip())

    def _look(self, configuration_id: str | None, key: str | Keep) -> None:
        self.draw((_("Asking the provider for its models… Esc stops it."), "accent"))
        self._looking = self.start(self._ask_for_models, configuration_id, key, group="look")

    async def _ask_for_models(self, configuration_id: str | None, key: str | Keep) -> None:
        endpoint = self._provider.endpoint if self._provider is not None else None
        try:
            self._models = await self.services.providers.refresh_models(
                self.principal,
                self._provider_id,
                configuration_id=configuration_id,
                endpoint=endpoint,
                key=key,
            )
        except ModeltrainError as error:
            problem = describe(error)
            self.draw((f"{glyphs(self.app).failed} {problem.sentence}", "bad"))
        else:
            self.draw((f"{glyphs(self.app).done} {_('This is what the provider lists now.')}", "good"))
        finally:
            self._looking = None

    # Models by hand --------------------------------------------------------------------------------------------------

    def on_rows_chosen(self) -> None:
        from tui.screens.models.form import ConfigurationScreen

        model = self._model_in_hand()
        if model is not None and self._provider is not None:
            names = [item.name for item in self._configurations]
            screen = ConfigurationScreen([self._provider], None, names, provider_id=self._provider_id, model=model.name)
            self.app.push_screen(screen, lambda _saved: self.reload())

    def action_add(self) -> None:
        if self._provider is not None:
            self.app.push_screen(NewModel(self._provider.name, for_all=self.is_admin), self._add)

    async def _add(self, answer: tuple[str, Capability, bool] | None) -> None:
        if answer is None:
            return
        name, capability, for_all = answer
        kinds: tuple[Capability, ...] = (capability,) if capability in ("chat", "embedding") else ("chat", capability)
        with self.reporting():
            added = await self.services.providers.add_model(self.principal, self._provider_id, name, capabilities=kinds, for_all=for_all)
            await self._load()
            self.rows.move_to(added.id)
            self.modeltrain.say(_("“{name}” is added. Enter makes a configuration with it.").format(name=one_line(added.name)))

    def action_remove(self) -> None:
        model = self._model_in_hand()
        if model is None:
            return
        question = _("Remove the model “{name}” from the list?").format(name=one_line(model.name))
        explanation = _("Configurations that ask it go on working.")
        if not model.by_hand:
            explanation = _("Configurations that ask it go on working. It comes back when the provider is asked for its models again.")
        self.app.push_screen(Confirm(question, explanation), partial(self._remove, model.id))

    async def _remove(self, model_id: str, yes: bool | None) -> None:
        if yes:
            with self.reporting():
                await self.services.providers.remove_model(self.principal, model_id)
                await self._load()
