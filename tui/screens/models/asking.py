"""What the form of a configuration asks for beside itself: the provider's models, a system prompt of
several lines, and the password before a key is shown."""

from __future__ import annotations

from core.errors import ModeltrainError
from core.models.types import Configuration, Keep, ModelInfo
from core.sanitise import one_line
from tui.errors import Problem, describe
from tui.i18n import _, ngettext
from tui.screens.base import AreaScreen
from tui.screens.models.values import model_remark
from tui.widgets.choices import TextField
from tui.widgets.dialogs import Ask, Choose
from tui.widgets.editor import Write
from tui.widgets.form import Form


class Asking(AreaScreen):
    """The part of the form that picks a model, writes the system prompt and shows the key."""

    _configuration: Configuration | None

    @property
    def form(self) -> Form:
        """The form itself."""
        raise NotImplementedError

    def message(self, *parts: tuple[str, str]) -> None:
        """Lines under the form."""
        raise NotImplementedError

    def _key(self) -> str | Keep | None:
        raise NotImplementedError

    # Models ----------------------------------------------------------------------------------------------------------

    def action_models(self) -> None:
        self.message((_("Asking the provider for its models…"), "accent"))
        self.start(self._pick_model, group="models")

    async def _pick_model(self) -> None:
        known, form, providers = self._configuration, self.form, self.services.providers
        provider_id, endpoint = form["provider_id"], form["endpoint"]
        try:
            models = await providers.refresh_models(
                self.principal, provider_id, configuration_id=known.id if known else None, endpoint=endpoint, key=self._key()
            )
        except ModeltrainError as error:
            await self._offer_stored(describe(error), provider_id, endpoint)
            return
        self.message((ngettext("{count} model found.", "{count} models found.", len(models)).format(count=len(models)), "dim"))
        self._choose(models)

    async def _offer_stored(self, problem: Problem, provider_id: str, endpoint: str) -> None:
        """The provider did not answer: say why, and offer what is known of it (looked up before, or added by hand)."""
        self.message((problem.title, "bad"), (problem.why, "text"), (problem.remedy, "accent"))
        try:
            stored = await self.services.providers.models(self.principal, provider_id, endpoint)
        except ModeltrainError:
            return
        if stored:
            self._choose(stored, _("{problem} These were known before.").format(problem=problem.title))

    def _choose(self, models: tuple[ModelInfo, ...], explanation: str = "") -> None:
        options = [(model.name, one_line(model.name), model_remark(model)) for model in models]
        self.app.push_screen(Choose(_("Choose a model"), options, self.form["model"], explanation=explanation), self._model_picked)

    def _model_picked(self, name: str | None) -> None:
        if name:
            field = self.form.field("model")
            field.value = name
            field.cursor_position = len(name)
            field.focus()

    # The system prompt -----------------------------------------------------------------------------------------------

    def on_text_field_opened(self, event: TextField.Opened) -> None:
        self.action_prompt(event.typed)

    def action_prompt(self, typed: str = "") -> None:
        field = self.form.field("system_prompt")

        def written(text: str | None) -> None:
            if text is not None:
                field.value = text
                field.focus()

        self.app.push_screen(Write(_("System prompt"), field.value, typed=typed), written)

    # The key ---------------------------------------------------------------------------------------------------------

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
