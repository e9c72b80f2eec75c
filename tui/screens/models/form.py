"""The form of one configuration: live checks, models from the provider, templates, a test before saving."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import Worker, get_current_worker

from core.errors import Conflict, InvalidInput
from core.llm.request import Parameters
from core.models.checks import ADVICE
from core.models.forms import parse_number, parse_parameters
from core.models.templates import apply_template
from core.models.types import DEFAULT_TIMEOUT_S, KEEP, Configuration, ConfigurationDraft, Keep, ProviderInfo
from core.sanitise import one_line
from tui.errors import describe, remark
from tui.glyphs import glyphs
from tui.i18n import N_, _
from tui.screens.models import texts
from tui.screens.models.asking import Asking
from tui.screens.models.values import ADVANCED, NUMBERS, configuration_fields, text_of, values_of
from tui.widgets.choices import Choice
from tui.widgets.dialogs import Decide
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs


class ConfigurationScreen(Asking):
    """Returns the saved configuration, None if nothing was saved."""

    AREA = N_("Models")
    HELP = N_(
        "Provider: left and right change it; the endpoint is filled in and can be changed. The key is stored encrypted and sent to this "
        "endpoint only.\n\n"
        "Model: Ctrl+R asks the provider for its models and lets you pick one; or type its name.\n\n"
        "Parameters left empty are the provider's own. A template fills in the sampling ones. Ctrl+O shows the advanced fields.\n\n"
        "Ctrl+T asks the model as it is filled in now, before anything is saved; Esc stops the test.\n\n"
        "Ctrl+E opens the system prompt in an editor."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", N_("save"), id="configuration.save", tooltip=N_("Save the configuration")),
        Binding("ctrl+t", "test", N_("test"), id="configuration.test", tooltip=N_("Ask the model as it is filled in")),
        Binding("ctrl+r", "models", N_("models"), id="configuration.models", tooltip=N_("Ask the provider for its models")),
        Binding("ctrl+o", "advanced", N_("advanced"), id="configuration.advanced", tooltip=N_("Show or hide the advanced fields")),
        Binding(
            "ctrl+e",
            "prompt",
            N_("system prompt"),
            id="configuration.prompt",
            show=False,
            tooltip=N_("Write the system prompt in an editor"),
            # Otherwise the field in hand takes it for the end of its line.
            priority=True,
        ),
        Binding("ctrl+y", "show_key", N_("show the key"), id="configuration.show_key", show=False, tooltip=N_("Asks for your password")),
        Binding("escape", "close", N_("back"), id="configuration.close"),
    ]

    def __init__(
        self,
        providers: Sequence[ProviderInfo],
        configuration: Configuration | None,
        taken_names: Sequence[str],
        *,
        provider_id: str = "",
        model: str = "",
    ) -> None:
        """`provider_id` and `model`: what a new configuration begins with."""
        super().__init__()
        self._begin = provider_id, model
        self._providers = {provider.id: provider for provider in providers if provider.enabled or self._is_of(configuration, provider)}
        self._configuration = configuration
        self._taken = tuple(taken_names)
        self._test: Worker[None] | None = None
        self._advanced = False
        self._filling = False

    @staticmethod
    def _is_of(configuration: Configuration | None, provider: ProviderInfo) -> bool:
        return configuration is not None and configuration.provider_id == provider.id

    def compose_body(self) -> Iterable[Any]:
        with Form(id="configuration-form"):
            yield from configuration_fields(self._providers)
            yield Paragraphs(id="configuration-message")

    @property
    def form(self) -> Form:
        return self.query_one("#configuration-form", Form)

    def on_mount(self) -> None:
        super().on_mount()
        choice = self.form.field("provider_id")
        if isinstance(choice, Choice):
            choice.set_options({provider.id: one_line(provider.name) for provider in self._providers.values()})
        self._fill()
        for field in self.query(".advanced"):
            field.display = False
        self.set_opened(self._configuration.name if self._configuration is not None else _("new configuration"))
        self.form.field("name").focus()

    # Values ----------------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        item = self._configuration
        provider_id, model = self._begin
        first = provider_id if provider_id in self._providers else next(iter(self._providers), "")
        values = values_of(item, first, self._endpoint_of(first))
        if item is None:
            values["model"] = model
        self._filling = True
        self.form.fill(values)
        self._filling = False
        self._draw_key_hint()

    def _endpoint_of(self, provider_id: str) -> str:
        provider = self._providers.get(provider_id)
        return provider.endpoint if provider is not None else ""

    def _draw_key_hint(self) -> None:
        item, provider = self._configuration, self._providers.get(self.form["provider_id"])
        field = self.form.field("key")
        if item is not None and item.has_key:
            field.say(_("stored: {key}").format(key=one_line(item.key_hint)))
        elif provider is not None and provider.has_shared_key:
            field.say(_("empty: the shared key"))
        else:
            field.say(_("needed") if provider is not None and provider.needs_key else _("none needed"))

    def _key(self) -> str | Keep | None:
        typed = self.form["key"].strip()
        if typed:
            return typed
        return KEEP if self._configuration is not None else None

    def draft(self) -> tuple[ConfigurationDraft, dict[str, InvalidInput]]:
        """What is filled in, and what is wrong with its texts."""
        form = self.form
        stop = [word for word in form["stop"].split("|") if word]
        parameters, problems = parse_parameters({name: form[name] for name in (*NUMBERS, "extra")}, stop)
        timeout: float | None = None
        try:
            timeout = parse_number("timeout_s", form["timeout_s"])
        except InvalidInput as problem:
            problems["timeout_s"] = problem
        draft = ConfigurationDraft(
            name=form["name"],
            provider_id=form["provider_id"],
            model=form["model"],
            endpoint=form["endpoint"],
            key=self._key(),
            parameters=parameters,
            system_prompt=form["system_prompt"],
            timeout_s=DEFAULT_TIMEOUT_S if timeout is None else timeout,
            note=form["note"],
            enabled=form["enabled"] == "yes",
        )
        checked = self.services.configurations.check(
            draft, provider=self._providers.get(draft.provider_id), current=self._configuration, taken_names=self._taken
        )
        return draft, {**checked, **problems}

    # Live ------------------------------------------------------------------------------------------------------------

    def on_form_changed(self, event: Form.Changed) -> None:
        if self._filling:
            return
        match event.name:
            case "provider_id":
                self._provider_changed()
            case "template":
                self._apply_template()
        if self._test is None:
            # What a test or a listing said was about what was filled in then.
            self.message()
        _draft, problems = self.draft()
        names = (*self.form.fields,)
        self.form.show_problems({name: problems.get(name) for name in names if name not in ("key", "template")})
        if "key" in problems and self.form["key"]:
            self.form.show_problems({"key": problems["key"]}, every=True)
        else:
            self._draw_key_hint()
        if (advice := problems.get("temperature")) is not None and advice.rule == "lowered":
            self.form.field("temperature").say(remark(advice.rule, maximum=advice.fields["maximum"]))

    def _provider_changed(self) -> None:
        self._filling = True
        self.form.field("endpoint").value = self._endpoint_of(self.form["provider_id"])
        self._filling = False

    def _apply_template(self) -> None:
        template = self.form["template"]
        if not template:
            return
        wanted = apply_template(Parameters(), template)
        self._filling = True
        for name in ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"):
            self.form.field(name).value = text_of(getattr(wanted, name))
        self._filling = False

    def action_advanced(self) -> None:
        self._advanced = not self._advanced
        for field in self.query(".advanced"):
            field.display = self._advanced
        if self._advanced:
            self.form.field("top_p").focus()
        elif self.focused is None or self.focused.has_class("advanced"):
            self.form.field("temperature").focus()

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines under the form, in sight."""
        shown = self.query_one("#configuration-message", Paragraphs)
        shown.show(*parts)
        if parts:
            self.call_after_refresh(shown.scroll_visible, animate=False)

    # Doing -----------------------------------------------------------------------------------------------------------

    def on_form_submitted(self) -> None:
        self.action_save()

    def _stopping(self, problems: dict[str, InvalidInput]) -> dict[str, InvalidInput]:
        """Those that keep it from being saved or tested; the rest (a key that is still missing, say) is shown all the same."""
        return {name: problem for name, problem in problems.items() if problem.rule not in ADVICE}

    def action_save(self) -> None:
        draft, problems = self.draft()
        problems = self._stopping(problems)
        if problems:
            self._show_wrong(problems)
            return
        self.start(self._save, draft, group="save")

    def _show_wrong(self, problems: dict[str, InvalidInput]) -> None:
        if not self._advanced and not set(problems) - set(ADVANCED):
            self.action_advanced()
        self.form.show_problems(dict(problems), every=True)
        self.form.first(problems)

    async def _save(self, draft: ConfigurationDraft) -> None:
        configurations, item = self.services.configurations, self._configuration
        try:
            if item is None:
                saved = await configurations.create(self.principal, draft)
            else:
                saved = await configurations.update(self.principal, item.id, draft, expected_version=item.version)
        except InvalidInput as error:
            self._show_wrong({error.field: error})
            return
        except Conflict as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.remedy, "text"))
            return
        text = _("“{name}” is saved. Press {key} to test it.")
        if saved.key_cleared:
            text = _("“{name}” is saved. Its key was for another endpoint and was removed. Press {key} to test it.")
        self.modeltrain.say(text.format(name=one_line(saved.name), key="t"))
        self.dismiss(saved)

    def action_test(self) -> None:
        draft, problems = self.draft()
        problems = self._stopping(problems)
        # A test needs no name: people test first and name later.
        problems.pop("name", None)
        if problems:
            self._show_wrong(problems)
            return
        self.message((f"{glyphs(self.app).running} {_('Asking the model… Esc stops it.')}", "accent"))
        self._test = self.start(self._run_test, replace(draft, name=draft.name or "-"), group="test")

    async def _run_test(self, draft: ConfigurationDraft) -> None:
        known = self._configuration.id if self._configuration is not None else None
        try:
            result = await self.services.configurations.test(self.principal, draft, configuration_id=known)
            self.message(*texts.test_full(result, glyphs(self.app)))
        finally:
            if self._test is get_current_worker():  # a newer test may have taken its place
                self._test = None

    def action_close(self) -> None:
        if self._test is not None:
            self._test.cancel()
            self.message((_("The test was stopped."), "dim"))
            return
        if not self.form.changed:
            self.dismiss(None)
            return

        def decided(answer: str | None) -> None:
            if answer == "save":
                self.action_save()
            elif answer == "drop":
                self.dismiss(None)

        answers = {"s": ("save", N_("save")), "d": ("drop", N_("drop the changes"))}
        self.app.push_screen(Decide(_("Save the changes?"), answers, _("Dropped changes are gone.")), decided)
