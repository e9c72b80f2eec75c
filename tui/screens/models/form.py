"""The form of one configuration: live checks, models from the provider, templates, a test before saving."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import Worker

from core.errors import Conflict, InvalidInput, ModeltrainError
from core.llm.request import Parameters
from core.models.checks import ADVICE
from core.models.forms import parse_number, parse_parameters
from core.models.templates import PARAMETER_TEMPLATES, apply_template
from core.models.types import DEFAULT_TIMEOUT_S, KEEP, Configuration, ConfigurationDraft, Keep, ModelInfo, ProviderInfo
from core.sanitise import one_line
from tui.errors import describe, remark
from tui.glyphs import glyphs
from tui.i18n import N_, _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.models import texts
from tui.widgets.choices import Choice, Toggle
from tui.widgets.dialogs import Ask, Choose, Decide
from tui.widgets.editor import Write
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.frame import Paragraphs

NUMBERS = ("temperature", "top_p", "top_k", "max_tokens", "presence_penalty", "frequency_penalty", "seed")
#: Shown only when the advanced fields are unfolded.
ADVANCED = ("top_p", "top_k", "presence_penalty", "frequency_penalty", "seed", "stop", "extra", "timeout_s")
_DEFAULT_TEMPLATE = ""


class ConfigurationScreen(AreaScreen):
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
        Binding("ctrl+e", "prompt", N_("system prompt"), id="configuration.prompt", tooltip=N_("Write the system prompt in an editor")),
        Binding("ctrl+y", "show_key", N_("show the key"), id="configuration.show_key", show=False, tooltip=N_("Asks for your password")),
        Binding("escape", "close", N_("back"), id="configuration.close"),
    ]

    def __init__(self, providers: Sequence[ProviderInfo], configuration: Configuration | None, taken_names: Sequence[str]) -> None:
        super().__init__()
        self._providers = {provider.id: provider for provider in providers if provider.enabled or self._is_of(configuration, provider)}
        self._configuration = configuration
        self._taken = tuple(taken_names)
        self._prompt = configuration.system_prompt if configuration is not None else ""
        self._test: Worker[None] | None = None
        self._advanced = False
        self._filling = False

    @staticmethod
    def _is_of(configuration: Configuration | None, provider: ProviderInfo) -> bool:
        return configuration is not None and configuration.provider_id == provider.id

    def compose_body(self) -> Iterable[Any]:
        with Form(id="configuration-form"):
            yield Field(N_("Name"), hint=N_("what you call it"), id="field-name")
            yield Choice(N_("Provider"), dict.fromkeys(self._providers, ""), id="field-provider_id")
            yield Field(N_("Endpoint"), hint=N_("the provider's default"), id="field-endpoint")
            yield Field(N_("API key"), password=True, id="field-key")
            yield Field(N_("Model"), hint=N_("Ctrl+R to pick one"), id="field-model")
            yield Choice(N_("Template"), dict(texts.TEMPLATES), id="field-template")
            yield Field(N_("Temperature"), hint=N_("0 to 2"), id="field-temperature")
            yield Field(N_("Max. tokens"), hint=N_("no limit of ours"), id="field-max_tokens")
            yield Field(N_("System prompt"), hint=N_("Ctrl+E to write it"), id="field-system_prompt")
            yield Field(N_("Note"), id="field-note")
            yield Toggle(N_("Enabled"), True, id="field-enabled")
            yield Field(N_("top_p"), hint=N_("0 to 1"), id="field-top_p", classes="advanced")
            yield Field(N_("top_k"), id="field-top_k", classes="advanced")
            yield Field(N_("Presence penalty"), hint=N_("-2 to 2"), id="field-presence_penalty", classes="advanced")
            yield Field(N_("Frequency penalty"), hint=N_("-2 to 2"), id="field-frequency_penalty", classes="advanced")
            yield Field(N_("Seed"), id="field-seed", classes="advanced")
            yield Field(N_("Stop words"), hint=N_("one or more, separated by |"), id="field-stop", classes="advanced")
            yield Field(N_("Extra JSON"), hint='{"chat_template_kwargs": {}}', id="field-extra", classes="advanced")
            yield Field(N_("Silence allowed, s"), id="field-timeout_s", classes="advanced")
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
        first = next(iter(self._providers), "")
        parameters = item.parameters if item is not None else PARAMETER_TEMPLATES["balanced"]
        values = {name: _text(getattr(parameters, name)) for name in NUMBERS}
        values |= {
            "name": item.name if item else "",
            "provider_id": item.provider_id if item else first,
            "endpoint": item.endpoint if item else self._endpoint_of(first),
            "model": item.model if item else "",
            "stop": "|".join(parameters.stop),
            "extra": json.dumps(dict(parameters.extra), ensure_ascii=False) if parameters.extra else "",
            "timeout_s": f"{(item.timeout_s if item else DEFAULT_TIMEOUT_S):g}",
            "system_prompt": one_line(self._prompt),
            "note": item.note if item else "",
            "enabled": "yes" if item is None or item.enabled else "no",
            "template": _template_of(parameters),
        }
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
            system_prompt=self._prompt,
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
            case "system_prompt":
                # Editing the one line replaces the prompt, unless the line is only the shown form of a longer one.
                if self.form["system_prompt"] != one_line(self._prompt):
                    self._prompt = self.form["system_prompt"]
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
            self.form.field(name).value = _text(getattr(wanted, name))
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
            self._test = None

    def action_models(self) -> None:
        self.message((_("Asking the provider for its models…"), "accent"))
        self.start(self._pick_model, group="models")

    async def _pick_model(self) -> None:
        known = self._configuration.id if self._configuration is not None else None
        try:
            models = await self.services.providers.refresh_models(
                self.principal, self.form["provider_id"], configuration_id=known, endpoint=self.form["endpoint"], key=self._key()
            )
        except ModeltrainError as error:
            problem = describe(error)
            self.message((problem.title, "bad"), (problem.why, "text"), (problem.remedy, "accent"))
            return
        self.message((ngettext("{count} model found.", "{count} models found.", len(models)).format(count=len(models)), "dim"))
        options = [(model.name, one_line(model.name), _remark(model)) for model in models]
        self.app.push_screen(Choose(_("Choose a model"), options, self.form["model"]), self._model_picked)

    def _model_picked(self, name: str | None) -> None:
        if name:
            self.form.field("model").value = name
            self.form.field("model").focus()

    def action_prompt(self) -> None:
        def written(text: str | None) -> None:
            if text is not None:
                self._prompt = text
                self.form.field("system_prompt").value = one_line(text)

        self.app.push_screen(Write(_("System prompt"), self._prompt), written)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "show_key" or (self._configuration is not None and self._configuration.has_key)

    def action_show_key(self) -> None:
        item = self._configuration
        if item is None:
            return

        async def confirmed(password: str | None) -> None:
            if password:
                with self.reporting():
                    key = await self.services.configurations.show_key(self.principal, item.id, password)
                    self.message((_("The key is {key}").format(key=one_line(key)), "warn"))

        self.app.push_screen(Ask(_("Your password, to show the key"), password=True), confirmed)

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


def _text(value: float | int | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _template_of(parameters: Parameters) -> str:
    for name in PARAMETER_TEMPLATES:
        if apply_template(parameters, name) == parameters:
            return name
    return _DEFAULT_TEMPLATE


def _remark(model: ModelInfo) -> str:
    parts = [model.parameters or "", f"{model.context_length // 1024} k" if model.context_length else ""]
    if not model.available:
        parts.append(_("not available"))
    return " · ".join(part for part in parts if part)
